"""One account's events as a stream: which come, in which order, and when it ends."""

import asyncio
from contextlib import ExitStack
from typing import Any

import orjson
import pytest
from fakes.api_world import MINE, NAMESPACE, OTHERS, Client, World, error_of

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.events.stream import Streams, stream
from batteries_apiserver.http.errors import TooManyRequests
from batteries_apiserver.runtime import metrics
from batteries_crds.aws_account import AwsAccount

PATH = f"/v1/accounts/{MINE}/events"
STREAM = {"Accept": "text/event-stream"}


def entry(minute: int, step: str = "create_account", status: str = "succeeded") -> dict[str, Any]:
    return {"timestamp": f"2026-11-24T08:{minute:02d}:00Z", "step": step, "status": status}


def settle(world: World, *history: dict[str, Any], phase: str = "active", name: str = MINE) -> None:
    status = {"phase": phase, "observedGeneration": 1, "history": list(history)}
    world.api.cluster.patch("AwsAccount", NAMESPACE, name, {"status": status}, status=True)


class Written:
    """A response that keeps what is written."""

    def __init__(self) -> None:
        self.text = b""
        self.is_over = False

    async def write(self, data: bytes) -> None:
        self.text += data

    async def write_eof(self) -> None:
        self.is_over = True

    @property
    def events(self) -> list[str]:
        """Their names."""
        return [line[7:] for line in self.text.decode().splitlines() if line.startswith("event: ")]


@pytest.fixture
def account(world: World) -> AwsAccount:
    """One that is being created, with one event, and whose changes the caches see."""
    world.follow()
    made: AwsAccount = world.add_account(MINE, phase="creating", observedGeneration=1, history=[entry(0)])
    return made


@pytest.fixture
def written() -> Written:
    return Written()


def begin(world: World, account: AwsAccount, to: Any, **changes: Any) -> asyncio.Task[None]:
    given: dict[str, Any] = {"last_id": None, "heartbeat": 15, "follow": False, "allowed": lambda: True}
    return asyncio.create_task(stream(to, world.kube, account, **given | changes))


@pytest.mark.virtual_time
async def test_it_writes_each_event_once_and_ends_with_what_became_of_the_account(
    world: World, account: AwsAccount, written: Written
) -> None:
    task = begin(world, account, written)
    await asyncio.sleep(1)
    assert written.events == ["provisioning"]
    settle(world, entry(0), entry(1, "check_status"))
    await task
    assert written.events == ["provisioning", "provisioning", "active"]
    last = orjson.loads(written.text.decode().rsplit("data: ", 1)[1])
    assert last["accountId"] == str(account.account_id)
    assert written.is_over


@pytest.mark.virtual_time
async def test_it_stays_open_while_the_account_has_not_settled(
    world: World, account: AwsAccount, written: Written
) -> None:
    task = begin(world, account, written)
    await asyncio.sleep(3600)
    assert not task.done()
    settle(world, entry(0), entry(1), phase="creating")
    await asyncio.sleep(1)
    assert not task.done()
    assert written.events == ["provisioning", "provisioning"]
    task.cancel()


@pytest.mark.virtual_time
async def test_silence_is_broken_by_a_comment_at_each_heartbeat_and_not_before(
    world: World, account: AwsAccount, written: Written
) -> None:
    task = begin(world, account, written)
    await asyncio.sleep(14.9)
    assert b": still here" not in written.text
    await asyncio.sleep(15.2)
    assert written.text.count(b": still here") == 2
    task.cancel()


@pytest.mark.virtual_time
async def test_one_that_follows_goes_on_after_the_account_has_settled(
    world: World, account: AwsAccount, written: Written
) -> None:
    task = begin(world, account, written, follow=True)
    await asyncio.sleep(1)
    settle(world, entry(0))
    await asyncio.sleep(1)
    settle(world, entry(0), phase="creating")
    await asyncio.sleep(1)
    settle(world, entry(0), phase="suspended")
    await asyncio.sleep(60)
    assert not task.done()
    assert written.events == ["provisioning", "active", "suspended"]
    task.cancel()


@pytest.mark.virtual_time
async def test_it_ends_when_the_account_is_deleted(world: World, account: AwsAccount, written: Written) -> None:
    task = begin(world, account, written, follow=True)
    await asyncio.sleep(1)
    world.forget("accounts", MINE)
    await task
    assert written.is_over


@pytest.mark.virtual_time
async def test_it_ends_when_another_account_has_the_name(world: World, account: AwsAccount, written: Written) -> None:
    task = begin(world, account, written, follow=True)
    await asyncio.sleep(1)
    world.add_account(MINE, phase="creating", history=[entry(0), entry(5)])
    await task
    assert written.events == ["provisioning"]


