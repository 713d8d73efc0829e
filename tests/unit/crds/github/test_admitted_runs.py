"""Which runs of workflows a trust policy admits, by two evaluators of IAM's rules that don't know the renderer."""

from typing import Any

import pytest
from fakes import iam_trust
from fakes.github_runs import Run, is_listed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batteries_crds.github.trust_policy import AUDIENCE, PROVIDER_HOST, Admitted, provider_arn, read, render
from batteries_crds.github.workflow_sources import WorkflowSources
from batteries_sandbox.aws.policy_document import allows

PROVIDER = provider_arn("123456789012")


def admits(policy: dict[str, Any], run: Run) -> bool:
    """What both evaluators say, which must be the same."""
    context = {f"{PROVIDER_HOST}:aud": [AUDIENCE], f"{PROVIDER_HOST}:sub": [run.subject]}
    one = allows(policy, "sts:AssumeRoleWithWebIdentity", "Federated", {PROVIDER}, context)
    other = iam_trust.admits(policy, PROVIDER, {"aud": AUDIENCE, "sub": run.subject})
    assert one is other, run.subject
    return one


def policy_of(*admitted: Admitted) -> dict[str, Any]:
    return render(admitted, PROVIDER, limit=100_000)


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
    policy = policy_of(admitted)
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
    by_name, by_ids = policy_of(Admitted("o/r", sources)), policy_of(Admitted("o@1/r@2", sources))
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
    policy = policy_of(Admitted("o/r", everything))
    assert not admits(policy, run)
    [statement] = policy["Statement"]
    del statement["Condition"]["StringNotLike"]
    assert admits(policy, run), "the guard is what refuses it"


def test_a_claim_that_is_called_like_a_pull_request_is_none() -> None:
    """Whoever may push could name a workflow so, if the repository puts its workflow's name into the subject."""
    run = Run(immutable=True, template=("repo", "workflow"), workflow="pull_request")
    assert run.subject == "repo:o@1/r@2:workflow:pull_request"
    policy = policy_of(Admitted("o/r", REQUESTS))
    assert not admits(policy, run)
    del policy["Statement"][0]["Condition"]["StringNotLike"]
    assert admits(policy, run), "the guard is what refuses it"


def test_a_star_does_not_reach_into_the_next_claim() -> None:
    run = Run(template=("repo", "ref", "workflow"), ref="refs/heads/evil", workflow="x-main")
    policy = policy_of(Admitted("o/r", WorkflowSources(branches=["*-main"])))
    assert not admits(policy, run)
    del policy["Statement"][0]["Condition"]["StringNotLike"]
    assert admits(policy, run), "the guard is what refuses it"


def test_listed_runs_do_not_shut_out_a_whole_repository_that_customised_its_subject() -> None:
    customised = Run(owner="p", name="q", template=("repo", "context", "job_workflow_ref"))
    policy = policy_of(Admitted("p/q"), Admitted("o/r", RELEASES))
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
    policy = policy_of(*admitted)
    for run in runs:
        assert admits(policy, run) is is_listed(run, admitted), run.subject
    listed = [(each.repository, each.sources.contexts) for each in admitted if each.sources and each.sources.contexts]
    found = read(policy)
    assert found is not None
    assert [(each.repository, each.sources.contexts) for each in found if each.sources] == listed
