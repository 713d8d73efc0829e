"""The stand-in's page of documentation names every rule, setting and fault that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from batteries_sandbox.aws.faults.spec import FaultSpec, Kind
from batteries_sandbox.aws.rules.ordered import RULES
from batteries_sandbox.aws.settings import CHANGEABLE, StandinSettings

PAGE = (Path(__file__).parents[4] / "docs" / "aws-standin.md").read_text()
ROWS = re.findall(r"^\| `([\w.]+)` \|(.*)$", PAGE, re.MULTILINE)


def test_every_rule_has_its_row() -> None:
    rules = {f"{rule.apply.__module__.rpartition('.')[2]}.{rule.apply.__name__}" for rule in RULES}
    assert sorted(name for name, _ in ROWS if "." in name) == sorted(rules)


def test_every_kind_of_fault_has_its_row() -> None:
    assert sorted(name for name, _ in ROWS if "." not in name) == sorted(Kind)


def test_every_rule_says_how_sure_it_is() -> None:
    unsure = [name for name, cells in ROWS if "." in name and not cells.split("|")[-2].strip()]
    assert unsure == ["managed_policies.provide"]  # which is no fact of AWS


def test_every_setting_is_on_the_page_and_marked_where_it_can_be_changed() -> None:
    of_the_process = {"host", "port", "management_account_id"}
    for name in set(StandinSettings.__dataclass_fields__) - of_the_process:
        assert f"`{name}`" in PAGE, name
        assert (f"`{name}` ⟳" in PAGE) is (name in CHANGEABLE), name


def test_every_member_of_a_fault_is_on_the_page() -> None:
    for name in FaultSpec.model_fields:
        assert re.search(rf'[`"]{name}\b', PAGE), name
