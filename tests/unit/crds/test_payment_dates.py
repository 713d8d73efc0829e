"""What follows a lost payment or a cancellation, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from batteries_crds.customer import Customer
from batteries_crds.payment_dates import PaymentDates, PaymentTerms, payment_dates

GRACE, CLOSE = timedelta(days=7), timedelta(days=30)
SINCE, ENDS = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
LOST = {"paymentMethod": "missing", "paymentGraceSince": "2026-11-01T00:00:00Z"}
CANCELLED = {"paymentMethod": "valid", "paymentEndsAt": "2026-12-01T00:00:00Z"}


def customer(**status: Any) -> Customer:
    return Customer.model_validate(
        {"metadata": {"name": "c", "namespace": "n"}, "spec": {"email": "a@example.com"}, "status": status}
    )


@pytest.mark.parametrize(
    ("status", "terms", "expected"),
    [
        ({}, PaymentTerms(GRACE, CLOSE), PaymentDates()),
        ({"paymentMethod": "valid"}, PaymentTerms(GRACE, CLOSE), PaymentDates()),
        (LOST, PaymentTerms(None, CLOSE), PaymentDates()),
        (LOST, PaymentTerms(GRACE), PaymentDates(None, SINCE + GRACE)),
        (LOST, PaymentTerms(GRACE, CLOSE), PaymentDates(None, SINCE + GRACE, SINCE + GRACE + CLOSE)),
        (CANCELLED, PaymentTerms(None, CLOSE), PaymentDates(ENDS)),
        (CANCELLED, PaymentTerms(GRACE), PaymentDates(ENDS, ENDS + GRACE)),
        (CANCELLED, PaymentTerms(GRACE, CLOSE), PaymentDates(ENDS, ENDS + GRACE, ENDS + GRACE + CLOSE)),
        # The date of a cancellation that has come is history: the loss counts.
        (CANCELLED | LOST, PaymentTerms(GRACE), PaymentDates(None, SINCE + GRACE)),
    ],
)
def test_each_step_has_its_date(status: dict[str, Any], terms: PaymentTerms, expected: PaymentDates) -> None:
    assert payment_dates(customer(**status), terms) == expected
