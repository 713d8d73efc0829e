"""What the real API server accepts and refuses, and whether its words tell a person what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.places import CHECKOUT

SAMPLES = sorted((CHECKOUT / "crds" / "samples").glob("*.yaml"))


def account(name: str = "acme", **spec: Any) -> str:
    """An AwsAccount as a person would write it."""
    return yaml.safe_dump(
        {
            "apiVersion": "aibatteriesincluded.com/v1",
            "kind": "AwsAccount",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def refusal(cluster: Any, namespace: str, text: str) -> str:
    """What the API server says to a manifest that it must not take."""
    with pytest.raises(SandboxError) as refused:
        cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=text)
    return str(refused.value)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_kubectl_takes_the_samples(cluster: Any, sample: Path) -> None:
    assert "created" in cluster.run("apply", f"--namespace={cluster.namespace()}", f"--filename={sample}")


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param(
            {"email": "a@example.com", "customerRef": {"name": "c"}},
            "An account has one owner: set spec.customerRef.name or spec.email, not both.",
            id="two owners",
        ),
        pytest.param({"displayName": "x"}, "An account needs an owner: set spec.customerRef.name", id="no owner"),
        pytest.param({"email": "nobody"}, "spec.email must be an e-mail address", id="no e-mail address"),
        pytest.param(
            {"email": "a@example.com", "githubRepos": ["org/repo/x"]},
            "A repository is written org/repo, or org@id/repo@id",
            id="three parts",
        ),
        pytest.param({"email": "a@example.com", "githubRepos": ["*/repo"]}, "no wildcards", id="wildcard owner"),
        pytest.param({"email": "a@example.com", "githubRepos": ["org/*"]}, "no wildcards", id="wildcard name"),
        pytest.param({"email": "a@example.com", "githubRepos": ["org@1/repo"]}, "org@id/repo@id", id="one id of two"),
        pytest.param(
            {"email": "a@example.com", "githubRepos": ["org/repo.git"]}, "exactly as GitHub spells it", id="clone URL"
        ),
        pytest.param(
            {"email": "a@example.com", "githubRepos": ["org/repo", "org/repo"]},
            "A repository is listed twice",
            id="the same twice",
        ),
        pytest.param(
            {"email": "a@example.com", "githubRepos": ["org/repo", "Org/Repo"]},
            "A repository is listed twice (names that differ only in case are one repository)",
            id="twice but for case",
        ),
        pytest.param(
            {"email": "a@example.com", "githubRepos": [f"org/repo{number}" for number in range(101)]},
            "Too many: 101: must have at most 100 items",
            id="101 repositories",
        ),
        pytest.param(
            {"email": "a@example.com", "deletionPolicy": "Destroy"},
            'Unsupported value: "Destroy": supported values: "Retain", "Close"',
            id="unknown policy",
        ),
        pytest.param({"email": "a@example.com", "awsAccountId": "12345"}, "spec.awsAccountId", id="short AWS id"),
    ],
)
def test_a_bad_account_is_refused_with_a_sentence(cluster: Any, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(cluster, cluster.namespace(), account(**spec))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        pytest.param(
            {"email": "a@example.com"}, {"email": "b@example.com"}, "spec.email is immutable", id="other e-mail"
        ),
        pytest.param(
            {"customerRef": {"name": "a"}},
            {"customerRef": {"name": "b"}},
            "spec.customerRef is immutable",
            id="other customer",
        ),
        pytest.param(
            {"email": "a@example.com"},
            {"customerRef": {"name": "a"}, "email": None},
            "make a new AwsAccount for another owner",
            id="from e-mail to customer",
        ),
        pytest.param(
            {"email": "a@example.com", "awsAccountId": "123456789012"},
            {"awsAccountId": "210987654321"},
            "spec.awsAccountId is immutable once set",
            id="other AWS account",
        ),
    ],
)
def test_the_owner_of_an_account_cannot_change(
    cluster: Any, before: dict[str, Any], after: dict[str, Any], sentence: str
) -> None:
    namespace = cluster.namespace()
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=account(**before))
    with pytest.raises(SandboxError, match=sentence):
        cluster.run(
            "patch", "awsaccount", "acme", f"--namespace={namespace}", "--type=merge", "-p", json.dumps({"spec": after})
        )


def test_a_hundred_distinct_repositories_are_taken(cluster: Any) -> None:
    repositories = [f"{'o' * 39}/{number:03}{'r' * 97}" for number in range(100)]
    text = account(email="a@example.com", githubRepos=repositories)
    assert "created" in cluster.run("apply", f"--namespace={cluster.namespace()}", "-f", "-", stdin=text)


def test_a_person_with_kubectl_finds_the_accounts_by_category_short_name_and_field(cluster: Any) -> None:
    namespace = cluster.namespace()
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=account(customerRef={"name": "c-1"}))
    head = cluster.run("get", "aa", f"--namespace={namespace}").splitlines()[0].split()
    assert head == ["NAME", "STATUS", "STEP", "AWS", "ACCOUNT", "AGE"]
    wide = cluster.run("get", "awsacct", "-o", "wide", f"--namespace={namespace}").splitlines()[0]
    assert wide.split()[-3:] == ["OWNER", "ROLE", "ARN"]
    assert "acme" in cluster.run("get", "batteries", f"--namespace={namespace}")
    chosen = ("get", "awsaccounts", f"--namespace={namespace}", "--no-headers", "--ignore-not-found")
    assert "acme" in cluster.run(*chosen, "--field-selector=spec.customerRef.name=c-1")
    assert cluster.run(*chosen, "--field-selector=spec.customerRef.name=c-2") == ""


def test_a_status_cannot_be_smuggled_in_with_the_spec(cluster: Any) -> None:
    namespace = cluster.namespace()
    text = account(email="a@example.com") + "status:\n  phase: active\n"
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=text)
    found = json.loads(cluster.run("get", "aa", "acme", f"--namespace={namespace}", "-o", "json"))
    assert found["status"]["observedGeneration"] == 0
    assert found["status"]["phase"] == "pending"
