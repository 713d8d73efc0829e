"""The pipelines: the steps in their order, and which of them apply to an account."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_crds.conditions import find, is_true
from batteries_crds.names import ClosingStep as Closing
from batteries_crds.names import ConditionType, OptionalStep
from batteries_crds.names import ProvisioningStep as Name
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps import (
    check_status,
    close_account,
    close_console,
    close_deploy_role,
    create_account,
    create_iam_user,
    early_access,
    find_account,
    move_to_ou,
    name_account,
    quarantine,
    revoke_sso_access,
    send_welcome_email,
    setup_oidc,
    setup_sso_access,
    wait_for_role,
)
from batteries_operator.steps.dependencies import Limit
from batteries_operator.steps.gone import unless_gone
from batteries_operator.steps.step import Step

PROVISIONING: tuple[Step, ...] = (
    Step(
        Name.CREATE_ACCOUNT,
        ConditionType.ACCOUNT_REQUESTED,
        create_account.run,
        "an account of a pool, if one is ready; else Organizations CreateAccount, the intent written before the call",
        precondition=create_account.has_request,
        observable=False,  # AWS lists the request only after a while
        limit=Limit.CREATIONS,
    ),
    Step(
        Name.CHECK_STATUS,
        ConditionType.ACCOUNT_CREATED,
        check_status.run,
        "DescribeCreateAccountStatus, or ListCreateAccountStatus for many at once, until AWS names the account",
        precondition=lambda account: account.status.aws_account_id is not None,
        initial_wait=check_status.WORKING,
        limit=Limit.CREATIONS,
    ),
    Step(
        Name.WAIT_FOR_ROLE,
        ConditionType.ROLE_READY,
        wait_for_role.run,
        "AssumeRole of the organization's access role, GetCallerIdentity",
        stall_timeout=wait_for_role.STALL_TIMEOUT,
    ),
    Step(
        Name.MOVE_TO_OU,
        ConditionType.IN_CUSTOMERS_OU,
        move_to_ou.run,
        "ListParents, MoveAccount to the Customers OU, or the OU in it of the profile; again when "
        "`spec.policyProfile` changes",
        needs=(ConditionType.ACCOUNT_CREATED,),
        inputs=move_to_ou.profile_of,
        invalidates=(ConditionType.QUARANTINED,),
        drifts=True,
    ),
    Step(
        Name.CREATE_IAM_USER,
        ConditionType.IAM_USER_READY,
        create_iam_user.run,
        "IAM user, AdministratorAccess, first password in a Secret and then in AWS",
        needs=(ConditionType.ROLE_READY, ConditionType.IN_CUSTOMERS_OU),
        invalidates=(ConditionType.CONSOLE_CLOSED,),
    ),
    Step(
        Name.SETUP_SSO_ACCESS,
        ConditionType.SSO_ASSIGNED,
        setup_sso_access.run,
        "Identity Center user found or made, account assignment made and polled",
        # The owner must be known, and the account must be under the organization's policies for customers, or sealed.
        needs=(ConditionType.ACCOUNT_REQUESTED, ConditionType.ACCOUNT_CREATED, ConditionType.IN_CUSTOMERS_OU),
        not_needed=early_access.not_needed,
        inputs=lambda account: account.status.confirmed_email,  # set only if it waited for the confirmation
        invalidates=(ConditionType.SSO_REVOKED,),
        drifts=True,
        limit=Limit.ASSIGNMENTS,
    ),
    Step(
        Name.SETUP_OIDC,
        ConditionType.OIDC_CONFIGURED,
        setup_oidc.run,
        "GitHub OIDC provider, GitHubActionsDeployRole, trust policy for the repositories and runs of the spec, "
        "again when `spec.githubRepos`, `repositories`, `deployFrom` or `readOnlyFrom` changes; "
        "GitHubActionsReadOnlyRole where `readOnlyFrom` asks for it; beside them our issuer as OIDC provider, and "
        "BatteriesAgentRole",
        needs=(ConditionType.ROLE_READY, ConditionType.IN_CUSTOMERS_OU),
        inputs=setup_oidc.inputs,
        invalidates=(ConditionType.DEPLOY_ROLE_CLOSED,),
        drifts=True,
        drifts_while_failed=True,  # one of its roles may be open
    ),
    Step(
        Name.SEND_WELCOME_EMAIL,
        ConditionType.WELCOME_EMAIL_SENT,
        send_welcome_email.run,
        "SES v2 SendEmail; a failing mail does not hold the account back",
        required=False,
        observable=False,
    ),
)

NAME_ACCOUNT = Step(
    OptionalStep.NAME_ACCOUNT,
    ConditionType.ACCOUNT_NAMED,
    name_account.run,
    "where BATTERIES_POOL_RENAME asks for it: GetAccountInformation and PutAccountName, for an account that a pool "
    "prepared and that is ready; nothing waits for it",
    required=False,
    awaited=False,
    drifts_while_failed=True,  # what AWS refused, such as for lack of trusted access, it may take later
)

FIND_ACCOUNT = Step(
    Closing.FIND_ACCOUNT,
    ConditionType.ACCOUNT_SEARCHED,
    find_account.run,
    "ListAccounts, for an account that is not wanted and of which the status knows nothing",
)


def _unguarded(account: AwsAccount) -> str | None:
    """An input of the closing steps: without the quarantine, users could open a door again, so it is closed again."""
    return None if is_true(account.status.conditions, ConditionType.QUARANTINED) else "unguarded"


SUSPENSION: tuple[Step, ...] = (
    Step(
        Closing.QUARANTINE,
        ConditionType.QUARANTINED,
        quarantine.run,
        "MoveAccount to the Suspended OU, whose policy, seen in AWS, denies its users and roles everything",
        needs=(ConditionType.ACCOUNT_CREATED,),
        invalidates=(ConditionType.IN_CUSTOMERS_OU,),
        drifts=True,
    ),
    Step(
        Closing.CLOSE_CONSOLE,
        ConditionType.CONSOLE_CLOSED,
        close_console.run,
        "the IAM user's login profile and its Secret deleted",
        needs=(ConditionType.ROLE_READY,),
        after=(ConditionType.QUARANTINED,),
        inputs=_unguarded,
        invalidates=(ConditionType.IAM_USER_READY,),
    ),
    Step(
        Closing.REVOKE_SSO_ACCESS,
        ConditionType.SSO_REVOKED,
        revoke_sso_access.run,
        "account assignment deleted and polled",
        needs=(ConditionType.ACCOUNT_CREATED,),
        after=(ConditionType.QUARANTINED,),
        inputs=_unguarded,
        invalidates=(ConditionType.SSO_ASSIGNED,),
        drifts=True,
        limit=Limit.ASSIGNMENTS,
    ),
    Step(
        Closing.CLOSE_DEPLOY_ROLE,
        ConditionType.DEPLOY_ROLE_CLOSED,
        close_deploy_role.run,
        "trust policies of GitHubActionsDeployRole, GitHubActionsReadOnlyRole and BatteriesAgentRole admit nobody",
        needs=(ConditionType.ROLE_READY,),
        after=(ConditionType.QUARANTINED,),
        inputs=_unguarded,
        invalidates=(ConditionType.OIDC_CONFIGURED,),
        drifts=True,
    ),
)

CLOSE_ACCOUNT = Step(
    Closing.CLOSE_ACCOUNT,
    ConditionType.CLOSED,
    close_account.run,
    "CloseAccount in its turn, within AWS's quota of closures; polled until AWS says that it is closed",
    # These two are tried first, but their failure does not delay the closure, which closes more than they do.
    needs=(ConditionType.ACCOUNT_CREATED,),
    after=(ConditionType.QUARANTINED, ConditionType.SSO_REVOKED),
    # Without it an account that AWS Support has reopened would still count as closed.
    precondition=lambda account: account.is_closed or account.is_deleted,
    stall_timeout=timedelta(days=1),
    drifts=True,
    limit=Limit.CLOSURES,
)

UNTIL_IT_IS_KNOWN = PROVISIONING[:2]
"""What must be done before an account can be released: whether there is one, and which."""

UNTIL_IT_ANSWERS = PROVISIONING[:3]
"""What must be done before anything can be done inside an account, such as closing its doors."""

QUARANTINE, CLOSE_CONSOLE, REVOKE_SSO_ACCESS, CLOSE_DEPLOY_ROLE = SUSPENSION


def if_there(step: Step) -> Step:
    """For a deleted account: done at once if the AWS account is gone."""
    return replace(step, run=unless_gone(step.run))


UNTIL_IT_IS_KNOWN_TO_GO = tuple(map(if_there, UNTIL_IT_IS_KNOWN))

WITHOUT_ACCESS = (*map(if_there, (*UNTIL_IT_ANSWERS, CLOSE_CONSOLE, CLOSE_DEPLOY_ROLE)), REVOKE_SSO_ACCESS)

BESIDE_A_CLOSURE = tuple(
    replace(step, required=False, needs=(ConditionType.ACCOUNT_CREATED,))
    for step in (REVOKE_SSO_ACCESS, if_there(CLOSE_CONSOLE), if_there(CLOSE_DEPLOY_ROLE))
)
"""Tried, a few lost calls waited out, and their failures told; the closure does not wait for their success."""


def _before_the_closure(account: AwsAccount) -> tuple[Step, ...]:
    """The quarantine closes every door at once; if it fails, each door is closed by itself, as far as possible."""
    if is_true(account.status.conditions, ConditionType.QUARANTINED):
        return (QUARANTINE, BESIDE_A_CLOSURE[0])
    return (QUARANTINE, *BESIDE_A_CLOSURE)


def concerns_aws(account: AwsAccount) -> bool:
    """Whether there is an AWS account, or may be one. An account to adopt exists and is open until it is suspended."""
    status = account.status
    to_adopt = account.spec.aws_account_id is not None and not account.is_deleted
    is_under_way = status.create_request is not None or status.claim is not None
    return to_adopt or is_under_way or status.aws_account_id is not None


def may_be_lost(account: AwsAccount, *, remove_access: bool) -> bool:
    """Whether an AWS account has to be looked for of which the status knows nothing.

    A deleted object is released without a look if its status says that it was reconciled: AWS was not asked then.
    """
    if not account.is_deleted:
        return True
    matters = account.spec.deletion_policy is DeletionPolicy.CLOSE or remove_access
    status = account.status
    searched = find(status.conditions, ConditionType.ACCOUNT_SEARCHED)
    return matters and (status.observed_generation == 0 or searched is not None)


def _while_suspended(account: AwsAccount) -> tuple[Step, ...]:
    """The steps of an account that is suspended while its object stays, until AWS closes it, and after that."""
    if account.is_closed:
        return (*UNTIL_IT_IS_KNOWN, CLOSE_ACCOUNT)
    if account.is_closure_due:
        return (*UNTIL_IT_IS_KNOWN, *_before_the_closure(account), CLOSE_ACCOUNT)
    return (*UNTIL_IT_ANSWERS, *SUSPENSION)


def steps_for(account: AwsAccount, *, remove_access: bool = False, rename: bool = False) -> tuple[Step, ...]:
    """The steps that apply to the account for its present spec.

    `remove_access` is the setting for Retain, `rename` the one for names of accounts that a pool prepared.

    If an account is not wanted any more but AWS was asked for it, its creation is followed to the end, and then the
    account is suspended, closed or released. If AWS was not asked, nothing is made.
    """
    if account.is_wanted:
        return (*PROVISIONING, NAME_ACCOUNT) if rename and name_account.may_be_from_pool(account) else PROVISIONING
    if not concerns_aws(account):
        return (FIND_ACCOUNT,) if may_be_lost(account, remove_access=remove_access) else ()
    if not account.is_deleted:
        return _while_suspended(account)
    if account.spec.deletion_policy is DeletionPolicy.CLOSE:
        before = () if is_true(account.status.conditions, ConditionType.CLOSED) else _before_the_closure(account)
        return (*UNTIL_IT_IS_KNOWN_TO_GO, *before, CLOSE_ACCOUNT)
    return WITHOUT_ACCESS if remove_access else UNTIL_IT_IS_KNOWN_TO_GO


def pipeline_of(settings: Settings) -> Callable[[AwsAccount], tuple[Step, ...]]:
    """The steps that apply to an account, as these settings choose them."""
    return partial(steps_for, remove_access=settings.retained_access == "remove", rename=settings.pool_rename)
