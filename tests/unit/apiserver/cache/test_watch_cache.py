"""The watch cache against a scripted Kubernetes: what it holds after lists, events, own writes and failures."""

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest
import structlog
from fakes.scripted_watch import EXPIRED, Raw, Scripted, cache_of, customer, event, running, until
from kubernetes.aio.client import ApiException

from batteries_apiserver.cache import watch
from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Page


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.001)


async def test_lists_every_page_and_watches_from_the_lists_version() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", "more"), Page([customer("b", 5)], "7", None))
    cache = cache_of(kube)
    assert cache.age == float("inf")
    async with running(cache):
        await until(lambda: kube.watched_from == ["7"])
        assert {item.metadata.name for item in cache.find("email", "a@example.com")} == {"a", "b"}
        assert cache.age < 2


async def test_events_add_change_and_remove_and_indexes_follow() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(event("MODIFIED", customer("a", 8, "new@example.com")))
        await until(lambda: bool(cache.find("email", "new@example.com")))
        assert cache.find("email", "a@example.com") == []
        kube.answer.chunks.put_nowait(event("DELETED", customer("a", 9, "new@example.com")))
        await until(lambda: len(cache) == 0)
        assert cache.find("email", "new@example.com") == []


async def test_an_event_that_comes_in_pieces_is_read_whole() -> None:
    kube = Scripted(Page([], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        whole = event("ADDED", customer("a", 8)) + event("ADDED", customer("b", 9))
        for start in range(0, len(whole), 100):
            kube.answer.chunks.put_nowait(whole[start : start + 100])
        await until(lambda: len(cache) == 2)


async def test_a_bookmark_moves_the_version_that_the_next_watch_goes_on_from() -> None:
    kube = Scripted(Page([], "7", None))
    async with running(cache_of(kube)):
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "40"}}}
        kube.answer.chunks.put_nowait(orjson.dumps(bookmark) + b"\n")
        kube.answer.chunks.put_nowait(None)
        await until(lambda: kube.watched_from == ["7", "40"])
        assert kube.lists == 1


@pytest.mark.parametrize("way", ["status", "event"])
async def test_an_expired_version_means_a_new_list_that_forgets_what_is_gone(way: str) -> None:
    kube = Scripted(Page([customer("gone", 3)], "7", None), Page([customer("new", 50)], "60", None))
    if way == "status":
        kube.refusals = [ApiException(status=410, reason="Gone")]
    cache = cache_of(kube)
    async with running(cache):
        if way == "event":
            kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: cache.get("new") is not None)
        assert cache.get("gone") is None
        await until(lambda: kube.watched_from[-1] == "60")


async def test_a_restored_etcd_whose_versions_are_lower_is_believed() -> None:
    yesterday = Page([customer("a", 5, "yesterday@example.com")], "10", None)
    kube = Scripted(Page([customer("a", 50), customer("lost", 51)], "60", None), yesterday)
    cache = cache_of(kube)
    async with running(cache):
        raw = {"type": "ERROR", "object": {"kind": "Status", "code": 504, "message": "Too large resource version: 60"}}
        kube.answer.chunks.put_nowait(orjson.dumps(raw) + b"\n")
        await until(lambda: bool(cache.find("email", "yesterday@example.com")))
        assert cache.get("lost") is None
        await until(lambda: kube.watched_from[-1] == "10")


async def test_what_is_written_while_the_pages_are_read_is_not_forgotten() -> None:
    class Slow(Scripted):
        async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Raw]:
            cache.put(customer("mine", 9, "mine@example.com"))
            cache.put(customer("deleted", 6, "mine@example.com"))
            return await super().raw_page(namespace, token=token)

    cache = cache_of(Slow(Page([customer("a", 3)], "7", None)))
    async with running(cache):
        assert [item.metadata.name for item in cache.find("email", "mine@example.com")] == ["mine"]


