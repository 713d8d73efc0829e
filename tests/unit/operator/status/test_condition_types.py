"""The enum of condition types, the pipelines and the docs name the same conditions."""

import json
from datetime import UTC, datetime
from pathlib import Path

import yaml

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import SUMMARIES
from batteries_crds.names import ConditionType
from batteries_operator.runtime.settings import Settings
from batteries_operator.status.transitions import summarize
from batteries_operator.steps.pipeline import CLOSE_ACCOUNT, FIND_ACCOUNT, NAME_ACCOUNT, PROVISIONING, SUSPENSION
from batteries_operator.steps.preparation import AWAIT_CLAIMANT, preparation

OF_MEMBERS = (*preparation(Settings())[3:], AWAIT_CLAIMANT)
"""The first three steps of a pool's member are the first three of every account."""

STEPS = (*PROVISIONING, NAME_ACCOUNT, FIND_ACCOUNT, *SUSPENSION, CLOSE_ACCOUNT, *OF_MEMBERS)
DOCS = Path(__file__).parents[4] / "docs"


def test_each_condition_is_a_steps_or_a_summary_in_the_pipelines_order() -> None:
    wanted = [*(step.condition for step in STEPS), *SUMMARIES]
    order = ", ".join(wanted)
    assert [*ConditionType] == wanted, f"give the members of ConditionType in names.py the pipeline's order: {order}"


def test_steps_need_and_invalidate_only_conditions_of_the_enum() -> None:
    named = [kind for step in STEPS for kind in (step.condition, *(step.needs or ()), *step.after, *step.invalidates)]
    assert all(isinstance(kind, ConditionType) for kind in named)


def test_the_runbook_names_every_condition() -> None:
    text = (DOCS / "runbook.md").read_text()
    assert [kind for kind in ConditionType if f"`{kind}`" not in text] == [], "run `make docs`"


def test_a_condition_goes_to_kubernetes_as_plain_text() -> None:
    account = AwsAccount.model_validate({"metadata": {"name": "a", "namespace": "n"}, "spec": {"email": "a@b.co"}})
    status = summarize(PROVISIONING, account, datetime(2026, 11, 24, tzinfo=UTC)).status
    wire = status.to_wire()["conditions"]
    assert {type(each["type"]) for each in wire} == {str}
    assert yaml.safe_load(yaml.safe_dump(wire)) == json.loads(json.dumps(wire))
