"""Which runs of workflows a trust policy admits, by two evaluators of IAM's rules that don't know the renderer."""

from typing import Any

import pytest
from fakes import iam_trust
from fakes.github_runs import Run, is_listed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batteries_crds.github.statements import Issuer, layouts
from batteries_crds.github.trust_policy import AUDIENCE, PROVIDER_HOST, Admitted, nobody, provider_arn, read, render
from batteries_crds.github.workflow_sources import WorkflowSources
from batteries_sandbox.aws.policy_document import allows

PROVIDER = provider_arn("123456789012")


def admits(policies: list[dict[str, Any]], run: Run) -> bool:
    """What both evaluators say of each layout, which must be the same."""
    context = {f"{PROVIDER_HOST}:aud": [AUDIENCE], f"{PROVIDER_HOST}:sub": [run.subject]}
    claims = {"aud": AUDIENCE, "sub": run.subject}
    said = [
        verdict
        for policy in policies
        for verdict in (
            allows(policy, "sts:AssumeRoleWithWebIdentity", "Federated", {PROVIDER}, context),
            iam_trust.admits(policy, PROVIDER, claims),
        )
    ]
    assert len(set(said)) == 1, (run.subject, said)
    return said[0]


def policies_of(*admitted: Admitted) -> list[dict[str, Any]]:
    """Each layout, of which the smaller one is sent to AWS."""
    found = [{"Version": "2012-10-17", "Statement": each} for each in layouts(admitted, Issuer(PROVIDER, AUDIENCE))]
    sent = render(admitted, PROVIDER, limit=100_000)
    assert sent in found or sent == nobody()
    return found


