"""Why an account gets no token now: each reason has a code, and a sentence with the way out.

The account is the cache's, which is behind Kubernetes by a watch's latency. A token from that moment opens nothing: the
account's organizational unit denies everything as soon as it is suspended.
"""

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.errors import Conflict, WrongKey
from batteries_apiserver.projections import suspension_reasons
from batteries_apiserver.projections.account_error import error_for_customers
from batteries_crds.agent_access import ROLE_NAME, Issuer
from batteries_crds.api_key import Scope
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import Phase

_POLL = {"Retry-After": "10"}
_LATER = {"Retry-After": "60"}


def refuse_scope(caller: Caller, required: Scope) -> None:
    """Checks that the key's scope is the one that the service asks for.

    Raises:
        WrongKey: it is not.
    """
    if required is Scope.AWS and caller.scope is not Scope.AWS:
        raise WrongKey(
            "scope_aws_required",
            f"This API key has the scope {caller.scope.value}, and here only keys with the scope aws get tokens for "
            'AWS. Create one with POST /v1/keys and {"scope": "aws"}.',
        )


def refuse_unusable(account: AwsAccount) -> None:
    """Checks that the account is in use.

    Raises:
        Conflict: it is not; the sentence says why, and who can change that.
    """
    if account.is_deleted:
        raise Conflict("account_being_deleted", "This account is being deleted, so there are no tokens for it.")
    if account.is_suspended:
        raise Conflict("account_suspended", f"This account is suspended: {suspension_reasons.sentence(account)}.")
    phase = account.status.phase
    if phase is Phase.FAILED:
        why = error_for_customers(account)
        raise Conflict("account_failed", f"This account failed, so there are no tokens for it. {why or ''}".strip())
    if phase is not Phase.ACTIVE:
        doing = "being resumed" if phase is Phase.SUSPENDED else f"{phase.value}, not active yet"
        raise Conflict(
            "account_not_active",
            f"This account is {doing}. Send the same request again once GET /v1/accounts/{account.account_id} says "
            "active.",
            _POLL,
        )


def trusted_role(account: AwsAccount, issuer: Issuer) -> str:
    """The ARN of the account's role for agents.

    Raises:
        Conflict: the account does not trust this issuer yet.
    """
    status = account.status
    if status.agent_role_arn is None or status.agent_issuer is None:
        raise Conflict(
            "trust_pending",
            f"The role {ROLE_NAME} is not in this account yet. It is added when the account is next compared with AWS, "
            "usually within an hour. Send the same request again then.",
            _LATER,
        )
    if status.agent_issuer != issuer.url:
        raise Conflict(
            "trust_pending",
            f"This account trusts the issuer {status.agent_issuer}, and tokens now come from {issuer.url}. The account "
            "is changed when it is next compared with AWS, usually within an hour. Send the same request again then.",
            _LATER,
        )
    return status.agent_role_arn
