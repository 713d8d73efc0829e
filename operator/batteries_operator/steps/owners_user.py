"""Finds the Identity Center user of an account's owner, and whether it may be used.

An e-mail address typed at sign-up proves nothing: a colleague's address would give access to the colleague's user. So
a Customer's account gets a user that was made for this very Customer; a user that existed before is used only once the
Customer has confirmed the address. Whoever writes `spec.email` with kubectl is trusted to know the owner.
"""

from dataclasses import dataclass

from batteries_crds.customer import Customer
from batteries_crds.names import GROUP
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError
from batteries_operator.steps.outcome import Waive
from batteries_operator.steps.step import Scope


def mark_of(customer: Customer) -> str:
    """The mark of a user that was made for this Customer: its uid, because names are used again."""
    return f"{GROUP}/customer/{customer.metadata.uid}"


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The Customer has to confirm the address first: a user has it already, or (None) there is no Customer."""

    address: str
    user_id: str | None


async def owners_user(scope: Scope, owner: str) -> tuple[str, str] | Waive:
    """Name and id of the owner's user, created if there is none; Waive if the address must be confirmed first."""
    found = await usable_user(scope, owner)
    return await _waived(scope, found) if isinstance(found, Unconfirmed) else found


async def usable_user(scope: Scope, owner: str) -> tuple[str, str] | Unconfirmed:
    """The same, before the AWS account is known."""
    reference, directory = scope.account.spec.customer_ref, scope.deps.aws.directory
    if reference is None:
        known = await directory.find_user(owner)
        return await _named(scope, known) if known else (owner, await directory.create_user(owner))
    namespace = scope.account.metadata.namespace
    customer = await scope.deps.customers.find(namespace, reference.name)
    if customer is None:
        return Unconfirmed(owner, None)
    if customer.is_confirmed:
        # The account may have been made with an earlier address of the Customer.
        owner = customer.spec.email
    found = await directory.find_user(owner)
    if found is None:
        return owner, await directory.create_user(owner, made_for=mark_of(customer))
    if (
        customer.is_confirmed
        or await directory.made_for(found) == mark_of(customer)
        # Made by a release that set no marks.
        or await scope.deps.customers.has_user(namespace, reference.name, found)
    ):
        return await _named(scope, found)
    return Unconfirmed(owner, found)


async def _waived(scope: Scope, found: Unconfirmed) -> Waive:
    if found.user_id is None:
        name = scope.customer_ref.name
        return Waive(
            Reason.EMAIL_NOT_CONFIRMED,
            f"Single sign-on waits: there is no Customer '{name}' who could confirm the address {found.address}.",
        )
    keeps = " That user was given access to this AWS account before, and keeps it."
    had = await _has_access(scope, found.user_id)
    return Waive(
        Reason.EMAIL_NOT_CONFIRMED,
        f"Single sign-on waits: a user with the address {found.address} was there before. Confirm your e-mail address: "
        "open the link that was mailed to you, or ask for a new one with POST /v1/customer/confirmation. All else is "
        f"ready.{keeps if had else ''}",
    )


async def _has_access(scope: Scope, user_id: str) -> bool:
    """Whether the user already has access to this AWS account, as when Customer and AwsAccount were made again."""
    center, owned = scope.deps.aws.identity_center, await scope.owned_account()
    permission_set = await center.permission_set(scope.deps.settings.permission_set_name)
    return await center.is_assigned(owned.id, permission_set, user_id)


async def _named(scope: Scope, user_id: str) -> tuple[str, str]:
    """The user with its name: a directory may name people in another way than by address, and they sign in by that."""
    name = await scope.deps.aws.directory.user_name(user_id)
    if name is None:
        raise AwsError("identitystore:DescribeUser", "ResourceNotFoundException", "The user that was found is gone.")
    return name, user_id
