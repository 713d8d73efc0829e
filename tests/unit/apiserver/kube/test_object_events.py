"""Events about our objects, as `kubectl describe` shows them; nothing fails or waits long without one."""

import asyncio
from datetime import UTC, datetime

import pytest
import structlog
from fakes.api_world import MINE, World, world
from kubernetes.aio.client import ApiException

from batteries_apiserver.kube import object_events
from batteries_apiserver.kube.object_events import ObjectEvents, Occurrences, tell_once

FIRST, LAST = datetime(2026, 12, 1, 8, 0, 0, 999_999, UTC), datetime(2026, 12, 1, 8, 5, 0, 1, UTC)


@pytest.fixture
def here() -> World:
    return world()


async def test_an_event_is_about_the_object_and_counts(here: World) -> None:
    account, events = here.add_account(MINE), ObjectEvents(here.kube.rest)
    await events.create(account, "e", Occurrences("TokenIssued", "One.", 1, FIRST, FIRST))
    assert await events.again("n", "e", Occurrences("TokenIssued", "Two.", 2, FIRST, LAST))
    event = here.api.cluster.get("Event", "n", "e")
    assert event["involvedObject"] == {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "namespace": "n",
        "name": MINE,
        "uid": account.metadata.uid,
    }
    assert (event["type"], event["reason"], event["message"], event["count"]) == ("Normal", "TokenIssued", "Two.", 2)
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2026-12-01T08:00:00Z", "2026-12-01T08:05:00Z")
    assert event["source"] == {"component": event["reportingComponent"]} == {"component": "batteries-apiserver"}
    assert {request.query["fieldManager"] for request in here.api.requests if request.plural == "events"} == {
        "batteries-apiserver"
    }


async def test_an_event_that_is_gone_is_not_counted_on(here: World) -> None:
    here.add_account(MINE)
    assert not await ObjectEvents(here.kube.rest).again("n", "gone", Occurrences("R", "M", 2, FIRST, LAST))


@pytest.mark.parametrize("error", [ApiException(status=403), TimeoutError()])
async def test_what_can_not_be_told_fails_nothing(here: World, error: Exception) -> None:
    account = here.add_account(MINE)

    def fail(request: object) -> None:
        raise error

    here.api.before = fail
    with structlog.testing.capture_logs() as lines:
        await tell_once(here.kube.rest, account, "EndChanged", "It ends later.")
    [line] = lines
    assert (line["event"], line["log_level"], line["reason"]) == ("event_not_written", "warning", "EndChanged")
    assert 403 in line.values() or "TimeoutError" in line.values()


@pytest.mark.virtual_time
async def test_a_kubernetes_that_hangs_is_not_waited_for(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        await asyncio.sleep(600)

    monkeypatch.setattr(object_events.ObjectEvents, "create", hang)
    begun = asyncio.get_running_loop().time()
    await tell_once(here.kube.rest, here.add_account(MINE), "EndChanged", "It ends later.")
    assert asyncio.get_running_loop().time() - begun == pytest.approx(3, abs=0.1)
