"""A list of very many accounts: whoever else wants something of the process is not kept waiting for the whole of it."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from fakes.account_states import STATES
from fakes.scripted_watch import EXPIRED, Answer, running, until

from batteries_apiserver.cache.changes import AccountChanges
from batteries_apiserver.cache.cooperative_yield import without_full_collections
from batteries_apiserver.cache.trimmed import trimmed_account
from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_apiserver.projections.event_log import EventLog
from batteries_apiserver.projections.serialized import SerializedAccounts
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Page

ACCOUNTS, PAGE = 1000, 100


class Many:
    """Kubernetes with many accounts, whose pages come as text, as from a real one."""

    def __init__(self) -> None:
        self.watches = 0
        self.answer = Answer()
        self.pages = [
            orjson.dumps([self._account(number, number + 1) for number in range(start, start + PAGE)])
            for start in range(0, ACCOUNTS, PAGE)
        ]

    def _account(self, number: int, version: int) -> dict[str, Any]:
        raw = STATES["active"].wire
        meta = {"name": f"a{number}", "namespace": "n", "uid": str(number), "resourceVersion": str(version)}
        return {**raw, "metadata": {**raw["metadata"], **meta}, "spec": {"customerRef": {"name": f"c{number % 10}"}}}

    async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Any]:
        number = int(token or 0)
        following = str(number + 1) if number + 1 < len(self.pages) else None
        return Page(orjson.loads(self.pages[number]), str(ACCOUNTS), following)

    async def watch_from(self, namespace: str, version: str, *, seconds: int) -> Any:
        self.watches += 1
        self.answer = Answer()
        return self.answer


def owner(account: AwsAccount) -> list[str]:
    return [account.spec.customer_ref.name] if account.spec.customer_ref is not None else []


def cache_of(kube: Any) -> WatchCache[AwsAccount]:
    """As the API server has it, with all that listens."""
    indexes = {"customer": owner}
    cache = WatchCache(kube, AwsAccount, "n", indexes=indexes, watch_seconds=10, trim=trimmed_account)
    for listener in (EventLog(), SerializedAccounts(), AccountChanges()):
        cache.listen(listener.observe)
    return cache


class Loop:
    """How long the event loop was held at once, at most, in CPU seconds, which no other process can lengthen."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.whole = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            self.whole += now - last
            last = now


@pytest.fixture
def _nothing_to_collect() -> Iterator[None]:
    """As in the server, which sets aside what is there once it is filled; here it is all of the other tests."""
    gc.collect()
    gc.freeze()
    gc.collect()  # by how much it finds, which is nothing, Python decides when to look again
    yield
    gc.unfreeze()


def begin_anew(kube: Many) -> Callable[[], bool]:
    """Has it list anew; whether it has, and watches from there."""
    kube.answer.chunks.put_nowait(EXPIRED)
    return lambda: kube.watches == 2


@pytest.mark.usefixtures("_nothing_to_collect")
async def test_the_loop_is_never_held_for_more_than_a_small_part_of_a_new_list() -> None:
    kube = Many()
    async with running(cache_of(kube), within=60):
        loop = Loop()
        task = asyncio.create_task(loop.watch())
        await until(begin_anew(kube), within=60)
        await asyncio.sleep(0)  # so that it counts the last part, too
        task.cancel()
    assert loop.longest < loop.whole / 10, f"{loop.longest:.3f} of {loop.whole:.3f} s"


@pytest.mark.usefixtures("_nothing_to_collect")
async def test_a_new_list_is_not_gone_through_for_garbage() -> None:
    kube, seen, usual = Many(), Counter[int](), gc.get_threshold()
    often = (100, 2, 2)

    def looked(phase: str, about: dict[str, int]) -> None:
        seen[about["generation"]] += phase == "start"

    async with running(cache_of(kube), within=60):
        gc.set_threshold(*often)
        gc.callbacks.append(looked)
        await until(begin_anew(kube), within=60)
        gc.callbacks.remove(looked)
        assert gc.get_threshold() == often, "as it was before"
        gc.set_threshold(*usual)
        assert not any(isinstance(one, AwsAccount) for one in gc.get_objects()), "nor later"
    assert seen[0] > 0
    assert seen[2] == 0


async def test_what_is_asked_meanwhile_is_found_all_the_time() -> None:
    kube = Many()
    cache = cache_of(kube)
    async with running(cache, within=60):
        done, seen = begin_anew(kube), Counter[tuple[int, int]]()
        async with asyncio.timeout(60):
            while not done():
                seen[len(cache), len(cache.find("customer", "c3"))] += 1
                await asyncio.sleep(0)
    assert seen.keys() == {(ACCOUNTS, ACCOUNTS // 10)}
    assert seen.total() > 20, "it was asked in the middle"


def test_the_last_of_overlapping_lists_restores_the_collector_and_a_failed_one_too() -> None:
    usual = gc.get_threshold()
    with suppress(TimeoutError), without_full_collections():
        with suppress(TimeoutError), without_full_collections():
            raise TimeoutError
        assert gc.get_threshold() == (*usual[:2], 2**31 - 1)
        raise TimeoutError
    assert gc.get_threshold() == usual


def test_what_a_failed_list_leaves_behind_is_collected_like_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    with suppress(TimeoutError), without_full_collections():
        raise TimeoutError
    assert frozen == []
    with without_full_collections():
        pass
    assert frozen == [True]
