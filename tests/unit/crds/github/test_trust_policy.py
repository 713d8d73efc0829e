"""The trust policy admits exactly the listed repositories, by the stand-in's evaluation of IAM's rules."""

import json
from typing import Any

import pytest

from batteries_crds.github.repository import parse
from batteries_crds.github.trust_policy import (
    AUDIENCE,
    PROVIDER_HOST,
    PolicyTooLargeError,
    check_size,
    every_run,
    nobody,
    policy_size,
    provider_arn,
    read,
    render,
    same_policy,
    subjects,
)
from batteries_sandbox.aws.policy_document import allows

PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER_HOST}"


def admits(repositories: list[str], subject: str, *, audience: str = AUDIENCE, provider: str = PROVIDER) -> bool:
    context = {f"{PROVIDER_HOST}:aud": [audience], f"{PROVIDER_HOST}:sub": [subject]}
    policy = render(every_run(repositories), PROVIDER, limit=8192)
    return allows(policy, "sts:AssumeRoleWithWebIdentity", "Federated", {provider}, context)


@pytest.mark.parametrize(
    ("repository", "patterns"),
    [
        ("o/r", ["repo:o/r:*", "repo:o@*/r@*:*"]),
        ("o@1/r@2", ["repo:o@1/r@2:*"]),
    ],
)
def test_the_forms_of_sub(repository: str, patterns: list[str]) -> None:
    assert subjects(parse(repository)) == patterns


@pytest.mark.parametrize("context", ["ref:refs/heads/main", "ref:refs/heads/a/b@c", "environment:prod", "pull_request"])
@pytest.mark.parametrize("head", ["repo:o/r", "repo:o@1/r@2"])
def test_every_workflow_of_a_listed_repository_is_admitted_in_both_forms(head: str, context: str) -> None:
    assert admits(["o/r"], f"{head}:{context}")


def test_pinned_ids_admit_those_ids_alone() -> None:
    assert admits(["o@1/r@2"], "repo:o@1/r@2:ref:x")
    for other in ("repo:o/r:ref:x", "repo:o@1/r@3:ref:x", "repo:o@11/r@2:ref:x", "repo:o@1/r@22:ref:x"):
        assert not admits(["o@1/r@2"], other), other


@pytest.mark.parametrize(
    "subject",
    [
        "repo:o@1/evil@2:ref:refs/heads/a/r@x:job_workflow_ref:y",
        "repo:o@1/evil@2:ref:refs/heads/x@1/r@2:environment:y",
        "repo:o/evil:ref:x",
        "repo:o@1/evil@2:ref:x",
        "repo:oo/r:ref:x",
        "repo:o/rr:ref:x",
        "repo:O/R:ref:x",
        "repo:evil@1/r@2:ref:x",
        "o/r:ref:x",
        "",
    ],
)
def test_no_other_repository_is_admitted(subject: str) -> None:
    assert not admits(["o/r"], subject)
    assert not admits(["o/r", "o@1/r@2"], subject)


def test_without_the_guard_the_spoof_would_be_admitted() -> None:
    """Shows that the guard is needed."""
    policy = render(every_run(["o/r"]), PROVIDER, limit=2048)
    del policy["Statement"][0]["Condition"]["StringNotLike"]
    subject = "repo:o@1/evil@2:ref:refs/heads/a/r@x:job_workflow_ref:y"
    context = {f"{PROVIDER_HOST}:aud": [AUDIENCE], f"{PROVIDER_HOST}:sub": [subject]}
    assert allows(policy, "sts:AssumeRoleWithWebIdentity", "Federated", {PROVIDER}, context)


def test_another_audience_or_provider_is_not_admitted() -> None:
    assert not admits(["o/r"], "repo:o/r:ref:x", audience="https://github.com/o")
    assert not admits(["o/r"], "repo:o/r:ref:x", provider=PROVIDER.replace("123456789012", "210987654321"))


@pytest.mark.parametrize("subject", ["repo:o/r:ref:x", "repo:o@1/r@2:ref:x", ""])
def test_an_empty_list_admits_nobody(subject: str) -> None:
    assert not admits([], subject)


