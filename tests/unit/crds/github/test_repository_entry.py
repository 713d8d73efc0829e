"""What a spec's lists about repositories mean together."""

from typing import Any

import pytest

from batteries_crds.aws_account_spec import AwsAccountSpec

MAIN, PRODUCTION = {"branches": ["main"]}, {"environments": ["production"]}


def _spec(**fields: Any) -> AwsAccountSpec:
    return AwsAccountSpec.model_validate({"email": "a@example.com", **fields})


@pytest.mark.parametrize(
    ("fields", "deploy", "read"),
    [
        ({}, [], []),
        ({"githubRepos": ["o/b", "o/a"]}, ["o/a", "o/b"], []),
        ({"githubRepos": ["o/a"], "deployFrom": MAIN}, ["o/a (branch main)"], []),
        ({"githubRepos": ["o/a"], "deployFrom": {}}, [], []),
        ({"githubRepos": ["o/a"], "readOnlyFrom": MAIN}, ["o/a"], ["o/a (branch main)"]),
        ({"githubRepos": ["o/a"], "readOnlyFrom": {}}, ["o/a"], []),
        ({"repositories": [{"repository": "o/a"}]}, ["o/a"], []),
        ({"repositories": [{"repository": "o/a"}], "deployFrom": MAIN}, ["o/a (branch main)"], []),
        (
            {"repositories": [{"repository": "o/a", "deployFrom": PRODUCTION}], "deployFrom": MAIN},
            ["o/a (environment production)"],
            [],
        ),
        ({"repositories": [{"repository": "o/a", "deployFrom": {}}], "githubRepos": ["o/b"]}, ["o/b"], []),
        (
            {"repositories": [{"repository": "o/a", "readOnlyFrom": {}}], "githubRepos": ["o/b"], "readOnlyFrom": MAIN},
            ["o/a", "o/b"],
            ["o/b (branch main)"],
        ),
        (
            {"repositories": [{"repository": "o/a", "readOnlyFrom": PRODUCTION}]},
            ["o/a"],
            ["o/a (environment production)"],
        ),
    ],
)
def test_an_entrys_rule_replaces_the_accounts_and_readers_are_never_everybody(
    fields: dict[str, Any], deploy: list[str], read: list[str]
) -> None:
    spec = _spec(**fields)
    assert [str(each) for each in spec.deploying] == deploy
    assert [str(each) for each in spec.reading] == read
    assert all(each.sources is not None for each in spec.reading)


def test_names_are_listed_in_the_specs_order() -> None:
    spec = _spec(githubRepos=["o/b", "o/a"], repositories=[{"repository": "o/0"}])
    assert spec.repository_names == ["o/b", "o/a", "o/0"]
