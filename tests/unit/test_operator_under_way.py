"""AWS is asked once for all creations in progress, and who waits for one that has ended is woken."""

import asyncio

import pytest
from fakes.factory import Factory

from batteries_operator.aws.errors import AwsError
from batteries_operator.under_way import Listed, UnderWay


class Aws:
    """The creations in progress, and how often it was asked."""

    def __init__(self, *requests: str) -> None:
        self.requests = frozenset(requests)
        self.asked, self.pages = 0, 1
        self.described: list[str] = []

    async def __call__(self) -> Listed:
        self.asked += 1
        await asyncio.sleep(0)
        return self.requests, self.pages

    async def describes(self, request_id: str) -> bool:
        self.described.append(request_id)
        return request_id in self.requests


async def test_accounts_that_ask_together_cost_one_call() -> None:
    aws = Aws("car-1", "car-2")
    under_way = UnderWay(aws, aws.describes, lambda _: None, between_lists=60, between_descriptions=60)
    told = await asyncio.gather(*(under_way.has(f"car-{number}", str(number)) for number in (1, 2, 3)))
    assert (told, aws.asked) == ([True, True, False], 1)


async def test_whoever_asks_anew_wakes_those_whose_creation_has_ended() -> None:
    aws, woken = Aws("car-1", "car-2", "car-3"), list[str]()
    under_way = UnderWay(aws, aws.describes, woken.append, between_lists=0)
    for number in (1, 2, 3):
        await under_way.has(f"car-{number}", str(number))
    aws.requests = frozenset({"car-3"})
    assert not await under_way.has("car-1", "1")
    assert woken == ["2"], "not who asked, and not whose creation goes on"
    assert await under_way.has("car-3", "3")
    assert woken == ["2"], "once"


async def test_an_error_of_aws_is_the_askers_and_the_next_one_asks_again() -> None:
    aws, told = Aws("car-1"), [AwsError("organizations:ListCreateAccountStatus", "TooManyRequestsException", "")]

    async def throttled_once() -> Listed:
        if told:
            raise told.pop()
        return await aws()

    under_way = UnderWay(throttled_once, aws.describes, lambda _: None)
    with pytest.raises(AwsError):
        await under_way.has("car-1", "1")
    assert await under_way.has("car-1", "1")


async def test_who_waits_is_woken_though_nobody_asks() -> None:
    aws, woken = Aws("car-1", "car-2"), asyncio.Queue[str]()
    under_way = UnderWay(aws, aws.describes, woken.put_nowait, between_lists=0.001)
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
    under_way = UnderWay(aws, aws.describes, woken.put_nowait, between_lists=0)
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

    async def asked() -> Listed:
        if busy[0]:
            busy[0], aws.requests = False, frozenset()
            raise AwsError("organizations:ListCreateAccountStatus", "TooManyRequestsException", "")
        return await aws()

    under_way = UnderWay(asked, aws.describes, woken.put_nowait, between_lists=0.001)
    following = asyncio.create_task(under_way.follow())
    await under_way.has("car-1", "1")
    busy[0] = True
    async with asyncio.timeout(5):
        assert await woken.get() == "1"
    following.cancel()


async def test_the_more_pages_a_list_has_the_longer_it_is_until_the_next() -> None:
    aws = Aws("car-1", "car-2", "car-3")
    aws.pages = 3
    under_way = UnderWay(aws, aws.describes, lambda _: None, between_lists=0.1)
    begun = asyncio.get_running_loop().time()
    for number in (1, 2, 3):
        await under_way.has(f"car-{number}", str(number))
    while aws.asked < 3:
        await under_way.has("car-1", "1")
        await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - begun >= 2 * 3 * 0.1


async def test_where_lists_have_too_many_pages_those_that_are_waited_for_are_described() -> None:
    aws, woken = Aws("car-1", "car-2", "car-9"), list[str]()
    aws.pages = 30
    under_way = UnderWay(aws, aws.describes, woken.append, between_lists=0, between_descriptions=0)
    assert await under_way.has("car-1", "1")
    under_way._between_lists = 0.001  # thirty pages are dearer than two descriptions from now on
    assert await under_way.has("car-2", "2")
    aws.requests = frozenset({"car-1"})
    assert await under_way.has("car-1", "1")
    assert (aws.asked, woken) == (1, ["2"])
    assert set(aws.described) == {"car-1", "car-2"}, "not those of others"


async def test_a_request_that_was_just_told_of_is_waited_for_without_a_look() -> None:
    aws, woken = Aws(), asyncio.Queue[str]()
    under_way = UnderWay(aws, aws.describes, woken.put_nowait, between_lists=0.05)
    assert not await under_way.has("car-1", "1")
    following = asyncio.create_task(under_way.follow())
    under_way.note("car-1", "1")
    assert await under_way.has("car-1", "1")
    assert aws.asked == 1
    async with asyncio.timeout(5):
        assert await woken.get() == "1", "it is not in the next list"
    following.cancel()


@pytest.mark.parametrize("standin_settings", [{"creation_seconds": 0.5}])
async def test_many_looks_at_one_creation_describe_it_once(factory: Factory) -> None:
    process = await factory.active()
    assert process.calls.count("organizations:DescribeCreateAccountStatus") <= 2, "a fresh request may not be listed"
    assert process.calls.count("organizations:ListCreateAccountStatus") > 3
