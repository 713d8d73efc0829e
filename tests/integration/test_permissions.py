"""What the chart's service accounts may do on the real API server: all that is listed, and nothing else.

The objects are the chart's own, rendered by helm as the sandbox installs them. A rule that is missing, or one too many,
is seen: every verb of every resource is asked for, for both accounts, inside and outside the release's namespace.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from batteries_crds.names import FINALIZER
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.errors import SandboxError

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
GROUP = "aibatteriesincluded.com"
PROGRAMS = ("operator", "apiserver")

# Written down a second time on purpose: a change of the chart's rules has to be meant.
OPERATOR_EVERYWHERE = {
    f"awsaccounts.{GROUP}": {"get", "list", "watch", "patch"},
    f"awsaccounts.{GROUP}/status": {"patch"},
    f"customers.{GROUP}": {"get", "list", "watch"},
    f"notifications.{GROUP}": {"get", "list", "watch", "create", "delete"},
    f"notifications.{GROUP}/status": {"patch"},
    f"pooledaccounts.{GROUP}": {"get", "list", "watch", "create", "patch", "delete"},
    f"pooledaccounts.{GROUP}/status": {"patch"},
    f"accountpools.{GROUP}": {"get", "list", "watch", "patch"},
    f"accountpools.{GROUP}/status": {"patch"},
    "secrets": {"get", "create", "patch", "delete"},
    "events": {"create"},
    "customresourcedefinitions.apiextensions.k8s.io": {"list", "watch"},
    "namespaces": {"list", "watch"},
}
OPERATOR_AT_HOME = OPERATOR_EVERYWHERE | {"leases.coordination.k8s.io": {"get", "create", "update"}}
API_EVERYWHERE = {f"awsaccounts.{GROUP}": {"get", "list", "watch", "patch"}}
API_AT_HOME = {
    f"awsaccounts.{GROUP}": {"get", "list", "watch", "patch", "create"},
    f"customers.{GROUP}": {"get", "list", "watch", "create", "patch"},
    f"apikeys.{GROUP}": {"get", "list", "watch", "create", "patch", "delete"},
    f"notifications.{GROUP}": {"get", "create", "delete"},
    f"accountpools.{GROUP}": {"list", "watch"},
    f"customers.{GROUP}/status": {"patch"},
    f"apikeys.{GROUP}/status": {"patch"},
    "secrets": {"get", "create", "delete"},
    "events": {"create", "patch"},
    "namespaces": {"get"},
}


@pytest.fixture(scope="module")
def home(cluster: Any) -> str:
    """The namespace that the permissions are installed for."""
    name: str = cluster.namespace()
    cluster.install_permissions(name)
    return name


@pytest.fixture(scope="module")
def programs(cluster: Any, home: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cluster]:
    """kubectl with each program's token."""
    folder: Path = tmp_path_factory.mktemp("tokens")
    return {
        name: Cluster(cluster.kubectl, cluster.kubeconfig_for(f"batteries-{name}", home, folder / name))
        for name in PROGRAMS
    }


@pytest.fixture
def account(cluster: Any, home: str) -> tuple[str, str]:
    """Makes an account in the release's namespace; its namespace and name."""
    return home, _account(cluster, home)


def _account(cluster: Any, namespace: str) -> str:
    text = yaml.safe_dump(
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "AwsAccount",
            "metadata": {"name": "acme"},
            "spec": {"email": "a@example.com"},
        }
    )
    cluster.run("apply", "--server-side", f"--namespace={namespace}", "-f", "-", stdin=text)
    return "acme"


def _resources(cluster: Any) -> set[str]:
    """Every resource and subresource that the API server has, but those that each account may ask about itself."""
    found: set[str] = set()
    versions = [("", "/api/v1")]
    for group in json.loads(cluster.run("get", "--raw", "/apis"))["groups"]:
        versions.append((group["name"], f"/apis/{group['preferredVersion']['groupVersion']}"))
    for group, path in versions:
        for one in json.loads(cluster.run("get", "--raw", path))["resources"]:
            name, _, sub = one["name"].partition("/")
            found.add((f"{name}.{group}" if group else name) + (f"/{sub}" if sub else ""))
    return {name for name in found if not name.startswith(("selfsubject",))}


