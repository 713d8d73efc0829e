"""The Lease: one operator holds it, others wait; one that can't renew it stops before another may begin."""

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiException, V1Lease, V1ObjectMeta

from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.runtime.leader_election import Lease, NotLeadingError, fence

SECONDS = 15


class Leases:
    """Kubernetes' Leases: one of them, with optimistic locking. `down` makes every request fail."""

    def __init__(self) -> None:
        self.lease: V1Lease | None = None
        self.down: Exception | None = None
        self.writes = 0

    async def read_namespaced_lease(self, name: str, namespace: str) -> V1Lease:
        self._up()
        if self.lease is None:
            raise ApiException(status=404)
        return copy.deepcopy(self.lease)

    async def create_namespaced_lease(self, namespace: str, body: V1Lease, *, field_manager: str) -> V1Lease:
        self._up()
        if self.lease is not None:
            raise ApiException(status=409)
        return self._store(body)

    async def replace_namespaced_lease(
        self, name: str, namespace: str, body: V1Lease, *, field_manager: str
    ) -> V1Lease:
        self._up()
        assert self.lease is not None
        assert self.lease.metadata is not None
        assert body.metadata is not None
        if body.metadata.resource_version != self.lease.metadata.resource_version:
            raise ApiException(status=409)
        return self._store(body)

    def _up(self) -> None:
        if self.down is not None:
            raise self.down

    def _store(self, body: V1Lease) -> V1Lease:
        self.writes += 1
        self.lease = V1Lease(
            metadata=V1ObjectMeta(name="l", resource_version=str(self.writes)), spec=copy.deepcopy(body.spec)
        )
        return copy.deepcopy(self.lease)

    @property
    def holder(self) -> str | None:
        return self.lease.spec.holder_identity if self.lease is not None and self.lease.spec is not None else None


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest.fixture
async def candidate(leases: Leases) -> Callable[[str], Lease]:
    """Makes candidates, whose clocks run alike: in the virtual time of the test."""
    api: Any = leases

    def make(identity: str) -> Lease:
        return Lease(api, "ns", "l", identity, SECONDS, asyncio.get_running_loop().time)

    return make


def leads(lease: Lease) -> bool:
    """Whether it certainly does."""
    try:
        lease.require()
    except NotLeadingError:
        return False
    return True


async def test_one_leads_and_the_other_does_not(candidate: Callable[[str], Lease], leases: Leases) -> None:
    first, second = candidate("first"), candidate("second")
    await first.acquire()
    first.require()
    assert leases.holder == "first"
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(1)
    assert not waiting.done()
    with pytest.raises(NotLeadingError, match="second does not hold the Lease"):
        second.require()
    waiting.cancel()


async def test_of_many_that_see_it_free_at_one_moment_one_gets_it(candidate: Callable[[str], Lease]) -> None:
    candidates = [candidate(str(number)) for number in range(5)]
    tasks = [asyncio.create_task(each.acquire()) for each in candidates]
    await asyncio.sleep(0.1)
    [leader] = [each for each in candidates if leads(each)]
    await leader.release()
    await asyncio.sleep(SECONDS / 2)
    assert sum(map(leads, candidates)) == 1
    assert not leads(leader)
    for task in tasks:
        task.cancel()


async def test_a_released_lease_is_taken_at_once(candidate: Callable[[str], Lease], leases: Leases) -> None:
    first, second = candidate("first"), candidate("second")
    await first.acquire()
    await first.release()
    with pytest.raises(NotLeadingError):
        first.require()
    await second.acquire()
    assert leases.holder == "second"


