"""A short `make weather`, and that its checks can fail."""

from pathlib import Path
from random import Random

import pytest
from weather import aws_acts, kube_acts
from weather.forecast import Plan, weather
from weather.walk import Act

from batteries_sandbox.paths import CHECKOUT

pytestmark = pytest.mark.timeout(300)

SHORT = Plan(seed=18, accounts=8, acts=20, pause=0.6, patience=120, heavy=False)


async def test_after_a_short_walk_every_account_is_as_its_spec_says_or_says_truly_why_not(tmp_path: Path) -> None:
    assert await weather(SHORT, tmp_path) == []


def test_a_seed_gives_the_same_acts_again() -> None:
    assert _drawn(SHORT) == _drawn(SHORT)
    assert _drawn(SHORT) != _drawn(Plan(seed=19, accounts=8, acts=20, pause=0.6, patience=120, heavy=False))


def test_every_act_says_what_it_does_and_what_holds_afterwards() -> None:
    acts = [*kube_acts.ACTS, *aws_acts.ACTS]
    assert len({act.does for act in acts}) == len(acts)
    assert all(act.afterwards.endswith(".") for act in acts)


def test_the_page_names_every_act() -> None:
    page = (CHECKOUT / "docs" / "weather.md").read_text()
    rows = [f"| {act.does} | {act.afterwards} |" for act in (*kube_acts.ACTS, *aws_acts.ACTS)]
    assert not [row for row in rows if row not in page]


def _drawn(plan: Plan) -> list[Act]:
    weights = [act.weight for act in plan.table]
    draws = (Random(f"{plan.seed}/{number}") for number in range(plan.acts))  # noqa: S311  # a game, no secret
    return [draw.choices(plan.table, weights)[0] for draw in draws]
