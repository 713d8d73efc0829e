"""Calls in member accounts are signed with their account's keys, though all share one client; or not sent."""

import asyncio
import threading
from typing import Any

import pytest
from fakes.factory import Factory, Process
from fakes.virtual_time import Threads

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws import caller
from batteries_operator.aws.caller import Caller
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.session_policies import Purpose


async def proved(process: Process, account: AwsAccount) -> OwnedAccount:
    return await process.deps.aws.ownership.prove(account, str(account.status.aws_account_id))


async def test_accounts_that_work_side_by_side_each_sign_with_their_own_keys(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "ThreadPoolExecutor", Threads)
    process = await factory.start()
    names = [f"account-{number}" for number in range(4)]
    for name in names:
        await factory.add(name)
    accounts = await asyncio.gather(*(process.until(name) for name in names))
    ids = [str(account.status.aws_account_id) for account in accounts]
    assert len(set(ids)) == len(ids)
    process = await factory.start()
    process.deps.aws.sts._policies = None  # what each makes here, a user named after its account, no step needs
    all_of_them = [
        await process.deps.aws.iam(await proved(process, each), Purpose.CONSOLE, each.status.access_role_name)
        for each in accounts
    ]
    together = threading.Barrier(len(ids))

    def on_the_way(**_: Any) -> None:
        together.wait(10)  # until all are: none has signed yet

    events = process.deps.aws._members_iam.meta.events
    events.register("provide-client-params", on_the_way, "test")
    await asyncio.gather(*(iam.users.ensure_user(f"of-{each}") for iam, each in zip(all_of_them, ids, strict=True)))
    events.unregister("provide-client-params", unique_id="test")
    for each in ids:
        listed = await asyncio.to_thread((await factory.client("iam", each)).list_users)
        assert {user["UserName"] for user in listed["Users"]} == {"admin", f"of-{each}"}


async def test_whose_keys_they_are_is_asked_under_those_keys(factory: Factory) -> None:
    process = await factory.active("acme")
    other = await factory.add("other")
    await process.until("other")
    sts = process.deps.aws.sts
    both = [await factory.account(name) for name in ("acme", other.metadata.name)]
    ids = [str(each.status.aws_account_id) for each in both]
    keys = [await sts.assume(await proved(process, each)) for each in both]
    assert await asyncio.gather(*(sts.identity(each) for each in keys)) == ids


@pytest.mark.parametrize("service", ["sts", "iam"])
async def test_a_call_of_nobody_is_not_sent(factory: Factory, service: str) -> None:
    await factory.active()  # somebody else has keys in these threads, and has put them away
    before = (await factory.standin("health"))["calls"]
    ours = Caller(1)
    client = await ours.members_client(service)
    ask = client.get_caller_identity if service == "sts" else client.list_users
    with pytest.raises(LookupError):
        await ours.call("iam:GetUser", ask)
    ours.close()
    assert (await factory.standin("health"))["calls"] == before
