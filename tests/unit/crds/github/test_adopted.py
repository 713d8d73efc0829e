"""A spec that is made from roles admits whom they admit."""

from typing import Any

import pytest

from batteries_crds.github.adopted import spec_of
from batteries_crds.github.repository_fields import RepositoryFields
from batteries_crds.github.trust_policy import Admitted
from batteries_crds.github.workflow_sources import WorkflowSources

MAIN = WorkflowSources(branches=["main"])
REQUESTS = WorkflowSources(pull_requests=True)


@pytest.mark.parametrize(
    ("deploying", "reading", "spec"),
    [
        ([], [], {}),
        ([Admitted("o/r")], [], {"githubRepos": ["o/r"]}),
        ([Admitted("o/r", MAIN)], [], {"repositories": [{"repository": "o/r", "deployFrom": {"branches": ["main"]}}]}),
        (
            [Admitted("o/r")],
            [Admitted("o/r", REQUESTS)],
            {"repositories": [{"repository": "o/r", "readOnlyFrom": {"pullRequests": True}}]},
        ),
        (
            [],
            [Admitted("o/r", REQUESTS)],
            {"repositories": [{"repository": "o/r", "deployFrom": {}, "readOnlyFrom": {"pullRequests": True}}]},
        ),
        (
            [Admitted("o/a"), Admitted("o/b", MAIN)],
            [],
            {
                "githubRepos": ["o/a"],
                "repositories": [{"repository": "o/b", "deployFrom": {"branches": ["main"]}}],
            },
        ),
    ],
)
def test_the_fields(deploying: list[Admitted], reading: list[Admitted], spec: dict[str, Any]) -> None:
    assert spec_of(deploying, reading) == spec
    fields = RepositoryFields.model_validate(spec)
    assert (fields.deploying, fields.reading) == (deploying, reading)
