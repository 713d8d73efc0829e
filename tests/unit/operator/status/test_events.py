"""The Events of an account's life: each transition once, in order, and nothing while it waits, retries or restarts."""

from typing import Any

import pytest
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, Factory, Process, refusal

from batteries_crds.conditions import is_true
from batteries_operator.steps.pipeline import PROVISIONING, SUSPENSION

MADE = [step.condition for step in PROVISIONING] + ["Ready"]
CLOSED = [step.condition for step in SUSPENSION] + ["Suspended"]
OPENED = ["InCustomersOU", "IAMUserReady", "SSOAssigned", "OIDCConfigured", "Ready"]
TOO_MANY = [f"octo-org/a-repository-with-a-long-name-{number}" for number in range(40)]


async def changed(factory: Factory, process: Process, **spec: Any) -> list[str]:
    """The reasons told of a change of the spec."""
    process.events.clear()
    await factory.change(**spec)
    await process.until("acme")
    return [reason for _, reason in process.events]


async def test_an_accounts_life_is_told_in_order(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    assert sorted(reason for _, reason in process.events) == sorted(MADE)
    assert await changed(factory, process, githubRepos=["octo-org/other"]) == ["OIDCConfigured"]
    closed = await changed(factory, process, suspended=True)
    assert (sorted(closed), closed[0], closed[-1]) == (sorted(CLOSED), CLOSED[0], CLOSED[-1])
    opened = await changed(factory, process, suspended=False)
    assert (sorted(opened), opened[0], opened[-1]) == (sorted(OPENED), OPENED[0], OPENED[-1])
    assert await changed(factory, process, githubRepos=TOO_MANY) == ["TrustPolicyTooLarge"]
    assert await changed(factory, process, githubRepos=["octo-org/web"]) == ["OIDCConfigured"]
    process.events.clear()
    delete(factory)
    await released(process)
    assert process.events == [("Normal", "Released")]


async def test_a_closed_accounts_end_is_told(factory: Factory) -> None:
    process = await factory.active(deletionPolicy="Close")
    process.events.clear()
    delete(factory)
    await released(process)
    assert [reason for _, reason in process.events] == ["Quarantined", "SSORevoked", "Closed", "Released"]


async def test_a_trouble_is_told_once_through_retries_and_restarts(factory: Factory) -> None:
    await factory.add(email=None, customerRef={"name": "c-1"})
    told = []
    for _ in range(3):
        process = await factory.start()
        for _ in range(3):
            await process.reconciler.reconcile(NAMESPACE, "acme")
        told += process.events
    assert told == [("Warning", "CustomerNotFound")]
    await factory.customers.create(NAMESPACE, {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
    process.events.clear()
    await process.until("acme")
    assert sorted(reason for _, reason in process.events) == sorted(MADE)


async def test_a_trouble_that_lasts_is_told_when_it_begins_and_when_the_account_is_stalled(factory: Factory) -> None:
    await factory.active()
    process = await factory.start()
    process.before_call = refusal("iam:UpdateAssumeRolePolicy", "NobodyKnowsThisException")
    await factory.change(githubRepos=["octo-org/other"])
    for _ in range(3):
        await process.reconciler.reconcile(NAMESPACE, "acme")
    assert process.events == [("Warning", "UnexpectedAwsError")]
    record = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]["steps"]["setup_oidc"]
    record["troubledSince"] = "2026-01-01T00:00:00Z"
    await process.until("acme", lambda account: is_true(account.status.conditions, "Stalled"))
    process.before_call = lambda operation, number: None
    await process.until("acme")
    assert [reason for _, reason in process.events] == ["UnexpectedAwsError"] * 2 + ["OIDCConfigured"]


@pytest.mark.parametrize("policy", ["Retain", "Close"])
async def test_an_account_that_was_never_made_is_let_go_of_with_a_word(factory: Factory, policy: str) -> None:
    await factory.add(suspended=True, deletionPolicy=policy)
    process = await factory.start()
    await process.until("acme")
    delete(factory)
    await released(process)
    assert process.events == [("Normal", "AccountSearched"), ("Normal", "Suspended"), ("Normal", "Released")]


async def test_an_operator_that_is_stopping_ends_a_reconcile_after_the_steps_under_way(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    result = await process.reconciler.reconcile(NAMESPACE, "acme", stopping=lambda: bool(process.calls))
    assert (result.requeue_after, [reason for _, reason in process.events]) == (0, MADE[:1])
    await process.until("acme")
    assert sorted(reason for _, reason in process.events) == sorted(MADE)