def unguarded(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for policy in policies:
        [statement] = policy["Statement"]
        del statement["Condition"]["StringNotLike"]
    return policies


MAIN = WorkflowSources(branches=["main"])
RELEASES = WorkflowSources(branches=["release/*"], tags=["v*"])
PRODUCTION = WorkflowSources(environments=["production"])
REQUESTS = WorkflowSources(pull_requests=True)
BOTH = WorkflowSources(branches=["main"], environments=["production"])
NOBODY = WorkflowSources()

ON = {
    "main": Run(),
    "feature": Run(ref="refs/heads/feature"),
    "main-2": Run(ref="refs/heads/main-2"),
    "x/main": Run(ref="refs/heads/x/main"),
    "a branch called like an environment": Run(ref="refs/heads/environment/production"),
    "a branch called like a tag": Run(ref="refs/heads/refs/tags/v1"),
    "release/1": Run(ref="refs/heads/release/1"),
    "release/1/fix": Run(ref="refs/heads/release/1/fix"),
    "releases": Run(ref="refs/heads/releases"),
    "tag v1": Run(ref="refs/tags/v1"),
    "tag main": Run(ref="refs/tags/main"),
    "a tag called like a release branch": Run(ref="refs/tags/release/1"),
    "production": Run(environment="production"),
    "production on a feature branch": Run(environment="production", ref="refs/heads/feature"),
    "Production": Run(environment="Production"),
    "an environment called like main": Run(environment="ref:refs/heads/main"),
    "an environment with a colon": Run(environment="production:x"),
    "pull request": Run(is_pull_request=True),
    "pull request with the environment": Run(is_pull_request=True, environment="production"),
    "pull request from a branch main of a fork": Run(is_pull_request=True, ref="refs/heads/main"),
}
LISTED = {
    "main": (MAIN, {"main"}),
    "release/* and v*": (RELEASES, {"release/1", "release/1/fix", "tag v1"}),
    "production": (
        PRODUCTION,
        {"production", "production on a feature branch", "pull request with the environment"},
    ),
    "pull requests": (REQUESTS, {"pull request", "pull request from a branch main of a fork"}),
    "main or production": (
        BOTH,
        {"main", "production", "production on a feature branch", "pull request with the environment"},
    ),
    "nothing": (NOBODY, set()),
    "everything": (None, set(ON)),
}


@pytest.mark.parametrize("listed", LISTED)
@pytest.mark.parametrize("pinned", [False, True], ids=["by name", "by ids"])
@pytest.mark.parametrize("immutable", [False, True], ids=["old subject", "new subject"])
def test_the_runs_that_are_listed_and_no_others(listed: str, pinned: bool, immutable: bool) -> None:
    sources, wanted = LISTED[listed]
    admitted = Admitted("o@1/r@2" if pinned else "o/r", sources)
    policy = policies_of(admitted)
    runs = {name: Run(**{**vars(run), "immutable": immutable}) for name, run in ON.items()}
    found = {name for name, run in runs.items() if admits(policy, run)}
    assert found == (set() if pinned and not immutable else wanted)
    assert found == {name for name, run in runs.items() if is_listed(run, [admitted])}


OTHERS = {
    "another repository": Run(name="evil"),
    "another owner": Run(owner="evil"),
    "a fork's own run": Run(owner="stranger"),
    "a renamed repository, whose name somebody took": Run(repo_id="77", immutable=True),
    "a recycled owner": Run(owner_id="78", repo_id="79", immutable=True),
    "a recycled owner with the old subject": Run(owner_id="78", repo_id="79"),
    "other letters": Run(owner="O", name="R"),
}
BY_NAME_TOO = {
    "a renamed repository, whose name somebody took",
    "a recycled owner",
    "a recycled owner with the old subject",
}


@pytest.mark.parametrize("sources", [None, MAIN], ids=["every run", "main"])
def test_other_repositories_and_other_owners_of_the_name(sources: WorkflowSources | None) -> None:
    by_name, by_ids = policies_of(Admitted("o/r", sources)), policies_of(Admitted("o@1/r@2", sources))
    assert {name for name, run in OTHERS.items() if admits(by_name, run)} == BY_NAME_TOO
    assert not {name for name, run in OTHERS.items() if admits(by_ids, run)}


def _spelled(**claims: Any) -> Run:
    """A workflow of another repository of the same owner, whose customised subject spells the listed one."""
    return Run(name="evil", repo_id="9", immutable=True, **claims)


SPOOFS = [
    _spelled(template=("repo", "workflow", "ref"), workflow="a/r@x"),
    _spelled(template=("repo", "context", "ref"), environment="a/r@x"),
    _spelled(template=("repo", "workflow", "context"), workflow="a/r@x", environment="production"),
    _spelled(template=("repo", "workflow", "context"), workflow="a/r@x", is_pull_request=True),
    _spelled(template=("repo", "ref", "context"), ref="refs/heads/a/r@x", environment="production"),
]


@pytest.mark.parametrize("run", SPOOFS, ids=lambda run: run.subject)
def test_nobody_spells_the_subject_of_another_repository(run: Run) -> None:
    everything = WorkflowSources(branches=["*"], tags=["*"], environments=["production"], pull_requests=True)
    policies = policies_of(Admitted("o/r", everything))
    assert not admits(policies, run)
    assert admits(unguarded(policies), run), "the guard is what refuses it"


def test_a_claim_that_is_called_like_a_pull_request_is_none() -> None:
    """Whoever may push could name a workflow so, if the repository puts its workflow's name into the subject."""
    run = Run(immutable=True, template=("repo", "workflow"), workflow="pull_request")
    assert run.subject == "repo:o@1/r@2:workflow:pull_request"
    policies = policies_of(Admitted("o/r", REQUESTS))
    assert not admits(policies, run)
    assert admits(unguarded(policies), run), "the guard is what refuses it"


def test_a_star_does_not_reach_into_the_next_claim() -> None:
    run = Run(template=("repo", "ref", "workflow"), ref="refs/heads/evil", workflow="x-main")
    policies = policies_of(Admitted("o/r", WorkflowSources(branches=["*-main"])))
    assert not admits(policies, run)
    assert admits(unguarded(policies), run), "the guard is what refuses it"


def test_listed_runs_do_not_shut_out_a_whole_repository_that_customised_its_subject() -> None:
    customised = Run(owner="p", name="q", template=("repo", "context", "job_workflow_ref"))
    policy = policies_of(Admitted("p/q"), Admitted("o/r", RELEASES))
    assert admits(policy, customised)
    assert not admits(policy, Run(template=("repo", "context", "job_workflow_ref"), ref="refs/tags/v1"))
    assert admits(policy, Run(ref="refs/tags/v1"))


NAMES = st.sampled_from(["main", "x/main", "release/1", "x/refs/tags/v1", "v1", "a/r@1", "pull_request", "environment"])
ENVIRONMENTS = st.sampled_from(["production", "main", "a/r@1", "x y", "ref", "refs/heads/main"])
SOURCES = st.builds(
    WorkflowSources,
    branches=st.lists(NAMES | st.sampled_from(["*", "release/*", "*n", "a*b", "*/*"]), max_size=2, unique=True),
    tags=st.lists(NAMES | st.just("v*"), max_size=2, unique=True),
    environments=st.lists(ENVIRONMENTS, max_size=2, unique=True),
    pull_requests=st.booleans(),
)
REPOSITORIES = st.sampled_from(["o/r", "o@1/r@2", "o/evil", "p/r", "o@1/evil@9"])
ADMITTED = st.lists(st.builds(Admitted, REPOSITORIES, SOURCES), max_size=3, unique_by=lambda each: each.repository)
KEYS = st.sampled_from(["context", "ref", "environment", "workflow", "head_ref", "job_workflow_ref"])
TEMPLATES = st.none() | st.lists(KEYS, max_size=3).map(lambda keys: ("repo", *keys)) | st.just(("repository_owner",))
RUNS = st.builds(
    Run,
    owner=st.sampled_from(["o", "p"]),
    name=st.sampled_from(["r", "evil", "r.x"]),
    owner_id=st.sampled_from(["1", "11"]),
    repo_id=st.sampled_from(["2", "9", "22"]),
    immutable=st.booleans(),
    ref=st.tuples(st.sampled_from(["refs/heads/", "refs/tags/"]), NAMES).map("".join),
    environment=st.none() | ENVIRONMENTS | st.sampled_from(["a:b", "x:ref:refs/heads/main", "pull_request"]),
    is_pull_request=st.booleans(),
    workflow=st.sampled_from(["deploy", "a/r@x", "pull_request", "main", "x:pull_request"]),
    template=TEMPLATES,
)


@given(admitted=ADMITTED, runs=st.lists(RUNS, min_size=1, max_size=12))
@example(admitted=[Admitted("o/r", REQUESTS)], runs=[Run(immutable=True, template=("repo", "workflow"))])
@settings(max_examples=60, deadline=None, derandomize=True)
def test_nothing_is_admitted_that_is_not_listed_and_all_that_is(admitted: list[Admitted], runs: list[Run]) -> None:
    policies = policies_of(*admitted)
    for run in runs:
        assert admits(policies, run) is is_listed(run, admitted), run.subject
    listed = {(each.repository, each.contexts) for each in admitted if each.contexts}
    found = read(render(admitted, PROVIDER, limit=100_000))
    assert found is not None
    assert {(each.repository, each.contexts) for each in found} == listed


MANY = [f"o@1/r{number}@{number}" for number in range(9)]


def test_repositories_with_the_same_runs_are_added_up_and_not_multiplied() -> None:
    """Nine repositories and five contexts: fourteen patterns, and not forty-five."""
    sources = WorkflowSources(
        branches=["main", "release/*"], tags=["v*"], environments=["production"], pull_requests=True
    )
    policy = render([Admitted(name, sources) for name in MANY], PROVIDER, limit=2048)
    [statement] = policy["Statement"]
    assert statement["Sid"] == "GitHubActionsFrom0"
    patterns = statement["Condition"]["StringLike"] | {"ends": statement["Condition"]["StringLikeIfExists"]}
    assert len(patterns[f"{PROVIDER_HOST}:sub"]) == 9
    assert patterns["ends"][f"{PROVIDER_HOST}:sub"] == [
        *("repo:*:environment:production", "repo:*:ref:refs/heads/main", "repo:*:ref:refs/heads/release/*"),
        *("repo:*:ref:refs/tags/v*", "repo:*:pull_request"),
    ]
    found = read(policy)
    assert found == [Admitted(name, sources) for name in MANY]


def test_repositories_with_runs_of_their_own_are_in_one_statement() -> None:
    admitted = [Admitted(name, WorkflowSources(branches=[f"b{number}"])) for number, name in enumerate(MANY)]
    policy = render(admitted, PROVIDER, limit=2048)
    [statement] = policy["Statement"]
    assert statement["Sid"] == "GitHubActionsFrom"
    assert "StringNotLike" not in statement["Condition"], "no * that anything could be made of"
    assert read(policy) == admitted


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({}, "no run"),
        ({"pullRequests": True}, "pull requests"),
        ({"branches": ["main"], "pullRequests": True}, "branch main, pull requests"),
        (
            {"environments": ["a"], "tags": ["v*", "w"], "branches": ["main"]},
            "branch main, tag v*, tag w, environment a",
        ),
    ],
)
def test_sources_are_said_in_words(sources: dict[str, Any], said: str) -> None:
    assert str(WorkflowSources.model_validate(sources)) == said
