"""AWS's responses to every call: each row of fakes/aws_calls.py, walked through its stage."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from fakes import aws_calls_page
from fakes.aws_calls import BOOTSTRAPS, CALLS, DOCTORS, LOOKS, SEARCHES, Call, How
from fakes.factory import NAMESPACE, Factory, Process
from fakes.stages import MAKE, STAGES, SUSPEND, Stage, walked

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find, is_true
from batteries_operator.aws import caller
from batteries_operator.aws.mutations import is_mutation

FOLDER = Path(str(caller.__file__)).parent
OPERATION = re.compile(r"[a-z0-9]+:[A-Z][A-Za-z]+")
BOTO3 = {"sso": "sso-admin", "ses": "sesv2", "servicequotas": "service-quotas"}
COMMON = {"AccessDenied", "InvalidClientTokenId", "ExpiredToken"}
"""Errors of every service, which the models don't have (Common errors pages)."""


def called() -> Iterator[str]:
    """The operations that the gateways call: `service:Operation` as an argument of a call, or named for one."""
    for path in FOLDER.glob("*.py"):
        if path.name in ("permissions.py", "session_policies.py", "guardrails.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            values = node.args if isinstance(node, ast.Call) else [node.value] if isinstance(node, ast.Assign) else []
            for each in values:
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and OPERATION.fullmatch(each.value):
                    yield each.value


def test_every_call_of_the_gateways_has_a_row() -> None:
    assert {*called()} == {each.name for each in CALLS} | {*BOOTSTRAPS} | {*DOCTORS} | {*LOOKS} | {*SEARCHES}


def test_the_page_is_current() -> None:
    assert aws_calls_page.PAGE.read_text() == aws_calls_page.page(), "run `make docs`"


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(BOTO3.get(service, service))


@pytest.mark.parametrize("call", [each for each in CALLS if each.gone.code], ids=lambda each: each.id)
def test_the_code_is_one_that_aws_gives(call: Call) -> None:
    service, operation = call.name.split(":")
    shapes = _model(service).operation_model(operation).error_shapes
    codes = {(shape.metadata.get("error") or {}).get("code", shape.name) for shape in shapes}
    assert call.gone.code in codes | COMMON


def fault(name: str, kind: str, **more: Any) -> dict[str, Any]:
    service, operation = name.split(":")
    return {"kind": kind, "service": BOTO3.get(service, service), "operation": operation, **more}


async def begin(factory: Factory, call: Call) -> Process:
    """The stage before its first call, and a process with empty caches."""
    await call.stage.prepare(factory)
    if call.limits:
        assert await factory.standin("limits", call.limits)
    for each in call.first:
        assert await factory.standin("faults", each)
    return await factory.start()


def reason(account: AwsAccount, condition: str) -> str | None:
    found = find(account.status.conditions, condition)
    return found.reason if found else None


async def lasted(factory: Factory) -> None:
    """The problems are older than any stall timeout."""
    steps = (await factory.account()).status.steps
    since = {"troubledSince": to_rfc3339(utc_now() - timedelta(days=2))}
    troubled = {name: since for name, record in steps.items() if record.troubled_since is not None}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"steps": troubled}})


def rows(*how: How) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", [each for each in CALLS if each.gone.how in how], ids=lambda each: each.id)


@rows(How.ANSWER)
async def test_that_it_is_not_there_may_be_an_answer(factory: Factory, call: Call) -> None:
    process = await begin(factory, call)
    process.events.clear()
    assert await factory.standin("faults", fault(call.name, "error", code=call.gone.code, times=10_000))
    account = await walked(process)
    assert call.name in process.calls
    assert (reason(account, call.told), account.status.error) == ("Done", None)
    factory.clear_faults()


