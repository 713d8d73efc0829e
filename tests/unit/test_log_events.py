"""Log events of both programs have names, not sentences, so that alerts and searches can match them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PASSES_EVENTS_ON = ROOT / "crds/batteries_crds/runtime/logs.py"
MODULES = sorted(
    module
    for room in ("operator", "apiserver", "crds")
    for module in (ROOT / room).rglob("batteries_*/**/*.py")
    if module != PASSES_EVENTS_ON
)
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def events(source: str) -> Iterator[tuple[int, str]]:
    """Line and event of every call that logs one."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=logger, attr=level), args=[event, *_]) if level in LEVELS:
                if not ast.unparse(logger).endswith("log"):
                    continue
            case ast.Call(func=ast.Attribute(value=logger, attr="log"), args=[_, event, *_]):
                pass
            case ast.Call(func=ast.Name(id="FrequentEvent"), args=[_, event, *_]):
                pass
            case _:
                continue
        yield (
            node.lineno,
            str(event.value) if isinstance(event, ast.Constant) else f"not a literal: {ast.unparse(event)}",
        )


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_log_events_are_snake_case_names(module: Path) -> None:
    assert [found for found in events(module.read_text()) if not NAME.fullmatch(found[1])] == []


def test_both_programs_log() -> None:
    found = {room: [*_events_below(room)] for room in ("operator", "apiserver")}
    assert "aws_call" in found["operator"]
    assert {"request", "cache_listed"} <= set(found["apiserver"])


def _events_below(room: str) -> Iterator[str]:
    for module in MODULES:
        if module.is_relative_to(ROOT / room):
            yield from (event for _, event in events(module.read_text()))
