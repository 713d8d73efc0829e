"""After an account is left, nothing in the process knows its UID."""

import asyncio
import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from types import FunctionType, MethodType
from typing import Any

import kopf
import pytest
from fakes.cluster import Json
from fakes.factory import NAMESPACE, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.creations import CreationStatus
from batteries_operator.controller import handlers
from batteries_operator.steps.account_registries import AccountRegistries

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PASSED_OVER = "DelayingQueue."
"""The turn of a resync, which is passed over when it comes: see Resync.forget."""


def parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """What an object of ours, a container or a function holds, each with the name it has there."""
    if isinstance(thing, Mapping):
        for key, value in [*thing.items()]:
            yield "", key
            yield "", value
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from (("", each) for each in thing)
    elif isinstance(thing, MethodType):
        yield "", thing.__self__
    elif isinstance(thing, partial):
        yield from (("", each) for each in (thing.func, *thing.args))
    elif isinstance(thing, FunctionType):
        names = thing.__code__.co_freevars
        yield from zip(names, (cell.cell_contents for cell in thing.__closure__ or ()), strict=True)
    elif type(thing).__module__.startswith("batteries_operator"):
        fields = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
        yield from ((f"{type(thing).__name__}.{name}", getattr(thing, name, None)) for name in fields)


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Everything that is reachable from there, with the last attribute on the way."""
    seen, left = set[int](), [("", root)]
    while left:
        place, thing = left.pop()
        if isinstance(thing, str):
            yield place, thing
        elif id(thing) not in seen:
            seen.add(id(thing))
            yield place, thing
            left += ((name or place, part) for name, part in parts(thing))


def knowing(root: Any, uid: str) -> set[str]:
    """The attributes in which the UID is found."""
    found = {place for place, thing in walk(root) if thing == uid}
    return {place for place in found if not place.startswith(PASSED_OVER)}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reasons of the Events that were posted."""
    reasons: list[str] = []
    monkeypatch.setattr(kopf, "event", lambda _, **event: reasons.append(event["reason"]))
    return reasons


async def show(changed: Callable[..., Any], body: Json, kind: str = "MODIFIED", **changes: Any) -> None:
    """A watch event; the handler empties the body that it is given."""
    raw: Any = copy.deepcopy(body | changes)
    await changed(uid=body["metadata"]["uid"], body=kopf.Body(raw), type=kind)


async def all_knowing(process: Process, account: AwsAccount, changed: Callable[..., Any], body: Json) -> None:
    """Tells the account to every registry, whatever it is at."""
    uid, deps = account.metadata.uid, process.deps
    await show(changed, body, spec={"email": 1})
    await show(changed, body)
    process.wakeups.of(uid)
    process.controller.cache.update(account)
    for slots in (deps.creations, deps.assignments, deps.closures):
        for other in range(20):
            slots.restore(f"other-{other}")
        assert not slots.acquire(uid, account.line, NOW)
    for estimate in (deps.role_duration, deps.assignment_duration):
        estimate.first_poll_delay(uid, 60)
    deps.early_access.begin(uid, asyncio.sleep(60, None))
    deps.creation_poller.note("car-1", uid)
    deps.creation_poller._ended["car-2"] = uid, CreationStatus("car-2", "SUCCEEDED", None, None)
    assert account.status.aws_account_id is not None
    await deps.aws.ownership.prove(account, account.status.aws_account_id)


async def started(factory: Factory) -> tuple[Process, AwsAccount, Any, Callable[..., Any]]:
    """A process with an active account, all of kopf's handlers, and the one of the watch's events."""
    process = await factory.active()
    registry: Any = handlers.registry(process.controller)
    every = [each.fn for each in (*registry._watching._handlers, *registry._changing._handlers)]
    every += [each.fn for each in (*registry._spawning._handlers, *registry._activities._handlers)]
    changed = next(each for each in every if each.__name__ == "changed")
    return process, await factory.account(), [process.controller, process.deps, *every], changed


async def test_nothing_knows_an_account_that_is_gone(factory: Factory) -> None:
    process, account, root, changed = await started(factory)
    uid, body = account.metadata.uid, factory.cluster.get("AwsAccount", NAMESPACE, "acme")
    await all_knowing(process, account, changed, body)
    assert knowing(root, uid) >= {
        *("Wakeups._events", "AccountCache._newest", "Slots._owners", "Slots._lines", "DurationEstimate._begun"),
        *("DurationEstimate._looked", "_Waiting.key", "CreationPoller._ended", "Ownership._proved"),
        *("HeadStarts._begun", "EventHandler._known", "AccountMetrics._known", "Resync._known"),
    }
    await show(changed, body, "DELETED")
    assert knowing(root, uid) == set()


async def test_an_account_at_rest_is_known_by_what_watches_it_alone(factory: Factory) -> None:
    process, account, root, changed = await started(factory)
    uid, body = account.metadata.uid, factory.cluster.get("AwsAccount", NAMESPACE, "acme")
    await all_knowing(process, account, changed, body)
    process.deps.registries.settle(uid)
    assert {place.split(".")[0] for place in knowing(root, uid)} == {
        *("_Waiting", "CreationPoller", "Ownership", "EventHandler", "AccountMetrics", "Resync")
    }


async def test_an_account_that_cannot_be_read_is_known_as_that_alone_and_told_once(
    factory: Factory, told: list[str]
) -> None:
    process, account, root, changed = await started(factory)
    uid, body = account.metadata.uid, factory.cluster.get("AwsAccount", NAMESPACE, "acme")
    await all_knowing(process, account, changed, body)
    for _ in range(2):
        await show(changed, body, spec={"email": 1})
    assert knowing(root, uid) == {"Unreadable._known"}
    assert told == ["Unreadable", "Unreadable"], "once in all_knowing, after which it could be read, and once since"
    await show(changed, body, "DELETED")
    assert knowing(root, uid) == set()


async def test_every_registry_that_can_forget_a_uid_is_told_to(factory: Factory) -> None:
    process, _, root, _ = await started(factory)
    known = process.deps.registries
    registered = {id(each) for each in (*known._of_work, *known._of_accounts)}
    forgetful = {
        id(thing): thing
        for _, thing in walk(root)
        if not isinstance(thing, str | AccountRegistries | type)
        and [*inspect.signature(getattr(thing, "forget", lambda: None)).parameters] == ["uid"]
    }
    assert [type(each).__name__ for number, each in forgetful.items() if number not in registered] == []
    assert len(forgetful) == len(registered)
