"""The names of branches, tags and environments: those that GitHub has, and none that means more in an IAM policy."""

import re

import pytest

from batteries_crds.github import contexts
from batteries_crds.github.contexts import MAX_ENVIRONMENT, MAX_NAMES, MAX_REF, check_environments, check_refs
from batteries_crds.github.workflow_sources import WorkflowSources, of_contexts


@pytest.mark.parametrize(
    "name",
    ["main", "a", "release/1.2", "v1.2.3+build", "feature/JIRA-1_x", "user@host", "a#1", "*", "release/*", "*-fix"],
)
def test_names_of_branches_and_tags(name: str) -> None:
    assert check_refs([name]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            " main",
            "main ",
            "a b",
            "a:b",
            "a?b",
            "a[b",
            "a\\b",
            "a^b",
            "a~b",
            "a$b",
            "${aws:x}",
            'a"b',
            "a'b",
            "a\nb",
        ),
        *(
            "/main",
            "main/",
            "a//b",
            "a..b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "main.",
            "-main",
            "@",
            "a@{b",
            "**",
            "a/**",
        ),
        *("refs/heads/main", "refs/tags/v1", "é", "main\n", "a" * (MAX_REF + 1)),
    ],
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a branch or tag that can be listed\. A branch or tag is written as"):
        check_refs([name])


@pytest.mark.parametrize("name", ["production", "Production", "eu west (1)", "a/b", "p", "x" * MAX_ENVIRONMENT, "a&b"])
def test_names_of_environments(name: str) -> None:
    assert check_environments([name]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "*",
        "prod*",
        "a:b",
        "a%3Ab",
        " x",
        "x ",
        "a$b",
        "a?b",
        'a"b',
        "pull_request",
        "a\nb",
        "é",
        "x" * (MAX_ENVIRONMENT + 1),
    ],
)
def test_environments_that_cannot_be_listed(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not an environment that can be listed\. An environment is written as"):
        check_environments([name])


def test_the_longest_name_of_a_branch() -> None:
    assert check_refs(["a" * MAX_REF])


@pytest.mark.parametrize("check", [check_refs, check_environments])
def test_a_name_that_is_listed_twice_and_too_many_names(check: type) -> None:
    with pytest.raises(ValueError, match=r"^'a' is listed twice\. Name each once\.$"):
        check(["a", "b", "a"])
    assert check(["a", "A"]) == ["a", "A"], "GitHub's refs are case-sensitive"
    names = [f"n{number}" for number in range(MAX_NAMES)]
    assert check(names) == names
    with pytest.raises(ValueError, match=r"^21 names were given; at most 20 of a kind are allowed\.$"):
        check([*names, "more"])


def test_sources_and_their_contexts() -> None:
    sources = WorkflowSources(branches=["z", "a/*"], tags=["v*"], environments=["production"], pull_requests=True)
    assert sources.contexts == (
        *("environment:production", "ref:refs/heads/a/*", "ref:refs/heads/z", "ref:refs/tags/v*", "pull_request"),
    )
    again = of_contexts(list(sources.contexts))
    assert again == WorkflowSources(branches=["a/*", "z"], tags=["v*"], environments=["production"], pull_requests=True)
    assert WorkflowSources().contexts == ()
    assert of_contexts([]) == WorkflowSources()


@pytest.mark.parametrize(
    "wrong", ["*", "ref:main", "environment:*", "ref:refs/heads/", "workflow:x", "ref:refs/pull/1"]
)
def test_what_is_no_context_that_can_be_listed(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
        of_contexts([wrong])


def test_patterns_are_the_same_in_kubernetes_language() -> None:
    """RE2 has neither look-around nor back-references."""
    for pattern in (contexts.REF, contexts.REF_RESERVED, contexts.ENVIRONMENT, contexts.ENVIRONMENT_RESERVED):
        assert not re.search(r"\(\?|\\[1-9]", pattern)
        assert "'" not in pattern
