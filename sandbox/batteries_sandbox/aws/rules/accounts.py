"""Accounts and organizational units: listed in pages of 20, moved only from where they are.

moto pages by 100, moves an account from anywhere to anywhere, and tells no paths.
"""

from __future__ import annotations

from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.paging import page
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World


def list_accounts(call: Call, world: World, proceed: Proceed) -> Answer:
    """ListAccounts and ListAccountsForParent."""
    accounts = list(world.moto.organizations().accounts)
    if call.operation == "ListAccountsForParent":
        if not _is_container(world, call.text("ParentId")):
            raise AwsError("ParentNotFoundException", "You specified parent that doesn't exist.")
        accounts = [account for account in accounts if account.parent_id == call.text("ParentId")]
    found, token = page(accounts, call.params)
    result: dict[str, Any] = {"Accounts": [_described(account, world) for account in found]}
    return answer(call, result | ({"NextToken": token} if token else {}))


def describe(call: Call, world: World, proceed: Proceed) -> Answer:
    """DescribeAccount."""
    account = world.account(call.text("AccountId"))
    return proceed(call) if account is None else answer(call, {"Account": _described(account, world)})


def move(call: Call, world: World, proceed: Proceed) -> Answer:
    """MoveAccount, with the errors of its API reference page."""
    account = world.account(call.text("AccountId"))
    source, destination = call.text("SourceParentId"), call.text("DestinationParentId")
    if account is None:
        message = "We can't find an AWS account with the AccountId that you specified."
        raise AwsError("AccountNotFoundException", message)
    if not _is_container(world, destination):
        message = "We can't find the destination container (a root or OU) with the ParentId that you specified."
        raise AwsError("DestinationParentNotFoundException", message)
    if account.parent_id == destination:
        message = "That account is already present in the specified destination."
        raise AwsError("DuplicateAccountException", message)
    if account.parent_id != source:
        message = "We can't find a source root or OU with the ParentId that you specified."
        raise AwsError("SourceParentNotFoundException", message)
    return proceed(call)


def create_unit(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateOrganizationalUnit: names are unique within a parent."""
    parent, name = call.text("ParentId"), call.text("Name")
    if not _is_container(world, parent):
        raise AwsError("ParentNotFoundException", "You specified parent that doesn't exist.")
    if any(unit.parent_id == parent and unit.name == name for unit in world.moto.organizations().ou):
        raise AwsError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
    return proceed(call)


def delete_unit(call: Call, world: World, proceed: Proceed) -> Answer:
    """DeleteOrganizationalUnit: an empty one only; what was attached to it isn't any more."""
    organizations, unit_id = world.moto.organizations(), call.text("OrganizationalUnitId")
    inside: list[Any] = [*organizations.accounts, *organizations.ou]
    if any(each.parent_id == unit_id for each in inside):
        message = "The specified OU is not empty. Move all accounts to another root or to other OUs, or remove the OUs."
        raise AwsError("OrganizationalUnitNotEmptyException", message)
    for policy in organizations.policies:
        policy.attachments = [target for target in policy.attachments if target.id != unit_id]
    return proceed(call)


def _is_container(world: World, parent_id: str) -> bool:
    return any(unit.id == parent_id for unit in world.moto.organizations().ou)


def _described(account: Any, world: World) -> dict[str, Any]:
    """The Account shape: with the path, without the Status that was retired in September 2026 (botocore model)."""
    described = {name: value for name, value in account.describe().items() if name != "Status"}
    organization = world.moto.organizations()
    path, parents = f"{account.id}/", {unit.id: unit.parent_id for unit in organization.ou}
    unit_id = account.parent_id
    while unit_id:
        path, unit_id = f"{unit_id}/{path}", parents.get(unit_id)
    return described | {"Paths": [f"{world.organization_id}/{path}"]}
