"""An AWS account is changed only after its tag has proved that it is this AwsAccount's, whatever the status says."""

import ast
import asyncio
from pathlib import Path
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.deletion import delete
from fakes.factory import NAMESPACE, Factory, Process, acts

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.base import utc_now
from batteries_crds.conditions import find
from batteries_crds.names import TAG_RESOURCE
from batteries_operator import aws
from batteries_operator.aws.mutations import is_mutation
from batteries_operator.aws.ownership import OwnedAccount, Ownership
from batteries_operator.reconcile.attempt import attempt
from batteries_operator.reconcile.scope import ReconcileScope
from batteries_operator.status.status_writer import StatusWriter
from batteries_operator.steps import pipeline
from batteries_operator.steps.find_account import NONE
from batteries_operator.steps.outcome import Done, Fail
from batteries_operator.steps.step import Step

STEPS = {
    str(step.name): step
    for value in vars(pipeline).values()
    for step in (value if isinstance(value, tuple) else [value])
    if isinstance(step, Step) and step is not pipeline.FIND_ACCOUNT
}
"""Each step of every pipeline, those that are added later too; but the one that believes no status to begin with."""

INSIDE = ("iam:", "sts:")
READS_TAGS = "organizations:ListTagsForResource"
FORGED = {
    "owner": "mallory@example.com",
    "iamUserName": "admin",
    "credentialsSecretName": "acme-credentials",
    "ssoUserId": "11111111-2222-3333-4444-555555555555",
    "ssoUserName": "mallory@example.com",
}
"""What a status could say beside the id, so that each step gets as far as it can."""


async def stranger(factory: Factory, tag: str | None = None) -> str:
    """A member account that is not ours, whose access role works."""
    organizations = await factory.client("organizations")
    tags: Any = [{"Key": TAG_RESOURCE, "Value": tag}] if tag else []
    email = f"{len(tags)}@b.example"
    organizations.create_account(
        Email=email, AccountName="Payroll", RoleName=factory.settings.access_role_name, Tags=tags
    )
    async with asyncio.timeout(5):
        while True:
            for each in (await factory.standin("accounts"))["accounts"]:
                if each["email"] == email:
                    return str(each["id"])
            await asyncio.sleep(0.01)


def harmless(calls: list[str]) -> None:
    """Nothing was changed, and nothing done inside the account."""
    assert [each for each in calls if acts(each) or is_mutation(each) or each.startswith(INSIDE)] == []


async def forged(factory: Factory, aws_account_id: str, **more: Any) -> AwsAccount:
    return await factory.accounts.merge_status(
        NAMESPACE, "acme", {"status": FORGED | {"awsAccountId": aws_account_id} | more}
    )


@pytest.mark.parametrize("name", STEPS)
async def test_no_step_acts_on_an_account_that_only_the_status_says_is_ours(factory: Factory, name: str) -> None:
    factory.settings = factory.settings.model_copy(update={"mail_sender": "factory@example.com"})
    process = await factory.start()
    await factory.add(githubRepos=["o/r"])
    for foreign in (await stranger(factory), await stranger(factory, "another-team/acme")):
        await _refuses(factory, process, STEPS[name], await forged(factory, foreign))
    delete(factory)
    await _refuses(factory, process, STEPS[name], await factory.account())


async def test_the_search_for_an_account_believes_no_status(factory: Factory) -> None:
    process = await factory.start()
    await factory.add(suspended=True)
    account = await forged(factory, await stranger(factory))
    outcome, _ = await attempt(pipeline.FIND_ACCOUNT, _scope(process, account), 0)
    assert outcome == Done(NONE, inputs=pipeline.FIND_ACCOUNT.fingerprint(account))
    harmless(process.calls)


async def _refuses(factory: Factory, process: Process, step: Step, account: AwsAccount) -> None:
    foreign = str(account.status.aws_account_id)
    writes, scope = len(factory.cluster.writes), _scope(process, account)
    outcome, _ = await attempt(step, scope, 0)
    assert isinstance(outcome, Fail), outcome
    assert outcome.reason == "NotOurAccount"
    assert foreign in outcome.message
    assert f"{TAG_RESOURCE}={account.key}" in outcome.message
    assert not outcome.facts
    harmless(process.calls)
    assert len(factory.cluster.writes) == writes


def _scope(process: Process, account: AwsAccount) -> ReconcileScope:
    return ReconcileScope(StatusWriter(process.accounts, account), process.deps, process.reconciler._results)


async def test_a_forged_status_does_not_take_over_a_foreign_account(factory: Factory) -> None:
    foreign, process = await stranger(factory), await factory.start()
    await factory.add(suspended=True)
    await process.until("acme")
    await forged(factory, foreign)
    await factory.change(suspended=False)
    account = await process.until("acme")
    stalled = find(account.status.conditions, "Stalled")
    assert stalled is not None
    assert stalled.reason == "NotOurAccount"
    harmless(process.calls)
    member = next(each for each in (await factory.standin("accounts"))["accounts"] if each["id"] == foreign)
    root = (await factory.client("organizations")).list_roots()["Roots"][0]["Id"]
    assert (member["parentId"], member["tags"]) == (root, {})


async def test_a_status_that_names_another_account_later_is_proved_again(factory: Factory) -> None:
    """Of an active account whose own proof is remembered."""
    process = await factory.active(githubRepos=["o/r"])
    foreign = await stranger(factory)
    calls = len(process.calls)
    await forged(factory, foreign)
    changes: list[dict[str, Any]] = [{"githubRepos": ["o/r2"]}, {"suspended": True}, {"suspended": False}]
    for spec in changes:
        await factory.change(**spec)
        assert (await process.until("acme")).status.aws_account_id == foreign
    assert await process.resync(await factory.account()) is None, "a tag is looked at again, and it is as it was"
    delete(factory)
    await process.until("acme")
    harmless(process.calls[calls:])


