"""What AWS and its Support do to a member account without a call of the organization.

AWS suspends accounts, and its Support reopens closed ones; people take accounts out of the organization and invite them
back, which takes days and e-mails in AWS. A test puts the account into its new state at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batteries_sandbox.aws.world import World

STATES = ("ACTIVE", "SUSPENDED", "CLOSED", "LEFT")


def put(world: World, account_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Puts the member account into the state `body["state"]`.

    LEFT removes it from the organization, and with it its tags there (botocore's organizations model,
    RemoveAccountFromOrganization); ACTIVE after that brings it back, in the root, like an invited account.

    Raises:
        ValueError: there is no such account, or no such state.
    """
    state = body.get("state")
    if state not in STATES:
        raise ValueError(f"'state' is one of {', '.join(STATES)}.")
    account = world.account(account_id) or world.left.get(account_id)
    if account is None or account_id == world.settings.management_account_id:
        raise ValueError(f"There is no member account {account_id}.")
    world.closures.forget(account)
    members: list[Any] = world.moto.organizations().accounts
    if state == "LEFT":
        world.left[account_id] = account
        if account in members:
            members.remove(account)
        account.tags = {}
        return {"id": account_id, "state": state}
    if world.left.pop(account_id, None) is not None:
        members.append(account)
        account.parent_id = world.moto.organizations().ou[0].id
    account.status = account.state = state
    return {"id": account_id, "state": state}
