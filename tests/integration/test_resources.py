"""What the real API server accepts and refuses, and whether its words tell a person what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml

from batteries_crds.aws_account import NAME_LENGTH
from batteries_crds.customer import Customer
from batteries_crds.generate import RESOURCES, crd
from batteries_crds.resource import Resource
from batteries_sandbox import wrong_samples
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT
from batteries_sandbox.wrong_samples import WrongSample

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


@pytest.mark.parametrize("sample", wrong_samples.ALL, ids=lambda sample: sample.name)
def test_kubectl_refuses_the_wrong_samples_with_the_words_that_the_page_has(cluster: Any, sample: WrongSample) -> None:
    namespace = cluster.namespace()
    *right, wrong = sample.documents()
    for text in right:
        assert "created" in cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=text)
    assert sample.says in refusal(cluster, namespace, wrong)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        pytest.param({"githubRepos": ["org/repo/x"]}, "A repository is written org/repo", id="three parts"),
        pytest.param({"githubRepos": ["*/repo"]}, "no wildcards", id="wildcard owner"),
        pytest.param({"githubRepos": ["org/repo.git"]}, "exactly as GitHub spells it", id="clone URL"),
        pytest.param(
            {"githubRepos": [f"org/repo{number}" for number in range(101)]},
            "Too many: 101: must have at most 100 items",
            id="101 repositories",
        ),
    ],
)
def test_a_bad_account_is_refused_with_a_sentence(cluster: Any, spec: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(cluster, cluster.namespace(), account(email="a@example.com", **spec))


def test_the_owner_of_an_account_cannot_go_from_an_address_to_a_customer(cluster: Any) -> None:
    namespace = cluster.namespace()
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=account(email="a@example.com"))
    change = json.dumps({"spec": {"customerRef": {"name": "a"}, "email": None}})
    with pytest.raises(SandboxError, match="make a new AwsAccount for another owner"):
        cluster.run("patch", "awsaccount", "acme", f"--namespace={namespace}", "--type=merge", "-p", change)


def test_an_aws_account_cannot_be_taken_over_by_an_object_that_has_one(cluster: Any) -> None:
    namespace = cluster.namespace()
    where = ("awsaccount", "acme", f"--namespace={namespace}", "--type=merge")
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=account(email="a@example.com"))
    cluster.run("patch", *where, "--subresource=status", "-p", '{"status": {"awsAccountId": "123456789012"}}')
    with pytest.raises(SandboxError, match="this AwsAccount has an AWS account"):
        cluster.run("patch", *where, "-p", '{"spec": {"awsAccountId": "210987654321"}}')
    cluster.run("patch", *where, "-p", '{"spec": {"awsAccountId": "123456789012"}}')
    # The operator is never in the way of itself: this rule looks at the spec being changed, not at the status.
    cluster.run("patch", *where, "--subresource=status", "-p", '{"status": {"awsAccountId": "210987654321"}}')


def test_a_name_that_no_tag_of_aws_holds_is_refused(cluster: Any) -> None:
    namespace, fits = cluster.namespace(), "n" * NAME_LENGTH
    refused = refusal(cluster, namespace, account(f"{fits}n", email="a@example.com"))
    assert f"metadata.name may have {NAME_LENGTH} characters" in refused
    assert "created" in cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=account(fits, email="a@b.co"))


def test_a_hundred_distinct_repositories_are_taken(cluster: Any) -> None:
    repositories = [f"{'o' * 39}/{number:03}{'r' * 97}" for number in range(100)]
    text = account(email="a@example.com", githubRepos=repositories)
    assert "created" in cluster.run("apply", f"--namespace={cluster.namespace()}", "-f", "-", stdin=text)


@pytest.mark.parametrize(
    ("plural", "columns", "wide"),
    [
        ("awsaccounts", "NAME READY STATUS AWS_ACCOUNT OWNER AGE", "STEP ROLE_ARN PINNED MESSAGE"),
        ("customers", "NAME EMAIL PAYMENT LIMIT BLOCKED AGE", "PAYMENT_SINCE ENDS REASON PROBLEMS CONFIRMED STRIPE"),
        ("apikeys", "NAME PREFIX CALLED CUSTOMER ROLE LAST_USED REVOKED AGE", "SCOPE EXPIRES"),
        ("notifications", "NAME KIND CUSTOMER STATE AGE", "TO MESSAGE_ID ERROR"),
        (
            "accountpools",
            "NAME SIZE READY PREPARING FILLED AGE",
            "STALE BROKEN CLAIMED_TODAY NEXT_REFILL MESSAGE",
        ),
        ("pooledaccounts", "NAME READY REASON AWS_ACCOUNT POOL CLAIMED_BY AGE", "MESSAGE"),
    ],
)
def test_get_shows_what_people_ask_first(cluster: Any, plural: str, columns: str, wide: str) -> None:
    namespace = cluster.namespace()
    for sample in SAMPLES:
        cluster.run("apply", f"--namespace={namespace}", f"--filename={sample}")

    def head(*how: str) -> str:
        line = cluster.run("get", plural, f"--namespace={namespace}", *how).splitlines()[0]
        return re.sub(r"(?<=\S) (?=\S)", "_", line)

    assert head().split() == columns.split()
    shown = head("-o", "wide").split()
    assert sorted(shown) == sorted(f"{columns} {wide}".split())


def test_get_finds_accounts_by_category_short_name_label_and_field(cluster: Any) -> None:
    namespace = cluster.namespace()
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=account(customerRef={"name": "c-1"}))
    status = {"phase": "active", "accountId": "7d0df751-a438-4387-b946-89c612a0004a", "awsAccountId": "123456789012"}
    how = (f"--namespace={namespace}", "--type=merge", "--subresource=status", "-p", json.dumps({"status": status}))
    cluster.run("patch", "awsaccount", "acme", *how)
    cluster.run("label", "awsaccount", "acme", f"--namespace={namespace}", "aibatteriesincluded.com/customer=c-1")
    chosen = (f"--namespace={namespace}", "--no-headers", "--ignore-not-found")
    for name in ("aa", "awsacct", "awsaccount", "batteries"):
        assert "acme" in cluster.run("get", name, *chosen)
    for path, value in (("spec.customerRef.name", "c-1"), *((f"status.{key}", value) for key, value in status.items())):
        assert "acme" in cluster.run("get", "aa", *chosen, f"--field-selector={path}={value}")
        assert cluster.run("get", "aa", *chosen, f"--field-selector={path}=other") == ""
    assert "acme" in cluster.run("get", "aa", *chosen, "--selector=aibatteriesincluded.com/customer=c-1")
    assert cluster.run("get", "aa", *chosen, "--selector=aibatteriesincluded.com/customer=c-2") == ""


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.definition.plural)
def test_explain_describes_every_field(cluster: Any, resource: type[Resource]) -> None:
    schema = crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path, fields in _objects(resource.definition.plural, schema):
        shown = cluster.run("explain", path)
        assert "<no description>" not in shown, path
        assert not re.search(r"DESCRIPTION:\s+<empty>", shown), path
        # Each field by its name, with words of more than one line's half below it.
        told = re.findall(r"^  (\w+)\t<.*(?:\n  enum: .*(?:\n   .*)*?)?\n    (\S.*)$", shown, re.MULTILINE)
        assert {name for name, _ in told} == set(fields), path
    shown = cluster.run("explain", resource.definition.plural, "--recursive")
    assert "spec\t<Object> -required-" in shown


def _objects(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Every path that holds fields, as `kubectl explain` takes it, with their names."""
    node = schema.get("items", schema)
    node = node.get("additionalProperties", node)
    if "properties" in node:
        yield path, list(node["properties"])
        for name, child in node["properties"].items():
            yield from _objects(f"{path}.{name}", child)


