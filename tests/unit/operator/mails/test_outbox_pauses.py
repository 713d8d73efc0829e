"""When a mail is tried again, given up and deleted; in virtual time, each bound from both sides."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources, Json
from fakes.factory import settings
from kubernetes.aio.client import ApiException
from prometheus_client import REGISTRY

from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer
from batteries_crds.notification import Notification, NotificationKind, notification
from batteries_operator.aws.errors import AwsError
from batteries_operator.mails.outbox import Outbox
from batteries_operator.mails.recipients import Recipients
from batteries_operator.runtime.leader_election import NotLeadingError

DAY = 24 * 3600


class Ses:
    """Notes when it was asked, and refuses as long as it is told to."""

    enabled = True

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.error: Exception | None = None

    async def send(self, *_: Any, **__: Any) -> str:
        self.asked.append(asyncio.get_running_loop().time())
        if self.error is not None:
            raise self.error
        return "ses-1"


class World:
    """A cluster with one Customer, SES, and an outbox that the cluster's watch speaks to."""

    def __init__(self, is_needed: Callable[[str, str], bool] = lambda namespace, name: False) -> None:
        self.cluster, self.ses = Cluster(), Ses()
        self.notifications = FakeResources(self.cluster, Notification)
        self.customers = FakeResources(self.cluster, Customer)
        self.restart(is_needed)
        self.cluster.watches.append(self._shown)

    def restart(self, is_needed: Callable[[str, str], bool] = lambda namespace, name: False) -> None:
        """Another process, which knows of nothing yet."""
        some: list[Any] = [self.notifications, Recipients(cast(Any, self.customers), cast(Any, None), None), self.ses]
        self.outbox = Outbox(some[0], some[1], some[2], settings(mails_per_second=2), is_needed)

    def _shown(self, kind: str, body: Json) -> None:
        if kind == "Notification":
            self.outbox.see(self.notifications.read(body))

    async def add(self, *what: str) -> Notification:
        if ("Customer", "n", "c-1") not in self.cluster.objects:
            await self.customers.create("n", {"metadata": {"name": "c-1"}, "spec": {"email": "a@example.com"}})
        return await self.notifications.create("n", notification(NotificationKind.KEY_CREATED, "c-1", *what))

    async def now(self, made: Notification) -> Notification | None:
        return await self.notifications.find("n", made.metadata.name)

    async def state(self, made: Notification) -> tuple[str | None, str | None]:
        found = await self.notifications.get("n", made.metadata.name)
        return found.status.state, found.status.error


@contextmanager
def running(world: World) -> Iterator["asyncio.Task[None]"]:
    task = asyncio.create_task(world.outbox.run())
    try:
        yield task
    finally:
        task.cancel()


REFUSED = AwsError("ses:SendEmail", "MessageRejected", "not verified", http_status=400)


async def test_the_pauses_between_tries_grow_from_five_seconds_to_a_quarter_of_an_hour() -> None:
    world = World()
    world.ses.error = REFUSED
    with running(world):
        await world.add("k")
        await asyncio.sleep(3 * 3600)
    pauses = [round(later - before) for before, later in zip(world.ses.asked, world.ses.asked[1:], strict=False)]
    assert pauses[:10] == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


async def test_a_mail_is_tried_for_three_days_and_then_dropped() -> None:
    world = World()
    world.ses.error = REFUSED
    with running(world):
        made = await world.add("k")
        await asyncio.sleep(3 * DAY - 1)
        assert (await world.state(made))[0] is None
        await asyncio.sleep(1000)
        assert await world.state(made) == ("Dropped", "It could not be sent for 3 days.")


@pytest.mark.parametrize("needed_days", [0, 3])
async def test_a_finished_notification_is_kept_for_two_weeks_and_for_as_long_as_it_is_needed(needed_days: int) -> None:
    begun = asyncio.get_running_loop().time()
    ends = begun + (14 + needed_days) * DAY
    world = World(lambda namespace, name: asyncio.get_running_loop().time() < ends - 100)
    with running(world):
        made = await world.add("k")
        await asyncio.sleep(14 * DAY - 60)
        assert await world.now(made) is not None
        await asyncio.sleep(needed_days * DAY)
        assert await world.now(made) is not None
        await asyncio.sleep(120)
        assert await world.now(made) is None
        assert REGISTRY.get_sample_value("batteries_mails_waiting") == 0


@pytest.mark.parametrize(("status", "is_tried_again"), [(404, False), (403, True), (500, True)])
async def test_a_deletion_that_kubernetes_refuses_is_tried_again_after_a_quarter_of_an_hour(
    status: int, is_tried_again: bool
) -> None:
    world = World()
    tries: list[float] = []

    async def refuse(namespace: str, name: str, **_: Any) -> None:
        tries.append(asyncio.get_running_loop().time())
        raise ApiException(status=status)

    world.notifications.delete = refuse  # type: ignore[method-assign]
    with running(world):
        await world.add("k")
        await asyncio.sleep(14 * DAY + 1000)
    assert len(tries) == (2 if is_tried_again else 1)
    assert not is_tried_again or round(tries[1] - tries[0]) == 900


async def test_mails_go_out_at_the_rate_of_the_setting_and_are_counted_while_they_wait() -> None:
    world = World()
    for number in range(4):
        await world.add(f"k-{number}")
    assert REGISTRY.get_sample_value("batteries_mails_waiting") == 4
    with running(world):
        await asyncio.sleep(10)
    assert [round(each - world.ses.asked[0], 1) for each in world.ses.asked] == [0, 0.5, 1, 1.5]
    assert REGISTRY.get_sample_value("batteries_mails_waiting") == 0


