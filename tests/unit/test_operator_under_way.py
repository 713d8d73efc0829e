"""AWS is asked once for all creations in progress, and who waits for one that has ended is woken."""

import asyncio

import pytest
from fakes.factory import Factory

from batteries_operator.aws.errors import AwsError
from batteries_operator.under_way import UnderWay


class Aws:
    """The creations in progress, and how often it was asked."""

    def __init__(self, *requests: str) -> None:
        self.requests = frozenset(requests)
        self.asked = 0

    async def __call__(self) -> frozenset[str]:
        self.asked += 1
        await asyncio.sleep(0)
        return self.requests


async def test_accounts_that_ask_together_cost_one_call() -> None:
    aws = Aws("car-1", "car-2")
    under_way = UnderWay(aws, lambda _: None, seconds=60)
    told = await asyncio.gather(*(under_way.has(f"car-{number}", str(number)) for number in (1, 2, 3)))
    assert (told, aws.asked) == ([True, True, False], 1)


async def test_whoever_asks_anew_wakes_those_whose_creation_has_ended() -> None:
    aws, woken = Aws("car-1", "car-2", "car-3"), list[str]()
    under_way = UnderWay(aws, woken.append, seconds=0)
    for number in (1, 2, 3):
        await under_way.has(f"car-{number}", str(number))
    aws.requests = frozenset({"car-3"})
    assert not await under_way.has("car-1", "1")
    assert woken == ["2"], "not who asked, and not whose creation goes on"
    assert await under_way.has("car-3", "3")
    assert woken == ["2"], "once"


async def test_an_error_of_aws_is_the_askers_and_the_next_one_asks_again() -> None:
    aws, told = Aws("car-1"), [AwsError("organizations:ListCreateAccountStatus", "TooManyRequestsException", "")]

    async def throttled_once() -> frozenset[str]:
        if told:
            raise told.pop()
        return await aws()

    under_way = UnderWay(throttled_once, lambda _: None, seconds=60)
    with pytest.raises(AwsError):
        await under_way.has("car-1", "1")
    assert await under_way.has("car-1", "1")


async def test_who_waits_is_woken_though_nobody_asks() -> None:
    aws, woken = Aws("car-1", "car-2"), asyncio.Queue[str]()
    under_way = UnderWay(aws, woken.put_nowait, seconds=0.001)
    following = asyncio.create_task(under_way.follow())
    for number in (1, 2):
        assert await under_way.has(f"car-{number}", str(number))
    async with asyncio.timeout(5):
        aws.requests = frozenset({"car-2"})
        assert await woken.get() == "1"
        aws.requests = frozenset()
        assert await woken.get() == "2"
    following.cancel()


async def test_nothing_is_asked_while_nobody_waits() -> None:
    aws, woken = Aws(), asyncio.Queue[str]()
    under_way = UnderWay(aws, woken.put_nowait, seconds=0)
    following = asyncio.create_task(under_way.follow())
    for _ in range(100):
        await asyncio.sleep(0)
    assert aws.asked == 0
    aws.requests = frozenset({"car-1"})
    await under_way.has("car-1", "1")
    aws.requests = frozenset()
    async with asyncio.timeout(5):
        await woken.get()
    asked = aws.asked
    for _ in range(100):
        await asyncio.sleep(0)
    assert aws.asked == asked
    following.cancel()


async def test_who_waits_is_woken_though_aws_was_too_busy_to_tell_once() -> None:
    aws, woken = Aws("car-1"), asyncio.Queue[str]()
    busy = [False]

    async def asked() -> frozenset[str]:
        if busy[0]:
            busy[0], aws.requests = False, frozenset()
            raise AwsError("organizations:ListCreateAccountStatus", "TooManyRequestsException", "")
        return await aws()

    under_way = UnderWay(asked, woken.put_nowait, seconds=0.001)
    following = asyncio.create_task(under_way.follow())
    await under_way.has("car-1", "1")
    busy[0] = True
    async with asyncio.timeout(5):
        assert await woken.get() == "1"
    following.cancel()


@pytest.mark.parametrize("standin_settings", [{"creation_seconds": 0.5}])
async def test_many_looks_at_one_creation_describe_it_once(factory: Factory) -> None:
    process = await factory.active()
    assert process.calls.count("organizations:DescribeCreateAccountStatus") <= 2, "a fresh request may not be listed"
    assert process.calls.count("organizations:ListCreateAccountStatus") > 3
