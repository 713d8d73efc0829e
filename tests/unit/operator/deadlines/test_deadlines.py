"""Expiry on a clock that is turned: notices, suspension, closure and extension; nothing early, nothing twice, nothing
lost, whatever happens meanwhile.
"""

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources, Json
from kubernetes.aio.client import ApiException
from prometheus_client import REGISTRY

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now, utc_now_exactly
from batteries_crds.notification import Notification
from batteries_operator.controller.live_accounts import LiveAccounts
from batteries_operator.deadlines import deadlines
from batteries_operator.deadlines.deadlines import Deadlines

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
GRACE = 30 * DAY
SOON, ENDED, CLOSES, CLOSED = "AccountExpires", "AccountExpired", "AccountCloses", "AccountClosed"


@dataclass
class Operator:
    """One life of the operator's deadlines."""

    deadlines: Deadlines
    task: asyncio.Task[None]

    def stop(self) -> None:
        self.task.cancel()


@dataclass
class World:
    """A cluster, and what owners saw: the mails in the order of their creation, and the Events."""

    cluster: Cluster = field(default_factory=Cluster)
    mails: list[tuple[datetime, str, str]] = field(default_factory=list)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts: Any = FakeResources(self.cluster, AwsAccount)
        self.notifications: Any = FakeResources(self.cluster, Notification)
        self.cluster.watches.append(self._shown)

    def _shown(self, kind: str, body: Json) -> None:
        if kind == "AwsAccount":
            for each in self.operators:
                each.deadlines.account_seen(self.accounts.read(body))
        elif body.get("status") is None:
            self.mails.append((utc_now_exactly(), body["spec"]["kind"], body["spec"]["details"]["at"]))

    async def start(self) -> Operator:
        def post(account: AwsAccount, type_: str, reason: str, message: str) -> None:
            self.events.append((type_, reason, message))

        live = LiveAccounts(self.accounts)
        made = Deadlines(self.accounts, live, self.notifications, GRACE, post)
        one = Operator(made, asyncio.create_task(made.run()))
        self.operators.append(one)
        async for account in self.accounts.all(None):
            made.account_seen(account)
        return one

    def stop(self) -> None:
        while self.operators:
            self.operators.pop().stop()

    async def add(self, ends: datetime | None = None, *, customer: bool = False, **spec: Any) -> None:
        owner: Json = {"customerRef": {"name": "c-1"}} if customer else {"email": "a@example.com"}
        more = {"expiresAt": to_rfc3339(ends)} if ends is not None else {}
        await self.accounts.create("n", {"metadata": {"name": "acme"}, "spec": {**owner, **more, **spec}})
        await self.status(awsAccountId="123456789012")

    async def account(self) -> AwsAccount:
        found: AwsAccount = await self.accounts.get("n", "acme")
        return found

    async def change(self, **spec: Any) -> None:
        await self.accounts.merge("n", "acme", {"spec": spec})

    async def status(self, **status: Any) -> None:
        await self.accounts.merge_status("n", "acme", {"status": status})

    async def try_mails(self) -> None:
        """As the outbox does."""
        async for each in self.notifications.all("n"):
            if not each.is_tried:
                await self.notifications.merge_status("n", each.metadata.name, {"status": {"state": "Sent"}})

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.mails]


@pytest.fixture
def world() -> Any:
    made = World()
    yield made
    made.stop()


async def until(moment: datetime, before: timedelta = timedelta()) -> None:
    """Waits to that moment, or so much before it."""
    await asyncio.sleep(max(0.0, (moment - before - utc_now_exactly()).total_seconds()))


def now_plus(span: timedelta) -> datetime:
    return utc_now() + span


def metric(name: str) -> float | None:
    return REGISTRY.get_sample_value(name)


