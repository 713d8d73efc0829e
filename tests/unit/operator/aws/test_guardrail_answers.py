"""Each way in which a guardrail may not hold is told, and how long an answer counts."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from batteries_operator.aws.guardrail_checks import GuardrailChecks, enabled
from batteries_operator.aws.guardrails import DENY_ALL, Guardrail, guardrails
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.partition import AWS
from batteries_operator.runtime.settings import Settings

SCP = "SERVICE_CONTROL_POLICY"
RIGHT: dict[str, Any] = {"Statement": [{"Effect": "Deny"}]}
EARLIER: dict[str, Any] = {"Statement": [{"Effect": "Deny", "Sid": "Earlier"}]}
GUARD = Guardrail("guard", "why", "Suspended", RIGHT, earlier={"Role": EARLIER})


class Aws:
    """An organization in which the guardrail holds, until a test changes it."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {"Id": "r-1", "PolicyTypes": [{"Type": SCP, "Status": "ENABLED"}]}
        self.unit: str | None = "ou-1"
        self.attached = ["other", "guard"]
        self.content = json.dumps(RIGHT)
        self.looks = 0
        self.now = 1000.0
        nothing = SimpleNamespace(list_policies_for_target=None, describe_policy=None)
        organizations = SimpleNamespace(client=nothing, root_details=self._root, look_for_ou=self._unit)
        self.checks = GuardrailChecks(
            cast(Any, self), cast(Any, organizations), kept_seconds=300, wrong_kept_seconds=30, clock=lambda: self.now
        )

    async def _root(self) -> Any:
        self.looks += 1
        return self.root

    async def _unit(self, name: str, root: str, under: str) -> str | None:
        assert (name, root, under) == ("Suspended", "r-1", "")
        return self.unit

    async def pages(self, operation: str, function: Any, /, **arguments: Any) -> AsyncIterator[Any]:
        assert arguments == {"TargetId": "ou-1", "Filter": SCP}
        for name in self.attached:
            yield {"Policies": [{"Name": name, "Id": f"p-{name}"}]}

    async def call(self, operation: str, function: Any, /, **arguments: Any) -> Any:
        assert arguments == {"PolicyId": "p-guard"}
        return {"Policy": {"Content": self.content}}


async def test_a_guardrail_that_holds_is_no_trouble() -> None:
    aws = Aws()
    assert await aws.checks.trouble(GUARD) is None
    aws.content = json.dumps(RIGHT | {"Statement": [{"Effect": ["Deny"]}]})
    assert await aws.checks.trouble(GUARD) is None, "it means the same"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": None}, "no OU 'Suspended'"),
        ({"root": {"Id": "r-1"}}, "not enabled"),
        ({"root": {"Id": "r-1", "PolicyTypes": [{"Type": SCP, "Status": "PENDING_ENABLE"}]}}, "not enabled"),
        ({"root": {"Id": "r-1", "PolicyTypes": [{"Type": "TAG_POLICY", "Status": "ENABLED"}]}}, "not enabled"),
        ({"attached": ["other"]}, "not attached"),
        ({"attached": []}, "not attached"),
        ({"content": json.dumps({"Statement": []})}, "differs from what bootstrap writes"),
        ({"content": json.dumps(EARLIER)}, "differs from what bootstrap writes"),
        ({"content": "no JSON"}, "differs from what bootstrap writes"),
    ],
)
async def test_each_way_in_which_it_does_not_hold_is_told(change: dict[str, Any], said: str) -> None:
    aws = Aws()
    for name, value in change.items():
        setattr(aws, name, value)
    assert said in str(await aws.checks.trouble(GUARD))
    with pytest.raises(NotPreparedError, match=said):
        await aws.checks.require(GUARD, "Another")


async def test_what_an_older_release_wrote_is_right_for_accounts_of_its_role_alone() -> None:
    aws = Aws()
    aws.content = json.dumps(EARLIER)
    await aws.checks.require(GUARD, "Role")
    with pytest.raises(NotPreparedError):
        await aws.checks.require(GUARD, "Another")


async def test_a_good_answer_counts_for_minutes_and_a_bad_one_for_seconds() -> None:
    aws = Aws()
    await aws.checks.require(GUARD, "Role")
    aws.now += 299
    await aws.checks.require(GUARD, "Role")
    assert aws.looks == 1
    aws.now += 1
    aws.attached = []
    for wait, looks in ((0, 2), (29, 2), (1, 3)):
        aws.now += wait
        with pytest.raises(NotPreparedError):
            await aws.checks.require(GUARD, "Role")
        assert aws.looks == looks


def test_policies_are_enabled_by_one_of_the_types_that_are_listed() -> None:
    both = [{"Type": "TAG_POLICY", "Status": "ENABLED"}, {"Type": SCP, "Status": "ENABLED"}]
    assert enabled({"PolicyTypes": both})
    assert not enabled({"PolicyTypes": [{"Type": "TAG_POLICY", "Status": "ENABLED"}, {"Type": SCP}]})
    assert not enabled({})


def test_each_guardrail_has_a_name_of_its_own_in_the_metrics_and_the_alerts_page_explains_that_of_pools() -> None:
    names = [guard.measured_as or guard.name for guard in guardrails(Settings(), AWS).all]
    assert len(set(names)) == len(names), names
    assert not [name for name in names if " " in name]
    (of_pools,) = [name for name in names if name.startswith(f"{DENY_ALL}/")]
    assert f"| `{of_pools}` |" in (Path(__file__).parents[4] / "docs" / "alerts.md").read_text()
