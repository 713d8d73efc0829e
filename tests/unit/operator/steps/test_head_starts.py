"""Work that is begun for a later step is taken once, and only while it counts."""

import asyncio

import pytest

from batteries_operator.steps.head_starts import KEPT_SECONDS, HeadStarts


async def after(seconds: float, result: str) -> str:
    await asyncio.sleep(seconds)
    return result


async def test_the_result_is_waited_for_and_taken_once() -> None:
    starts: HeadStarts[str] = HeadStarts()
    starts.begin("a", after(0.01, "found"))
    assert (await starts.taken("a"), await starts.taken("a"), await starts.taken("b")) == ("found", None, None)


async def test_what_was_found_out_long_ago_counts_no_more() -> None:
    now = [0.0]
    starts: HeadStarts[str] = HeadStarts(lambda: now[0])
    starts.begin("a", after(0, "found"))
    now[0] = KEPT_SECONDS + 1
    assert await starts.taken("a") is None


async def test_the_newest_work_counts_and_what_is_forgotten_is_broken_off() -> None:
    starts: HeadStarts[str] = HeadStarts()
    done: list[str] = []

    async def work(name: str) -> str:
        await asyncio.sleep(0.01)
        done.append(name)
        return name

    starts.begin("a", work("first"))
    await asyncio.sleep(0)
    starts.begin("a", work("second"))
    assert await starts.taken("a") == "second"
    starts.begin("a", work("third"))
    await asyncio.sleep(0)
    starts.forget("a")
    assert await starts.taken("a") is None
    await asyncio.sleep(0.02)
    assert done == ["second"]


async def test_an_error_is_told_to_whoever_takes_it() -> None:
    async def fails() -> str:
        raise ValueError("broken")

    starts: HeadStarts[str] = HeadStarts()
    starts.begin("a", fails())
    with pytest.raises(ValueError, match="broken"):
        await starts.taken("a")
