"""A sign-up with another person's address reaches nothing of theirs: single sign-on waits for the confirmation."""

import asyncio
from typing import Any

import pytest
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, CrashError, Factory, Process, acts

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_operator.customers.confirmations import Confirmations

OWNER = "colleague@example.com"
OWNED: dict[str, Any] = {"email": None, "customerRef": {"name": "c-1"}}


async def sign_up(factory: Factory, name: str = "c-1", **spec: Any) -> None:
    await factory.customers.create(NAMESPACE, {"metadata": {"name": name}, "spec": {"email": OWNER} | spec})


async def somebodys_user(factory: Factory, name: str = OWNER) -> str:
    """A user that existed before."""
    center, store = await factory.client("sso-admin"), await factory.client("identitystore")

    def make() -> str:
        where = center.list_instances()["Instances"][0]["IdentityStoreId"]
        who = {"UserName": name, "DisplayName": "x", "Name": {"GivenName": "x", "FamilyName": "x"}}
        emails = [{"Value": OWNER, "Type": "work", "Primary": True}]
        return str(store.create_user(IdentityStoreId=where, Emails=emails, **who)["UserId"])

    return await asyncio.to_thread(make)


async def assigned(factory: Factory, account: AwsAccount) -> list[str]:
    """The users who have access to the account."""
    aws = (await factory.start()).deps.aws
    permission_set = await aws.identity_center.permission_set(factory.settings.permission_set_name)
    users = aws.identity_center.assigned_users(str(account.status.aws_account_id), permission_set)
    return [user async for user in users]


def waits(account: AwsAccount) -> bool:
    said = find(account.status.conditions, "SSOAssigned")
    return said is not None and (said.status, said.reason) == ("False", "EmailNotConfirmed")


def followed(factory: Factory) -> Confirmations:
    """Confirmations fed by the cluster's watch, as in the operator."""
    found = Confirmations(factory.accounts)  # type: ignore[arg-type]  # stands for Resources

    def shown(kind: str, body: dict[str, Any]) -> None:
        if kind == "AwsAccount":
            found.account_seen(factory.accounts.read(body))
        elif kind == "Customer":
            found.customer_seen(factory.customers.read(body))

    factory.cluster.watches.append(shown)
    return found


async def waiting(factory: Factory) -> Process:
    await sign_up(factory)
    await factory.add(**OWNED)
    process = await factory.start()
    await process.until("acme")
    return process


@pytest.mark.parametrize("name", [OWNER, OWNER.upper(), "someone-else"])
async def test_a_user_that_was_there_before_is_not_given_to_who_typed_the_address(factory: Factory, name: str) -> None:
    await somebodys_user(factory, name)
    process = await waiting(factory)
    account = await factory.account()
    assert waits(account)
    assert (account.status.phase, account.status.error) == ("active", None)
    assert is_true(account.status.conditions, "Ready")
    assert is_true(account.status.conditions, "WelcomeEmailSent")
    assert account.status.sso_user_id is None
    assert await assigned(factory, account) == []
    assert await factory.signs_in(account), "the console is open all the same"
    calls, writes = len(process.calls), len(factory.cluster.writes)
    assert not process.controller.observe(account), "nothing is pending"
    again = await factory.start()
    await again.until("acme")
    assert (again.calls, len(process.calls), len(factory.cluster.writes)) == ([], calls, writes)


async def test_it_goes_on_by_itself_when_the_address_is_confirmed(factory: Factory) -> None:
    user = await somebodys_user(factory)
    process, confirmations = await waiting(factory), followed(factory)
    confirmations.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
    confirmations.account_seen(await factory.account())
    await factory.customers.merge(NAMESPACE, "c-1", {"spec": {"confirmedEmail": OWNER.upper()}})
    async with asyncio.timeout(5):
        while (await factory.account()).status.confirmed_email is None:
            await asyncio.sleep(0.01)
    account = await process.until("acme")
    assert is_true(account.status.conditions, "SSOAssigned")
    assert await assigned(factory, account) == [user]


async def test_a_restart_after_the_confirmation_goes_on_too_and_at_rest_writes_nothing(factory: Factory) -> None:
    await somebodys_user(factory)
    await waiting(factory)
    await factory.customers.merge(NAMESPACE, "c-1", {"spec": {"confirmedEmail": OWNER}})
    for turn in range(2):
        fresh = Confirmations(factory.accounts)  # type: ignore[arg-type]  # stands for Resources
        writes = len(factory.cluster.writes)
        fresh.account_seen(await factory.account())
        fresh.customer_seen(await factory.customers.get(NAMESPACE, "c-1"))
        await asyncio.sleep(0.05)
        assert len(factory.cluster.writes) == writes + (turn == 0)
    assert (await factory.account()).status.confirmed_email == OWNER


