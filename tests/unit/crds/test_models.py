"""What the models say of an object beyond its fields: whose it is, whether it works, what it is to be."""

from datetime import UTC, datetime, timedelta, timezone
from math import inf
from typing import Any
from uuid import UUID

import pytest

from batteries_crds import base
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import AHEAD_SECONDS, seconds_since, to_rfc3339, utc_now, utc_now_exactly
from batteries_crds.breaker import Breaker
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.identity import ObjectRef, derived_uuid, is_uuid
from batteries_crds.names import ANNOTATION_RETRY, RETRY_LENGTH
from batteries_crds.notification import DETAIL_LENGTH, NotificationKind, notification

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
NAMED = "7d0df751-a438-4387-b946-89c612a0004a"


def account(spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> AwsAccount:
    meta = {"name": "acme", "namespace": "customers", "uid": "u-1", **metadata}
    return AwsAccount.model_validate({"metadata": meta, "spec": spec or {"email": "A@b.com"}, "status": status or {}})


def owned(namespace: str = "customers") -> AwsAccount:
    return account({"customerRef": {"name": "ada"}}, namespace=namespace)


def test_a_customer_owns_the_accounts_of_its_own_namespace_only() -> None:
    assert owned().owner_in("customers") == "ada"
    assert owned("elsewhere").owner_in("customers") is None, "another Customer of that name"
    assert account().owner_in("customers") is None


def test_accounts_queue_by_customer_or_by_address_whatever_its_case_within_their_namespace() -> None:
    assert owned().line == "customers/customer/ada"
    assert account({"customerRef": {"name": "ada"}, "email": "x@b.com"}).line == owned().line
    assert account().line == account({"email": "a@B.COM"}).line == "customers/email/a@b.com"
    assert account(namespace="other").line == "other/email/a@b.com"
    assert account({"awsAccountId": "111122223333"}).line == "customers/email/"


def test_an_account_without_a_time_of_creation_is_the_oldest() -> None:
    assert account(creationTimestamp="2026-11-24T08:00:00Z").since == NOW
    assert account().since < account(creationTimestamp="1970-01-01T00:00:00Z").since


@pytest.mark.parametrize(
    ("spec", "status", "holds"),
    [
        ({}, {}, set()),
        ({"suspended": True}, {}, set()),
        ({}, {"holds": {"CustomerBlocked": {"since": "2026-11-24T08:00:00Z"}}}, {"CustomerBlocked"}),
        ({}, {"hold": "PaymentMethodMissing"}, {"PaymentMethodMissing"}),
        (
            {},
            {"hold": "PaymentMethodMissing", "holds": {"CustomerBlocked": {"since": "2026-11-24T08:00:00Z"}}},
            {"PaymentMethodMissing", "CustomerBlocked"},
        ),
    ],
)
def test_each_reason_alone_suspends_and_only_the_operators_are_holds(
    spec: dict[str, Any], status: dict[str, Any], holds: set[str]
) -> None:
    one = account({"email": "a@b.com", **spec}, status)
    assert one.holds == holds
    assert one.is_suspended is bool(spec or status)
    assert one.is_wanted is not one.is_suspended
    deleted = account({"email": "a@b.com", **spec}, status, deletionTimestamp="2026-11-24T08:00:00Z")
    assert (deleted.is_deleted, deleted.is_wanted, one.is_deleted) == (True, False, False)


def test_a_retry_is_told_by_the_value_of_its_annotation_up_to_a_bound() -> None:
    assert account().retry is None
    assert account(annotations={ANNOTATION_RETRY: ""}).retry == ""
    assert account(annotations={ANNOTATION_RETRY: "x" * (RETRY_LENGTH + 5)}).retry == "x" * RETRY_LENGTH


def a_key(**spec: Any) -> ApiKey:
    whole = {"name": "k", "keyPrefix": "0" * 8, "keyHash": "0" * 64, "role": "admin", **spec}
    return ApiKey.model_validate({"metadata": {"name": NAMED}, "spec": whole})


def test_a_key_works_until_the_moment_it_expires_and_never_once_it_is_revoked() -> None:
    assert a_key().works_at(NOW)
    assert a_key(expiresAt=NOW + timedelta(microseconds=1)).works_at(NOW)
    assert not a_key(expiresAt=NOW).works_at(NOW)
    assert not a_key(expiresAt=NOW - timedelta(seconds=1)).works_at(NOW)
    assert not a_key(revokedAt=NOW + timedelta(days=1)).works_at(NOW)
    assert a_key().key_id == UUID(NAMED)


def a_customer(spec: dict[str, Any] | None = None, **status: Any) -> Customer:
    whole = {"email": "Ada@Example.com", **(spec or {})}
    return Customer.model_validate({"metadata": {"name": "ada"}, "spec": whole, "status": status})


def test_a_confirmed_address_counts_while_it_is_the_present_one_whatever_its_case() -> None:
    assert not a_customer().is_confirmed
    assert a_customer({"confirmedEmail": "aDA@example.COM"}).is_confirmed
    assert not a_customer({"confirmedEmail": "old@example.com"}).is_confirmed


def test_a_grace_period_runs_only_while_a_payment_method_is_missing() -> None:
    missing, since = PaymentMethod.MISSING, NOW
    assert a_customer(paymentMethod=missing, paymentGraceSince=since).grace_ends(timedelta(days=3)) == NOW + timedelta(
        3
    )
    assert a_customer(paymentMethod=missing, paymentGraceSince=since).grace_ends(None) is None
    assert a_customer(paymentMethod=missing).grace_ends(timedelta(days=3)) is None
    assert a_customer(paymentMethod="valid", paymentGraceSince=since).grace_ends(timedelta(days=3)) is None
    assert a_customer(paymentGraceSince=since).grace_ends(timedelta(days=3)) is None


def test_a_notification_is_named_by_what_it_is_about_alone() -> None:
    kind = NotificationKind.CONFIRM_EMAIL
    plain = notification(kind, "ada", "first")
    assert plain["spec"] == {"kind": "ConfirmEmail", "customerRef": {"name": "ada"}}
    assert plain["metadata"] == {"name": str(derived_uuid("notification/ConfirmEmail/ada/first"))}
    detailed = notification(kind, "ada", "first", to="b@c.d", key_prefix="12", long="x" * (DETAIL_LENGTH + 1))
    assert detailed["metadata"] == plain["metadata"]
    assert detailed["spec"]["to"] == "b@c.d"
    assert detailed["spec"]["details"] == {"keyPrefix": "12", "long": "x" * DETAIL_LENGTH}
    assert len({notification(kind, *what)["metadata"]["name"] for what in (("ada",), ("bob",), ("ada", "x"))}) == 3


def test_a_breaker_stops_what_is_beyond_both_bounds() -> None:
    breaker = Breaker(percent=20, customers=10)
    assert not breaker.stops(10, of=10), "few of them, whatever their share"
    assert breaker.stops(11, of=54)
    assert not breaker.stops(11, of=55), "a fifth exactly"
    assert not Breaker(percent=100, customers=0).stops(7, of=7)
    assert (Breaker().percent, Breaker().customers, Breaker().window) == (20, 10, timedelta(hours=24))


def test_together_is_within_the_window_before_or_after_its_ends_included() -> None:
    day, tick = timedelta(days=1), timedelta(microseconds=1)
    others = [NOW, NOW - day, NOW + day, NOW - day - tick, NOW + day + tick]
    assert Breaker().together(NOW, others) == 3


@pytest.mark.parametrize(
    ("ago", "seconds"),
    [(10, 10), (0, 0), (-1, 0), (-AHEAD_SECONDS, 0), (-AHEAD_SECONDS - 1, inf), (-86_400, inf)],
)
def test_a_clock_that_is_a_little_ahead_is_no_trouble_and_one_far_ahead_ends_every_wait(
    monkeypatch: pytest.MonkeyPatch, ago: float, seconds: float
) -> None:
    class Fixed(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Fixed":
            return cls.fromtimestamp(NOW.timestamp(), tz)

    monkeypatch.setattr(base, "datetime", Fixed)
    assert seconds_since(NOW - timedelta(seconds=ago)) == seconds
    assert AHEAD_SECONDS == 60


def test_times_are_written_in_utc_and_kubernetes_own_are_whole_seconds() -> None:
    assert to_rfc3339(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-01T00:00:00Z"
    assert to_rfc3339(datetime(2026, 1, 1, microsecond=5, tzinfo=UTC)) == "2026-01-01T00:00:00.000005Z"
    assert utc_now().microsecond == 0
    assert (utc_now().tzinfo, utc_now_exactly().tzinfo) == (UTC, UTC)
    assert len({utc_now_exactly() for _ in range(50)}) > 1


def test_an_object_is_named_in_logs_and_as_an_owner() -> None:
    one = account(resourceVersion="12", generation=3)
    assert (one.key, one.metadata.version) == ("customers/acme", 12)
    assert one.reference() == {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "name": "acme",
        "uid": "u-1",
    }
    assert account(resourceVersion="").metadata.version == 0
    reference = ObjectRef.of(one)
    assert reference == ObjectRef("customers", "acme", "u-1")
    assert (reference.key, reference.id) == (one.key, one.account_id)
    assert ObjectRef.in_meta({"namespace": "n", "name": NAMED, "uid": "u"}) == ObjectRef("n", NAMED, "u")
    assert ObjectRef("n", NAMED, "u").id == UUID(NAMED)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(NAMED, True), (NAMED.upper(), False), (NAMED.replace("-", ""), False), (NAMED + "\n", False), ("", False)],
)
def test_an_id_is_in_lower_case_with_hyphens(text: str, is_one: bool) -> None:
    assert is_uuid(text) is is_one


def test_a_model_is_written_as_kubernetes_expects_it() -> None:
    written = account({"email": "a@b.com", "githubRepos": ["o/r"]}).spec.to_wire()
    assert written["githubRepos"] == ["o/r"]
    assert None not in written.values()
    assert "customerRef" not in written
