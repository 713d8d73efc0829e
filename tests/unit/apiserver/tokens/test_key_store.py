"""What a replica does with keys that it can't read, can't read any more, or that another replica makes just now."""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.runtime import metrics
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.key_store import KeyStore
from batteries_apiserver.tokens.rotation import KeySecret, Rotation
from batteries_apiserver.tokens.stored_keys import FIELD
from batteries_crds.kube.secrets import StoredSecret
from batteries_crds.names import LABEL_ISSUER_KEYS

ROTATION = Rotation(timedelta(days=30), timedelta(days=1), timedelta(seconds=15))
LABELS = {LABEL_ISSUER_KEYS: "true"}


class Secrets:
    """One Secret, with versions as Kubernetes has them."""

    def __init__(self) -> None:
        self.held: StoredSecret | None = None
        self.error: Exception | None = None
        self.writes = 0

    async def find(self, namespace: str, name: str) -> StoredSecret | None:
        if self.error is not None:
            raise self.error
        return self.held

    async def create(self, namespace: str, name: str, data: dict[str, str], **meta: Any) -> StoredSecret | None:
        return None if self.held is not None else self._store(data)

    async def write(self, namespace: str, secret: StoredSecret, data: dict[str, str]) -> StoredSecret | None:
        if self.held is None or self.held.resource_version != secret.resource_version:
            return None
        return self._store(data)

    def _store(self, data: dict[str, str]) -> StoredSecret:
        self.writes += 1
        self.held = StoredSecret("keys", "uid", str(self.writes), LABELS, {}, data)
        return self.held


class World:
    """Two replicas with one Secret, and a clock."""

    def __init__(self) -> None:
        self.now, self.seconds, self.secrets = datetime(2026, 12, 1, tzinfo=UTC), 0.0, Secrets()
        self.stores = [
            KeyStore(
                KeySecret(self.secrets, "n", "keys", ROTATION, lambda: self.now),  # type: ignore[arg-type]  # in memory
                stale_after=60,
                clock=lambda: self.seconds,
            )
            for _ in range(2)
        ]

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()

    async def refreshed(self) -> None:
        for store in self.stores:
            await store.refresh()


@pytest.fixture
def world() -> World:
    return World()


async def test_a_first_key_signs_when_every_replica_can_know_it(world: World) -> None:
    await world.refreshed()
    with pytest.raises(Unavailable):
        world.stores[0].signing()
    assert [key.kid for key in world.stores[0].published()] == [key.kid for key in world.stores[1].published()]
    world.passes(seconds=15)
    assert world.stores[0].signing().kid == world.stores[1].signing().kid
    assert world.secrets.writes == 1


async def test_the_next_key_is_made_once_a_day_before_it_signs(world: World) -> None:
    await world.refreshed()
    world.passes(days=29, seconds=15)
    await world.refreshed()
    await world.refreshed()
    assert world.secrets.writes == 2
    assert [len(store.published()) for store in world.stores] == [2, 2]
    first = world.stores[0].signing().kid
    world.passes(days=1)
    await world.refreshed()
    assert world.stores[0].signing().kid == world.stores[1].signing().kid != first


@pytest.mark.parametrize("error", [TimeoutError(), ApiException(status=503), ApiException(status=403)])
async def test_an_outage_is_waited_out_and_after_a_minute_nothing_is_signed_or_published(
    world: World, error: Exception
) -> None:
    await world.refreshed()
    world.passes(seconds=15)
    await world.refreshed()
    world.secrets.error = error
    world.passes(seconds=60)
    await world.refreshed()
    assert world.stores[0].signing()
    world.passes(seconds=1)
    for ask in (world.stores[0].signing, world.stores[0].published):
        with pytest.raises(Unavailable):
            ask()
    world.secrets.error = None
    await world.refreshed()
    assert world.stores[0].signing()


