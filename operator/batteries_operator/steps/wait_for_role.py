"""wait_for_role: the access role of a new account works only after some minutes; AWS does not say how many."""

from datetime import timedelta

from batteries_crds.base import utc_now
from batteries_crds.names import ProvisioningStep
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.sts import Credentials
from batteries_operator.steps.gone import gone_behind
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope

# The errors of a role that has not propagated; elsewhere AccessDenied means a missing permission.
_NOT_YET = frozenset({"AccessDenied", "AccessDeniedException", "InvalidClientTokenId"})

STALL_TIMEOUT = timedelta(minutes=15)
"""How long a role may take before the account is Stalled, and still tried; no longer wait is reported anywhere."""

SLOW_SECONDS = 60


async def run(scope: Scope) -> Outcome:
    """Done once the role's identity is in the account that AWS made."""
    owned, sts = await scope.owned_account(), scope.deps.aws.sts
    uid, expected = scope.account.metadata.uid, scope.deps.role_duration
    role = scope.account.status.access_role_name
    if role is not None and scope.deps.aws.entries.has(owned.id, role):
        return _done(owned.id, role)  # a claim has just looked into the account
    expected.polled(uid)
    try:
        role, credentials = await _entered(scope, owned)
        identity = await sts.identity(credentials)
    except AwsError as error:
        if error.code not in _NOT_YET:
            expected.forget(uid)  # an outage says nothing about how long roles take
            raise
        scope.deps.aws.caller.caches.forget(error)  # if AWS means that cached credentials are invalid
        return await gone_behind(scope, error) or _not_yet(scope)
    if identity != owned.id:
        return Fail(
            Reason.WRONG_IDENTITY,
            f"The access role of AWS account {owned.id} answers as another account. "
            "Nothing was done there. Have the platform team look at AWS_ENDPOINT_URL and the role.",
            cause=f"It answers as AWS account {identity}.",
        )
    expected.ended(uid)
    return _done(identity, role)


def _done(aws_account_id: str, role: str) -> Done:
    return Done(f"The access role answers as {aws_account_id}.", {"access_role_name": role})


def _roles(scope: Scope) -> tuple[str, ...]:
    """The role that the account was created with; all candidates if that is not recorded."""
    recorded, settings = scope.account.status.access_role_name, scope.deps.settings
    return (recorded,) if recorded is not None else settings.access_role_names


async def _entered(scope: Scope, owned: OwnedAccount) -> tuple[str, Credentials]:
    """The first role that we can assume, and its credentials.

    Raises:
        AwsError: we can assume none.
    """
    *first, last = _roles(scope)
    for role in first:
        try:
            return role, await scope.deps.aws.sts.assume(owned, role)
        except AwsError as error:
            if error.code not in _NOT_YET:
                raise
    return last, await scope.deps.aws.sts.assume(owned, last)


def _not_yet(scope: Scope) -> Wait:
    """The role can't be assumed yet: normal at first; after the stall timeout somebody has to look."""
    role, account = " or ".join(_roles(scope)), scope.account
    record = account.status.steps.get(ProvisioningStep.WAIT_FOR_ROLE)
    since = record.troubled_since if record is not None else None
    if since is None or utc_now() - since <= STALL_TIMEOUT:
        message = f"The role {role} of the new account does not answer yet; that takes up to some minutes."
        deps, first_look = scope.deps, None
        if since is None:  # after an outage during the wait nobody knows how much of it is left
            first_look = deps.role_duration.first_poll_delay(account.metadata.uid, deps.settings.poll_max_seconds)
        return Wait.settling(first_look, Reason.ROLE_PROPAGATING, message)
    scope.deps.role_duration.forget(account.metadata.uid)
    return Wait.retrying(
        SLOW_SECONDS,
        Reason.ROLE_DOES_NOT_ANSWER,
        f"The role {role} of AWS account {account.status.aws_account_id} does not answer. Have the platform team see "
        "that it exists there and trusts the management account, and that the operator's IAM policy names it.",
    )
