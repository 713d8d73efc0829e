"""A mail that can't be requested now: how often and how long it is tried, and what is given up."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from fakes.api_world import World
from kubernetes.aio.client import ApiException

from batteries_apiserver.customers.notification_writer import NotificationWriter
from batteries_crds.notification import NotificationKind

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def writer(world: World) -> NotificationWriter:
    return NotificationWriter("n", world.kube.notifications)


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as found:
        yield found


async def ask(writer: NotificationWriter, what: str = "key") -> None:
    await writer.notify(NotificationKind.KEY_CREATED, "c", what)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ApiException(status=0), True),
        (ApiException(status=401), True),
        (ApiException(status=403), True),
        (ApiException(status=404), True),
        (ApiException(status=429), True),
        (ApiException(status=500), True),
        (ApiException(status=503), True),
        (TimeoutError(), True),
        (ApiException(status=409), False),
        (ApiException(status=400), False),
        (ApiException(status=422), False),
    ],
    ids=repr,
)
async def test_an_outage_is_waited_out_and_a_refusal_is_not_repeated(
    world: World, writer: NotificationWriter, error: Exception, again: bool
) -> None:
    world.fail("notifications", error)
    await ask(writer)
    world.fail("notifications", None)
    await writer.flush()
    assert len(world.items("notifications")) == again
    await writer.flush()
    assert len(world.requests("notifications")) == 1 + again


async def test_a_mail_is_tried_thirty_times_and_then_given_up(
    world: World, writer: NotificationWriter, lines: list[structlog.typing.EventDict]
) -> None:
    world.fail("notifications", ApiException(status=500))
    await ask(writer)
    for _ in range(40):
        await writer.flush()
    assert len(world.requests("notifications")) == 31
    assert [line["event"] for line in lines].count("notification_given_up") == 1


async def test_more_than_a_thousand_are_not_kept(world: World, writer: NotificationWriter) -> None:
    world.fail("notifications", ApiException(status=500))
    for number in range(1001):
        await ask(writer, str(number))
    world.fail("notifications", None)
    await writer.flush()
    assert len(world.items("notifications")) == 1000


async def test_it_is_tried_every_ten_seconds_and_once_more_at_the_end(world: World, writer: NotificationWriter) -> None:
    world.fail("notifications", ApiException(status=500))
    async with writer.written():
        await ask(writer)
        await asyncio.sleep(9)
        assert len(world.requests("notifications")) == 1
        await asyncio.sleep(2)
        assert len(world.requests("notifications")) == 2
        world.fail("notifications", None)
    assert len(world.items("notifications")) == 1


async def test_a_request_waits_three_seconds_and_no_longer(world: World, writer: NotificationWriter) -> None:
    hanging = asyncio.Event()
    create = world.kube.notifications.create

    async def hang(*_: object) -> None:
        await hanging.wait()

    world.kube.notifications.create = hang  # type: ignore[method-assign, assignment]
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await ask(writer)
    assert loop.time() - begun == pytest.approx(3, abs=0.01)
    world.kube.notifications.create = create  # type: ignore[method-assign]
    await writer.flush()
    assert len(world.items("notifications")) == 1
