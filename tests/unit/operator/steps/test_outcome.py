"""What each kind of wait means for the user."""

import inspect

import pytest

from batteries_operator.steps.outcome import Wait, WaitKind

MADE = {
    WaitKind.POLLING: Wait.polling(1, "R", "m"),
    WaitKind.QUEUED: Wait.queued(1, "R", "m"),
    WaitKind.SETTLING: Wait.settling(1, "R", "m"),
    WaitKind.BLOCKED: Wait.blocked(1, "R", "m"),
    WaitKind.QUEUE_CLOSED: Wait.queue_closed(1, "R", "m"),
    WaitKind.RETRYING: Wait.retrying(1, "R", "m"),
    WaitKind.UNWRITTEN: Wait.unwritten(1, "R", "m"),
}


@pytest.mark.parametrize("kind", WaitKind)
def test_each_kind_of_wait_has_a_constructor_of_its_name(kind: WaitKind) -> None:
    assert MADE[kind].kind is kind
    assert inspect.ismethod(getattr(Wait, kind.name.lower()))


def test_no_two_kinds_of_wait_mean_the_same() -> None:
    meanings = {(each.is_problem, each.can_stall, each.is_written_once, each.is_written) for each in MADE.values()}
    assert len(meanings) == len(WaitKind)


@pytest.mark.parametrize(
    ("property_", "kinds"),
    [
        ("is_problem", {WaitKind.BLOCKED, WaitKind.QUEUE_CLOSED, WaitKind.RETRYING}),
        ("can_stall", {WaitKind.SETTLING, WaitKind.RETRYING}),
        ("is_written_once", {WaitKind.QUEUED, WaitKind.QUEUE_CLOSED}),
        ("is_aws_at_work", {WaitKind.POLLING, WaitKind.SETTLING, WaitKind.UNWRITTEN}),
        ("is_written", {*WaitKind} - {WaitKind.UNWRITTEN}),
    ],
)
def test_only_these_kinds_of_wait(property_: str, kinds: set[WaitKind]) -> None:
    assert {kind for kind, wait in MADE.items() if getattr(wait, property_)} == kinds