async def test_it_is_told_a_week_and_a_day_before_and_held_at_its_time_never_earlier(world: World) -> None:
    ends = now_plus(20 * DAY)
    await world.start()
    await world.add(ends)
    for before, kinds in ((7 * DAY, []), (DAY, [SOON]), (timedelta(), [SOON, SOON])):
        await until(ends, before + SECOND)
        assert world.kinds == kinds
        assert (await world.account()).holds == frozenset()
        await until(ends, before - 2 * SECOND)
    account = await world.account()
    assert world.kinds == [SOON, SOON, ENDED]
    assert {at for _, _, at in world.mails} == {to_rfc3339(ends)}
    for (at, _, _), before in zip(world.mails, (7 * DAY, DAY, timedelta()), strict=True):
        assert timedelta() <= at - (ends - before) < 2 * SECOND
    hold = account.status.holds["Expired"]
    assert (hold.since >= ends, hold.closes_at) == (True, None), "the policy is to suspend"
    assert [(each.step, each.status) for each in account.status.history] == [
        ("expiry", "started"),
        ("expiry", "started"),
        ("expiry", "succeeded"),
    ]
    assert [(type_, reason) for type_, reason, _ in world.events] == [
        ("Normal", SOON),
        ("Normal", SOON),
        ("Normal", ENDED),
    ]
    writes = len(world.cluster.writes)
    await asyncio.sleep(100 * DAY.total_seconds())
    assert len(world.cluster.writes) == writes, "nothing comes after that"


async def test_a_restart_at_rest_writes_and_reads_nothing(world: World) -> None:
    await world.add(now_plus(20 * DAY))
    reads: list[str] = []
    find = world.accounts.find_dated

    async def noted(namespace: str, name: str) -> Any:
        reads.append(name)
        return await find(namespace, name)

    world.accounts.find_dated = noted
    writes = len(world.cluster.writes)
    await world.start()
    await asyncio.sleep(12 * DAY.total_seconds())
    assert (len(world.cluster.writes), reads) == (writes, [])


@pytest.mark.parametrize("down_until", [timedelta(hours=3), timedelta()], ids=["between", "past all"])
async def test_after_a_downtime_late_notices_come_once_and_the_others_are_said_to_be_missing(
    world: World, down_until: timedelta
) -> None:
    ends = now_plus(8 * DAY)
    first = await world.start()
    await world.add(ends)
    first.stop()
    world.operators.clear()
    await until(ends, down_until)
    if not down_until:
        await asyncio.sleep(5 * DAY.total_seconds())
    await world.start()
    await asyncio.sleep(1)
    missing = [message for _, reason, message in world.events if reason == "NoticeMissed"]
    if down_until:
        assert world.kinds == [SOON]
        assert [("7 days before" in each, "24 hours" in each) for each in missing] == [(True, False)]
        assert (await world.account()).holds == frozenset()
        await until(ends, -2 * SECOND)
        assert world.kinds == [SOON, ENDED]
        assert len([each for each in world.events if each[1] == "NoticeMissed"]) == 1
    else:
        assert world.kinds == [ENDED]
        assert ["7 days and 24 hours before" in each for each in missing] == [True]
        assert (await world.account()).holds == {"Expired"}


async def test_a_short_life_is_told_of_once_at_its_beginning_and_misses_nothing(world: World) -> None:
    await world.start()
    await world.add(now_plus(2 * HOUR))
    await asyncio.sleep(1)
    assert world.kinds == [SOON]
    await asyncio.sleep(3 * HOUR.total_seconds())
    assert world.kinds == [SOON, ENDED]
    assert {type_ for type_, _, _ in world.events} == {"Normal"}


async def test_two_operators_do_each_thing_once(world: World) -> None:
    ends = now_plus(8 * DAY)
    await world.start()
    await world.start()
    await world.add(ends, expiryPolicy="Close")
    await until(ends, -2 * SECOND)
    await world.try_mails()
    await until(ends, -GRACE - 2 * SECOND)
    account = await world.account()
    assert world.kinds == [SOON, SOON, ENDED, CLOSES, CLOSES]
    assert [each.step for each in account.status.history] == ["expiry"] * 3 + ["closure"] * 2
    assert sum(reason == ENDED for _, reason, _ in world.events) == 1


@contextmanager
def meanwhile(world: World, change: Callable[[Json], Any]) -> Any:
    """Somebody else's change comes between the operator's read and its write."""
    find, left = world.accounts.find_dated, [1]

    async def changed_after(namespace: str, name: str) -> Any:
        found = await find(namespace, name)
        if left and found[0] is not None and found[0].spec.expires_at <= utc_now_exactly():
            left.clear()
            change(world.cluster.objects["AwsAccount", namespace, name])
            world.cluster.touch("AwsAccount", namespace, name)
        return found

    world.accounts.find_dated = changed_after
    yield
    assert not left, "it was read"


