"""Each Notification becomes one mail, to the Customer's own address; none delays anything or contains a secret."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources
from fakes.factory import settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import Customer
from batteries_crds.notification import Notification, NotificationKind, notification
from batteries_operator.aws.errors import AwsError
from batteries_operator.mails import outbox
from batteries_operator.mails.outbox import KEPT, Outbox
from batteries_operator.mails.rate_limit import MAILS_AN_HOUR, MailRates
from batteries_operator.mails.recipients import Recipients
from batteries_operator.mails.texts import TEMPLATES, render

SPACE, OWNER = "customers", "boss@example.com"


class FakeMail:
    """SES, as far as the outbox asks."""

    def __init__(self) -> None:
        self.enabled = True
        self.sent: list[tuple[str, str, str]] = []
        self.refusals: list[Exception] = []

    async def send(self, to: str, subject: str, text: str, *, about: str) -> str:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append((to, subject, text))
        return f"ses-{len(self.sent)}"


class World:
    """A cluster with one customer, SES, and an outbox that the cluster's watch speaks to."""

    def __init__(self) -> None:
        self.cluster, self.mail = Cluster(), FakeMail()
        self.notifications = FakeResources(self.cluster, Notification)
        self.customers = FakeResources(self.cluster, Customer)
        self.accounts = FakeResources(self.cluster, AwsAccount)
        self.outbox = self.start()
        self.cluster.watches.append(self._shown)

    def start(self, is_needed: Callable[[str, str], bool] = lambda namespace, name: False) -> Outbox:
        chosen = settings(
            mails_per_second=100, public_url="https://api.example.com", support_contact="help@example.com"
        )
        recipients = Recipients(cast(Any, self.customers), cast(Any, self.accounts), chosen.payment_grace)
        return Outbox(cast(Any, self.notifications), recipients, cast(Any, self.mail), chosen, is_needed)

    def _shown(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "Notification":
            self.outbox.see(self.notifications.read(body))

    async def add(self, kind: NotificationKind, *what: str, **more: Any) -> Notification:
        return await self.notifications.create(SPACE, notification(kind, "c-1", *what, **more))

    async def get(self, made: Notification) -> Notification:
        return await self.notifications.get(SPACE, made.metadata.name)

    async def until(self, made: Notification, holds: Callable[[Notification], bool]) -> Notification:
        async with asyncio.timeout(5):
            while not holds(now := await self.get(made)):
                await asyncio.sleep(0.005)
        return now

    async def finished(self, made: Notification) -> Notification:
        return await self.until(made, lambda now: now.status.state is not None)


@asynccontextmanager
async def running(box: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(box.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.customers.create(SPACE, {"metadata": {"name": "c-1"}, "spec": {"email": OWNER}})
    async with running(made.outbox):
        yield made


async def test_a_notification_becomes_one_mail_to_the_customers_address(world: World) -> None:
    made = await world.add(
        NotificationKind.KEY_REVOKED, "k-1", key_prefix="a4f9ab2b", by="with your API key aib_0c5d1e9f"
    )
    status = (await world.finished(made)).status
    assert (status.state, status.to, status.message_id, status.error) == ("Sent", OWNER, "ses-1", None)
    [(to, subject, text)] = world.mail.sent
    assert (to, subject) == (OWNER, "An API key was revoked")
    for words in ("aib_a4f9ab2b", "aib_0c5d1e9f", "https://api.example.com", "help@example.com", "If this was not you"):
        assert words in text
    assert "None" not in text
    assert "{" not in text


@pytest.mark.parametrize("kind", NotificationKind)
def test_every_kind_has_words_and_says_whom_to_turn_to(kind: NotificationKind) -> None:
    to = "payer@example.com" if kind is NotificationKind.KEY_HANDED_OVER else None
    made = Notification.model_validate(notification(kind, "c-1", to=to))
    subject, text = render(made, public="https://api.example.com", contact="help@example.com", link="https://x/#t")
    assert subject == TEMPLATES[kind].subject
    assert "help@example.com" in text
    assert "https://api.example.com" in text
    assert "the people who run https://api.example.com" in render(made, public="https://api.example.com", contact="")[1]


def test_what_is_filled_in_stays_one_line_and_is_no_template() -> None:
    details: dict[str, Any] = {"key_prefix": "x\n\nDear customer, pay here: {contact}" + "y" * 500, "by": "\u202eevil"}
    made = Notification.model_validate(notification(NotificationKind.KEY_REVOKED, "c-1", **details))
    text = render(made, public="p", contact="c")[1]
    assert "\n\nDear" not in text
    assert "pay here: {contact}" in text
    assert "\u202e" not in text


async def test_a_mail_to_who_paid_goes_to_the_address_that_stripe_collected(world: World) -> None:
    made = await world.add(NotificationKind.KEY_HANDED_OVER, "s-1", to="payer@example.com", key_prefix="a4f9ab2b")
    assert (await world.finished(made)).status.to == "payer@example.com"


async def test_what_ses_does_not_take_is_tried_again_and_says_why_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AGAIN_SECONDS", 0.05)
    refused = AwsError("ses:SendEmail", "MessageRejected", "arn:aws:ses:… is not verified", request_id="r-1")
    world.mail.refusals = [refused, refused]
    made = await world.add(NotificationKind.KEY_CREATED, "k-1")
    troubled = await world.until(made, lambda now: now.status.error is not None)
    assert troubled.status.error == "SES did not accept the mail (MessageRejected); it is tried again."
    done = await world.finished(made)
    assert (done.status.state, done.status.error) == ("Sent", None)
    assert len(world.mail.sent) == 1


async def test_a_write_that_fails_after_the_mail_went_sends_no_second_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AGAIN_SECONDS", 0.01)
    left = [2]

    def fail(kind: str, body: dict[str, Any]) -> None:
        if kind == "Notification" and "status" in body and left[0]:
            left[0] -= 1
            raise TimeoutError

    world.cluster.before_write = fail
    made = await world.add(NotificationKind.KEY_CREATED, "k-1")
    await world.finished(made)
    assert left == [0]
    assert len(world.mail.sent) == 1


async def test_without_a_sender_nothing_is_sent_and_nothing_waits(world: World) -> None:
    world.mail.enabled = False
    made = await world.add(NotificationKind.CONFIRM_EMAIL)
    done = await world.finished(made)
    assert (done.status.state, done.status.confirmation) == ("Disabled", None)
    assert world.mail.sent == []


async def test_a_mail_about_a_payment_that_is_not_missing_any_more_is_dropped(world: World) -> None:
    since = to_rfc3339(utc_now())
    missing = {"status": {"paymentMethod": "missing", "paymentGraceSince": since}}
    await world.customers.merge_status(SPACE, "c-1", missing)
    first = await world.add(NotificationKind.PAYMENT_METHOD_MISSING, "1", since=since)
    assert (await world.finished(first)).status.state == "Sent"
    await world.customers.merge_status(SPACE, "c-1", {"status": {"paymentMethod": "valid", "paymentGraceSince": None}})
    second = await world.add(NotificationKind.PAYMENT_METHOD_MISSING, "2", since=since)
    done = await world.finished(second)
    assert done.status.state == "Dropped"
    assert "can pay again" in (done.status.error or "")
    assert len(world.mail.sent) == 1


async def test_what_is_still_needed_is_kept_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    made = await world.add(NotificationKind.PAYMENT_METHOD_MISSING, "1", since="x")
    old = {"state": "Sent", "finishedAt": to_rfc3339(utc_now() - KEPT - timedelta(days=1))}
    needed = {made.metadata.name}
    monkeypatch.setattr(outbox, "LOOKED_SECONDS", 0.05)
    world.outbox = world.start(lambda _, name: name in needed)
    async with running(world.outbox):
        await world.notifications.merge_status(SPACE, made.metadata.name, {"status": old})
        await asyncio.sleep(0.2)
        assert await world.get(made)
        needed.clear()
        async with asyncio.timeout(5):
            while await world.notifications.find(SPACE, made.metadata.name) is not None:
                await asyncio.sleep(0.01)


async def test_a_mail_to_a_customer_who_is_gone_is_dropped(world: World) -> None:
    made = await world.notifications.create(SPACE, notification(NotificationKind.KEY_CREATED, "c-2", "k-1"))
    done = await world.finished(made)
    assert (done.status.state, done.status.error) == ("Dropped", "The Customer does not exist any more.")


async def test_the_link_is_in_the_mail_alone_and_its_hash_in_the_status(world: World) -> None:
    made = await world.add(NotificationKind.CONFIRM_EMAIL)
    done = await world.finished(made)
    [(_, _, text)] = world.mail.sent
    found = re.search(r"https://api\.example\.com/confirm-email#(\S+)", text)
    assert found is not None
    token, confirmation = found[1], done.status.confirmation
    assert confirmation is not None
    assert confirmation.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert confirmation.email == OWNER
    assert timedelta(hours=23) < confirmation.expires_at - utc_now() <= timedelta(hours=24)
    assert token not in str(world.cluster.objects)
    assert token.partition(".")[2] not in str(world.cluster.writes)


async def test_an_address_that_is_confirmed_gets_no_link(world: World) -> None:
    await world.customers.merge(SPACE, "c-1", {"spec": {"confirmedEmail": OWNER.upper()}})
    done = await world.finished(await world.add(NotificationKind.CONFIRM_EMAIL))
    assert done.status.state == "Dropped"
    assert world.mail.sent == []


async def test_a_restart_among_mails_that_were_sent_calls_and_writes_nothing(world: World) -> None:
    for number in range(50):
        made = await world.add(NotificationKind.KEY_CREATED, f"k-{number}")
        status = {"state": "Sent", "finishedAt": to_rfc3339(utc_now()), "to": f"{number}@example.com"}
        await world.notifications.merge_status(SPACE, made.metadata.name, {"status": status})
    world.mail.sent.clear()
    writes, again = len(world.cluster.writes), world.start()
    async with running(again):
        async for each in world.notifications.all(SPACE):
            again.see(each)
        # One more, which is sent behind all that came before it.
        world.outbox = again
        last = await world.add(NotificationKind.KEY_CREATED, "last")
        await world.finished(last)
    assert len(world.mail.sent) == 1
    assert len(world.cluster.writes) == writes + 2


async def test_what_is_finished_long_ago_is_deleted(world: World) -> None:
    made = await world.add(NotificationKind.KEY_CREATED, "k-1")
    await world.finished(made)
    old = to_rfc3339(utc_now() - KEPT - timedelta(hours=1))
    fresh = world.start()
    await world.notifications.merge_status(SPACE, made.metadata.name, {"status": {"finishedAt": old}})
    async with running(fresh):
        fresh.see(await world.get(made))
        async with asyncio.timeout(5):
            while await world.notifications.find(SPACE, made.metadata.name) is not None:
                await asyncio.sleep(0.005)


def test_one_address_gets_so_many_mails_and_no_more_also_by_other_customers() -> None:
    now = [utc_now()]
    rates = MailRates(lambda: now[0])
    for _ in range(5):
        assert rates.wait("Victim@example.com", NotificationKind.CONFIRM_EMAIL) is None
        rates.note("victim@EXAMPLE.com", NotificationKind.CONFIRM_EMAIL, now[0])
    assert rates.wait("victim@example.com", NotificationKind.CONFIRM_EMAIL) == timedelta(days=1)
    assert rates.wait("other@example.com", NotificationKind.CONFIRM_EMAIL) is None
    for _ in range(MAILS_AN_HOUR):
        assert rates.wait("victim@example.com", NotificationKind.KEY_CREATED) is None
        rates.note("victim@example.com", NotificationKind.KEY_CREATED, now[0])
    assert rates.wait("victim@example.com", NotificationKind.KEY_REVOKED) == timedelta(hours=1)
    now[0] += timedelta(hours=1)
    assert rates.wait("victim@example.com", NotificationKind.KEY_REVOKED) is None


async def test_a_mail_that_is_held_back_for_its_address_keeps_no_other_waiting(world: World) -> None:
    for number in range(5):
        world.outbox._rates.note(OWNER, NotificationKind.CONFIRM_EMAIL, _ago(number))
    held = await world.add(NotificationKind.CONFIRM_EMAIL, "sixth")
    other = await world.add(NotificationKind.KEY_CREATED, "k-1")
    await world.finished(other)
    waiting = await world.until(held, lambda now: now.status.error is not None)
    assert waiting.status.state is None
    assert "as many mails as it may" in str(waiting.status.error)


def _ago(minutes: int) -> datetime:
    return utc_now() - timedelta(minutes=minutes)


async def test_a_restart_knows_what_was_sent_before_it_sends_again(world: World) -> None:
    """The watch may show a mail that waits before those that it waits for."""
    sent = [await world.finished(await world.add(NotificationKind.KEY_REVOKED, f"k-{n}")) for n in range(MAILS_AN_HOUR)]
    assert len(world.mail.sent) == len(sent)
    waits = await world.until(
        await world.add(NotificationKind.KEY_REVOKED, "k-more"), lambda now: bool(now.status.error)
    )
    again = world.start()
    async with running(again):
        again.see(waits)
        await asyncio.sleep(0)
        for each in sent:
            again.see(each)
        await world.until(await world.add(NotificationKind.CONFIRM_EMAIL), lambda now: now.status.state is not None)
    assert [to for to, subject, _ in world.mail.sent if subject == "An API key was revoked"] == [OWNER] * len(sent)


def test_a_repeat_has_the_same_name_and_another_happening_another() -> None:
    names = [
        notification(NotificationKind.KEY_CREATED, *what)["metadata"]["name"]
        for what in (("c-1", "k-1"), ("c-1", "k-1"), ("c-1", "k-2"), ("c-2", "k-1"))
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3