async def test_a_broken_watch_is_taken_up_where_it_ended() -> None:
    kube = Scripted(Page([], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(event("ADDED", customer("a", 8)))
        await until(lambda: len(cache) == 1)
        kube.refusals = [aiohttp.ClientConnectionError("refused"), ApiException(status=500, reason="down")]
        kube.answer.chunks.put_nowait(aiohttp.ClientPayloadError("cut"))
        await until(lambda: kube.watched_from == ["7", "8", "8", "8"])
        assert kube.lists == 1
        assert len(cache) == 1


async def test_an_own_write_shows_at_once_and_the_watch_does_not_turn_it_back() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        cache.put(customer("a", 9, "mine@example.com"))
        kube.answer.chunks.put_nowait(event("MODIFIED", customer("a", 8, "older@example.com")))
        kube.answer.chunks.put_nowait(event("ADDED", customer("b", 10)))
        await until(lambda: cache.get("b") is not None)
        found = cache.get("a")
        assert found is not None
        assert found.spec.email == "mine@example.com"


async def test_a_late_answer_does_not_bring_a_deleted_object_back() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(event("DELETED", customer("a", 9)))
        await until(lambda: len(cache) == 0)
        cache.put(customer("a", 8))
        assert cache.get("a") is None


async def test_annotations_are_not_kept() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        found = cache.get("a")
        assert found is not None
        assert found.metadata.annotations == {}


async def test_listeners_hear_of_each_change_once_and_a_new_list_tells_no_lies() -> None:
    kube = Scripted(Page([customer("a", 3), customer("gone", 4)], "7", None), Page([customer("a", 3)], "60", None))
    cache = cache_of(kube)
    heard: list[tuple[str | None, str | None]] = []

    def version(each: Customer | None) -> str | None:
        return each.metadata.resource_version if each is not None else None

    cache.listen(lambda old, new: heard.append((version(old), version(new))))
    async with running(cache):
        assert heard == [(None, "3"), (None, "4")]
        kube.answer.chunks.put_nowait(event("MODIFIED", customer("a", 8)))
        await until(lambda: heard[-1] == ("3", "8"))
        kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.lists == 2 and len(cache) == 1)
        assert heard[3:] == [("4", None), ("8", "3")]


class TwoNamespaces:
    """Kubernetes with one object in each of two namespaces."""

    def __init__(self) -> None:
        self.of = {name: Scripted(Page([customer("a", 3, f"{name}@example.com", name)], "7", None)) for name in "no"}

    async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Raw]:
        return await self.of[namespace].raw_page(namespace, token=token)

    async def watch_from(self, namespace: str, version: str, *, seconds: int) -> Any:
        return await self.of[namespace].watch_from(namespace, version, seconds=seconds)


async def test_namespaces_are_watched_each_by_itself_and_names_are_those_at_home() -> None:
    kube = TwoNamespaces()
    indexes = {"email": lambda item: (item.spec.email,)}
    cache = WatchCache(kube, Customer, "n", indexes=indexes, watch_seconds=10, namespaces=["n", "o"])  # type: ignore[arg-type]
    async with running(cache):
        assert len(cache) == 2
        found = cache.get("a")
        assert found is not None
        assert found.spec.email == "n@example.com"
        kube.of["o"].answer.chunks.put_nowait(event("DELETED", customer("a", 9, "o@example.com", "o")))
        await until(lambda: len(cache) == 1)
        cache.put(customer("b", 8, "n@example.com", "n"))
        cache.put(customer("b", 8, "o@example.com", "o"))
        assert len(cache.find("email", "n@example.com")) == 2, "its own watch has not got to version 8"
        assert cache.find("email", "o@example.com") == [], "its own watch has told of version 9"
        # A new list of one namespace forgets nothing of the other.
        kube.of["o"].pages = [Page([], "60", None)]
        kube.of["o"].answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.of["o"].lists == 2)
        assert len(cache.find("email", "n@example.com")) == 2