async def test_an_extension_in_the_last_second_wins(world: World) -> None:
    ends = now_plus(8 * DAY)
    await world.start()
    await world.add(ends)
    later = ends + 30 * DAY
    with meanwhile(world, lambda raw: raw["spec"].update(expiresAt=to_rfc3339(later))):
        await until(ends, -5 * SECOND)
    assert (await world.account()).holds == frozenset()
    assert world.kinds[:2] == [SOON, SOON]
    await until(later, -2 * SECOND)
    assert (await world.account()).holds == {"Expired"}
    assert [at for _, kind, at in world.mails if kind == SOON] == [to_rfc3339(ends)] * 2 + [to_rfc3339(later)] * 2


async def test_a_deletion_in_the_last_second_wins(world: World) -> None:
    ends = now_plus(8 * DAY)
    await world.start()
    await world.add(ends)
    with meanwhile(world, lambda raw: raw["metadata"].update(deletionTimestamp=to_rfc3339(utc_now()))):
        await until(ends, -5 * SECOND)
    assert (await world.account()).holds == frozenset()


async def test_one_that_is_deleted_or_gone_is_told_nothing(world: World) -> None:
    ends, one = now_plus(8 * DAY), await world.start()
    await world.add(ends)
    uid = (await world.account()).metadata.uid
    del world.cluster.objects["AwsAccount", "n", "acme"]
    await until(ends, -2 * SECOND)
    assert (world.mails, world.events) == ([], [])
    one.deadlines.forget(uid)
    await world.add(now_plus(8 * DAY))
    one.deadlines.forget((await world.account()).metadata.uid)
    await asyncio.sleep(9 * DAY.total_seconds())
    assert world.mails == []


@pytest.mark.parametrize("is_made_again", [False, True])
async def test_one_that_went_unseen_is_forgotten_at_its_time_and_is_not_late(world: World, is_made_again: bool) -> None:
    one, ends = await world.start(), now_plus(8 * DAY)
    await world.add(ends, expiryPolicy="Close")
    world.operators.clear()  # no watch shows the deletion
    del world.cluster.objects["AwsAccount", "n", "acme"]
    if is_made_again:
        await world.add()
    await until(ends, -2 * DAY)
    assert metric("batteries_deadlines_late") == 0
    assert not one.deadlines._next
    one.stop()


