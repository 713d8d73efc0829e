"""move_to_ou: puts the account into the Customers OU, or the OU in it of its policy profile.

The policies for customers hold there. They are read first: an account that nobody was let into yet is moved only under
all of them. An account that is in use stays so when one of them is missing, as after an upgrade for which `bootstrap`
was not run; metrics, the alert and `doctor` tell the platform team.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import ACCOUNT_GONE, SUSPENDED_BY_AWS
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.floor.place import Place, UnknownProfileError, customers, place_of
from batteries_operator.aws.floor.policies import DoesNotFitError
from batteries_operator.aws.guardrails import guardrails
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.ownership import no_member
from batteries_operator.runtime.floor_choice import DEFAULT_PROFILE
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_HOW = "Delete this AwsAccount to let it go, or have the platform team {}; it goes on by itself then."
_GONE: dict[str, tuple[str, str]] = {
    "PENDING_CLOSURE": (ACCOUNT_GONE, f"is being closed in AWS. {_HOW.format('have AWS Support reopen it')}"),
    "CLOSED": (ACCOUNT_GONE, f"is closed in AWS. {_HOW.format('have AWS Support reopen it within 90 days')}"),
    "SUSPENDED": (SUSPENDED_BY_AWS, f"was suspended by AWS. {_HOW.format('ask AWS Support why')}"),
}
"""States in AWS in which nothing can be done in an account: reason and words. An account may leave them again."""


def gone(scope: Scope, state: str | None) -> Fail | None:
    """The failure of an account in that state (None: it is not a member); None if it can be used."""
    account = scope.account.status.aws_account_id
    if state is None:
        return Fail(ACCOUNT_GONE, f"AWS account {account} {no_member(scope.account.holder)}")
    if state not in _GONE:
        return None
    reason, words = _GONE[state]
    until = scope.account.reopenable_until
    if reason == ACCOUNT_GONE and until is not None:
        words = f"is closed. Only AWS Support can reopen it, until {to_rfc3339(until)}; it goes on by itself then."
    return Fail(reason, f"AWS account {account} {words}")


async def run(scope: Scope) -> Outcome:
    """Done once the account's parent is the OU of its profile; then an account that was closed is open again."""
    outcome, status = await _moved(scope), scope.account.status
    if isinstance(outcome, Done) and (status.closed_at or status.closure_requested_at) and not scope.account.is_deleted:
        return replace(outcome, facts={"closed_at": None, "closure_requested_at": None, "reopened_at": utc_now()})
    return outcome


async def _moved(scope: Scope) -> Outcome:
    try:
        place = place_of(scope.deps.settings, profile_of(scope.account))
    except UnknownProfileError as error:
        return Fail(Reason.POLICY_PROFILE_UNKNOWN, str(error))
    if in_use(scope.account) and not await _is_prepared(scope, place):
        place = customers(scope.deps.settings)
    return await placed(scope, place, partial(_guarded, scope))


def profile_of(account: AwsAccount) -> str | None:
    """The policy profile that the account is to have; the step's input."""
    return account.spec.policy_profile


def in_use(account: AwsAccount) -> bool:
    """Whether somebody was let into the account before."""
    status = account.status
    return status.iam_user_name is not None and status.oidc_role_arn is not None


async def _is_prepared(scope: Scope, place: Place) -> bool:
    """Whether the OU for accounts without a profile is there, which an account that is in use can do without: it stays
    in the OU above, whose policies hold on until the account has left.
    """
    if place.under and place.name == DEFAULT_PROFILE:
        return await scope.deps.aws.organizations.find_ou(place.name, place.under) is not None
    return True


async def _guarded(scope: Scope) -> None:
    """Checks the policies for customers.

    Raises:
        NotPreparedError: one does not hold, and nobody was let into the account yet.
    """
    wrong = await _troubles(scope)
    if wrong and not in_use(scope.account):
        raise NotPreparedError(wrong[0])
    for each in wrong:
        log.warning("guardrail_missing", detail=each)


async def _troubles(scope: Scope) -> list[str]:
    """What is wrong with the policies for customers, in sentences."""
    settings, aws, account = scope.deps.settings, scope.deps.aws, scope.account
    try:
        every = guardrails(settings, await aws.sts.partition())
    except DoesNotFitError as error:
        return [str(error)]
    role = settings.role_of(account.status.access_role_name)
    return await aws.guardrail_checks.troubles(every.of_profile(profile_of(account)), role)


async def _nothing() -> None:
    pass


async def placed(scope: Scope, place: Place, proved: Callable[[], Awaitable[None]] = _nothing) -> Outcome:
    """Done once the account's parent is that OU. `proved` checks the OU before the account is moved.

    Raises:
        NotPreparedError: there is no such OU, or `proved` refuses it.
    """
    organizations = scope.deps.aws.organizations
    if (seen := gone(scope, await organizations.state(scope.aws_account_id))) is not None:
        return Done("The account is closed in AWS already.") if scope.account.is_deleted else seen
    owned = await scope.owned_account()
    await proved()
    destination = await organizations.ou(place.name, place.under)
    source = await organizations.parent(owned.id)
    if source != destination:
        try:
            await organizations.move(owned, source=source, destination=destination)
        except AwsError as error:
            if error.code != "SourceParentNotFoundException":
                raise
            # Somebody moved it between our read and our call: read again.
            message = "The account was moved by somebody else meanwhile; looking again."
            return Wait.settling(1, Reason.PARENT_CHANGED, message)
    return Done(f"The account is in the OU {place}.")
