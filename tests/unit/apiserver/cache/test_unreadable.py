"""Objects in Kubernetes that the models refuse: of a later version of the CRD, or changed by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from fakes.scripted_watch import EXPIRED, Scripted, cache_of, customer, event, running, unreadable, until
from kubernetes.aio.client import ApiClient

from batteries_apiserver.cache import watch
from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_crds.api_key import ApiKey
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Page, Resources, UnreadableError, read_object


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_SHORTEST_PAUSE", 0.001)


@pytest.fixture
def told() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def names(cache: WatchCache[Customer]) -> list[str]:
    return sorted(item.metadata.name for item in cache.all())


async def test_one_in_a_list_is_left_out_with_a_warning_and_the_rest_is_there(told: list[Any]) -> None:
    first = Page([customer("a", 3), unreadable("odd", 4), customer("b", 5)], "7", "more")
    cache = cache_of(Scripted(first, Page([customer("c", 6)], "7", None)))
    async with running(cache):
        assert names(cache) == ["a", "b", "c"]
        assert cache.unreadable == 1
    [line] = [line for line in told if line["event"] == "object_unreadable"]
    assert line["log_level"] == "warning"
    assert line["object"] == "customer n/odd"
    assert line["reason"] == "spec.email: Input should be a valid string"


@pytest.mark.parametrize("way", ["list", "event"])
async def test_one_that_could_be_read_before_is_not_shown_as_it_was(way: str, told: list[Any]) -> None:
    later = Page([unreadable("odd", 50), customer("b", 5)], "60", None)
    kube = Scripted(Page([customer("odd", 3), customer("b", 5)], "7", None), later)
    cache = cache_of(kube)
    async with running(cache):
        assert names(cache) == ["b", "odd"]
        change = EXPIRED if way == "list" else event("MODIFIED", unreadable("odd", 50))
        kube.answer.chunks.put_nowait(change)
        await until(lambda: names(cache) == ["b"])
        assert len(cache.find("email", "a@example.com")) == 1
        assert cache.unreadable == 1
        cache.put(customer("odd", 49))
        assert names(cache) == ["b"], "an answer of before it"


async def test_one_that_comes_keeps_no_other_event_waiting_and_lists_nothing_anew(told: list[Any]) -> None:
    kube = Scripted(Page([], "7", None))
    cache = cache_of(kube)
    async with running(cache):
        kube.answer.chunks.put_nowait(event("ADDED", unreadable("odd", 8)) + event("ADDED", customer("b", 9)))
        await until(lambda: names(cache) == ["b"])
        assert kube.watched_from == ["7"], "the same watch goes on"
    assert [line["event"] for line in told if line["log_level"] == "warning"] == ["object_unreadable"]


@pytest.mark.parametrize("way", ["event", "write", "list", "deletion"])
async def test_one_that_is_mended_or_goes_is_not_counted_any_more(way: str) -> None:
    kube = Scripted(Page([unreadable("odd", 3)], "7", None), Page([customer("odd", 50)], "60", None))
    cache = cache_of(kube)
    async with running(cache):
        assert cache.unreadable == 1
        match way:
            case "event":
                kube.answer.chunks.put_nowait(event("MODIFIED", customer("odd", 8)))
            case "write":
                cache.put(customer("odd", 8))
            case "list":
                kube.answer.chunks.put_nowait(EXPIRED)
            case "deletion":
                kube.answer.chunks.put_nowait(event("DELETED", unreadable("odd", 8)))
        await until(lambda: cache.unreadable == 0)
        assert names(cache) == ([] if way == "deletion" else ["odd"])


async def test_who_needs_every_object_is_told_and_not_given_fewer() -> None:
    class Rest:
        async def json(self, *asked: Any) -> Any:
            return {"metadata": {"resourceVersion": "7"}, "items": [customer("a", 3).to_wire(), unreadable("odd", 4)]}

    async with ApiClient() as api:
        resources = Resources(api, Customer, "test")
        resources._rest = Rest()  # type: ignore[assignment]
        with pytest.raises(UnreadableError, match="customer n/odd"):
            await resources.page("n")
        with pytest.raises(UnreadableError, match="customer n/odd"):
            [item async for item in resources.all("n")]


def test_a_time_beyond_the_calendar_is_no_other_error() -> None:
    meta, spec = {"namespace": "n", "name": "k"}, {"name": "x", "keyPrefix": "0" * 8, "keyHash": "0" * 64}
    raw = {"metadata": meta, "spec": spec}
    status = {"lastUsedAt": "0001-01-01T00:00:00+23:59"}
    read_object(ApiKey, raw)
    with pytest.raises(UnreadableError, match="apikey n/k"):
        read_object(ApiKey, {**raw, "status": status})