@pytest.mark.parametrize("hour", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_the_later_of_both_clocks_decides(world: World, hour: timedelta) -> None:
    ends = now_plus(3 * DAY)
    world.cluster.ahead = hour
    await world.start()
    await world.add(ends)
    both = ends - min(hour, timedelta())
    await until(both, SECOND)
    assert (await world.account()).holds == frozenset()
    await until(both, -2 * SECOND)
    assert (await world.account()).holds == {"Expired"}


@pytest.mark.parametrize("ends", [None, timedelta(days=50)])
async def test_a_later_end_or_none_opens_it_again(world: World, ends: timedelta | None) -> None:
    await world.start()
    await world.add(now_plus(2 * DAY))
    await asyncio.sleep(3 * DAY.total_seconds())
    assert (await world.account()).holds == {"Expired"}
    await world.change(expiresAt=None if ends is None else to_rfc3339(now_plus(ends)))
    await asyncio.sleep(1)
    assert (await world.account()).holds == frozenset()


async def test_an_end_that_was_moved_into_the_past_stays_and_one_of_which_a_clock_is_unsure_too(world: World) -> None:
    await world.start()
    await world.add(now_plus(2 * DAY))
    await asyncio.sleep(4 * DAY.total_seconds())
    for past in (3 * DAY, HOUR):
        await world.change(expiresAt=to_rfc3339(utc_now() - past))
        await asyncio.sleep(1)
        assert (await world.account()).holds == {"Expired"}
    world.cluster.ahead = -2 * HOUR  # an hour ago has not come there
    await world.change(displayName="A")
    await asyncio.sleep(1)
    assert (await world.account()).holds == {"Expired"}
    assert world.kinds.count(ENDED) == 1


async def test_with_the_policy_close_it_is_closed_after_the_grace_and_told_of_before(world: World) -> None:
    ends = now_plus(2 * DAY)
    await world.start()
    await world.add(ends, expiryPolicy="Close")
    await until(ends, -2 * SECOND)
    account = await world.account()
    closes = ends + GRACE
    assert account.closes_at == closes
    assert to_rfc3339(closes) in world.events[-1][2], "the notice of the end says when"
    await until(closes, 7 * DAY - 2 * SECOND)
    await until(closes, DAY - 2 * SECOND)
    assert world.kinds[-2:] == [CLOSES, CLOSES]
    await world.try_mails()
    await until(closes, SECOND)
    assert not (await world.account()).is_closure_due
    assert metric("batteries_accounts_to_close") == 1
    await until(closes, -2 * SECOND)
    account = await world.account()
    assert (account.is_closure_due, account.status.closure_due_at) == (True, closes)
    await world.status(closedAt=to_rfc3339(utc_now()))
    await asyncio.sleep(1)
    assert (world.kinds[-1], metric("batteries_accounts_to_close")) == (CLOSED, 0)
    writes = len(world.cluster.writes)
    await asyncio.sleep(100 * DAY.total_seconds())
    assert len(world.cluster.writes) == writes


async def test_the_policy_may_change_after_the_end(world: World) -> None:
    ends = now_plus(2 * DAY)
    await world.start()
    await world.add(ends)
    await until(ends, -40 * DAY)
    await world.change(expiryPolicy="Close")
    await asyncio.sleep(1)
    closes = (await world.account()).closes_at
    assert closes is not None
    assert timedelta(hours=24) < closes - utc_now() <= timedelta(hours=25)
    assert world.kinds[-1] == CLOSES
    await world.change(expiryPolicy="Suspend")
    await asyncio.sleep(1)
    account = await world.account()
    assert (sorted(account.holds), account.closes_at) == (["Expired"], None)


async def test_a_closure_of_which_nobody_could_be_told_in_time_is_put_off(world: World) -> None:
    ends = now_plus(2 * DAY)
    first = await world.start()
    await world.add(ends, expiryPolicy="Close")
    await until(ends, -2 * SECOND)
    first.stop()
    world.operators.clear()
    await until(ends + GRACE, 2 * HOUR)
    await world.start()
    await asyncio.sleep(1)
    await world.try_mails()
    closes, told = (await world.account()).closes_at, world.mails[-1]
    assert closes is not None
    assert (told[1], told[2]) == (CLOSES, to_rfc3339(closes))
    assert closes - told[0] >= DAY
    await until(closes, SECOND)
    assert not (await world.account()).is_closure_due
    await until(closes, -2 * SECOND)
    assert (await world.account()).is_closure_due
    assert world.kinds.count(CLOSES) == 2, "of the new time: at once, and a day before"


async def test_no_account_is_closed_before_its_mail_was_tried(world: World) -> None:
    ends = now_plus(2 * DAY)
    await world.start()
    await world.add(ends, expiryPolicy="Close")
    await until(ends + GRACE, -HOUR)
    assert not (await world.account()).is_closure_due
    assert metric("batteries_deadlines_late") == 1
    await world.try_mails()
    await asyncio.sleep(2 * deadlines.UNTRIED_SECONDS)
    assert (await world.account()).is_closure_due
    assert metric("batteries_deadlines_late") == 0


async def test_mails_that_were_deleted_long_ago_do_not_keep_a_closure_back(world: World) -> None:
    ends = now_plus(2 * DAY)
    await world.start()
    await world.add(ends, expiryPolicy="Close")
    await until(ends + GRACE, HOUR)
    for key in [key for key in world.cluster.objects if key[0] == "Notification"]:
        del world.cluster.objects[key]
    await until(ends + GRACE, -2 * SECOND)
    assert (await world.account()).is_closure_due


@pytest.mark.parametrize("customer", [True, False])
async def test_one_whose_owner_leaves_is_told_at_once_and_a_day_before(world: World, customer: bool) -> None:
    await world.start()
    await world.add(customer=customer)
    closes = now_plus(7 * DAY)
    await world.change(closeAt=to_rfc3339(closes))
    await asyncio.sleep(1)
    first = [] if customer else [CLOSES]  # of a customer's request the API server mails
    assert (world.kinds, [reason for _, reason, _ in world.events]) == (first, [CLOSES])
    await until(closes, DAY - 2 * SECOND)
    assert world.kinds == [*first, CLOSES]
    await until(closes, SECOND)
    assert (await world.account()).status.closure_due_at is None
    await until(closes, -2 * SECOND)
    assert (await world.account()).is_closure_due, "whether the mails were tried or not: the owner asked for it"


async def test_one_that_is_taken_back_and_left_again_is_told_of_the_new_time(world: World) -> None:
    await world.start()
    await world.add()
    for days in (7, 9):
        await world.change(closeAt=to_rfc3339(now_plus(days * DAY)))
        await asyncio.sleep(1)
        await world.change(closeAt=None)
        await asyncio.sleep(12 * DAY.total_seconds())
    assert len({at for _, _, at in world.mails}) == 2
    assert (await world.account()).status.closure_due_at is None


async def test_nothing_is_said_of_the_closure_of_what_was_never_made(world: World) -> None:
    await world.start()
    await world.add()
    await world.status(awsAccountId=None)
    await world.change(closeAt=to_rfc3339(now_plus(2 * DAY)))
    await asyncio.sleep(3 * DAY.total_seconds())
    assert (world.mails, (await world.account()).status.closure_due_at) == ([], None)
    await world.status(createRequest={"email": "a@b.example", "accountName": "a", "recordedAt": "2026-01-01T00:00:00Z"})
    await asyncio.sleep(1)
    assert (await world.account()).is_closure_due, "AWS may be making it"


async def test_what_was_reopened_is_not_closed_again_for_that_time(world: World) -> None:
    await world.start()
    await world.add(closeAt=to_rfc3339(now_plus(HOUR)))
    await asyncio.sleep(2 * HOUR.total_seconds())
    assert (await world.account()).is_closure_due
    await world.status(reopenedAt=to_rfc3339(utc_now()))
    account = await world.account()
    assert not account.is_closure_due
    mails = len(world.mails)
    await asyncio.sleep(DAY.total_seconds())
    assert len(world.mails) == mails


@pytest.mark.parametrize("method", ["create", "merge_status", "find_dated"])
async def test_a_kubernetes_that_fails_is_asked_again_and_nothing_comes_twice(world: World, method: str) -> None:
    ends = now_plus(2 * DAY)
    one = world.notifications if method == "create" else world.accounts
    right, left = getattr(one, method), [3]
    await world.add(ends)
    await world.start()

    async def wrong(*args: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise ApiException(status=500) if left[0] else ConnectionError
        return await right(*args)

    await until(ends, DAY + SECOND)
    setattr(one, method, wrong)
    await until(ends, DAY - 4 * timedelta(seconds=deadlines.AGAIN_SECONDS))
    assert world.kinds == [SOON, SOON]
    await until(ends, -5 * SECOND)
    assert world.kinds == [SOON, SOON, ENDED]
    assert (await world.account()).holds == {"Expired"}


@pytest.mark.parametrize("point", range(1, 14))
async def test_a_crash_after_any_write_loses_nothing_and_repeats_no_mail(world: World, point: int) -> None:
    """Each life ends after so many writes, and the next begins a minute later."""
    ends = now_plus(8 * DAY)
    await world.add(ends, expiryPolicy="Close")
    left = [point]

    def after_write(_: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            left[0] = point
            raise CrashError

    class CrashError(BaseException):
        pass

    world.cluster.after_write = after_write
    while utc_now() < ends + GRACE + HOUR:
        one = await world.start()
        lived = asyncio.create_task(asyncio.sleep(HOUR.total_seconds()))
        await asyncio.wait([one.task, lived], return_when=asyncio.FIRST_COMPLETED)
        lived.cancel()
        one.stop()
        world.operators.clear()
        await asyncio.gather(one.task, return_exceptions=True)
        world.cluster.after_write = lambda _: None
        await world.try_mails()
        world.cluster.after_write = after_write
    account = await world.account()
    assert account.is_closure_due
    made = [each.spec.kind async for each in world.notifications.all("n")]
    assert sorted(made) == sorted([SOON, SOON, ENDED, CLOSES, CLOSES])
    assert [each.step for each in account.status.history] == ["expiry"] * 3 + ["closure"] * 2


async def test_accounts_without_a_time_are_not_kept(world: World) -> None:
    one = await world.start()
    await world.add()
    assert len(one.deadlines._next) == 0
    await world.change(expiresAt=to_rfc3339(now_plus(DAY * 20)))
    assert len(one.deadlines._next) == 1
    await world.change(expiresAt=None)
    assert len(one.deadlines._next) == 0


async def test_a_fault_in_one_account_stops_no_other(world: World) -> None:
    one = await world.start()
    await world.add(now_plus(HOUR))
    body = {"metadata": {"name": "odd"}, "spec": {"email": "o@example.com", "expiresAt": to_rfc3339(now_plus(HOUR))}}
    read = cast(Any, one.deadlines)._live.read

    async def wrong(account: Any) -> Any:
        if account.name == "odd":
            raise RuntimeError("a fault")
        return await read(account)

    cast(Any, one.deadlines)._live.read = wrong
    await world.accounts.create("n", body)
    await asyncio.sleep(2 * HOUR.total_seconds())
    assert (await world.account()).holds == {"Expired"}
    assert not one.task.done()
