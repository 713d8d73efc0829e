"""Creations are polled for all accounts together, when they are due; waiting accounts are woken at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest
from fakes.factory import Factory

from batteries_crds.base import utc_now_exactly
from batteries_operator.aws.creations import CreationStatus
from batteries_operator.aws.errors import AwsError
from batteries_operator.limits.creation_poller import CreationPoller, Listed


class Aws:
    """The creations in progress, and the calls that were made."""

    def __init__(self) -> None:
        self.requests: set[str] = set()
        self.asked: list[str] = []
        self.pages = 1
        self.busy = 0

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.busy:
            self.busy -= 1
            raise AwsError("organizations:ListCreateAccountStatus", "TooManyRequestsException", "")

    async def list_all(self) -> Listed:
        self._ask("list")
        return frozenset(self.requests), self.pages

    async def describe(self, request_id: str) -> CreationStatus:
        self._ask(request_id)
        return CreationStatus(request_id, "IN_PROGRESS" if request_id in self.requests else "SUCCEEDED", None, None)


Make = Callable[..., CreationPoller]


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def woken() -> asyncio.Queue[str]:
    return asyncio.Queue()


@pytest.fixture
async def make(aws: Aws, woken: asyncio.Queue[str]) -> AsyncIterator[Make]:
    """A poller of creations in that AWS, which ends with the test."""
    following: list[asyncio.Task[None]] = []

    def made(**options: float) -> CreationPoller:
        fast = {"between_lists": 0.001, "between_descriptions": 0.05}
        creation_poller = CreationPoller(aws.list_all, aws.describe, woken.put_nowait, **fast | options)
        following.append(asyncio.create_task(creation_poller.run()))
        return creation_poller

    yield made
    for task in following:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


NOW = utc_now_exactly()


def taken(request_id: str, requested: datetime | None = None) -> CreationStatus:
    """The response of CreateAccount."""
    return CreationStatus(request_id, "IN_PROGRESS", None, None, requested)


async def of(woken: asyncio.Queue[str]) -> str:
    return await asyncio.wait_for(woken.get(), 5)


async def test_who_waits_is_woken_once_when_its_creation_has_ended(
    aws: Aws, woken: asyncio.Queue[str], make: Make
) -> None:
    creation_poller = make()
    for number in (1, 2, 3):
        aws.requests.add(f"car-{number}")
        creation_poller.note(f"car-{number}", str(number))
    assert creation_poller.has("car-2")
    assert not creation_poller.has("car-9")
    for number in (2, 3, 1):
        aws.requests.remove(f"car-{number}")
        assert await of(woken) == str(number)
        assert not creation_poller.has(f"car-{number}")
    assert woken.empty()


async def test_nothing_is_asked_while_nobody_waits(aws: Aws, woken: asyncio.Queue[str], make: Make) -> None:
    creation_poller = make()
    await asyncio.sleep(0.02)
    assert aws.asked == []
    creation_poller.note("car-1", "1")
    assert await of(woken) == "1"
    asked = len(aws.asked)
    await asyncio.sleep(0.02)
    assert len(aws.asked) == asked


async def test_who_waits_is_woken_though_aws_was_too_busy_to_tell(
    aws: Aws, woken: asyncio.Queue[str], make: Make
) -> None:
    aws.busy = 2
    make(between_descriptions=0.01).note("car-1", "1")
    assert await of(woken) == "1"
    assert aws.asked == ["car-1"] * 3


async def test_a_creation_is_not_asked_about_before_the_shortest_of_late_would_have_ended(
    aws: Aws, woken: asyncio.Queue[str], make: Make
) -> None:
    creation_poller = make()
    for seconds in (0.3, 0.15, 0.3):
        creation_poller.lasted(seconds)
    aws.requests.add("car-2")
    creation_poller.note("car-2", "2")
    await asyncio.sleep(0.1)
    assert aws.asked == []
    aws.requests.clear()
    assert await of(woken) == "2"
    assert len(aws.asked) == 1


async def test_who_took_a_request_waits_no_sooner_and_asks_itself_where_creations_take_no_time(
    aws: Aws, woken: asyncio.Queue[str], make: Make
) -> None:
    creation_poller = make()
    creation_poller.requested(taken("car-1"), "1", NOW)
    assert not creation_poller.has("car-1"), "nothing is known of how long one takes"
    creation_poller.lasted(0.2)
    aws.requests.add("car-2")
    creation_poller.requested(taken("car-2"), "2", utc_now_exactly())
    assert creation_poller.has("car-2")
    await asyncio.sleep(0.15)
    assert aws.asked == []
    aws.requests.clear()
    assert await of(woken) == "2"
    creation_poller.lasted(0.0)
    creation_poller.requested(taken("car-3"), "3", NOW)
    assert not creation_poller.has("car-3")


@pytest.mark.parametrize(
    ("stamped", "due"),
    [
        (timedelta(seconds=-0.2), 0.3),
        (None, 0.5),
        (timedelta(hours=-1), 0.1),
        (timedelta(hours=1), 0.5),
    ],
    ids=["between", "unknown", "a clock behind", "a clock ahead"],
)
async def test_a_creations_duration_begins_between_our_call_and_its_response(
    aws: Aws, woken: asyncio.Queue[str], make: Make, stamped: timedelta | None, due: float
) -> None:
    creation_poller = make()
    creation_poller.lasted(0.5)
    now, begun = utc_now_exactly(), asyncio.get_running_loop().time()
    creation = taken("car-1", now + stamped if stamped is not None else None)
    creation_poller.requested(creation, "1", now - timedelta(seconds=0.4))
    assert await of(woken) == "1"
    assert due <= asyncio.get_running_loop().time() - begun < due + 0.15
    assert aws.asked == ["car-1"]


async def test_what_a_description_said_of_the_end_is_told_once(aws: Aws, woken: asyncio.Queue[str], make: Make) -> None:
    creation_poller = make()
    creation_poller.note("car-1", "1")
    assert creation_poller.outcome("car-1") is None
    await of(woken)
    ended = creation_poller.outcome("car-1")
    assert ended is not None
    assert (ended.request_id, ended.state) == ("car-1", "SUCCEEDED")
    assert creation_poller.outcome("car-1") is None


async def test_all_are_listed_while_aws_takes_no_description(aws: Aws, woken: asyncio.Queue[str], make: Make) -> None:
    creation_poller = make(between_descriptions=60)
    for number in (1, 2, 3, 4):
        creation_poller.note(f"car-{number}", str(number))
    assert [await of(woken) for _ in range(4)] == ["1", "2", "3", "4"]
    assert aws.asked == ["car-1", "car-2", "list"], "AWS takes two descriptions at once"
    assert creation_poller.outcome("car-3") is None, "a list does not tell what came of it"


async def test_the_more_pages_a_list_has_the_longer_it_is_until_the_next(
    aws: Aws, woken: asyncio.Queue[str], make: Make
) -> None:
    aws.pages, aws.requests = 4, {"car-1", "car-2", "car-3", "car-4"}
    creation_poller = make(between_lists=0.05, between_descriptions=60)
    for number in (1, 2, 3, 4):
        creation_poller.note(f"car-{number}", str(number))
    await asyncio.sleep(0.7)  # a look at 0.05 s and then one each 0.2 s
    assert 2 <= aws.asked.count("list") <= 4


async def test_where_lists_have_too_many_pages_those_that_are_due_are_described_at_awss_rate(
    aws: Aws, woken: asyncio.Queue[str], make: Make
) -> None:
    aws.pages, aws.requests = 100, {"car-1", "car-2", "car-9"}
    creation_poller = make(between_descriptions=0.05)
    for number in (1, 2):
        creation_poller.note(f"car-{number}", str(number))
    await asyncio.sleep(0.3)
    assert aws.asked.count("list") == 1
    described = [each for each in aws.asked if each != "list"]
    assert {*described} == {"car-1", "car-2"}, "not those of others"
    assert 4 <= len(described) <= 7
    aws.requests.clear()
    assert {await of(woken), await of(woken)} == {"1", "2"}


async def test_where_nobody_looks_whoever_asks_is_sent_to_aws(aws: Aws) -> None:
    creation_poller = CreationPoller(aws.list_all, aws.describe, lambda _: None, between_lists=0, longest=0.05)
    creation_poller.note("car-1", "1")
    assert creation_poller.has("car-1")
    await asyncio.sleep(0.1)
    assert not creation_poller.has("car-1")


async def test_a_look_goes_on_where_somebody_asked_aws_meanwhile(aws: Aws, woken: asyncio.Queue[str]) -> None:
    async def slow() -> Listed:
        await asyncio.sleep(0.1)
        return frozenset(), 1

    creation_poller = CreationPoller(slow, aws.describe, woken.put_nowait, between_lists=0, longest=0.01)
    aws.requests = {"car-0", "car-1"}
    for number in range(4):
        creation_poller.note(f"car-{number}", str(number))
    for _ in range(2):  # descriptions, so that the next is a list
        await creation_poller.poll()
    looking = asyncio.create_task(creation_poller.poll())
    await asyncio.sleep(0.05)
    assert not creation_poller.has("car-2"), "it is overdue"
    await looking
    assert await of(woken) == "3"


async def test_an_overdue_creation_that_aws_was_asked_of_directly_is_not_told_of_again(
    aws: Aws, woken: asyncio.Queue[str]
) -> None:
    async def slow(request_id: str) -> CreationStatus:
        await asyncio.sleep(0.1)
        return await aws.describe(request_id)

    creation_poller = CreationPoller(aws.list_all, slow, woken.put_nowait, between_lists=0, longest=0.01)
    creation_poller.note("car-1", "1")
    looking = asyncio.create_task(creation_poller.poll())
    await asyncio.sleep(0.05)
    assert not creation_poller.has("car-1"), "it is overdue"
    await looking
    assert woken.empty()
    assert creation_poller.outcome("car-1") is None


@pytest.mark.parametrize("standin_settings", [{"creation_seconds": 0.5}])
async def test_what_the_look_saw_of_the_end_is_not_asked_for_again(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    creations = process.deps.aws.creations
    real, states = creations.status, []

    async def watched(request_id: str) -> CreationStatus:
        creation = await real(request_id)
        states.append(creation.state)
        return creation

    creations.status = watched  # type: ignore[method-assign]  # that of the step, not of the looks
    await process.until("acme", lambda account: account.status.aws_account_id is not None)
    assert states == ["IN_PROGRESS"]


async def test_an_error_of_one_call_does_not_shorten_the_rest_after_a_long_list(
    aws: Aws, woken: asyncio.Queue[str]
) -> None:
    creation_poller = CreationPoller(
        aws.list_all, aws.describe, woken.put_nowait, between_lists=0.05, between_descriptions=0.1
    )
    aws.pages, aws.requests = 10, {f"car-{number}" for number in range(16)}
    for number in range(8):
        creation_poller.note(f"car-{number}", str(number))
    await asyncio.sleep(0.06)
    for _ in range(3):
        await creation_poller.poll()
    assert aws.asked == ["car-0", "car-1", "list"]
    aws.busy = 1
    await asyncio.sleep(0.11)
    await creation_poller.poll()
    assert aws.busy == 0
    for number in range(8, 16):
        creation_poller.note(f"car-{number}", str(number))
    await asyncio.sleep(0.11)
    for _ in range(4):
        await creation_poller.poll()
    assert aws.asked.count("list") == 1, "its ten pages are half a second of AWS's rate"
