"""The workflow that customers get is a workflow that GitHub and AWS take."""

from typing import Any

import pytest
import yaml

from batteries_apiserver.accounts.workflow_text import Roles, workflow_of
from batteries_crds.github.trust_policy import AUDIENCE, Admitted, every_run
from batteries_crds.github.workflow_sources import WorkflowSources

ROLE = "arn:aws:iam::123456789012:role/GitHubActionsDeployRole"


def parsed(text: str) -> Any:
    # YAML 1.1 reads the key `on` as true, which GitHub does not.
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # it makes only text, lists and dicts


def credentials(text: str) -> dict[str, str]:
    job = parsed(text)["jobs"]["deploy"]
    [given] = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("aws-actions/configure-aws-cr")]
    return dict(given)


def test_the_workflow_may_ask_for_a_token_assumes_the_role_and_calls_aws() -> None:
    text = workflow_of(Roles(ROLE, every_run(["my-org/my-app", "my-org@1/infra@2"])), "eu-central-1")
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
    found = credentials(workflow_of(Roles(role, every_run(["o/r"])), region))
    assert found == {"role-to-assume": role, **expected}
    assert AUDIENCE == "sts.amazonaws.com", "the action's default, so it need not be given elsewhere"


READER = ROLE.replace("Deploy", "ReadOnly")
PUSH = {"branches": ["main"]}


@pytest.mark.parametrize(
    ("sources", "push", "environment"),
    [
        (WorkflowSources(branches=["main"]), PUSH, None),
        (
            WorkflowSources(branches=["a", "release/*"], tags=["v*"]),
            {"branches": ["a", "release/**"], "tags": ["v**"]},
            None,
        ),
        (WorkflowSources(tags=["v1"]), {"tags": ["v1"]}, None),
        (WorkflowSources(environments=["eu west", "us"]), PUSH, "eu west"),
        (WorkflowSources(branches=["x"], environments=["production"]), {"branches": ["x"]}, None),
    ],
)
def test_the_workflow_runs_where_the_trust_policy_admits_it(
    sources: WorkflowSources, push: dict[str, Any], environment: str | None
) -> None:
    text = workflow_of(Roles(ROLE, [Admitted("o/r", sources)]), "us-east-1")
    found = parsed(text)
    assert found["on"] == {"push": push, "workflow_dispatch": ""}
    assert found["jobs"]["deploy"].get("environment") == environment
    assert f"#   o/r ({sources})\n# No secret is needed. AWS admits the runs in brackets, and no others.\n" in text
    assert "if" not in found["jobs"]["deploy"]


def test_runs_of_several_repositories_are_joined_and_a_whole_one_is_whole() -> None:
    one, other = (Admitted(f"o/{name}", WorkflowSources(branches=[name, "main"])) for name in "ab")
    found = parsed(workflow_of(Roles(ROLE, [one, other]), "us-east-1"))
    assert found["on"]["push"] == {"branches": ["a", "main", "b"]}
    text = workflow_of(Roles(ROLE, [one, *every_run(["o/c"])]), "us-east-1")
    assert parsed(text)["on"]["push"] == PUSH
    assert "Anyone who can push" in text


def test_pull_requests_that_deploy_start_the_job() -> None:
    found = parsed(workflow_of(Roles(ROLE, [Admitted("o/r", WorkflowSources(pull_requests=True))]), "us-east-1"))
    assert found["on"] == {"push": PUSH, "pull_request": "", "workflow_dispatch": ""}
    assert [*found["jobs"]] == ["deploy"]


def test_pull_requests_that_read_have_a_job_of_their_own() -> None:
    reading = [Admitted("o/r", WorkflowSources(pull_requests=True))]
    found = parsed(workflow_of(Roles(ROLE, every_run(["o/r"]), READER, reading), "us-east-1"))
    assert found["on"] == {"push": PUSH, "pull_request": "", "workflow_dispatch": ""}
    assert found["jobs"]["deploy"]["if"] == "github.event_name != 'pull_request'"
    check = found["jobs"]["check"]
    assert check["if"] == "github.event_name == 'pull_request'"
    assert check["steps"][1]["with"] == {"role-to-assume": READER, "aws-region": "us-east-1"}


@pytest.mark.parametrize(
    ("reader", "sources"), [(None, WorkflowSources(pull_requests=True)), (READER, WorkflowSources(branches=["main"]))]
)
def test_there_is_no_such_job_without_its_role_or_without_pull_requests(
    reader: str | None, sources: WorkflowSources
) -> None:
    roles = Roles(ROLE, every_run(["o/r"]), reader, [Admitted("o/r", sources)])
    found = parsed(workflow_of(roles, "us-east-1"))
    assert [*found["jobs"]] == ["deploy"]
    assert "pull_request" not in found["on"]
