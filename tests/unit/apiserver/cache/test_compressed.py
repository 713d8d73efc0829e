"""A list that is kept compressed is the list that it was made of, but for what is left out."""

from typing import Any

import pytest

from batteries_apiserver.cache.compressed import CompressedList
from batteries_crds.step_records import HistoryEvent

RAW: list[dict[str, Any]] = [
    {"timestamp": f"2026-11-24T08:0{minute}:00Z", "step": "check_status", "status": "succeeded", "detail": "Done."}
    for minute in range(3)
]
EVENTS = [HistoryEvent.model_validate(each) for each in RAW]


def test_it_is_the_list_that_it_was_made_of() -> None:
    made = CompressedList(HistoryEvent, EVENTS)
    assert [*made] == EVENTS
    assert (len(made), made[0], made[-1], [*made[1:]]) == (3, EVENTS[0], EVENTS[-1], EVENTS[1:])
    assert [each["step"] for each in made.decompressed()] == ["check_status"] * 3


@pytest.mark.parametrize("without", [None, "detail"])
def test_what_is_left_out_is_left_out_of_each(without: str | None) -> None:
    found = CompressedList(HistoryEvent, EVENTS, without=without).decompressed()
    assert [("detail" in each) for each in found] == [without is None] * 3
    assert all("timestamp" in each for each in found)


def test_an_empty_list_is_empty() -> None:
    made = CompressedList(HistoryEvent, [])
    assert ([*made], len(made), made.decompressed()) == ([], 0, [])
