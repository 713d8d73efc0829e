"""A cancelled AWS call: its thread goes on, so nobody may act before it has ended."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from batteries_operator.aws.caller import Caller
from batteries_operator.runtime.watchdog import Watchdog

CALL = "organizations:CreateAccount"


@pytest.fixture
async def caller(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    caller = Caller(1)
    yield caller
    await caller.drain()


class Slow:
    """A call that ends when the test lets it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self._error = error

    def __call__(self) -> str:
        self.begun.set()
        assert self.let_go.wait(5)
        if self._error is not None:
            raise self._error
        return "answered"


async def test_the_wait_for_a_thread_is_no_standstill_of_a_visit(caller: Caller) -> None:
    now, slow, watchdog = [0.0], Slow(), Watchdog(lambda: now[0])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(caller.call(CALL, slow))  # of no reconcile
        await asyncio.to_thread(slow.begun.wait, 5)

        async def result() -> None:
            with watchdog.reconciling("ns/waits"):
                await caller.call(CALL, slow)

        tasks.create_task(result())
        await asyncio.sleep(0.01)
        now[0] = 100
        told = watchdog.standstill(10)
        slow.let_go.set()
    assert told is None


async def test_a_lock_is_held_until_aws_has_answered_however_often_its_holder_is_cancelled(caller: Caller) -> None:
    lock, slow = asyncio.Lock(), Slow()

    async def result() -> None:
        async with lock:
            await caller.call(CALL, slow)

    reconciling = asyncio.create_task(result())
    await asyncio.to_thread(slow.begun.wait)
    for _ in range(2):
        reconciling.cancel()
        await asyncio.sleep(0.02)
        assert lock.locked()
    slow.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await reconciling
    assert not lock.locked()


async def test_a_call_that_waits_for_a_thread_is_never_begun(caller: Caller) -> None:
    slow, late = Slow(), Slow()
    first, second = (asyncio.create_task(caller.call(CALL, each)) for each in (slow, late))
    await asyncio.to_thread(slow.begun.wait)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(second, 1)
    slow.let_go.set()
    assert await first == "answered"
    await caller.drain()
    assert not late.begun.is_set()


async def test_an_error_that_nobody_waits_for_any_more_is_no_trouble(caller: Caller) -> None:
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    slow = Slow(RuntimeError("the test wants it"))
    calling = asyncio.create_task(caller.call(CALL, slow))
    await asyncio.to_thread(slow.begun.wait)
    calling.cancel()
    await asyncio.sleep(0)
    slow.let_go.set()
    await asyncio.wait({calling})
    assert calling.cancelled()
    del calling
    gc.collect()
    assert troubles == []
