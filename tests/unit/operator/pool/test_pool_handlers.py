"""kopf's handlers of PooledAccounts, called as kopf calls them: of a body that they have slimmed themselves."""

import asyncio
import copy
from typing import Any

import kopf
import pytest
from fakes.cluster import Json
from fakes.factory import NAMESPACE, Factory, Process
from fakes.members import add_member, is_ready, mark_deleted, member

from batteries_crds.names import MEMBERS
from batteries_operator.controller import handlers


class Kopf:
    """The handlers, and the one body that kopf keeps of the object."""

    def __init__(self, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handlers, "members_of", lambda *_: process.members)
        registry: Any = handlers.registry(process.controller)
        every = (*registry._watching._handlers, *registry._changing._handlers, *registry._spawning._handlers)
        self.handlers = {each.fn.__name__: each for each in every if each.selector.any_name == MEMBERS}
        self.body: Any = None

    async def show(self, raw: Json, kind: str = "MODIFIED") -> None:
        self.body = kopf.Body(copy.deepcopy(raw))  # type: ignore[arg-type]  # a raw body has all of Kubernetes' fields
        await self.handlers["member_changed"].fn(uid=raw["metadata"]["uid"], body=self.body, type=kind)

    @property
    def wants_a_daemon(self) -> bool:
        return bool(self.handlers["provision"].when(uid=self.body.metadata["uid"]))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reasons of the Events that were posted by kopf itself."""
    reasons: list[str] = []
    monkeypatch.setattr(kopf, "event", lambda _, **event: reasons.append(event["reason"]))
    return reasons


def raw(factory: Factory) -> Json:
    return factory.cluster.get("PooledAccount", NAMESPACE, "one")


async def test_a_member_is_driven_while_something_is_pending_and_let_go_at_its_end(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    await add_member(factory, deletionPolicy="Close")
    process = await factory.start()
    edge, stop = Kopf(process, monkeypatch), asyncio.Event()
    await edge.show(raw(factory), "ADDED")
    assert edge.wants_a_daemon
    process._follow()
    driving = asyncio.create_task(edge.handlers["provision"].fn(body=edge.body, stopped=stop))
    async with asyncio.timeout(60):
        while not is_ready(await member(factory)):
            await asyncio.sleep(0.02)
    await edge.show(raw(factory))
    assert not edge.wants_a_daemon
    stop.set()
    await driving
    mark_deleted(factory)
    await edge.show(raw(factory))
    async with asyncio.timeout(60):
        await edge.handlers["deleted"].fn(body=edge.body)
    organizations = await factory.client("organizations")
    account = (await member(factory)).status.aws_account_id
    assert organizations.describe_account(AccountId=account)["Account"]["State"] == "CLOSED"
    assert process.events[-1] == ("Normal", "Released")
    assert told == []
    await edge.show(raw(factory), "DELETED")
    assert not edge.wants_a_daemon


async def test_a_member_that_can_not_be_read_is_told_and_let_go(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    await add_member(factory)
    process = await factory.start()
    edge = Kopf(process, monkeypatch)
    await edge.show(raw(factory) | {"spec": {"poolRef": 1}})
    assert not edge.wants_a_daemon
    await edge.handlers["deleted"].fn(body=edge.body)
    assert told == ["Unreadable", "Released"]
    assert process.calls == []