async def test_a_bug_ends_no_replicas_reading(world: World) -> None:
    world.secrets.error = RuntimeError("a bug")
    await world.refreshed()
    world.secrets.error = None
    await world.refreshed()
    assert world.stores[0].published()


def test_the_next_key_signs_only_when_no_replica_can_publish_keys_without_it() -> None:
    settings = Settings(issuer_key_ahead_seconds=0, issuer_poll_seconds=5, api_cache_stale_seconds=60)
    assert Rotation.of(settings).ahead == timedelta(seconds=60 + 15)
    assert Rotation.of(Settings()).ahead == timedelta(days=1)


def gauges() -> tuple[float, float]:
    return metrics.ISSUER_KEY_AGE._value.get(), metrics.ISSUER_KEYS._value.get()


async def test_the_gauges_say_since_when_a_key_signs_and_how_many_are_published(world: World) -> None:
    store = world.stores[0]
    store.measure()
    assert (math.isnan(gauges()[0]), gauges()[1]) == (True, 0)
    await store.refresh()
    store.measure()
    assert (math.isnan(gauges()[0]), gauges()[1]) == (True, 1), "it is published, and does not sign yet"
    world.passes(seconds=15 + 100)
    store.measure()
    assert gauges() == (100, 1)


@pytest.mark.virtual_time
async def test_the_keys_are_read_again_every_few_seconds_while_they_are_kept(world: World) -> None:
    store = world.stores[0]
    async with store.kept(5):
        assert store.published(), "they are read before the block begins"
        world.secrets.held = None
        await asyncio.sleep(4)
        assert world.secrets.held is None
        await asyncio.sleep(2)
        assert world.secrets.held is not None, "a deleted Secret is made anew"
        assert world.secrets.writes == 2
    world.secrets.held = None
    await asyncio.sleep(60)
    assert world.secrets.held is None


@pytest.mark.parametrize(
    ("labels", "text", "says"),
    [({}, "", "is not this server's"), (LABELS, '{"version": 2}', None)],
    ids=["foreign", "later form"],
)
async def test_what_is_not_ours_to_read_is_used_no_more_and_each_problem_said_once(
    world: World, labels: dict[str, str], text: str, says: str | None
) -> None:
    store = world.stores[0]
    await store.refresh()
    world.secrets.held = StoredSecret("keys", "uid", "100", labels, {}, {FIELD: text})
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            await store.refresh()
    assert [line["event"] for line in lines] == ["issuer_keys_unusable"]
    assert (store.foreign is not None) is (says is not None)
    assert says is None or says in str(store.foreign)
    for ask in (store.signing, store.published):
        with pytest.raises(Unavailable):
            ask()


async def test_a_read_that_hangs_is_given_up(world: World) -> None:
    world.secrets.error = TimeoutError()
    with structlog.testing.capture_logs() as lines:
        await world.stores[0].refresh()
        await world.stores[0].refresh()
        world.secrets.error = ApiException(status=403)
        await world.stores[0].refresh()
        await world.stores[0].refresh()
    assert [line["event"] for line in lines] == ["issuer_keys_unusable"] * 2, "each reason once"
    assert "403" in lines[1]["reason"]


async def test_damaged_keys_are_replaced_and_what_they_signed_is_worth_nothing(world: World) -> None:
    store = world.stores[0]
    await store.refresh()
    [before] = store.published()
    world.secrets.held = StoredSecret("keys", "uid", "2", LABELS, {}, {FIELD: "nonsense"})
    with structlog.testing.capture_logs() as lines:
        await store.refresh()
    [after] = store.published()
    assert after.kid != before.kid
    assert world.secrets.writes == 2
    [line] = [line for line in lines if line["log_level"] == "error"]
    assert (line["event"], line["secret"]) == ("issuer_keys_replaced", "keys")
    world.passes(seconds=15)
    assert store.signing().kid == after.kid, "it signs as soon as every replica can know it"
