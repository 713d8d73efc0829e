"""An account that exists is adopted by the same guards as one that is made: its Customer, blocks, limits, its list."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, Factory, acts, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE

CUSTOMER: dict[str, Any] = {"customerRef": {"name": "c-1"}, "email": None}


def _id(name: str) -> str:
    spec = {"email": "unknown@example.com"}
    return str(AwsAccount.model_validate({"metadata": {"namespace": NAMESPACE, "name": name}, "spec": spec}).account_id)


async def existing(factory: Factory, name: str = "acme") -> str:
    """A member account that the platform team tagged for this AwsAccount."""
    organizations = await factory.client("organizations")
    request = organizations.create_account(
        Email="made@example.com",
        AccountName="made",
        RoleName=factory.settings.access_role_name,
        Tags=[{"Key": TAG_RESOURCE, "Value": f"{NAMESPACE}/{name}"}, {"Key": TAG_ACCOUNT_ID, "Value": _id(name)}],
    )["CreateAccountStatus"]["Id"]
    async with asyncio.timeout(5):
        while True:
            seen = organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
            if seen["State"] == "SUCCEEDED":
                return str(seen["AccountId"])
            await asyncio.sleep(0.01)


async def customer(factory: Factory, **spec: Any) -> None:
    body = {"metadata": {"name": "c-1"}, "spec": {"email": "acme@example.com"} | spec}
    await factory.customers.create(NAMESPACE, body)


def requested(account: AwsAccount) -> str | None:
    found = find(account.status.conditions, "AccountRequested")
    return found.reason if found else None


async def waits(factory: Factory, way: str, reason: str, **spec: Any) -> Any:
    """The account is applied, and waits or fails for that reason; nothing was done in AWS."""
    number = {"awsAccountId": await existing(factory)} if way == "adopted" else {}
    await factory.add(**{**CUSTOMER, **number, **spec})
    process = await factory.start()
    account = await process.until("acme", lambda each: requested(each) == reason)
    assert requested(account) == reason
    assert (account.status.aws_account_id, account.status.owner) == (None, None)
    assert [each for each in process.calls if acts(each) or each.endswith("TagResource")] == []
    return process


WAYS = pytest.mark.parametrize("way", ["adopted", "made"])


@WAYS
async def test_a_customer_that_is_applied_later_is_waited_for(factory: Factory, way: str) -> None:
    process = await waits(factory, way, "CustomerNotFound")
    assert process.deps.creations.held == 0
    await customer(factory)
    await assert_exactly_right(factory, await process.until("acme"))


@WAYS
async def test_one_that_is_deleted_while_it_waits_goes_and_nothing_is_done(factory: Factory, way: str) -> None:
    process = await waits(factory, way, "CustomerNotFound", deletionPolicy="Close")
    delete(factory)
    await released(process)
    assert not any(acts(each) for each in process.calls)


@WAYS
async def test_a_blocked_customer_gets_none(factory: Factory, way: str) -> None:
    await customer(factory, blocked=True)
    process = await waits(factory, way, "CustomerBlocked")
    await factory.customers.merge(NAMESPACE, "c-1", {"spec": {"blocked": False}})
    await assert_exactly_right(factory, await process.until("acme"))


@WAYS
@pytest.mark.parametrize("operator_settings", [settings(suspend_unpaid_seconds=60)])
async def test_a_customer_that_did_not_pay_gets_none(factory: Factory, way: str) -> None:
    await customer(factory)
    since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"paymentMethod": "missing", "paymentMethodSince": since, "paymentGraceSince": since}
    await factory.customers.merge_status(NAMESPACE, "c-1", {"status": status})
    await waits(factory, way, "PaymentMethodMissing")


@WAYS
@pytest.mark.parametrize("operator_settings", [settings(trust_policy_limit=512)])
async def test_a_list_that_no_trust_policy_holds_is_refused_first(factory: Factory, way: str) -> None:
    await customer(factory)
    await waits(factory, way, "TrustPolicyTooLarge", githubRepos=[f"octo-org/{n}-with-a-long-name" for n in range(20)])


async def test_one_that_an_earlier_release_adopted_without_its_owner_goes_on(factory: Factory) -> None:
    """It recorded no owner where the Customer came later, and single sign-on failed for ever."""
    await customer(factory)
    process = await factory.active(**CUSTOMER, awsAccountId=await existing(factory))
    account = await factory.account()
    conditions = [each.to_wire() for each in account.status.conditions if each.type != "SSOAssigned"]
    steps = {"setup_sso_access": None}
    status = {"owner": None, "conditions": conditions, "steps": steps}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": status})
    factory.cluster.delete("Customer", NAMESPACE, "c-1")
    waiting = await process.until("acme", lambda each: requested(each) == "CustomerNotFound")
    assert (requested(waiting), waiting.status.aws_account_id) == ("CustomerNotFound", account.status.aws_account_id)
    await customer(factory)
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_one_without_an_owner_is_deleted_without_its_customer(factory: Factory) -> None:
    await customer(factory)
    process = await factory.active(**CUSTOMER, awsAccountId=await existing(factory), deletionPolicy="Close")
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"owner": None}})
    factory.cluster.delete("Customer", NAMESPACE, "c-1")
    delete(factory)
    await released(process)
    assert process.calls.count("organizations:CloseAccount") == 1


@pytest.mark.parametrize("there", [True, False])
async def test_one_that_is_applied_as_suspended_is_closed_and_not_only_called_so(factory: Factory, there: bool) -> None:
    """The AWS account exists, open to whoever had it: `orphans` prints those that were suspended so."""
    if there:
        await customer(factory)
    await factory.add(**CUSTOMER, awsAccountId=await existing(factory), suspended=True)
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.phase == "suspended"
    assert is_true(account.status.conditions, "Quarantined")
    if not there:
        await customer(factory)
    await factory.change(suspended=False)
    await assert_exactly_right(factory, await process.until("acme"))