class OneRefused(TwoNamespaces):
    """Kubernetes that lets the namespace `o` be read only when `open`."""

    open = False

    async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Raw]:
        if namespace == "o" and not self.open:
            raise ApiException(status=403, reason="Forbidden")
        return await super().raw_page(namespace, token=token)


async def test_a_namespace_that_cannot_be_read_keeps_the_home_namespace_from_nothing() -> None:
    kube = OneRefused()
    cache = WatchCache(kube, Customer, "n", indexes={}, watch_seconds=10, namespaces=["n", "o"])  # type: ignore[arg-type]
    async with running(cache):
        assert cache.synced.is_set()
        assert cache.age < 10
        assert cache.ages["o"] == float("inf")
        assert len(cache) == 1
        kube.open = True
        await until(lambda: len(cache) == 2)
        assert cache.ages["o"] < 10


async def test_the_home_namespace_that_cannot_be_read_keeps_the_cache_unfilled() -> None:
    kube = OneRefused()
    cache = WatchCache(kube, Customer, "o", indexes={}, watch_seconds=10, namespaces=["n", "o"])  # type: ignore[arg-type]
    task = asyncio.create_task(cache.run())
    await until(lambda: len(cache) == 1)
    assert not cache.synced.is_set()
    assert cache.age == float("inf")
    task.cancel()


async def test_a_deletion_told_late_does_not_take_the_object_made_again_under_its_name() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        cache.put(customer("a", 10, "again@example.com"))
        kube.answer.chunks.put_nowait(event("DELETED", customer("a", 9)))
        kube.answer.chunks.put_nowait(event("ADDED", customer("b", 11)))
        await until(lambda: cache.get("b") is not None)
        assert len(cache.find("email", "again@example.com")) == 1


class NotThere(Scripted):
    """Kubernetes without the resource, or that lets nobody read it, until `status` is None."""

    status: int | None = 404

    async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Raw]:
        page = await super().raw_page(namespace, token=token)
        if self.status is not None:
            raise ApiException(status=self.status, reason="refused")
        return page


@pytest.mark.virtual_time
@pytest.mark.parametrize("status", [403, 404])
async def test_an_optional_resource_that_is_not_there_is_looked_for_once_a_minute_and_told_once(status: int) -> None:
    kube = NotThere(Page([customer("a", 3)], "7", None))
    kube.status = status
    cache = WatchCache(kube, Customer, "n", indexes={}, watch_seconds=10, optional=True)  # type: ignore[arg-type]
    task = asyncio.create_task(cache.run())
    with structlog.testing.capture_logs() as logs:
        await asyncio.sleep(3600)
    assert 60 <= kube.lists <= 121
    assert [(line["event"], line["log_level"]) for line in logs] == [("resource_not_there", "info")]
    assert (cache.synced.is_set(), cache.age) == (False, float("inf"))
    kube.status = None
    await asyncio.wait_for(cache.synced.wait(), 61)
    assert cache.get("a") is not None
    task.cancel()


@pytest.mark.virtual_time
async def test_an_optional_resource_that_fails_otherwise_is_retried_as_any() -> None:
    kube = NotThere(Page([], "7", None))
    kube.status = 500
    cache = WatchCache(kube, Customer, "n", indexes={}, watch_seconds=10, optional=True)  # type: ignore[arg-type]
    task = asyncio.create_task(cache.run())
    await asyncio.sleep(60)
    assert kube.lists > 6
    task.cancel()


@pytest.mark.virtual_time
async def test_an_optional_resource_that_goes_while_it_is_watched_is_listed_anew() -> None:
    kube = Scripted(Page([customer("a", 3)], "7", None), Page([], "9", None))
    cache = WatchCache(kube, Customer, "n", indexes={}, watch_seconds=10, optional=True)  # type: ignore[arg-type]
    async with running(cache):
        kube.refusals = [ApiException(status=404, reason="Not Found")]
        kube.answer.chunks.put_nowait(None)
        await until(lambda: len(cache) == 0, within=61)
