"""The watch cache that must list anew: what it holds, finds and tells of afterwards, and what is seen meanwhile."""

import asyncio
import itertools
import random
from collections.abc import Callable

import aiohttp
import pytest
from fakes.scripted_watch import EXPIRED, Raw, Scripted, cache_of, customer, event, running, until
from kubernetes.aio.client import ApiException

from batteries_apiserver.cache import watch
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Page

FIRST = Page([customer("stays", 3), customer("moves", 4, "old@example.com"), customer("goes", 5)], "7", None)
pytestmark = pytest.mark.virtual_time
SECOND = Page([customer("stays", 3), customer("moves", 50, "new@example.com"), customer("comes", 51)], "60", None)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.001)


def names(items: list[Customer]) -> list[str]:
    return sorted(item.metadata.name for item in items)


class Interrupted(Scripted):
    """Does something before it gives a page, whose list's number and token it is given."""

    def __init__(self, *pages: Page[Customer], before: Callable[[int, str | None], None]) -> None:
        super().__init__(*pages)
        self._before = before

    async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Raw]:
        page = await super().raw_page(namespace, token=token)
        self._before(self.lists, token)
        return page


async def test_what_happened_meanwhile_is_found_and_told_of_once() -> None:
    kube = Scripted(FIRST, SECOND)
    cache = cache_of(kube)
    told: list[tuple[str, str | None, str | None]] = []

    def version(item: Customer | None) -> str | None:
        return None if item is None else item.metadata.resource_version

    def listen(before: Customer | None, after: Customer | None) -> None:
        item = after or before
        assert item is not None
        told.append((item.metadata.name, version(before), version(after)))

    async with running(cache):
        cache.listen(listen)
        kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.watched_from == ["7", "60"])
        found = {email: names(cache.find("email", f"{email}@example.com")) for email in ("a", "old", "new")}
        assert found == {"a": ["comes", "stays"], "old": [], "new": ["moves"]}
        assert (cache.get("goes"), len(cache), kube.lists) == (None, 3, 2)
    changes = [("comes", None, "51"), ("goes", "5", None), ("moves", "4", "50"), ("stays", "3", "3")]
    assert sorted(told) == changes, "also what stays: it is another object, by which listeners know it"


async def test_what_was_held_is_held_until_the_new_list_is_whole() -> None:
    seen: list[tuple[list[str], float]] = []

    def look(number: int, token: str | None) -> None:
        seen.append((names(cache.all()), cache.age))
        if (number, token) == (2, "more"):
            raise ApiException(status=410, reason="Gone")  # the continue token has expired
        if number == 3:
            raise aiohttp.ClientConnectionError("refused")

    more = Page(SECOND.items, "60", "more")
    kube = Interrupted(FIRST, more, SECOND, SECOND, SECOND, before=look)
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.watched_from == ["7", "60"])
        assert names(cache.all()) == ["comes", "moves", "stays"]
    assert [held for held, _ in seen[1:]] == [["goes", "moves", "stays"]] * 4
    assert all(age < 2 for _, age in seen[1:]), "and it says since when it has heard nothing"


async def test_of_two_own_writes_during_a_list_the_newer_stays_in_either_response_order() -> None:
    def write(number: int, token: str | None) -> None:
        cache.put(customer("a", 9, "newer@example.com"))
        cache.put(customer("a", 8, "older@example.com"))

    kube = Interrupted(Page([customer("a", 3)], "7", None), before=write)
    cache = cache_of(kube)
    async with running(cache):
        assert names(cache.find("email", "newer@example.com")) == ["a"]
        assert cache.find("email", "older@example.com") == []


async def test_a_new_list_tells_once_of_an_own_write_while_its_pages_are_read() -> None:
    told: list[int] = []

    def write(number: int, token: str | None) -> None:
        if number == 2:
            cache.put(customer("a", 9, "mine@example.com"))

    page = Page([customer("a", 3)], "7", None)
    kube = Interrupted(page, page, before=write)
    cache = cache_of(kube)
    cache.listen(lambda _, after: told.append(after.metadata.version if after is not None else 0))
    async with running(cache):
        kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.watched_from == ["7", "7"])
        assert told == [3, 9, 9], "the first list, the write, and the new list, which does not take it back"


async def test_events_after_a_new_list_are_taken_from_its_version_on() -> None:
    kube = Scripted(FIRST, SECOND)
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.watched_from == ["7", "60"])
        cache.put(customer("goes", 59))
        assert cache.get("goes") is None, "the list knew of its deletion"
        kube.answer.chunks.put_nowait(event("ADDED", customer("goes", 61)))
        await until(lambda: cache.get("goes") is not None)
        await asyncio.sleep(0.01)
        assert kube.lists == 2


async def test_a_late_answer_does_not_bring_a_deleted_object_back_while_a_new_list_is_read() -> None:
    held: list[list[str]] = []

    def answered(number: int, token: str | None) -> None:
        if number == 2:
            cache.put(customer("gone", 8))
            held.append(names(cache.all()))

    kube = Interrupted(Page([customer("gone", 3)], "7", None), Page([], "20", None), before=answered)
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(event("DELETED", customer("gone", 9)) + EXPIRED)
        await until(lambda: kube.watched_from == ["7", "20"])
        assert held == [[]]
        assert names(cache.all()) == []


async def test_what_is_written_after_a_restore_of_etcd_is_there_once_the_new_list_is() -> None:
    """Its version is lower than those of before."""

    def write(number: int, token: str | None) -> None:
        if number == 2:
            cache.put(customer("mine", 12, "mine@example.com"))
            cache.put(customer("again", 13, "mine@example.com"))

    before = Page([customer("a", 50), customer("again", 51)], "60", None)
    kube = Interrupted(before, Page([customer("a", 5)], "10", None), before=write)
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(EXPIRED)
        await until(lambda: kube.watched_from == ["60", "10"])
        assert names(cache.find("email", "mine@example.com")) == ["again", "mine"]


async def test_an_event_that_makes_no_sense_means_a_new_list_and_not_the_end() -> None:
    kube = Scripted(FIRST, SECOND)
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(b'{"type": "ADDED", "object": {}}\n')
        await until(lambda: kube.watched_from == ["7", "60"])
        assert names(cache.all()) == ["comes", "moves", "stays"]


async def watches(monkeypatch: pytest.MonkeyPatch, *lasting: float) -> list[float]:
    """When each watch was opened, of which each lasts so long."""
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 1.0)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    kube, clock = Scripted(FIRST), asyncio.get_running_loop().time
    opened: list[float] = []
    async with running(cache_of(kube)):
        for seconds in lasting:
            await until(lambda: len(kube.watched_from) > len(opened), within=600)
            opened.append(clock())
            await asyncio.sleep(seconds)
            kube.answer.chunks.put_nowait(None)
        await until(lambda: len(kube.watched_from) > len(opened), within=600)
        opened.append(clock())
    return [round(after - before, 1) for before, after in itertools.pairwise(opened)]


async def test_a_watch_that_ends_at_its_time_is_reopened_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await watches(monkeypatch, 5, 5) == [5, 5]


async def test_watches_that_end_at_once_are_reopened_ever_later_until_one_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await watches(monkeypatch, 0, 0, 0, 5, 0) == [1, 2, 4, 5, 1]
