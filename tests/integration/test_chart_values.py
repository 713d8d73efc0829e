"""The chart over a table of values people use: each rendering is applied to the real API server, strictly.

`make e2e-helm` prints the table. So are the values that docs/install.md tells people to set.
"""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.chart_values import LONG, REFUSALS, RENDERINGS

from batteries_sandbox import helm
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT

SCRAPED = ("monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule")
POOLS = "aibatteriesincluded.com/v1/AccountPool"
FOREIGN = ("ServiceMonitor", "PrometheusRule")
"""Kinds whose CRDs this API server has not."""
PLURAL = "ai-batteries-included"


class Strict(yaml.SafeLoader):
    """YAML in which no key comes twice: a parser would keep the last, Kubernetes' strict one refuses it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key comes twice: {keys}"
        return super().construct_mapping(node, deep=deep)


def rendered(folder: Path, namespace: str, values: dict[str, Any], *more: str, release: str = "b") -> list[Any]:
    """The objects that the chart makes of those values."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    versions = (f"--api-versions={each}" for each in (*SCRAPED, POOLS))
    text = helm.render(namespace, f"--values={file}", "--set=crds.enabled=false", *versions, *more, release=release)
    return [one for one in yaml.load_all(text, Strict) if one]


def fresh(cluster: Any) -> str:
    """A namespace with the service account that the controller manager, of which there is none here, would make."""
    name: str = cluster.namespace()
    cluster.run("create", "serviceaccount", "default", f"--namespace={name}")
    return name


