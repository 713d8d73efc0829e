"""docs/pool.md explains each state of a member and each reason of a pool."""

import re
from pathlib import Path

from batteries_crds.account_pool import PoolReason
from batteries_operator.pool.counts import MemberState

PAGE = (Path(__file__).parents[4] / "docs" / "pool.md").read_text()


def test_each_reason_is_explained_and_no_other() -> None:
    section = PAGE.split("## Conditions")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [each.value for each in PoolReason]


def test_each_state_is_explained_and_no_other() -> None:
    section = PAGE.split("## Members")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \|", section, re.MULTILINE)
    assert rows == ["state", *(each.value for each in MemberState)]
