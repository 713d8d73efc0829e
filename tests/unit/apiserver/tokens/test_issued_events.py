"""Events of issued tokens: few, counted, and harmless when they can't be written."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.kube.object_events import Occurrences
from batteries_apiserver.tokens.issued_events import IssuedEvents
from batteries_crds.aws_account import AwsAccount
from batteries_crds.resource import Resource

METADATA = {"name": "acme", "namespace": "n", "uid": "u", "resourceVersion": "1"}
ACCOUNT = AwsAccount.model_validate({"metadata": METADATA, "spec": {"customerRef": {"name": "c"}}})
FIRST, SECOND = Caller("k1", "c", False, "11111111"), Caller("k2", "c", False, "22222222")


class Written:
    """Events in memory: what Kubernetes has of them."""

    def __init__(self) -> None:
        self.events: dict[str, Occurrences] = {}
        self.writes = 0
        self.error: Exception | None = None

    async def create(self, about: Resource, name: str, what: Occurrences) -> None:
        self._fail()
        self.events[name] = what

    async def again(self, namespace: str, name: str, what: Occurrences) -> bool:
        self._fail()
        if name in self.events:
            self.events[name] = what
        return name in self.events

    def _fail(self) -> None:
        self.writes += 1
        if self.error is not None:
            raise self.error

    @property
    def counts(self) -> list[int]:
        return sorted(event.count for event in self.events.values())


class World:
    def __init__(self) -> None:
        self.written, self.now = Written(), datetime(2026, 12, 1, tzinfo=UTC)
        self.events = IssuedEvents(self.written, now=lambda: self.now)  # type: ignore[arg-type]  # as far as it is used


@pytest.fixture
def world() -> World:
    return World()


async def test_a_key_that_gets_many_tokens_makes_one_event(world: World) -> None:
    for _ in range(1000):
        world.events.note(ACCOUNT, FIRST)
    world.events.note(ACCOUNT, SECOND)
    await world.events.flush()
    await world.events.flush()
    assert world.written.counts == [1, 1000]
    assert world.written.writes == 2


async def test_after_ten_minutes_there_is_another_event(world: World) -> None:
    for _ in range(2):
        world.events.note(ACCOUNT, FIRST)
        await world.events.flush()
        world.now += timedelta(minutes=9)
    world.now += timedelta(minutes=1)
    world.events.note(ACCOUNT, FIRST)
    await world.events.flush()
    assert world.written.counts == [1, 2]


async def test_an_event_that_kubernetes_deleted_is_made_again(world: World) -> None:
    world.events.note(ACCOUNT, FIRST)
    await world.events.flush()
    world.written.events.clear()
    world.events.note(ACCOUNT, FIRST)
    await world.events.flush()
    assert world.written.counts == [2]


async def test_what_kubernetes_does_not_take_now_is_written_later_and_what_it_refuses_is_dropped(world: World) -> None:
    world.events.note(ACCOUNT, FIRST)
    world.written.error = TimeoutError()
    await world.events.flush()
    world.written.error = None
    await world.events.flush()
    assert world.written.counts == [1]
    world.events.note(ACCOUNT, SECOND)
    world.written.error = ApiException(status=403)
    await world.events.flush()
    writes = world.written.writes
    await world.events.flush()
    assert world.written.writes == writes


async def test_many_accounts_are_not_remembered_for_ever(world: World) -> None:
    for number in range(20_000):
        meta = {**METADATA, "name": f"a-{number}"}
        world.events.note(ACCOUNT.model_copy(update={"metadata": ACCOUNT.metadata.model_validate(meta)}), FIRST)
    await world.events.flush()
    assert len(world.written.events) == 10_000
    world.now += timedelta(minutes=10)
    await world.events.flush()
    world.events.note(ACCOUNT, FIRST)
    await world.events.flush()
    assert len(world.written.events) == 10_001


@pytest.mark.virtual_time
async def test_events_are_written_every_few_seconds_and_once_more_at_the_end(world: World) -> None:
    async with world.events.written():
        world.events.note(ACCOUNT, FIRST)
        await asyncio.sleep(4.9)
        assert world.written.counts == []
        await asyncio.sleep(0.2)
        assert world.written.counts == [1]
        world.events.note(ACCOUNT, FIRST)
        await asyncio.sleep(5)
        assert world.written.counts == [2]
        world.events.note(ACCOUNT, FIRST)
    assert world.written.counts == [3]


@pytest.mark.parametrize(("count", "said"), [(1, "a token"), (2, "2 tokens")])
async def test_the_event_says_which_key_got_how_many(world: World, count: int, said: str) -> None:
    for _ in range(count):
        world.events.note(ACCOUNT, FIRST)
    await world.events.flush()
    [event] = world.written.events.values()
    assert event.message == f"The API key aib_11111111 got {said} for the role BatteriesAgentRole."
    [name] = world.written.events
    assert name.startswith("acme.")