def test_a_status_cannot_be_smuggled_in_with_the_spec(cluster: Any) -> None:
    namespace = cluster.namespace()
    text = account(email="a@example.com") + "status:\n  phase: active\n"
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=text)
    found = json.loads(cluster.run("get", "aa", "acme", f"--namespace={namespace}", "-o", "json"))
    assert found["status"]["observedGeneration"] == 0
    assert found["status"]["phase"] == "pending"


def test_an_address_that_an_earlier_release_took_stays_and_the_rest_can_be_changed(cluster: Any) -> None:
    """Kubernetes asks a rule of what is changed only, which is on by default since 1.30."""
    namespace, group = cluster.namespace(), "earlier.example.com"
    whole = crd(Customer)
    whole["metadata"]["name"] = f"customers.{group}"
    whole["spec"]["group"] = group
    email = whole["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["email"]
    rules = email.pop("x-kubernetes-validations")
    cluster.apply(whole)
    cluster.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/customers.{group}")
    body = {"apiVersion": f"{group}/v1", "kind": "Customer", "metadata": {"name": "a"}}
    text = json.dumps({**body, "spec": {"email": "Team <team@example.com>"}})
    cluster.run("create", f"--namespace={namespace}", "-f", "-", stdin=text)
    email["x-kubernetes-validations"] = rules
    cluster.apply(whole)
    change = ("patch", f"customers.{group}/a", f"--namespace={namespace}", "--type=merge")
    refused, deadline = "", monotonic() + 20
    while "must be an e-mail address" not in refused:
        assert monotonic() < deadline
        try:
            cluster.run(*change, "--dry-run=server", "-p", json.dumps({"spec": {"email": "Other <team@example.com>"}}))
        except SandboxError as error:
            refused = str(error)
    cluster.run(*change, "-p", json.dumps({"spec": {"accountLimit": 7}}))
    cluster.run(*change, "--subresource=status", "-p", json.dumps({"status": {"paymentMethod": "valid"}}))
    cluster.run("delete", f"crd/customers.{group}", "--wait=false")
