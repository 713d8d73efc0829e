"""The enum of reasons, the table of their words, the code that gives them and the runbook name the same ones."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from batteries_crds.aws_account_status import Hold
from batteries_crds.reasons import Reason
from batteries_operator.aws import error_meanings, ownership
from batteries_operator.status import reasons, transitions

PACKAGE = Path(str(transitions.__file__)).parents[1]
GIVE = {"Wait", "Waive", "Fail", "CreationFailure", "_for_good", "_ask_again", "put"}
ONE_WORD = re.compile(r"[A-Z][a-z]+([A-Z][a-z]+)*")
TABLE = {each.reason for each in vars(error_meanings).values() if isinstance(each, error_meanings.Meaning)}


def trees() -> Iterator[ast.AST]:
    for path in PACKAGE.rglob("*.py"):
        if "reasons" not in path.parts:
            yield from ast.walk(ast.parse(path.read_text()))


def named() -> Iterator[str]:
    """Every `Reason.X` in the operator's code."""
    for node in trees():
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Reason":
            yield Reason[node.attr]


def found_not_ours() -> Iterator[str]:
    """What the AWS gateways say of things that they find and that are not ours."""
    for node in trees():
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NotOursError":
            yield from (word for word in words(node) if ONE_WORD.fullmatch(word))


def words(call: ast.Call) -> list[str]:
    return [each.value for each in call.args[:3] if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _name(function: ast.expr) -> str:
    """`Fail` of `Fail(…)`, and `Wait` of `Wait.polling(…)`."""
    owner = function.value if isinstance(function, ast.Attribute) else function
    return getattr(owner, "id", "")


def test_the_table_has_words_for_every_reason() -> None:
    assert [*reasons.REASONS] == [each for group in reasons.GROUPS.values() for each in group]
    differ = {*reasons.REASONS} ^ {*Reason}
    assert not differ, f"name each in both reasons.py and status/reasons/, or in neither: {differ}"


def test_every_reason_is_given_somewhere_and_no_other() -> None:
    observed = {Reason.ACCOUNT_GONE, Reason.SUSPENDED_BY_AWS}  # by their names in batteries_crds.conditions
    assert {*named(), *found_not_ours(), *TABLE, *Hold, *observed, ownership.NOT_OURS} == {*Reason}


def test_no_step_gives_a_reason_as_free_text() -> None:
    calls = (node for node in trees() if isinstance(node, ast.Call) and _name(node.func) in GIVE)
    found = [word for call in calls for word in words(call) if ONE_WORD.fullmatch(word)]
    assert found == [], "give each a name in batteries_crds.reasons and use it as Reason.NAME"


def test_each_reason_has_a_meaning_of_its_own_and_a_remedy_in_sentences() -> None:
    meanings = [entry.meaning for entry in reasons.REASONS.values()]
    assert len(set(meanings)) == len(meanings)
    assert all(entry.remedy.endswith((".", "`.")) for entry in reasons.REASONS.values())


def test_the_runbook_has_a_section_for_each_reason() -> None:
    text = (PACKAGE.parents[1] / "docs" / "runbook.md").read_text()
    assert set(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == set(reasons.REASONS), "run `make docs`"
