"""The workflow that customers get is a workflow that GitHub and AWS take."""

from typing import Any

import pytest
import yaml

from batteries_apiserver.accounts.deploy_workflow import workflow_of
from batteries_crds.github.trust_policy import AUDIENCE

ROLE = "arn:aws:iam::123456789012:role/GitHubActionsDeployRole"


def parsed(text: str) -> Any:
    # YAML 1.1 reads the key `on` as true, which GitHub does not.
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # it makes only text, lists and dicts


def credentials(text: str) -> dict[str, str]:
    [job] = parsed(text)["jobs"].values()
    [given] = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("aws-actions/configure-aws-cr")]
    return dict(given)


def test_the_workflow_may_ask_for_a_token_assumes_the_role_and_calls_aws() -> None:
    text = workflow_of(ROLE, ["my-org/my-app", "my-org@1/infra@2"], "eu-central-1")
    found = parsed(text)
    assert found.keys() == {"name", "on", "permissions", "jobs"}
    assert found["on"] == {"push": {"branches": ["main"]}, "workflow_dispatch": ""}
    assert found["permissions"] == {"id-token": "write", "contents": "read"}
    assert credentials(text) == {"role-to-assume": ROLE, "aws-region": "eu-central-1"}
    [job] = found["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest"
    assert [*job["steps"][-1]] == ["run"]
    for repository in ("my-org/my-app", "my-org@1/infra@2"):
        assert f"#   {repository}\n" in text
    assert all(ord(char) < 127 for char in text)


@pytest.mark.parametrize(
    ("partition", "region", "expected"),
    [
        ("aws", "us-east-1", {"aws-region": "us-east-1"}),
        ("aws-us-gov", "us-gov-east-1", {"aws-region": "us-gov-east-1"}),
        ("aws-us-gov", "us-east-1", {"aws-region": "us-gov-west-1"}),
        ("aws-cn", "cn-north-1", {"aws-region": "cn-north-1", "audience": "sts.amazonaws.com.cn"}),
        ("aws-cn", "us-east-1", {"aws-region": "cn-northwest-1", "audience": "sts.amazonaws.com.cn"}),
    ],
)
def test_each_partition_has_its_region_and_its_audience(partition: str, region: str, expected: dict[str, str]) -> None:
    role = ROLE.replace(":aws:", f":{partition}:")
    found = credentials(workflow_of(role, ["o/r"], region))
    assert found == {"role-to-assume": role, **expected}
    assert AUDIENCE == "sts.amazonaws.com", "the action's default, so it need not be given elsewhere"
