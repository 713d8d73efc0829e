"""move_to_ou: puts the account into the Customers OU, where the organization's policies for customers hold."""

from batteries_operator.aws.errors import AwsError
from batteries_operator.outcome import Done, Outcome, Wait
from batteries_operator.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the account's parent is the Customers OU."""
    return await placed(scope, scope.tools.settings.customers_ou_name)


async def placed(scope: Scope, name: str) -> Outcome:
    """Done once the account's parent is the OU of that name."""
    account = scope.account.status.aws_account_id
    assert account is not None  # check_status is done
    organizations = scope.tools.aws.organizations
    destination = await organizations.ou(name)
    source = await organizations.parent(account)
    if source != destination:
        try:
            await organizations.move(account, source=source, destination=destination)
        except AwsError as error:
            if error.code != "SourceParentNotFoundException":
                raise
            # Somebody moved it between our look and our act: look again.
            return Wait(1, "ParentChanged", "The account was moved by somebody else meanwhile; looking again.")
    return Done(f"The account is in the OU {name}.")
