"""The floor's rules are told to people in sentences: of one name, of two and of more."""

import pytest

from batteries_crds.agent_access import Issuer
from batteries_operator.aws.floor.protection import protection
from batteries_operator.aws.partition import of_region


def words(*trails: str, issuer: str | None = None) -> dict[str, str]:
    made = None if issuer is None else Issuer(issuer)
    return {rule.sid: rule.says for rule in protection(of_region("eu-central-1"), ["arn:x"], made, trails)}


@pytest.mark.parametrize(
    ("trails", "said"),
    [
        (["one"], "the CloudTrail trails one."),
        (["one", "two"], "the CloudTrail trails one or two."),
        (["one", "two", "three"], "the CloudTrail trails one, two or three."),
        (["one", "*"], "a CloudTrail trail."),
    ],
)
def test_trails_are_listed_as_people_list_them(trails: list[str], said: str) -> None:
    assert words(*trails)["Trails"] == f"Nobody in the account stops, changes or deletes {said}"


def test_without_trails_there_is_no_rule_about_them() -> None:
    assert words().keys() == {"OurRoles", "OurProviders", "OptInRegions"}
