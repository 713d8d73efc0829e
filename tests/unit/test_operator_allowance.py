"""What AWS allows of an operation: a rate, and a few calls at once after a pause."""

import asyncio

from batteries_operator.allowance import Allowance


async def test_calls_are_spaced_by_the_rate() -> None:
    allowance = Allowance(0.05)
    assert allowance.is_free
    allowance.take()
    assert not allowance.is_free
    await asyncio.sleep(0.06)
    assert allowance.is_free


async def test_after_a_pause_a_few_go_at_once_and_then_each_at_the_rate() -> None:
    allowance = Allowance(0.05, at_once=3)
    for _ in range(3):
        assert allowance.is_free
        allowance.take()
    assert not allowance.is_free
    await asyncio.sleep(0.06)
    assert allowance.is_free
    allowance.take()
    assert not allowance.is_free, "one has come back, not three"


async def test_what_was_taken_beyond_the_rate_is_owed() -> None:
    allowance, now = Allowance(0.1, at_once=2), asyncio.get_running_loop().time()
    allowance.take(10)
    assert 0.9 <= allowance.free_at - now <= 1.0


async def test_put_off_nothing_is_at_once() -> None:
    allowance = Allowance(0.05, at_once=5)
    allowance.put_off(0.05)
    assert not allowance.is_free
    await asyncio.sleep(0.06)
    assert allowance.is_free
    allowance.take()
    assert not allowance.is_free, "AWS was busy: it may not take several at once"
