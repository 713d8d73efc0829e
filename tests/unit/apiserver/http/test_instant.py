"""Times in queries."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from batteries_apiserver.http.instant import Instant

READ = TypeAdapter(Instant).validate_python


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T08:00:00Z", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("2026-11-24t10:00:00.5+02:00", datetime(2026, 11, 24, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc_even_at_the_ends_of_time(text: str, moment: datetime) -> None:
    assert READ(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.5",
        "1e9",
        "2026-11-24",
        "2026-11-24T08:00:00",
        "2026-11-24T08:00Z",
        "2026-02-30T08:00:00Z",
        "٢٠٢٦-11-24T08:00:00Z",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        READ(text)