@rows(How.TROUBLE, How.MAIL)
async def test_what_stays_away_is_told_stalls_and_goes_on_by_itself(factory: Factory, call: Call) -> None:
    process = await begin(factory, call)
    assert await factory.standin("faults", fault(call.name, "error", code=call.gone.code, times=10_000))
    account = await walked(process, lambda each: reason(each, call.told) == call.gone.reason)
    assert reason(account, call.told) == call.gone.reason
    assert account.status.phase != "failed"
    if call.gone.how is How.TROUBLE:
        await lasted(factory)
        account = await walked(process, lambda each: is_true(each.status.conditions, "Stalled"))
        assert reason(account, "Stalled") == reason(account, call.told)
    else:
        assert (account.status.phase, account.status.error) == ("active", None)
    factory.clear_faults()
    await call.stage.is_right(factory, await walked(process))


async def test_what_a_list_does_not_find_is_asked_once_a_try(factory: Factory) -> None:
    """A page is retried while AWS is busy; that a listed resource is missing is for the step to handle."""
    await MAKE.prepare(factory)
    assert await factory.standin("faults", fault("organizations:ListParents", "error", code="ChildNotFoundException"))
    process = await factory.start()
    await MAKE.is_right(factory, await walked(process))
    first, second = (number for number, name in enumerate(process.calls) if name == "organizations:ListParents")
    assert "organizations:DescribeAccount" in process.calls[first:second], "the step began anew"


@rows(How.ANEW)
async def test_a_request_that_aws_has_forgotten_is_looked_for_and_not_made_again(factory: Factory, call: Call) -> None:
    process = await begin(factory, call)
    forgotten = fault(call.name, "error", code=call.gone.code, times=10_000)
    assert await factory.standin("faults", forgotten)
    await walked(process, lambda each: reason(each, call.told) == call.gone.reason)
    assert process.calls.count("organizations:CreateAccount") == 1, "not known everywhere yet: no looking, no asking"
    await lasted(factory)
    found = await process.until(
        "acme", lambda each: bool(each.status.create_request and each.status.create_request.found)
    )
    assert found.status.create_request is not None
    await walked(process, lambda each: reason(each, call.told) == call.gone.reason)
    await lasted(factory)
    stalled = await walked(process, lambda each: is_true(each.status.conditions, "Stalled"))
    assert reason(stalled, "Stalled") == call.gone.reason, "AWS lists it and does not describe it: somebody has to look"
    factory.clear_faults()
    account = await walked(process)
    await call.stage.is_right(factory, account)
    assert await factory.requests(account) == 1


async def test_that_the_whole_directory_is_not_found_says_nothing_of_its_users(factory: Factory) -> None:
    """If it were taken for a deleted user, the owner would keep access to an account that is called suspended."""
    await SUSPEND.prepare(factory)
    process = await factory.start()
    gone = {"code": "ResourceNotFoundException", "fields": {"ResourceType": "IDENTITY_STORE"}, "times": 10_000}
    assert await factory.standin("faults", fault("identitystore:DescribeUser", "error", **gone))
    account = await walked(process, lambda each: reason(each, "SSORevoked") == "NotFoundInAws")
    assert (reason(account, "SSORevoked"), account.status.phase) == ("NotFoundInAws", "active")
    factory.clear_faults()
    await SUSPEND.is_right(factory, await walked(process))


@rows(How.REFUSED)
async def test_what_is_refused_is_told_holds_nothing_up_and_is_tried_again_by_the_comparison(
    factory: Factory, call: Call
) -> None:
    process = await begin(factory, call)
    assert await factory.standin("faults", fault(call.name, "error", code=call.gone.code, times=10_000))
    account = await walked(process)
    assert reason(account, call.told) == call.gone.reason
    assert (account.status.phase, account.status.error) == ("active", None)
    assert ("Warning", call.gone.reason) in process.events
    assert await process.reconciler.resync(NAMESPACE, "acme") is False, "refused as before"
    factory.clear_faults()
    assert await process.reconciler.resync(NAMESPACE, "acme") is False, "it is no drift"
    await call.stage.is_right(factory, await factory.account())
    assert reason(await factory.account(), call.told) == "Done"


