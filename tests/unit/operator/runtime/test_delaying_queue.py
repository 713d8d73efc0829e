"""The queue that returns each key when it is due."""

import asyncio

from batteries_operator.runtime.delaying_queue import DelayingQueue


class Unordered:
    """A key that can't be compared."""


async def test_keys_come_out_when_they_are_due_the_earliest_first() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    begun = asyncio.get_running_loop().time()
    for key, seconds in (("late", 30.0), ("soon", 1.0), ("at once", 0.0)):
        queue.put(key, seconds)
    got = [(await queue.get(), round(asyncio.get_running_loop().time() - begun)) for _ in range(3)]
    assert got == [("at once", 0), ("soon", 1), ("late", 30)]


async def test_an_earlier_key_is_not_held_up_by_the_one_that_is_awaited() -> None:
    queue: DelayingQueue[str] = DelayingQueue()
    queue.put("late", 3600)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.put("soon", 1)
    assert await waiting == "soon"


async def test_keys_of_one_moment_need_no_order_and_come_as_they_were_put() -> None:
    queue: DelayingQueue[Unordered] = DelayingQueue()
    keys = [Unordered() for _ in range(20)]
    for key in keys:
        queue.put(key, 0)
    assert [key for _, key in queue] == keys
    assert [await queue.get() for _ in keys] == keys


async def test_a_worker_is_cancelled_also_at_the_moment_a_key_is_put() -> None:
    queue: DelayingQueue[str] = DelayingQueue()

    async def work() -> None:
        while True:
            await queue.get()

    working = asyncio.create_task(work())
    await asyncio.sleep(1)
    queue.put("key", 10)
    working.cancel()
    await asyncio.wait({working}, timeout=60)
    assert working.cancelled()