def _allowed(cluster: Any, account: str, namespace: str, resources: set[str]) -> dict[str, set[str]]:
    """What the account may do there, asked verb by verb."""
    may: dict[str, set[str]] = {}
    reviews = []
    for resource in sorted(resources):
        name, _, sub = resource.partition("/")
        plural, _, group = name.partition(".")
        for verb in VERBS:
            attributes = {
                "namespace": namespace,
                "verb": verb,
                "group": group,
                "resource": plural,
                "subresource": sub,
            }
            spec = {"user": account, "groups": _GROUPS, "resourceAttributes": attributes}
            reviews.append(
                {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec},
            )
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    printed = cluster.run("create", "-o", "jsonpath={@}{'\\n'}", "-f", "-", stdin=text)
    for answer in map(json.loads, printed.splitlines()):
        attributes = answer["spec"]["resourceAttributes"]
        if answer["status"]["allowed"]:
            group, sub = attributes.get("group", ""), attributes.get("subresource", "")
            name = attributes["resource"] + (f".{group}" if group else "") + (f"/{sub}" if sub else "")
            may.setdefault(name, set()).add(attributes["verb"])
    return may


_GROUPS = ["system:serviceaccounts", "system:authenticated"]


def _user(program: Cluster) -> str:
    told = json.loads(program.run("auth", "whoami", "-o", "json"))
    name: str = told["status"]["userInfo"]["username"]
    return name


@pytest.mark.parametrize(
    ("program", "at_home", "elsewhere"),
    [("operator", OPERATOR_AT_HOME, OPERATOR_EVERYWHERE), ("apiserver", API_AT_HOME, API_EVERYWHERE)],
)
def test_each_account_may_do_what_is_listed_and_nothing_else(
    cluster: Any,
    home: str,
    programs: dict[str, Cluster],
    program: str,
    at_home: dict[str, set[str]],
    elsewhere: dict[str, set[str]],
) -> None:
    resources = _resources(cluster)
    assert len(resources) > 80, "the whole API is asked for"
    other = cluster.namespace()
    # Kubernetes gives every service account a little of its own, such as reading ClusterTrustBundles.
    anybody = _allowed(cluster, f"system:serviceaccount:{home}:default", other, resources)
    assert anybody.keys() <= {"clustertrustbundles.certificates.k8s.io"}
    for namespace, listed in ((home, at_home), (other, elsewhere)):
        assert _allowed(cluster, _user(programs[program]), namespace, resources) == {**anybody, **listed}


def test_the_api_server_may_change_one_secret_by_its_name(home: str, programs: dict[str, Cluster]) -> None:
    def may(secret: str, namespace: str) -> str:
        try:
            return programs["apiserver"].run("auth", "can-i", "patch", f"secret/{secret}", f"--namespace={namespace}")
        except SandboxError as error:
            return str(error)

    assert may("batteries-issuer-keys", home).strip() == "yes"
    assert "no" in may("batteries-admin-key", home)
    assert "no" in may("batteries-issuer-keys", "default")


def _refusal(action: Callable[[], object]) -> str:
    with pytest.raises(SandboxError) as refused:
        action()
    return str(refused.value)


def _patch(program: Cluster, namespace: str, body: dict[str, Any]) -> str:
    return program.run(
        "patch", "awsaccounts", "acme", f"--namespace={namespace}", "--type=merge", f"--patch={json.dumps(body)}"
    )