@rows(How.SEEN)
async def test_what_was_seen_is_seen_to_be_over(factory: Factory, call: Call) -> None:
    process = await begin(factory, call)
    assert await factory.standin("faults", fault(call.name, "error", code=call.gone.code, times=10_000))
    account = await walked(process)
    assert reason(account, call.told) == reason(account, "Stalled") == call.gone.reason
    assert await process.reconciler.resync(NAMESPACE, "acme") is None, "seen as it was"
    factory.clear_faults()
    assert await process.reconciler.resync(NAMESPACE, "acme") is True
    await call.stage.is_right(factory, await walked(process))


@pytest.mark.parametrize("call", [each for each in CALLS if each.again], ids=lambda each: each.id)
async def test_what_was_made_again_is_looked_up_once_more_and_is_no_news(factory: Factory, call: Call) -> None:
    """The cached id of a resource that was deleted and created again causes one not-found error."""
    process = await begin(factory, call)
    process.events.clear()
    errors: list[Any] = []

    def forgets(operation: str, _: int) -> None:
        if operation == call.name and not errors:
            errors.append(len(process.calls))

    process.before_call = forgets
    assert await factory.standin("faults", fault(call.name, "error", code=call.gone.code))
    account = await walked(process)
    await call.stage.is_right(factory, account)
    assert {kind for kind, _ in process.events} == {"Normal"}, process.events
    after = process.calls[errors[0] :]
    assert call.again in after, "what we remembered is forgotten, and found by its name"
    # A call of another door may be on its way meanwhile.
    assert call.name in after[after.index(call.again) :], "and the call is made again with it"


@pytest.mark.parametrize("stage", STAGES, ids=lambda each: each.name)
async def test_trouble_of_aws_is_nobodys_failure(
    factory: Factory, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of 503, a code that nobody knows with 500, a page of 429 and a throttle, at every call of the stage."""
    monkeypatch.setattr(caller, "PAGE_SECONDS", 0.001)
    await stage.prepare(factory)
    mine = {each.name for each in CALLS if each.stage is stage and not each.first}
    for each in CALLS:
        if each.stage is stage and each.limits:
            assert await factory.standin("limits", each.limits)
    for name in sorted({each.name for each in CALLS}):
        for trouble in (
            fault(name, "page", status=503),
            fault(name, "error", code="NobodyKnowsThisException", status=500),
            fault(name, "page", status=429),
            fault(name, "throttle", times=1),
        ):
            assert await factory.standin("faults", trouble)
    process = await factory.start()

    def look(account: AwsAccount) -> None:
        assert account.status.error is None, "it is no trouble of anybody's"
        assert not is_true(account.status.conditions, "Stalled")
        assert account.status.phase != "failed"

    account = await walked(process, look=look)
    met = [each for each in (await factory.standin("faults"))["faults"] if each["spent"]]
    struck = {f"{BACK.get(each['service'], each['service'])}:{each['operation']}" for each in met}
    assert mine <= struck, "each call of the stage met it"
    factory.clear_faults()
    await stage.is_right(factory, account)


BACK = {boto3: ours for ours, boto3 in BOTO3.items()}


def _acts() -> list[Call]:
    seen: dict[str, Call] = {}
    for each in CALLS:
        if is_mutation(each.name):
            seen.setdefault(each.name, each)
    return [*seen.values()]


@pytest.mark.parametrize("call", _acts(), ids=lambda each: each.id)
async def test_what_aws_did_and_did_not_say_is_not_done_twice(factory: Factory, call: Call) -> None:
    """The response is lost after AWS carried out the call; what follows repeats it, or sees that it is done."""
    process = await begin(factory, call)
    set_up = await factory.standin("faults", fault(call.name, "answer_lost"))
    assert set_up
    account = await walked(process)
    struck = [each for each in (await factory.standin("faults"))["faults"] if each["id"] == set_up["id"]]
    assert struck[0]["spent"], "the stage makes this call"
    factory.clear_faults()
    await call.stage.is_right(factory, account)
    if "make" in call.stage.name:
        assert await factory.requests(account) == 1
