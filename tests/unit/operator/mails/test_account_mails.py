"""The mails about one account's end and closure: to whom they go, what they say, and that they are still true."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from fakes.cluster import Cluster, FakeResources

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import NoticeStage
from batteries_crds.base import to_rfc3339
from batteries_crds.customer import Customer
from batteries_crds.notification import OF_ACCOUNTS, Notification
from batteries_operator.deadlines.notices import CLOSED, CLOSES, EXPIRED, EXPIRES, Notice
from batteries_operator.mails.recipients import NotToSendError, Recipients
from batteries_operator.mails.texts import render

AT = datetime(2027, 1, 31, 12, tzinfo=UTC)
LATER = AT + timedelta(days=30)
PUBLIC = "https://api.example.com"
CUSTOMERS, EMAIL = {"customerRef": {"name": "c-1"}}, {"email": "a@example.com"}


class World:
    def __init__(self) -> None:
        self.cluster = Cluster()
        self.accounts: Any = FakeResources(self.cluster, AwsAccount)
        self.customers: Any = FakeResources(self.cluster, Customer)
        self.notifications: Any = FakeResources(self.cluster, Notification)
        self.recipients = Recipients(cast(Any, self.customers), cast(Any, self.accounts), timedelta(days=7))

    async def account(self, owner: dict[str, Any], **spec: Any) -> AwsAccount:
        await self.accounts.create("n", {"metadata": {"name": "acme"}, "spec": {**owner, **spec}})
        made: AwsAccount = await self.accounts.merge_status("n", "acme", {"status": {"awsAccountId": "123456789012"}})
        return made

    async def made(self, account: AwsAccount, notice: Notice) -> Notification:
        made: Notification = await self.notifications.create("n", notice.body(account))
        return made


async def test_it_goes_to_the_customer_or_to_the_address_in_the_spec() -> None:
    for owner, address in ((EMAIL, "a@example.com"), (CUSTOMERS, "boss@example.com")):
        world = World()
        await world.customers.create("n", {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
        account = await world.account(owner, expiresAt=to_rfc3339(AT))
        made = await world.made(account, Notice(EXPIRES, AT, NoticeStage.DAY))
        assert made.customer == ("c-1" if owner == CUSTOMERS else None)
        assert await world.recipients.of(made) == address


@pytest.mark.parametrize(
    ("notice", "change", "why"),
    [
        (Notice(EXPIRES, AT, NoticeStage.DAY), {"spec": {"expiresAt": to_rfc3339(LATER)}}, "time was changed"),
        (Notice(EXPIRES, AT, NoticeStage.DAY), {"spec": {"expiresAt": None}}, "time was changed, or removed"),
        (Notice(EXPIRED, AT, NoticeStage.PAST), {"spec": {"expiresAt": to_rfc3339(LATER)}}, "time was changed"),
        (Notice(CLOSES, LATER, NoticeStage.DAY), {"spec": {"closeAt": None}}, "time was changed"),
        (Notice(CLOSED, LATER, NoticeStage.PAST), {"status": {"closedAt": None}}, "AWS Support has reopened"),
        (Notice(EXPIRES, AT, NoticeStage.DAY), {"metadata": {"uid": "another"}}, "does not exist any more"),
        (Notice(EXPIRES, AT, NoticeStage.DAY), {"metadata": {"deletionTimestamp": to_rfc3339(AT)}}, "does not exist"),
    ],
)
async def test_one_that_is_not_true_any_more_is_not_sent(notice: Notice, change: dict[str, Any], why: str) -> None:
    world = World()
    account = await world.account(EMAIL, expiresAt=to_rfc3339(AT), closeAt=to_rfc3339(LATER))
    account = await world.accounts.merge_status("n", "acme", {"status": {"closedAt": to_rfc3339(LATER)}})
    made = await world.made(account, notice)
    assert await world.recipients.of(made) == "a@example.com"
    raw = world.cluster.objects["AwsAccount", "n", "acme"]
    for part, values in change.items():
        raw[part] = {name: value for name, value in {**raw[part], **values}.items() if value is not None}
    with pytest.raises(NotToSendError, match=why):
        await world.recipients.of(made)


async def test_a_customer_that_is_gone_gets_none() -> None:
    world = World()
    account = await world.account(CUSTOMERS, expiresAt=to_rfc3339(AT))
    made = await world.made(account, Notice(EXPIRES, AT, NoticeStage.DAY))
    with pytest.raises(NotToSendError, match="Customer does not exist"):
        await world.recipients.of(made)
    del world.cluster.objects["AwsAccount", "n", "acme"]
    with pytest.raises(NotToSendError, match="AwsAccount does not exist"):
        await world.recipients.of(made)


SAYS: dict[str, tuple[Notice, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    EXPIRES: (
        Notice(EXPIRES, AT, NoticeStage.DAY),
        {},
        ("expires at 2027-01-31T12:00:00Z", "opened again by a later time", 'PATCH /v1/accounts/ID with {"expiresAt"'),
        ("ask whoever made it for you",),
    ),
    EXPIRED: (
        Notice(EXPIRED, AT, NoticeStage.PAST, closes_at=LATER),
        {},
        ("expired at 2027-01-31T12:00:00Z", "AWS closes it at 2027-03-02T12:00:00Z", "PATCH /v1/accounts/ID"),
        ("ask whoever made it for you",),
    ),
    CLOSES: (
        Notice(CLOSES, LATER, NoticeStage.DAY),
        {"Expired": {"since": to_rfc3339(AT), "closesAt": to_rfc3339(LATER)}},
        ("will close your account", "at 2027-03-02T12:00:00Z", "The reason: it has expired.", "PATCH /v1/accounts/ID"),
        ("ask whoever made it for you",),
    ),
    CLOSED: (
        Notice(CLOSED, LATER, NoticeStage.PAST),
        {},
        ("was closed at 2027-03-02T12:00:05Z", "reopen it until 2027-05-31T12:00:05Z"),
        (),
    ),
}


@pytest.mark.parametrize("kind", sorted(OF_ACCOUNTS))
async def test_what_it_says_to_a_customer_and_to_somebody_without_the_api(kind: str) -> None:
    notice, holds, says, says_others = SAYS[kind]
    for owner, words in ((CUSTOMERS, says), (EMAIL, says_others)):
        world = World()
        await world.account(owner, expiresAt=to_rfc3339(AT))
        status = {"holds": holds} | ({"closedAt": "2027-03-02T12:00:05Z"} if kind == CLOSED else {})
        account = await world.accounts.merge_status("n", "acme", {"status": status})
        made = await world.made(account, notice)
        _, text = render(made, public=PUBLIC, contact="help@example.com")
        flat = " ".join(text.split()).replace(str(account.account_id), "ID")
        for part in words:
            assert part in flat
        assert "123456789012" in flat
        assert ("ID at" if owner == CUSTOMERS else "n/acme at") in flat
        assert "not known" not in flat


async def test_the_reason_and_the_way_out_of_a_closure_are_its_own() -> None:
    for spec, holds, words in (
        ({"closeAt": to_rfc3339(LATER)}, {}, ("You asked for it.", "/resume.")),
        ({}, {"PaymentMethodMissing": {}}, ("there is no valid payment method", "save a valid payment method")),
        ({}, {"Tomorrow": {}}, ("The reason: Tomorrow.", "tell us.")),
    ):
        world = World()
        await world.account(CUSTOMERS, **spec)
        held = {name: {"since": to_rfc3339(AT), "closesAt": to_rfc3339(LATER)} for name in holds}
        account = await world.accounts.merge_status("n", "acme", {"status": {"holds": held}})
        details = Notice(CLOSES, LATER, NoticeStage.DAY).body(account)["spec"]["details"]
        assert words[0] in details["reason"]
        assert words[1] in details["keep"]


def test_the_name_of_a_mail_is_its_own_for_each_account_time_and_stage() -> None:
    def name(uid: str, notice: Notice) -> str:
        body = {"metadata": {"name": "acme", "namespace": "n", "uid": uid}, "spec": EMAIL}
        return str(notice.body(AwsAccount.model_validate(body))["metadata"]["name"])

    one = name("u", Notice(EXPIRES, AT, NoticeStage.DAY))
    assert one == name("u", Notice(EXPIRES, AT, NoticeStage.DAY, missed=(NoticeStage.WEEK,)))
    others = {
        name("v", Notice(EXPIRES, AT, NoticeStage.DAY)),
        name("u", Notice(EXPIRES, LATER, NoticeStage.DAY)),
        name("u", Notice(EXPIRES, AT, NoticeStage.WEEK)),
        name("u", Notice(EXPIRED, AT, NoticeStage.DAY)),
    }
    assert len({one, *others}) == 5
