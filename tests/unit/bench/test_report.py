"""What `make bench` says of its figures."""

from dataclasses import replace
from pathlib import Path

import pytest
from bench import report
from bench.__main__ import given
from bench.figure import Figure, Goal
from bench.script import _arguments

MISSED = Figure("rate", "Accounts", 5.0, "accounts/s", Goal("at least", 0.6), 10.0, "the bare script")
REACHED = Figure("calls", "AWS calls", 0, "calls", Goal("at most", 0, "value"))
POINT = Figure("memory@1000", "Memory, 1,000 accounts", 12.34, "MB")
ABOUT = {"command": "make bench", "date": "2026-11-24T00:00:00Z", "machine": "a machine", "seconds": "9"}


def test_a_missed_goal_is_said() -> None:
    """Met and missed are told apart, and the points of a curve stay out of the table."""
    lines = report.table([each.to_json() for each in (MISSED, REACHED, POINT)]).splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]] == [
        ["Accounts", "5 accounts/s", "10 accounts/s: the bare script", "0.5", "≥ 0.6 of the limit", "**no**"],
        ["AWS calls", "0 calls", "", "", "≤ 0 calls", "yes"],
    ]


def test_the_pages_section_is_replaced(tmp_path: Path) -> None:
    """What stands around it stays, and the picture stands beside the page."""
    page = tmp_path / "docs" / "performance.md"
    page.parent.mkdir()
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    results = report.write(tmp_path / "dist", [replace(MISSED, note="as noted"), POINT], ABOUT)
    report.put_into(tmp_path, results)
    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n`make bench` on 2026-11-24: a machine. 9 s.\n")
    assert text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text
    assert "as noted" in text
    assert "</svg>" in (page.parent / "growth.svg").read_text()
    page.write_text("no markers")
    with pytest.raises(ValueError, match="has no"):
        report.put_into(tmp_path, results)


def test_recorded_parameters_become_boto3s() -> None:
    """The query services' flat lists and texts, as the journal has them."""
    flat = {"Action": "CreateUser", "Tags.member.1.Key": "a", "Tags.member.1.Value": "b", "Names.member.1": "c"}
    assert _arguments({**flat, "PasswordResetRequired": "true"}) == {
        "Tags": [{"Key": "a", "Value": "b"}],
        "Names": ["c"],
        "PasswordResetRequired": True,
    }


@pytest.mark.parametrize(("value", "wish"), [("1", "1"), ("one,line", "one,line"), ("0", ""), ("no", ""), ("", "")])
def test_a_flag_that_is_off_is_no_wish(monkeypatch: pytest.MonkeyPatch, value: str, wish: str) -> None:
    """DOCS=0 once wrote the table all the same."""
    monkeypatch.setenv("DOCS", value)
    assert given("DOCS") == wish