async def test_a_forged_request_does_not_lead_to_the_account_that_another_one_made(factory: Factory) -> None:
    """Its id is AWS's answer to somebody else's request."""
    foreign, process = await stranger(factory), await factory.start()
    creations = (await factory.client("organizations")).list_create_account_status()["CreateAccountStatuses"]
    request = CreateRequest(
        email="x@example.com", account_name="x", recorded_at=utc_now(), request_id=creations[0]["Id"]
    )
    account = await factory.add()
    done: dict[str, Any] = {"type": "AccountRequested", "status": "True", "reason": "Done", "message": ""}
    done |= {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    record = {"create_account": {"inputs": STEPS["create_account"].fingerprint(account)}}
    body = {"createRequest": request.to_wire(), "owner": "acme@example.com", "conditions": [done], "steps": record}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": body})
    account = await process.until("acme", lambda each: _reason(each, "AccountCreated") == "WaitingForTags")
    assert account.status.aws_account_id is None
    assert foreign in find(account.status.conditions, "AccountCreated").message  # type: ignore[union-attr]
    harmless(process.calls)


def _reason(account: AwsAccount, condition: str) -> str | None:
    found = find(account.status.conditions, condition)
    return found.reason if found else None


async def test_an_account_that_is_no_member_is_not_ours(factory: Factory) -> None:
    process = await factory.start()
    await factory.add()
    account = await forged(factory, "999999999999")
    outcome, _ = await attempt(STEPS["setup_oidc"], _scope(process, account), 0)
    assert isinstance(outcome, Fail)
    assert outcome.reason == "NotOurAccount"
    assert "is not a member of the organization" in outcome.message


async def test_a_new_account_costs_one_proof_and_a_comparison_one_more(factory: Factory) -> None:
    process = await factory.active(githubRepos=["o/r"])
    assert process.calls.count(READS_TAGS) == 1
    changes: list[dict[str, Any]] = [{"githubRepos": []}, {"suspended": True}, {"suspended": False}]
    for spec in changes:
        await factory.change(**spec)
        await process.until("acme")
    assert process.calls.count(READS_TAGS) == 1, "the process remembers it"
    await process.resync(await factory.account())
    assert process.calls.count(READS_TAGS) == 2, "a comparison looks at AWS, and so at the tag"


async def test_a_restart_at_rest_proves_nothing(factory: Factory) -> None:
    await factory.active()
    process = await factory.start()
    account = await factory.account()
    assert not process.controller.observe(account)
    await process.until("acme")
    assert process.calls == []


async def test_a_tag_that_is_taken_away_is_found_by_the_next_comparison(factory: Factory) -> None:
    process = await factory.active()
    account = await factory.account()
    organizations = await factory.client("organizations")
    organizations.untag_resource(ResourceId=account.status.aws_account_id, TagKeys=[TAG_RESOURCE])
    calls = len(process.calls)
    assert await process.resync(account)
    harmless(process.calls[calls:])
    assert _reason(await factory.account(), "Stalled") == "NotOurAccount"
    tags: Any = [{"Key": TAG_RESOURCE, "Value": account.key}]
    organizations.tag_resource(ResourceId=account.status.aws_account_id, Tags=tags)
    again = {"metadata": {"annotations": {"aibatteriesincluded.com/retry": "1"}}}
    await factory.accounts.merge(NAMESPACE, "acme", again)
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_a_proof_is_kept_for_as_many_as_are_remembered(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batteries_operator.aws.ownership.REMEMBERED", 1)
    process = await factory.active("first")
    await factory.add("second")
    await process.until("second")
    assert len(process.deps.aws.ownership._proved) == 1


async def test_steps_side_by_side_ask_once(factory: Factory) -> None:
    await factory.active()
    process, account = await factory.start(), await factory.account()
    aws_account_id = account.status.aws_account_id
    assert aws_account_id is not None
    ownership = process.deps.aws.ownership
    first, second = await asyncio.gather(*(ownership.prove(account, aws_account_id) for _ in range(2)))
    assert first is second
    assert process.calls.count(READS_TAGS) == 1


def test_nobody_makes_an_owned_account_but_the_proof() -> None:
    with pytest.raises(TypeError, match=r"Only Ownership\.prove"):
        OwnedAccount("123456789012", "id", "email:1", "email:1", None, object())
    assert Ownership.prove.__annotations__["return"] is OwnedAccount


def test_every_method_that_acts_on_an_account_takes_a_proved_one() -> None:
    """Gateway methods that take an account's id as text only read."""
    found = []
    for path in sorted(Path(str(aws.__path__[0])).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef):
                continue
            arguments = [*node.args.args, *node.args.kwonlyargs]
            takes_text = any(
                each.arg in ("account", "aws_account_id") and ast.unparse(each.annotation or ast.Name("")) == "str"
                for each in arguments
            )
            operations = [
                each.value
                for each in ast.walk(node)
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and _is_operation(each.value)
            ]
            if takes_text and any(is_mutation(each) or each == "sts:AssumeRole" for each in operations):
                found.append(f"{path.name}: {node.name}")
    assert found == []


def _is_operation(text: str) -> bool:
    service, _, operation = text.partition(":")
    return service.isalpha() and operation.isalpha() and operation[:1].isupper()
