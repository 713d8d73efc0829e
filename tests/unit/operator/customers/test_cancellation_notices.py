"""A customer who cancels is told at once until when it is paid, and what follows and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources
from fakes.until import until

from batteries_crds.base import to_rfc3339
from batteries_crds.customer import Customer
from batteries_crds.notification import Notification
from batteries_operator.customers.payment_notices import PaymentNotices
from batteries_operator.customers.payment_sentences import after_cancellation, closure, consequence
from batteries_operator.mails.texts import render

DAY = timedelta(days=1)
NOW, ENDS = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


class World:
    """One Customer, and the operator's notices."""

    def __init__(self, grace: timedelta | None = 7 * DAY, close_after: timedelta | None = 30 * DAY) -> None:
        self.cluster = Cluster()
        self.notifications: Any = FakeResources(self.cluster, Notification)
        self.customers: Any = FakeResources(self.cluster, Customer)
        self.has_accounts = True
        self.notices = self.start(grace, close_after)

    def start(self, grace: timedelta | None, close_after: timedelta | None) -> PaymentNotices:
        async def has_accounts(customer: tuple[str, str]) -> bool:
            return self.has_accounts

        return PaymentNotices(
            self.notifications,
            grace,
            close_after=close_after,
            is_mail_on=True,
            has_accounts=has_accounts,
            now=lambda: NOW,
        )

    async def becomes(self, **status: Any) -> None:
        if ("Customer", "n", "c-1") not in self.cluster.objects:
            await self.customers.create("n", {"metadata": {"name": "c-1"}, "spec": {"email": "a@example.com"}})
        shown = {name: to_rfc3339(at) if isinstance(at, datetime) else at for name, at in status.items()}
        self.notices.customer_seen(await self.customers.merge_status("n", "c-1", {"status": shown}))

    async def made(self) -> list[Notification]:
        return [one async for one in self.notifications.all("n")]

    async def until_made(self, count: int) -> list[Notification]:
        async def are() -> bool:
            return len(await self.made()) == count

        await until(are)
        return await self.made()


async def test_the_mail_names_every_date_and_comes_once() -> None:
    world = World()
    await world.becomes(paymentMethod="valid", paymentEndsAt=ENDS)
    [told] = await world.until_made(1)
    assert told.spec.kind == "SubscriptionEnds"
    subject, text = render(told, public="https://api.example", contact="help@example.com")
    assert subject == "Your subscription ends"
    assert "It is paid until 2026-12-01T00:00:00Z and ends then." in text
    assert "suspended at 2026-12-08T00:00:00Z" in text
    assert "AWS closes them at 2027-01-07T00:00:00Z at the earliest" in text
    assert "POST https://api.example/v1/stripe/portal" in text
    assert "DELETE https://api.example/v1/accounts/ID" in text
    assert "(not known)" not in text
    again = world.start(7 * DAY, 30 * DAY)
    again.customer_seen(await world.customers.get("n", "c-1"))
    await world.becomes(paymentReason="SubscriptionPaid")
    assert len(await world.until_made(1)) == 1
    world.notices.see(told)
    assert world.notices.needs("n", told.metadata.name)
    await world.becomes(paymentEndsAt=None)
    assert not world.notices.needs("n", told.metadata.name)
    await world.becomes(paymentEndsAt=ENDS + DAY)
    await world.until_made(2)


async def test_the_loss_that_comes_of_it_is_told_too_with_the_closure() -> None:
    world = World()
    await world.becomes(paymentMethod="valid", paymentEndsAt=NOW)
    await world.until_made(1)
    await world.becomes(paymentMethod="missing", paymentEndsAt=None, paymentGraceSince=NOW)
    made = {one.spec.kind.value: one for one in await world.until_made(2)}
    _, text = render(made["PaymentMethodMissing"], public="https://api.example", contact="")
    assert "Unless that changes, your AWS accounts will be suspended at 2026-11-08T00:00:00Z" in text
    assert "AWS closes them at 2026-12-08T00:00:00Z at the earliest" in text


async def test_where_nothing_is_suspended_a_cancellation_is_told_and_a_loss_is_not() -> None:
    world = World(None, 30 * DAY)
    await world.becomes(paymentMethod="valid", paymentEndsAt=ENDS)
    [told] = await world.until_made(1)
    assert told.spec.details["consequence"] == "Your existing AWS accounts stay as they are."
    await world.becomes(paymentMethod="missing", paymentEndsAt=None, paymentGraceSince=NOW)
    assert len(await world.until_made(1)) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (closure(None), "They stay suspended until you have a valid payment method."),
        (
            consequence("S", None, is_over=False, has_accounts=False),
            "Until that changes, you can't request AWS accounts.",
        ),
        (
            consequence("S", None, is_over=True, has_accounts=True),
            "Your AWS accounts will be suspended now: nobody will be able to use them, but their content is kept. They "
            "stay suspended until you have a valid payment method.",
        ),
        (after_cancellation("S", "C", has_accounts=False), "You have no AWS accounts now, so nothing else changes."),
        (
            after_cancellation("S", None, has_accounts=True),
            "Your existing AWS accounts will be suspended at S: nobody will be able to use them, but their content is "
            "kept. They stay suspended until you have a valid payment method.",
        ),
    ],
)
def test_what_follows_is_said_as_far_as_it_does(said: str, expected: str) -> None:
    assert said == expected