async def test_the_same_address_twice_never_shares_a_user_unless_confirmed(factory: Factory) -> None:
    """Who signs up first gets a user made for it; another Customer with that address waits."""
    await sign_up(factory)
    await sign_up(factory, "c-2")
    first = await factory.active(**OWNED)
    assert is_true((await factory.account()).status.conditions, "SSOAssigned")
    await factory.add("second", **OWNED)
    assert is_true((await first.until("second")).status.conditions, "SSOAssigned"), "of the same Customer"
    await factory.add("other", email=None, customerRef={"name": "c-2"})
    assert waits(await first.until("other"))


async def test_who_has_access_to_the_account_keeps_it_when_customer_and_account_are_made_again(
    factory: Factory,
) -> None:
    """As when a namespace is deleted and restored: the user was made for a Customer of another uid, and is assigned."""
    await sign_up(factory)
    process = await factory.active(**OWNED)
    before = await factory.account()
    delete(factory)
    await released(process)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    factory.cluster.delete("Customer", NAMESPACE, "c-1")
    await sign_up(factory)
    again = await factory.active(**OWNED)
    account = await factory.account()
    assert account.status.aws_account_id == before.status.aws_account_id
    assert await assigned(factory, account) == [before.status.sso_user_id]
    assert waits(account)
    said = find(account.status.conditions, "SSOAssigned")
    assert said is not None
    assert "keeps it" in said.message, "it does not say that nobody has access where somebody has"
    await factory.add("other", **OWNED)
    other = await again.until("other")
    assert waits(other), "nobody gets what they did not have"
    assert "keeps it" not in str(find(other.status.conditions, "SSOAssigned"))


async def test_a_crash_after_the_making_of_the_user_finds_it_again(factory: Factory) -> None:
    await sign_up(factory)
    await factory.add(**OWNED)
    process = await factory.start()

    def crash(operation: str, _: int) -> None:
        if operation == "identitystore:CreateUser":
            raise CrashError

    process.after_call = crash
    with pytest.raises(CrashError):
        await process.until("acme")
    account = await (await factory.start()).until("acme")
    assert is_true(account.status.conditions, "SSOAssigned")


async def test_a_customer_of_the_release_before_keeps_what_its_accounts_have(factory: Factory) -> None:
    """Its users carry no mark; that another of its accounts has the user is proof enough."""
    user = await somebodys_user(factory)
    await sign_up(factory)
    await factory.add("old", **OWNED)
    await factory.accounts.merge_status(NAMESPACE, "old", {"status": {"ssoUserId": user}})
    await factory.add(**OWNED)
    account = await (await factory.start()).until("acme")
    assert is_true(account.status.conditions, "SSOAssigned")
    assert await assigned(factory, account) == [user]


async def test_who_writes_the_address_with_kubectl_is_trusted(factory: Factory) -> None:
    user = await somebodys_user(factory)
    await factory.active(email=OWNER)
    assert await assigned(factory, await factory.account()) == [user]


async def test_a_new_address_of_the_customer_counts_once_it_is_confirmed(factory: Factory) -> None:
    await somebodys_user(factory)
    process, confirmations = await waiting(factory), followed(factory)
    confirmations.account_seen(await factory.account())
    new = {"email": "own@example.com", "confirmedEmail": "own@example.com"}
    await factory.customers.merge(NAMESPACE, "c-1", {"spec": new})
    async with asyncio.timeout(5):
        while (await factory.account()).status.confirmed_email is None:
            await asyncio.sleep(0.01)
    account = await process.until("acme")
    assert account.status.sso_user_name == "own@example.com"
    assert is_true(account.status.conditions, "SSOAssigned")


async def test_suspended_while_it_waits_it_waits_again_when_it_is_resumed(factory: Factory) -> None:
    await somebodys_user(factory)
    process = await waiting(factory)
    await factory.change(suspended=True)
    assert (await process.until("acme")).status.phase == "suspended"
    await factory.change(suspended=False)
    account = await process.until("acme")
    assert waits(account)
    assert account.status.phase == "active"
    assert not any(acts(call) and "AccountAssignment" in call for call in process.calls)