async def test_a_release_that_is_never_answered_ends_when_the_lease_has_run_out(
    leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    api: Any = leases
    lease = Lease(api, "ns", "l", "first", 1, asyncio.get_running_loop().time)
    await lease.acquire()
    monkeypatch.setattr(leases, "read_namespaced_lease", lambda *_: asyncio.Event().wait())
    async with asyncio.timeout(5):
        await lease.release()
    assert leases.holder == "first"
    with pytest.raises(NotLeadingError):
        lease.require()


async def test_the_lease_of_one_that_died_is_taken_when_it_was_not_renewed_for_its_whole_time(
    candidate: Callable[[str], Lease],
) -> None:
    first, second = candidate("first"), candidate("second")
    await first.acquire()
    await asyncio.sleep(SECONDS * 10)  # how long it is dead already doesn't matter: clocks of two machines may differ
    taking = asyncio.create_task(second.acquire())
    await asyncio.sleep(SECONDS - 0.1)
    assert not taking.done()
    await asyncio.sleep(SECONDS / 2)
    assert taking.done()


async def test_one_that_renews_keeps_it(candidate: Callable[[str], Lease]) -> None:
    first, second = candidate("first"), candidate("second")
    await first.acquire()
    tasks = [asyncio.create_task(first.hold()), asyncio.create_task(second.acquire())]
    for _ in range(100):
        await asyncio.sleep(SECONDS / 10)
        first.require()
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()


async def test_who_could_not_renew_stops_before_another_may_begin(
    candidate: Callable[[str], Lease], leases: Leases
) -> None:
    first, second = candidate("first"), candidate("second")
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    await asyncio.sleep(0.1)
    leases.down = ConnectionError("no route")
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(SECONDS * 2 / 3 - 0.2)
    first.require()
    await asyncio.sleep(0.2)
    assert not leads(first)
    await holding
    leases.down = None
    await asyncio.sleep(SECONDS / 5)
    assert not taking.done(), "the other waits for the whole lease"
    assert not leads(second)
    await asyncio.sleep(SECONDS / 2)
    assert taking.done()


@pytest.mark.parametrize("trouble", [ApiException(status=500), aiohttp.ClientConnectionError(), TimeoutError()])
async def test_trouble_with_kubernetes_ends_no_attempt(
    candidate: Callable[[str], Lease], leases: Leases, trouble: Exception
) -> None:
    first = candidate("first")
    leases.down = trouble
    taking = asyncio.create_task(first.acquire())
    await asyncio.sleep(SECONDS)
    assert not taking.done()
    leases.down = None
    await asyncio.sleep(SECONDS / 2)
    assert leads(first)


@pytest.mark.parametrize("trouble", [ApiException(status=500), aiohttp.ClientConnectionError(), TimeoutError()])
async def test_a_release_that_fails_leaves_the_lease_to_run_out(
    candidate: Callable[[str], Lease], leases: Leases, trouble: Exception
) -> None:
    first = candidate("first")
    await first.acquire()
    leases.down = trouble
    await first.release()
    assert leases.holder == "first"
    assert not leads(first)


@pytest.mark.parametrize("status", [403, 422])  # RBAC's refusal, and an admission policy's
async def test_a_lease_that_this_operator_may_not_have_is_said_with_what_to_do(
    candidate: Callable[[str], Lease], leases: Leases, status: int
) -> None:
    body = json.dumps({"kind": "Status", "message": "The operator writes no Lease but its own.", "code": status})
    refusal = ApiException(status=status, reason="Refused")
    refusal.body = body
    leases.down = refusal
    with structlog.testing.capture_logs() as lines:
        trying = asyncio.create_task(candidate("first").acquire())
        await asyncio.sleep(SECONDS / 100)  # it looks again in a fifteenth of its time
    assert not trying.done()
    trying.cancel()
    (line,) = lines
    assert (line["log_level"], line["status"]) == ("error", status)
    assert line["detail"] == "The operator writes no Lease but its own."
    assert "the Lease l in namespace ns" in line["to_do"]
    assert "BATTERIES_LEASE_NAME" in line["to_do"]


async def test_a_restarted_process_of_the_same_name_goes_on_at_once(
    candidate: Callable[[str], Lease], leases: Leases
) -> None:
    await candidate("pod-1").acquire()
    taken = leases.lease
    await candidate("pod-1").acquire()
    assert leases.lease is not None
    assert leases.lease.spec is not None
    assert taken is not None
    assert taken.spec is not None
    assert leases.lease.spec.acquire_time == taken.spec.acquire_time
    assert leases.lease.spec.lease_transitions == 0


async def test_holding_ends_when_another_took_it(candidate: Callable[[str], Lease], leases: Leases) -> None:
    first = candidate("first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(1.5 * SECONDS)
    assert not holding.done(), "renewed more than once in its time"
    leases.lease.spec.holder_identity = "thief"  # type: ignore[union-attr]  # there is one
    leases.lease.metadata.resource_version = "x"  # type: ignore[union-attr]
    async with asyncio.timeout(SECONDS / 2):
        await holding


async def test_holding_ends_when_its_time_is_up(candidate: Callable[[str], Lease], leases: Leases) -> None:
    first = candidate("first")
    await first.acquire()
    leases.down = ConnectionError()
    async with asyncio.timeout(SECONDS):
        await first.hold()
    assert not leads(first)


@pytest.mark.real_time
async def test_the_fence_lets_reads_pass_and_no_write() -> None:
    async def ok(_: web.Request) -> web.Response:
        return web.Response()

    def refuse() -> None:
        raise NotLeadingError("no")

    app = web.Application()
    app.router.add_route("*", "/", ok)
    async with TestServer(app) as server, aiohttp.ClientSession(middlewares=(fence(refuse),)) as session:
        url = server.make_url("/")
        assert (await session.get(url)).status == 200
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(NotLeadingError):
                await session.request(method, url)


async def test_no_aws_call_is_sent_by_one_that_does_not_lead(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """Nobody listens, so a call that was sent would be an AwsError."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    for name, value in (keys | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{unused_tcp_port}"}).items():
        monkeypatch.setenv(name, value)
    leads = [True]

    def require() -> None:
        if not leads[0]:
            raise NotLeadingError("no")

    caller = Caller(1, require)
    client = await caller.client("sts")
    with pytest.raises(AwsError):
        await caller.call("sts:GetCallerIdentity", client.get_caller_identity)
    leads[0] = False
    with pytest.raises(NotLeadingError):
        await caller.call("sts:GetCallerIdentity", client.get_caller_identity)
    await caller.drain()


@pytest.mark.real_time
async def test_a_lease_lost_while_the_connection_is_opened_keeps_the_call_back(monkeypatch: pytest.MonkeyPatch) -> None:
    received = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read())
        writer.close()

    asked = [0]

    def require() -> None:
        asked[0] += 1
        if asked[0] > 1:
            raise NotLeadingError("no")

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
        for name, value in (keys | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).items():
            monkeypatch.setenv(name, value)
        caller = Caller(1, require)
        client = await caller.client("sts")
        with pytest.raises(NotLeadingError):
            await caller.call("sts:GetCallerIdentity", client.get_caller_identity)
        await caller.drain()
        client.close()
    assert asked[0] > 1
    assert received == b""
