"""What must be so of every AwsAccount and every member of a pool, asked of AWS itself, whatever happened before."""

from typing import Any

from fakes.factory import Factory
from fakes.pool import members

from batteries_crds.names import TAG_OWNER, TAG_POOLED, TAG_RESOURCE


async def holders(factory: Factory) -> dict[str, list[Any]]:
    """The AWS accounts that are not closed, by whose they are."""
    found: dict[str, list[Any]] = {}
    for each in (await factory.standin("accounts"))["accounts"]:
        if (holder := each["tags"].get(TAG_RESOURCE)) is not None and each["state"] != "CLOSED":
            found.setdefault(holder, []).append(each)
    return found


async def assert_one_each(factory: Factory) -> None:
    """Nobody has two AWS accounts, no status names another's, and what a member has given away has an owner."""
    held = await holders(factory)
    assert {holder: len(accounts) for holder, accounts in held.items() if len(accounts) > 1} == {}
    by_id = {each["id"]: holder for holder, accounts in held.items() for each in accounts}
    async for account in factory.accounts.all(None):
        if account.status.aws_account_id in by_id:
            assert by_id[account.status.aws_account_id] == account.key
        if account.status.phase == "active":
            assert account.status.aws_account_id in by_id
    marked = {each.status.aws_account_id async for each in members(factory).all(None) if each.is_claimed}
    for holder, accounts in held.items():
        for each in accounts:
            if TAG_POOLED not in each["tags"]:
                continue
            has_owner = TAG_OWNER in each["tags"]
            assert has_owner != holder.startswith("pooledaccounts/"), each["tags"]
            known = [m async for m in members(factory).all(None) if m.status.aws_account_id == each["id"]]
            assert not has_owner or not known or each["id"] in marked, "it is not offered any more"
