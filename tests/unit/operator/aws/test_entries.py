"""Which accounts we have just been inside."""

from batteries_operator.aws.entries import KEPT, KEPT_SECONDS, Entries


def test_an_account_is_known_for_a_minute_by_the_role_that_answered() -> None:
    now = [0.0]
    entries = Entries(lambda: now[0])
    entries.note("1", "Ours")
    assert entries.has("1", "Ours")
    assert not entries.has("1", "Another")
    assert not entries.has("2", "Ours")
    now[0] = KEPT_SECONDS + 1
    assert not entries.has("1", "Ours")


def test_it_does_not_grow_without_end() -> None:
    entries = Entries()
    for number in range(KEPT + 1):
        entries.note(str(number), "Ours")
    assert not entries.has("0", "Ours")
    assert entries.has("1", "Ours")