def test_a_name_that_would_widen_the_policy_never_comes_in() -> None:
    for bad in ("*/*", "o/*", "o/r:*"):
        with pytest.raises(ValueError, match="is not a repository"):
            render(every_run([bad]), PROVIDER, limit=8192)


def test_the_size_limit_is_exact() -> None:
    repositories = [f"octo/repository-{number}" for number in range(12)]
    size = policy_size(render(every_run(repositories), PROVIDER, limit=8192))
    assert policy_size(render(every_run(repositories), PROVIDER, limit=size)) == size
    with pytest.raises(PolicyTooLargeError, match=rf"has {size} characters, and AWS allows {size - 1}\. List fewer"):
        render(every_run(repositories), PROVIDER, limit=size - 1)


def test_size_is_what_is_sent() -> None:
    policy = render(every_run(["o/r"]), PROVIDER, limit=2048)
    assert policy_size(policy) == len("".join(json.dumps(policy).split()))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"a": ["x"]}, {"a": "x"}, True),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, True),
        ({"a": {"b": ["x"]}}, {"a": {"b": "x"}}, True),
        ([{"a": "x"}], [{"a": ["x"]}], True),
        ({"a": ["x"]}, {"a": ["x", "y"]}, False),
        ({"a": "x"}, {"b": "x"}, False),
        ({"a": "x", "b": "y"}, {"a": "x"}, False),
        (None, {"a": "x"}, False),
    ],
)
def test_policies_that_mean_the_same(left: Any, right: Any, same: bool) -> None:
    assert same_policy(left, right) is same


@pytest.mark.parametrize(
    "repositories",
    [
        [],
        ["o/r"],
        ["o@1/r@2"],
        ["o/r", "o@1/r@2", "o-x/a.b_c"],
        ["z/z", "a/a", "m@9/m@9"],
        [f"octo/repo-{number}" for number in range(30)],
    ],
)
@pytest.mark.parametrize("provider", [PROVIDER, PROVIDER.replace("arn:aws:", "arn:aws-cn:")])
def test_the_repositories_are_read_back_from_the_policy(repositories: list[str], provider: str) -> None:
    audience = "sts.amazonaws.com.cn" if "aws-cn" in provider else AUDIENCE
    policy = render(every_run(repositories), provider, limit=8192, audience=audience)
    assert read(json.loads(json.dumps(policy))) == every_run(repositories)


def test_a_list_of_one_may_come_back_as_a_plain_value() -> None:
    policy = render(every_run(["o@1/r@2"]), PROVIDER, limit=8192)
    policy["Statement"][0]["Condition"]["StringLike"][f"{PROVIDER_HOST}:sub"] = "repo:o@1/r@2:*"
    assert read(policy) == every_run(["o@1/r@2"])


@pytest.mark.parametrize(
    "pattern",
    ["repo:o/*", "repo:o/r:ref:refs/heads/main", "repo:o@*/r@*:*", "repo:o/r:ref:refs/heads/a..b", "*", "repo:o/r/x:*"],
)
def test_a_policy_that_is_not_ours_is_not_read(pattern: str) -> None:
    policy = render(every_run(["o/r"]), PROVIDER, limit=8192)
    policy["Statement"][0]["Condition"]["StringLike"][f"{PROVIDER_HOST}:sub"] = [pattern]
    assert read(policy) is None
    assert read({}) is None
    assert read(None) is None
    assert read({**nobody(), "Id": "mine"}) is None


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
@pytest.mark.parametrize("repositories", [["o/r"], ["o/r", "o@1/s@2"]])
def test_the_size_is_known_to_the_character_before_there_is_an_account(repositories: list[str], partition: str) -> None:
    admitted = every_run(repositories)
    size = policy_size(render(admitted, provider_arn("123456789012", partition), limit=10_000))
    check_size(admitted, limit=size, partition=partition)
    with pytest.raises(PolicyTooLargeError):
        check_size(admitted, limit=size - 1, partition=partition)