@pytest.mark.virtual_time
async def test_it_ends_when_the_server_shuts_down(world: World, account: AwsAccount, written: Written) -> None:
    task = begin(world, account, written, follow=True)
    await asyncio.sleep(1)
    world.kube.caches.changes.stop()
    await task
    assert written.is_over


@pytest.mark.virtual_time
async def test_a_revoked_key_ends_it_at_the_next_heartbeat(world: World, account: AwsAccount, written: Written) -> None:
    good = [True]
    task = begin(world, account, written, follow=True, allowed=lambda: good[0])
    await asyncio.sleep(1)
    good[0] = False
    await task
    assert asyncio.get_running_loop().time() < 16


@pytest.mark.parametrize("ended", [{"revokedAt": "2026-11-24T08:00:00Z"}, {"expiresAt": "2026-11-24T08:00:00Z"}, None])
async def test_a_key_that_works_no_more_ends_its_stream_at_the_next_event(
    client: Client, world: World, account: AwsAccount, ended: dict[str, Any] | None
) -> None:
    response = await client.get(f"{PATH}?follow=true", headers={**world.headers, **STREAM})
    assert b"event: provisioning" in await response.content.readuntil(b"event: provisioning")
    if ended is None:
        world.api.cluster.delete("ApiKey", NAMESPACE, world.key.prefix)
        world.forget("keys", world.key.prefix)
    else:
        world.add_key(world.key, **ended)
    settle(world, entry(0), entry(1), phase="creating")
    async with asyncio.timeout(60):
        await response.content.read()


async def test_a_stream_of_a_settled_account_comes_whole_and_unbuffered(
    client: Client, world: World, account: AwsAccount
) -> None:
    settle(world, entry(0))
    response = await client.get(PATH, headers={**world.headers, **STREAM})
    assert response.content_type == "text/event-stream"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Request-Id"]
    text = await response.text()
    assert text.startswith("retry: 2000")
    assert text.count("event: ") == 2


async def test_a_browser_that_comes_back_after_the_end_is_told_to_stop(
    client: Client, world: World, account: AwsAccount
) -> None:
    settle(world, entry(0))
    text = await (await client.get(PATH, headers={**world.headers, **STREAM})).text()
    last = [line[4:] for line in text.splitlines() if line.startswith("id: ")][-1]
    again = await client.get(PATH, headers={**world.headers, **STREAM, "Last-Event-ID": last})
    assert again.status == 204
    settle(world, entry(0), entry(1, "move_to_ou"))
    more = await client.get(PATH, headers={**world.headers, **STREAM, "Last-Event-ID": last})
    assert (await more.text()).count("event: ") == 2


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("TEXT/Event-Stream; q=0.9", True),
        ("application/json, text/event-stream", True),
        ("application/json", False),
        ("text/event-streams", False),
    ],
)
async def test_it_is_a_stream_where_the_client_accepts_one(
    client: Client, world: World, account: AwsAccount, accept: str, streams: bool
) -> None:
    settle(world, entry(0))
    response = await client.get(PATH, headers={**world.headers, "Accept": accept})
    assert (response.content_type == "text/event-stream") is streams


async def test_events_after_one_are_those_that_came_later(client: Client, world: World, account: AwsAccount) -> None:
    settle(world, entry(0), entry(1, "check_status"), entry(2, "move_to_ou"))
    every = (await (await client.get(PATH, headers=world.headers)).json())["events"]
    assert len(every) == 3
    for at in range(3):
        headers = {**world.headers, "Last-Event-ID": every[at]["id"]}
        later = (await (await client.get(PATH, headers=headers)).json())["events"]
        assert later == every[at + 1 :]


async def test_events_of_another_customer_are_of_an_account_that_does_not_exist(client: Client, world: World) -> None:
    world.add_account(OTHERS, owner="somebody", phase="active")
    response = await client.get(f"/v1/accounts/{OTHERS}/events", headers={**world.headers, **STREAM})
    assert (response.status, await error_of(response)) == (404, "account_not_found")


def caller(customer: str | None, key: str) -> Caller:
    return Caller(key, customer, is_admin=customer is None)


def test_a_customer_has_so_many_streams_over_all_keys_and_one_that_ends_makes_room() -> None:
    streams, before = Streams(2), metrics.STREAMS._value.get()
    with streams.one(caller("c", "one")):
        with streams.one(caller("c", "two")):
            assert metrics.STREAMS._value.get() == before + 2
            with pytest.raises(TooManyRequests), streams.one(caller("c", "three")):
                pass
            with streams.one(caller("d", "other")):
                pass
        with streams.one(caller("c", "three")):
            pass
    assert metrics.STREAMS._value.get() == before


def test_administrators_are_counted_by_their_keys() -> None:
    streams = Streams(1)
    with ExitStack() as open_ones:
        for key in ("one", "two"):
            open_ones.enter_context(streams.one(caller(None, key)))
        with pytest.raises(TooManyRequests):
            open_ones.enter_context(streams.one(caller(None, "one")))