def _apply_status(program: Cluster, namespace: str, user_name: str) -> str:
    """Server-side, for which kubectl patches without reading first: neither program may read a status alone."""
    item = {"apiVersion": f"{GROUP}/v1", "kind": "AwsAccount", "metadata": {"name": "acme"}}
    text = json.dumps({**item, "status": {"iamUserName": user_name}})
    how = ("--server-side", "--force-conflicts", "--subresource=status", "--validate=false")
    return program.run("apply", *how, f"--namespace={namespace}", "-f", "-", stdin=text)


@pytest.mark.parametrize(
    "spec",
    [
        {"suspended": True},
        {"githubRepos": ["org/repo"]},
        {"displayName": "Other"},
        {"deletionPolicy": "Close"},
        {"awsAccountId": "123456789012"},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_the_operator_changes_no_spec(
    programs: dict[str, Cluster], account: tuple[str, str], spec: dict[str, Any]
) -> None:
    namespace, _ = account
    refused = _refusal(lambda: _patch(programs["operator"], namespace, {"spec": spec}))
    assert "The operator never changes an AwsAccount's spec" in refused


def test_the_operator_writes_finalizers_and_status(programs: dict[str, Cluster], account: tuple[str, str]) -> None:
    namespace, _ = account
    operator = programs["operator"]
    _patch(operator, namespace, {"metadata": {"finalizers": [FINALIZER]}})
    _patch(operator, namespace, {"metadata": {"finalizers": []}})
    _apply_status(operator, namespace, "admin")


def test_the_api_server_changes_no_status(programs: dict[str, Cluster], account: tuple[str, str]) -> None:
    namespace, _ = account
    api = programs["apiserver"]
    assert "cannot patch resource" in _refusal(lambda: _apply_status(api, namespace, "other"))
    _patch(
        api, namespace, {"status": {"iamUserName": "other"}}
    )  # passed over: where there is a status subresource, only it writes the status
    shown = json.loads(api.run("get", "awsaccount", "acme", f"--namespace={namespace}", "-o", "json"))
    assert shown.get("status", {}).get("iamUserName") != "other"


def test_the_policy_refuses_the_api_servers_status_even_where_rbac_would_not(
    cluster: Any, programs: dict[str, Cluster], account: tuple[str, str]
) -> None:
    namespace, _ = account
    cluster.run("create", "role", "wide", f"--namespace={namespace}", "--verb=patch", "--resource=awsaccounts/status")
    binding = ("rolebinding", "wide", f"--namespace={namespace}")
    cluster.run("create", *binding, "--role=wide", f"--serviceaccount={namespace}:batteries-apiserver")
    try:
        refused = _refusal(lambda: _apply_status(programs["apiserver"], namespace, "other"))
    finally:
        cluster.run("delete", *binding)
        cluster.run("delete", "role", "wide", f"--namespace={namespace}")
    assert "The API server never changes an AwsAccount's status" in refused


def test_the_api_server_outside_its_namespace_suspends_and_changes_nothing_else(
    cluster: Any, programs: dict[str, Cluster]
) -> None:
    elsewhere, api = cluster.namespace(), programs["apiserver"]
    _account(cluster, elsewhere)
    _patch(api, elsewhere, {"spec": {"suspended": True}, "metadata": {"annotations": {f"{GROUP}/retry": "1"}}})
    refused = _refusal(lambda: _patch(api, elsewhere, {"spec": {"githubRepos": ["org/repo"]}}))
    assert "Outside its own namespace the API server never changes spec.githubRepos" in refused
    refused = _refusal(lambda: _patch(api, elsewhere, {"spec": {"displayName": "Other"}}))
    assert "The API server never changes" in refused


def test_the_api_server_at_home_changes_repositories_but_not_what_deletion_does(
    programs: dict[str, Cluster], account: tuple[str, str]
) -> None:
    namespace, _ = account
    api = programs["apiserver"]
    _patch(api, namespace, {"spec": {"githubRepos": ["org/repo"]}})
    refused = _refusal(lambda: _patch(api, namespace, {"spec": {"deletionPolicy": "Close"}}))
    assert "The API server never changes" in refused
    assert "spec.deletionPolicy" in refused
