"""AwsAccounts as the contract shows them. What is not known yet is left out, never null."""

from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339
from batteries_crds.names import Phase

_NEVER = "1970-01-01T00:00:00Z"


def created_at(account: AwsAccount) -> str:
    """When it was asked for."""
    moment = account.metadata.creation_timestamp
    return to_rfc3339(moment) if moment else _NEVER


def accepted(account: AwsAccount) -> dict[str, Any]:
    """The answer to POST /accounts."""
    return {"accountId": str(account.account_id), "status": Phase.PENDING.value, "createdAt": created_at(account)}


def summary(account: AwsAccount) -> dict[str, Any]:
    """AccountSummary."""
    status = account.status
    return _known(
        accountId=str(account.account_id),
        awsAccountId=status.aws_account_id,
        status=status.phase.value,
        provisioningStep=status.provisioning_step.value,
        createdAt=created_at(account),
    )


def detail(account: AwsAccount) -> dict[str, Any]:
    """AccountDetail."""
    status = account.status
    return summary(account) | _known(
        iamUserName=status.iam_user_name,
        signInUrl=status.sign_in_url,
        ssoUserName=status.sso_user_name,
        ssoPortalUrl=status.sso_portal_url,
        githubRepos=list(account.spec.github_repos),
        oidcRoleArn=status.oidc_role_arn,
        updatedAt=_updated_at(account),
        error=status.error,
    )


def changed(account: AwsAccount) -> dict[str, Any]:
    """The answer to PATCH /accounts/{id}; `githubRepos` as wished, which AWS admits a moment later."""
    status = account.status
    return _known(
        accountId=str(account.account_id),
        awsAccountId=status.aws_account_id,
        githubRepos=list(account.spec.github_repos),
        oidcRoleArn=status.oidc_role_arn,
        status=status.phase.value,
    )


def _updated_at(account: AwsAccount) -> str:
    moments = [condition.last_transition_time for condition in account.status.conditions]
    moments += [event.timestamp for event in account.status.history]
    if account.metadata.creation_timestamp:
        moments.append(account.metadata.creation_timestamp)
    return to_rfc3339(max(moments)) if moments else _NEVER


def _known(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
