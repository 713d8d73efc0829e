"""move_to_ou: puts the account into the Customers OU, where the organization's policies for customers hold."""

from collections.abc import Awaitable, Callable

from batteries_crds.conditions import ACCOUNT_GONE, SUSPENDED_BY_AWS
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.ownership import no_member
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope

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
        return Fail(ACCOUNT_GONE, f"AWS account {account} {no_member(scope.account.key)}")
    if state not in _GONE:
        return None
    reason, words = _GONE[state]
    return Fail(reason, f"AWS account {account} {words}")


async def run(scope: Scope) -> Outcome:
    """Done once the account's parent is the Customers OU."""
    return await placed(scope, scope.deps.settings.customers_ou_name)


async def _nothing() -> None:
    pass


async def placed(scope: Scope, name: str, proved: Callable[[], Awaitable[None]] = _nothing) -> Outcome:
    """Done once the account's parent is the OU of that name. `proved` checks the OU before the account is moved.

    Raises:
        NotPreparedError: there is no such OU, or `proved` refuses it.
    """
    organizations = scope.deps.aws.organizations
    if (seen := gone(scope, await organizations.state(scope.aws_account_id))) is not None:
        return Done("The account is closed in AWS already.") if scope.account.is_deleted else seen
    owned = await scope.owned_account()
    await proved()
    destination = await organizations.ou(name)
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
    return Done(f"The account is in the OU {name}.")