def pod_of(objects: list[Any], name: str) -> Any:
    """The pod's spec of the Deployment whose name ends so."""
    found = [one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"].endswith(name)]
    return found[0]["spec"]["template"]["spec"]


def environment(container: Any) -> dict[str, Any]:
    """Its variables, none of them twice."""
    names = [one["name"] for one in container["env"]]
    assert len(names) == len(set(names))
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def texts(objects: list[Any]) -> None:
    """Every label and annotation is text, and no name is too long for what it names."""
    for one in objects:
        assert len(one["metadata"]["name"]) <= (63 if one["kind"] == "Service" else 253)
        for where in (one["metadata"], one.get("spec", {}).get("template", {}).get("metadata", {})):
            for kind in ("labels", "annotations"):
                assert all(isinstance(value, str) for value in where.get(kind, {}).values())
                if kind == "labels":
                    assert all(len(value) <= 63 for value in where.get(kind, {}).values())


def agree(objects: list[Any]) -> None:
    """Selectors find the pods; probes, ports and times are those of the environment."""
    service = next(one for one in objects if one["kind"] == "Service" and one["metadata"]["name"].endswith("apiserver"))
    for name, ports in {
        "apiserver": {"http": "BATTERIES_API_PORT", "metrics": "BATTERIES_API_METRICS_PORT"},
        "operator": {"health": "BATTERIES_HEALTH_PORT", "metrics": "BATTERIES_METRICS_PORT"},
    }.items():
        deployment = next(
            one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"].endswith(name)
        )
        template = deployment["spec"]["template"]
        chosen = deployment["spec"]["selector"]["matchLabels"].items()
        assert chosen <= template["metadata"]["labels"].items()
        container = template["spec"]["containers"][0]
        variables = environment(container)
        numbers = {port["name"]: str(port["containerPort"]) for port in container.get("ports", [])}
        for port, variable in ports.items():
            assert numbers.get(port, "0") == variables[variable]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container.get(probe) is None or container[probe]["httpGet"]["port"] in numbers
        if name == "operator":
            needed = float(variables["BATTERIES_STOP_SECONDS"])
            assert template["spec"]["terminationGracePeriodSeconds"] > needed
        if name == "apiserver":
            assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
            assert service["spec"]["ports"][0]["targetPort"] in numbers
            needed = container["lifecycle"]["preStop"]["sleep"]["seconds"] + float(
                variables["BATTERIES_API_SHUTDOWN_SECONDS"]
            )
            assert template["spec"]["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize("name", RENDERINGS)
def test_the_api_server_takes_what_people_render(cluster: Any, tmp_path: Path, name: str) -> None:
    namespace = fresh(cluster)
    objects = rendered(tmp_path, namespace, RENDERINGS[name])
    texts(objects)
    agree(objects)
    known = [one for one in objects if one["kind"] not in FOREIGN]
    text = yaml.safe_dump_all(known)
    try:
        told = cluster.run("apply", "--server-side", "--validate=strict", "-f", "-", stdin=text)
        assert len(told.splitlines()) == len(known)
    finally:
        cluster.run("delete", "--wait=false", "--ignore-not-found", "-f", "-", stdin=text)
    print(f"applied: {name:<36} {len(known)} objects")


@pytest.mark.parametrize("name", REFUSALS)
def test_what_no_cluster_would_take_is_refused_by_helm_with_a_sentence(tmp_path: Path, name: str) -> None:
    values, sentence = REFUSALS[name]
    with pytest.raises(SandboxError, match=f"(?s){sentence}"):
        rendered(tmp_path, "default", values)
    print(f"refused: {name}")


@pytest.mark.parametrize("release", ["a" * 53, "my.release", "x" + "-" * 10 + "y" * 40])
def test_the_longest_release_name_with_dots_renders_names_that_a_service_takes(
    cluster: Any, tmp_path: Path, release: str
) -> None:
    objects = rendered(tmp_path, fresh(cluster), {}, release=release)
    texts(objects)
    known = [one for one in objects if one["kind"] not in FOREIGN]
    cluster.run("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(known))
    assert len(LONG) > 63


@pytest.mark.parametrize("name", ["123", "on", "n", "1e3", "null"])
def test_a_namespace_whose_name_yaml_takes_for_something_else(tmp_path: Path, name: str) -> None:
    objects = rendered(tmp_path, name, {"namespaces": {"names": ["456"]}})
    namespaces = {one["metadata"].get("namespace") for one in objects} - {None}
    assert namespaces == {name, "456"}
    subjects = [subject for one in objects for subject in one.get("subjects") or []]
    assert {subject["namespace"] for subject in subjects} == {name}


def test_the_user_wins_over_what_the_chart_sets_itself(tmp_path: Path) -> None:
    objects = rendered(tmp_path, "default", RENDERINGS["settings that the chart sets itself"])
    operator = pod_of(objects, "operator")
    for container in (*operator["initContainers"], operator["containers"][0]):
        variables = environment(container)
        assert variables["AWS_REGION"] == "eu-west-1"
        assert variables["BATTERIES_LEASE_IDENTITY"] == "me"
        assert variables["BATTERIES_LEASE_NAMESPACE"] == "elsewhere"
        assert variables["NUMBER"] == "1"
        names = [one["name"] for one in container["env"]]
        assert names.index("POD") < names.index("AFTER")
    api = environment(pod_of(objects, "apiserver")["containers"][0])
    assert api["STRIPE_SECRET_KEY"] == "sk_live_x"
    assert api["STRIPE_WEBHOOK_SECRET"] == {"secretKeyRef": {"name": "other", "key": "k"}}
    assert api["BATTERIES_API_BODY_LIMIT"] == "10000000"


BY_SETTINGS: dict[str, Any] = {
    "operator": {"settings": {"BATTERIES_LEASE_NAME": "mine"}},
    "api": {"settings": {"BATTERIES_ADMIN_KEY_SECRET": "my-key", "BATTERIES_ISSUER_KEYS_SECRET": "my-keys"}},
}


@pytest.mark.parametrize(
    ("values", "lease", "namespace", "secret", "issuer"),
    [
        ({}, "b-ai-batteries-included-operator", "home", "batteries-admin-key", "batteries-issuer-keys"),
        (BY_SETTINGS, "mine", "home", "my-key", "my-keys"),
        (RENDERINGS["a Lease and a first key's Secret of one's own"], "mine", "home", "my-key", "my-keys"),
        (
            RENDERINGS["settings that the chart sets itself"],
            *("b-ai-batteries-included-operator", "elsewhere", "batteries-admin-key", "batteries-issuer-keys"),
        ),
    ],
    ids=["default", "settings", "extraEnv", "another namespace"],
)
def test_the_admission_policies_know_what_the_programs_write_by_whatever_way_it_is_said(
    tmp_path: Path, values: dict[str, Any], lease: str, namespace: str, secret: str, issuer: str
) -> None:
    objects = rendered(tmp_path, "home", values)
    own = {"lease": lease, "leaseNamespace": namespace, "adminKeySecret": secret, "issuerKeysSecret": issuer}
    policies = [one for one in objects if one["kind"] == "ValidatingAdmissionPolicy"]
    assert policies
    for policy in policies:
        variables = {one["name"]: one["expression"].strip('"') for one in policy["spec"]["variables"]}
        assert variables == {"home": "home", **own}
    (named,) = (
        rule["resourceNames"]
        for role in objects
        if role["kind"] == "Role"
        for rule in role["rules"]
        if rule["resources"] == ["secrets"] and "resourceNames" in rule
    )
    assert named == [issuer]


def test_without_a_secret_for_keys_the_api_server_may_change_none(tmp_path: Path) -> None:
    objects = rendered(tmp_path, "home", {"api": {"issuerKeysSecret": ""}})
    rules = [rule for role in objects if role["kind"] == "Role" for rule in role["rules"]]
    assert rules
    assert not [rule for rule in rules if "resourceNames" in rule]


def test_stripes_secrets_are_files_where_that_is_asked_for(tmp_path: Path) -> None:
    values = RENDERINGS["Stripe's secrets as files"]
    pod = pod_of(rendered(tmp_path, "default", values), "apiserver")
    container = pod["containers"][0]
    variables = environment(container)
    assert variables.keys().isdisjoint({"STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"})
    assert variables["STRIPE_SECRET_KEY_FILE"] == "/etc/stripe/STRIPE_SECRET_KEY"
    assert variables["STRIPE_WEBHOOK_SECRET_FILE"] == "/etc/stripe/STRIPE_WEBHOOK_SECRET"
    (volume,) = (one for one in pod["volumes"] if one["name"] == "stripe")
    items = [{"key": "key", "path": "STRIPE_SECRET_KEY"}, {"key": "hook", "path": "STRIPE_WEBHOOK_SECRET"}]
    assert volume["secret"] == {"secretName": "stripe", "items": items}
    assert {"name": "stripe", "mountPath": "/etc/stripe", "readOnly": True} in container["volumeMounts"]
    assert [one["name"] for one in container["volumeMounts"]] == ["tmp", "ca", "stripe"]


@pytest.mark.parametrize("own", ["STRIPE_SECRET_KEY", "STRIPE_SECRET_KEY_FILE"])
@pytest.mark.parametrize("as_files", [False, True])
def test_who_gives_a_secret_of_stripes_in_another_way_has_it_once(tmp_path: Path, own: str, as_files: bool) -> None:
    values = {"stripe": {"existingSecret": "stripe", "asFiles": as_files}, "api": {"settings": {own: "/mine"}}}
    variables = environment(pod_of(rendered(tmp_path, "default", values), "apiserver")["containers"][0])
    assert [name for name in variables if name.startswith("STRIPE_SECRET_KEY")] == [own]
    assert variables[own] == "/mine"


def test_a_pool_is_made_where_it_is_asked_for_and_stays(tmp_path: Path) -> None:
    def pools(values: dict[str, Any]) -> list[Any]:
        return [one for one in rendered(tmp_path, "b", values) if one["kind"] == "AccountPool"]

    assert pools({}) == []
    (pool,) = pools({"pool": {"enabled": True}})
    assert pool["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    sample = yaml.safe_load((CHECKOUT / "crds" / "samples" / "accountpool.yaml").read_text())
    assert (pool["metadata"]["name"], pool["spec"]) == (sample["metadata"]["name"], sample["spec"])


def test_a_cluster_that_knows_no_pools_yet_gets_none(tmp_path: Path) -> None:
    """Helm would refuse the whole release, the resource's definition included."""
    text = helm.render("b", "--set=pool.enabled=true", release="b")
    assert [one for one in yaml.safe_load_all(text) if one and one["kind"] == "AccountPool"] == []


def test_a_label_of_ours_is_replaced_but_for_what_selectors_ask_for(tmp_path: Path) -> None:
    objects = rendered(tmp_path, "default", RENDERINGS["labels that the chart has too"])
    for one in objects:
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == PLURAL
        assert labels["app.kubernetes.io/part-of"] == "platform"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels.get("app.kubernetes.io/instance", "b") == "b"


@pytest.mark.parametrize(
    ("values", "more"),
    [({"openshift": True}, ()), ({}, ("--api-versions=security.openshift.io/v1",))],
    ids=["said", "seen"],
)
def test_openshift_chooses_users_and_groups_itself(
    tmp_path: Path, values: dict[str, Any], more: tuple[str, ...]
) -> None:
    objects = rendered(tmp_path, "default", values, *more)
    for name in ("operator", "apiserver"):
        assert pod_of(objects, name)["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    for policy in policies:
        assert {"port": 5353, "protocol": "UDP"} in policy["spec"]["egress"][0]["ports"]
    elsewhere = rendered(tmp_path, "default", {"openshift": False}, *more)
    assert pod_of(elsewhere, "operator")["securityContext"]["runAsUser"] == 65532


def test_one_default_of_the_security_context_is_taken_away_by_null(tmp_path: Path) -> None:
    objects = rendered(tmp_path, "default", RENDERINGS["no security context of ours"])
    assert pod_of(objects, "operator")["securityContext"].keys() == {"runAsNonRoot", "seccompProfile"}
    chosen = rendered(tmp_path, "default", RENDERINGS["a uid of one's own"] | {"openshift": True})
    assert pod_of(chosen, "operator")["securityContext"]["runAsUser"] == 1000


def recipes() -> dict[str, dict[str, Any]]:
    """The values that docs/install.md gives, by the section they stand in: those of the first one with each."""
    page = (CHECKOUT / "docs" / "install.md").read_text()
    found: dict[str, dict[str, Any]] = {}
    for section in page.split("\n## ")[1:]:
        for indent, block in re.findall(r"(?ms)^( *)(?:\d[.] )?```yaml\n(.*?)^ *```", section):
            values = yaml.safe_load(textwrap.dedent(indent + block))
            if values.get("kind") == "Application":
                values = values["spec"]["source"]["helm"]["valuesObject"]
            found.setdefault(section.splitlines()[0], {}).update(values)
    base = next(iter(found.values()))
    return {
        title: {key: _over(base.get(key), values.get(key)) for key in base | values} for title, values in found.items()
    }


def _over(below: Any, above: Any) -> Any:
    """As helm merges values."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: _over(below.get(key), above.get(key)) for key in below | above}
    return below if above is None else above


RECIPES = recipes()


@pytest.mark.parametrize("title", RECIPES)
def test_the_values_of_the_installation_page_are_taken(cluster: Any, tmp_path: Path, title: str) -> None:
    namespace = fresh(cluster)
    objects = rendered(tmp_path, namespace, RECIPES[title])
    # This API server has IPv4 alone, and refuses a Service of other families.
    refused = [one for one in objects if one["kind"] == "Service" and "ipFamilies" in one["spec"]]
    assert bool(refused) == title.startswith("IPv6")
    text = yaml.safe_dump_all(one for one in objects if one["kind"] not in FOREIGN and one not in refused)
    try:
        cluster.run("apply", "--server-side", "--validate=strict", "-f", "-", stdin=text)
    finally:
        cluster.run("delete", "--wait=false", "--ignore-not-found", "-f", "-", stdin=text)
    print(f"applied: docs/install.md, {title}")


def test_what_the_installation_page_promises_is_rendered(tmp_path: Path) -> None:
    def made(begins: str) -> list[Any]:
        (title,) = (each for each in RECIPES if each.startswith(begins))
        return rendered(tmp_path, "default", RECIPES[title])

    def roles(objects: list[Any]) -> set[str]:
        accounts = [one for one in objects if one["kind"] == "ServiceAccount"]
        notes = [one["metadata"].get("annotations", {}) for one in accounts]
        return {each["eks.amazonaws.com/role-arn"] for each in notes if "eks.amazonaws.com/role-arn" in each}

    assert roles(made("EKS with IRSA")) == {"arn:aws:iam::111122223333:role/batteries-operator"}
    assert roles(made("Argo CD")) == {"arn:aws:iam::111122223333:role/batteries-operator"}
    assert roles(made("EKS with Pod Identity")) == set()
    for policy in (one for one in made("Behind a proxy") if one["kind"] == "NetworkPolicy"):
        if not policy["metadata"]["name"].endswith("-test"):
            assert {"port": 3128, "protocol": "TCP"} in [
                each for one in policy["spec"]["egress"] for each in one["ports"]
            ]
    for name in ("operator", "apiserver"):
        assert "HTTPS_PROXY" in environment(pod_of(made("Behind a proxy"), name)["containers"][0])
        assert "runAsUser" not in pod_of(made("OpenShift"), name)["securityContext"]
        container = pod_of(made("A private certificate authority"), name)["containers"][0]
        (folder,) = (one["mountPath"] for one in container["volumeMounts"] if one["name"] == "ca")
        for variable in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            assert environment(container)[variable].startswith(f"{folder}/")
    files = made("Credentials as files")
    assert environment(pod_of(files, "apiserver")["containers"][0])["STRIPE_SECRET_KEY_FILE"].startswith("/etc/stripe/")
    operator = pod_of(files, "operator")["containers"][0]
    (folder,) = (one["mountPath"] for one in operator["volumeMounts"] if one["name"] == "aws")
    assert environment(operator)["AWS_SHARED_CREDENTIALS_FILE"].startswith(f"{folder}/")
    (service,) = (
        one for one in made("IPv6") if one["kind"] == "Service" and one["metadata"]["name"].endswith("server")
    )
    assert service["spec"]["ipFamilies"] == ["IPv6", "IPv4"]
