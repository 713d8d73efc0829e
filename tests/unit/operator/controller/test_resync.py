"""When accounts at rest are compared with AWS: all of them, evenly, and never in one burst."""

import asyncio
import random
from collections import Counter

import pytest

from batteries_crds.identity import ObjectRef
from batteries_operator.controller.resync import Resync


def account(number: int) -> ObjectRef:
    return ObjectRef("customers", f"a-{number}", f"uid-{number}")


@pytest.fixture(autouse=True)
def same_luck() -> None:
    random.seed(20261124)


@pytest.fixture
def times() -> list[tuple[float, str]]:
    return []


async def run_for(resync: Resync, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(resync.run(), seconds)


async def test_ten_thousand_accounts_are_spread_over_the_interval() -> None:
    async def compare(_: ObjectRef) -> bool:
        raise AssertionError("nothing is run here")

    resync, interval = Resync(3600, compare), 3600.0
    start = asyncio.get_running_loop().time()
    for number in range(10_000):
        resync.add(account(number))
    minutes = Counter(int((due - start) // 60) for due, _ in resync._due)
    assert set(minutes) <= set(range(int(interval / 60) + 1))
    assert min(minutes) >= 6, "an operator that has just started sees to what is pending first"
    assert max(minutes.values()) < 1.4 * 10_000 / 60, "no burst"


async def test_each_has_its_turn_again_and_the_gone_have_none(times: list[tuple[float, str]]) -> None:
    async def compare(each: ObjectRef) -> bool:
        times.append((0, each.name))
        return False

    resync = Resync(0.05, compare)
    for number in range(3):
        resync.add(account(number))
        resync.add(account(number))
    resync.forget("uid-2")
    await run_for(resync, 0.5)
    turns = Counter(name for _, name in times)
    assert set(turns) == {"a-0", "a-1"}
    assert all(5 <= count <= 12 for count in turns.values()), turns


async def test_few_are_compared_at_one_time_and_ones_trouble_is_its_own() -> None:
    running, most, seen = 0, 0, set()

    async def compare(each: ObjectRef) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        seen.add(each.name)
        await asyncio.sleep(0.01)
        running -= 1
        if each.name == "a-0":
            raise RuntimeError("this one's trouble")
        return False

    resync = Resync(0.05, compare)
    for number in range(20):
        resync.add(account(number))
    await run_for(resync, 0.5)
    assert most == 4
    assert len(seen) == 20


async def test_a_comparison_that_aws_was_too_busy_for_is_put_off_and_not_skipped() -> None:
    asked: Counter[str] = Counter()

    async def compare(each: ObjectRef) -> bool | None:
        asked[each.name] += 1
        return None if each.name == "a-0" else False

    resync = Resync(0.4, compare)
    for number in range(2):
        resync.add(account(number))
    await run_for(resync, 1.0)
    assert asked["a-0"] > 2 * asked["a-1"] > 0


async def test_an_interval_of_nothing_is_never() -> None:
    async def compare(_: ObjectRef) -> bool:
        raise AssertionError("it was to be never")

    resync = Resync(0, compare)
    resync.add(account(1))
    await asyncio.wait_for(resync.run(), 1)
