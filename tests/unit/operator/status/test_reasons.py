"""The runbook names every reason that the code gives, and none that it doesn't."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from batteries_crds.aws_account_status import Hold
from batteries_operator.aws import errors, ownership
from batteries_operator.status import reasons, transitions
from batteries_operator.status.pending import OBSERVED_REASONS

PACKAGE = Path(str(transitions.__file__)).parents[1]
GIVE = {"Wait", "Waive", "Fail", "NotOursError", "_Failure", "_for_good", "_ask_again", "put"}
REASON = re.compile(r"[A-Z][a-z]+([A-Z][a-z]+)*")
TABLE = {each.reason for each in vars(errors).values() if isinstance(each, errors.Meaning)}
SAID = {transitions.NOT_STARTED, transitions.IN_PROGRESS, transitions.UNDONE, ownership.NOT_OURS, "Done", "Suspended"}
CONSTANTS = {*TABLE, *OBSERVED_REASONS, *SAID, *Hold}


def given() -> Iterator[str]:
    """The CamelCase words among the arguments of whatever gives a reason."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) in GIVE:
                words = [each.value for each in node.args[:3] if isinstance(each, ast.Constant)]
                yield from (word for word in words if isinstance(word, str) and REASON.fullmatch(word))


def _name(function: ast.expr) -> str:
    """`Fail` of `Fail(…)`, and `Wait` of `Wait.polling(…)`."""
    owner = function.value if isinstance(function, ast.Attribute) else function
    return getattr(owner, "id", "")


def test_the_runbook_holds_every_reason_and_no_other() -> None:
    assert {*given(), *CONSTANTS} == set(reasons.REASONS)


def test_each_has_words_of_its_own() -> None:
    meanings = [entry.meaning for entry in reasons.REASONS.values()]
    assert len(set(meanings)) == len(meanings)
    assert all(entry.remedy.endswith((".", "`.")) for entry in reasons.REASONS.values())


def test_the_runbook_has_a_section_for_each() -> None:
    text = (PACKAGE.parents[1] / "docs" / "runbook.md").read_text()
    assert set(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == set(reasons.REASONS)