@pytest.mark.parametrize("how", ["deleted", "being deleted"])
async def test_a_notification_that_goes_before_its_mail_is_sent_gets_none(how: str) -> None:
    world = World()
    made = await world.add("k")
    if how == "deleted":
        world.outbox.forget("n", made.metadata.name)
    else:
        world.cluster.objects["Notification", "n", made.metadata.name]["metadata"]["deletionTimestamp"] = to_rfc3339(
            utc_now()
        )
        world.cluster.touch("Notification", "n", made.metadata.name)
    with running(world):
        await asyncio.sleep(10)
    assert world.ses.asked == []


async def test_a_result_that_has_nowhere_to_be_written_is_forgotten() -> None:
    world = World()
    made = await world.add("k")

    async def gone(namespace: str, name: str, body: Json) -> Any:
        raise ApiException(status=404)

    world.notifications.merge_status = gone  # type: ignore[method-assign]
    with running(world):
        await asyncio.sleep(3600)
    assert len(world.ses.asked) == 1
    assert REGISTRY.get_sample_value("batteries_mails_waiting") == 0
    assert await world.now(made) is not None


@pytest.mark.parametrize("status", [403, 409, 500])
async def test_a_result_that_kubernetes_refuses_is_written_later_without_a_second_mail(status: int) -> None:
    world = World()
    made = await world.add("k")
    left = [3]

    def refuse(kind: str, body: Json) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise ApiException(status=status)

    world.cluster.before_write = refuse
    with running(world):
        await asyncio.sleep(60)
    assert (len(world.ses.asked), left) == (1, [0])
    assert await world.state(made) == ("Sent", None)


async def test_an_error_that_nobody_expected_is_told_and_stops_no_other_mail() -> None:
    world = World()
    world.ses.error = LookupError("a secret")
    with running(world):
        made = await world.add("k-1")
        await asyncio.sleep(1)
        assert await world.state(made) == (None, "The operator failed with an internal error; it tries again.")
        world.ses.error = None
        other = await world.add("k-2")
        await asyncio.sleep(20)
        assert [(await world.state(each))[0] for each in (made, other)] == ["Sent", "Sent"]


async def test_a_problem_is_written_once_for_as_long_as_it_stays_the_same() -> None:
    world = World()
    world.ses.error = REFUSED
    with running(world):
        made = await world.add("k")
        await asyncio.sleep(3600)
        assert await world.state(made) == (None, "SES did not accept the mail (MessageRejected); it is tried again.")
        assert len([verb for verb, kind, _ in world.cluster.writes if verb == "status"]) == 1


async def test_kubernetes_not_answering_is_not_written_as_a_problem() -> None:
    world = World()
    world.ses.error = TimeoutError()
    with running(world):
        made = await world.add("k")
        await asyncio.sleep(60)
        assert await world.state(made) == (None, None)
        assert len(world.ses.asked) > 2


async def test_an_operator_that_lost_the_lease_sends_no_more() -> None:
    world = World()
    world.ses.error = NotLeadingError()
    made = await world.add("k")
    with running(world) as task:
        await asyncio.sleep(60)
        assert task.done()
    assert (len(world.ses.asked), await world.state(made)) == (1, (None, None))


async def test_a_mail_of_an_earlier_process_counts_for_its_address_and_is_not_sent_again() -> None:
    world = World()
    made = await world.add("k")
    sent = {"state": "Sent", "to": "a@example.com", "finishedAt": to_rfc3339(utc_now() - timedelta(minutes=5))}
    await world.notifications.merge_status("n", made.metadata.name, {"status": sent})
    with running(world):
        await asyncio.sleep(60)
    assert world.ses.asked == []
    rates = cast(Any, world.outbox)._rates
    assert [len(each) for each in rates._sent.values()] == [1]


async def test_a_problem_that_an_earlier_process_wrote_is_not_written_again() -> None:
    world = World()
    world.ses.error = REFUSED
    made = await world.add("k")
    with running(world):
        await asyncio.sleep(1)
    world.restart()
    writes = len(world.cluster.writes)
    world.outbox.see(await world.notifications.get("n", made.metadata.name))
    with running(world):
        await asyncio.sleep(60)
        assert len(world.cluster.writes) == writes
        world.ses.error = AwsError("ses:SendEmail", "AccountSendingPaused", "paused", http_status=400)
        await asyncio.sleep(200)
    assert await world.state(made) == (
        None,
        "SES did not accept the mail (AccountSendingPaused); it is tried again.",
    )


async def test_what_an_earlier_process_finished_is_kept_from_that_time_on() -> None:
    world = World()
    made = await world.add("k")
    sent = {"state": "Sent", "to": "a@example.com", "finishedAt": to_rfc3339(utc_now() - timedelta(days=13))}
    await world.notifications.merge_status("n", made.metadata.name, {"status": sent})
    with running(world):
        await asyncio.sleep(DAY - 60)
        assert await world.now(made) is not None
        await asyncio.sleep(120)
        assert await world.now(made) is None


async def test_what_says_no_time_is_kept_from_now_on() -> None:
    world = World()
    made = await world.add("k")
    await world.notifications.merge_status("n", made.metadata.name, {"status": {"state": "Disabled"}})
    with running(world):
        await asyncio.sleep(14 * DAY - 60)
        assert await world.now(made) is not None
        await asyncio.sleep(120)
        assert await world.now(made) is None


async def test_a_mail_is_finished_whether_the_watch_shows_it_or_not() -> None:
    world = World()
    made = await world.add("k")
    world.cluster.watches.clear()
    with running(world):
        await asyncio.sleep(60)
        assert (await world.state(made))[0] == "Sent"
        assert REGISTRY.get_sample_value("batteries_mails_waiting") == 0
        await asyncio.sleep(14 * DAY)
        assert await world.now(made) is None
