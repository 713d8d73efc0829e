"""What the chart's admission policies let each program write, asked of the real API server.

RBAC would let either program do all of it here: each has every verb on every resource below, in two namespaces. So what
is refused is refused by the policies alone. Nothing is kept of what is allowed: each attempt is a dry run.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import yaml

from batteries_crds.names import FINALIZER, GROUP, LABEL_ISSUER_KEYS
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.errors import SandboxError

API_VERSION = f"{GROUP}/v1"
ID = "7d0df751-a438-4387-b946-89c612a0004a"
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OPERATOR, API = "operator", "apiserver"
LABEL, CUSTOMER = f"{GROUP}/account-id", f"{GROUP}/customer"
NOWHERE = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": ID}
KINDS = ("awsaccounts", "customers", "apikeys", "notifications", "pooledaccounts", "accountpools")
RESOURCES = ",".join(f"{kind},{kind}/status" for kind in KINDS)

Json = dict[str, Any]


@dataclass(frozen=True)
class World:
    """The programs' kubectl, and the two namespaces: the release's own, and another one that is watched."""

    programs: dict[str, Cluster]
    home: str
    elsewhere: str
    admin: Cluster


@pytest.fixture(scope="module")
def world(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The chart's policies, and programs that RBAC refuses nothing."""
    home, elsewhere = cluster.namespace(), cluster.namespace()
    cluster.install_permissions(home)
    wide = ("--verb=*", f"--resource={RESOURCES}", "--resource=secrets,leases.coordination.k8s.io")
    cluster.run("create", "clusterrole", f"wide-{home}", *wide)
    accounts = [f"--serviceaccount={home}:batteries-{name}" for name in (OPERATOR, API)]
    cluster.run("create", "clusterrolebinding", f"wide-{home}", f"--clusterrole=wide-{home}", *accounts)
    folder: Path = tmp_path_factory.mktemp("tokens")
    programs = {
        name: Cluster(cluster.kubectl, cluster.kubeconfig_for(f"batteries-{name}", home, folder / name))
        for name in (OPERATOR, API)
    }
    made = World(programs, home, elsewhere, cluster)
    for namespace in (home, elsewhere):
        _seed(cluster, namespace)
    _until_policies_are_in_force(made)
    yield made
    cluster.run("delete", f"clusterrolebinding/wide-{home}", f"clusterrole/wide-{home}")


def _seed(cluster: Any, namespace: str) -> None:
    """What the attempts are made on."""
    meta = {
        "name": "acme",
        "finalizers": [FINALIZER, "example.com/backup"],
        "labels": {"team": "a", CUSTOMER: "c"},
        "annotations": {"argocd.argoproj.io/sync-options": "Prune=confirm", f"{GROUP}/request": "abc"},
    }
    objects = [
        {"kind": "AwsAccount", "metadata": meta, "spec": {"customerRef": {"name": "c"}, "displayName": "A"}},
        {
            "kind": "Customer",
            "metadata": {"name": "c"},
            "spec": {"email": "a@example.com", "stripeCustomerId": "cus_1"},
        },
        {
            "kind": "ApiKey",
            "metadata": {"name": "k"},
            "spec": {"customerRef": {"name": "c"}, "keyPrefix": "a4f9ab2b", "keyHash": HASH},
        },
    ]
    objects.append({"kind": "Notification", "metadata": {"name": "m"}, "spec": OF_A_MAIL})
    objects.append({"kind": "AccountPool", "metadata": {"name": "p"}, "spec": {"size": 3}})
    objects.append({"kind": "PooledAccount", "metadata": {**meta, "name": "one"}, "spec": OF_P})
    for one in objects:
        cluster.run(
            "create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps({"apiVersion": API_VERSION, **one})
        )
    for secret in (
        credentials(),
        _foreign("foreign"),
        _foreign("foreign-credentials"),
        _foreign("batteries-admin-key"),
        _issuer_keys(),
    ):
        cluster.run("create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(secret))
    for name in ("batteries-operator", "somebody-elses"):
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {}}
        cluster.run("create", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(body))


def _until_policies_are_in_force(world: World) -> None:
    """Each policy is compiled some time after it was created."""
    deadline = monotonic() + 30
    probes = [Attempt(program, "create", LABELLED) for program in (OPERATOR, API)]
    probes += [
        Attempt(OPERATOR, kind, {"metadata": {"labels": {"x": "y"}}})
        for kind in ("awsaccount/acme", "customer/c", "apikey/k", POOL, MEMBER)
    ]
    probes += [Attempt(API, one.what, one.body) for one in probes[2:]]
    probes += [Attempt(OPERATOR, "lease/somebody-elses", {"spec": {"holderIdentity": "x"}})]
    while any(probe.refusal(world) is None for probe in probes):
        assert monotonic() < deadline, "the policies are not in force"


OF_ACME: Json = {"apiVersion": API_VERSION, "kind": "AwsAccount", "name": "acme", "uid": ID}


def credentials(**changed: Any) -> Json:
    """The Secret of a first password, as the operator makes it."""
    meta: Json = {"name": "acme-credentials", "labels": {LABEL: ID}, "ownerReferences": [OF_ACME]}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "stringData": {"password": "x"}}
    meta |= {name: value for name, value in changed.items() if name not in secret}
    return {**secret, **{name: value for name, value in changed.items() if name in secret}, "metadata": meta}


def _foreign(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": "x"}}


def _issuer_keys(name: str = "batteries-issuer-keys", **labels: str) -> Json:
    """The Secret with the issuer's keys, as the API server makes it."""
    return {**_foreign(name), "metadata": {"name": name, "labels": {LABEL_ISSUER_KEYS: "true", **labels}}}


LABELLED = {**_foreign("new"), "metadata": {"name": "new", "labels": {LABEL: ID}}}


def new(kind: str, spec: Json, **meta: Any) -> Json:
    """An object of ours that is not there yet."""
    name = {} if "generateName" in meta else {"name": "new"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {**name, **meta}, "spec": spec}


@dataclass(frozen=True)
class Attempt:
    """What a program tries: to create an object, to patch one (`what` names it), or to delete it (`body` is None)."""

    program: str
    what: str
    body: Any
    here: bool = True
    how: tuple[str, ...] = field(default=("--type=merge",))

    def refusal(self, world: World) -> str | None:
        """What the API server says against it; None where it would be done."""
        run: Callable[..., str] = world.programs[self.program].run
        where = (f"--namespace={world.home if self.here else world.elsewhere}", "--dry-run=server")
        try:
            if self.what == "create":
                run("create", *where, "--validate=false", "-f", "-", stdin=json.dumps(self.body))
            elif self.what == "apply":
                run(
                    "apply",
                    *where,
                    "--server-side",
                    "--force-conflicts",
                    "--validate=false",
                    "-f",
                    "-",
                    stdin=yaml.safe_dump(self.body),
                )
            elif self.body is None:
                run("delete", self.what, *where, "--wait=false")
            else:
                run("patch", self.what, *where, *self.how, f"--patch={json.dumps(self.body)}")
        except SandboxError as error:
            return str(error)
        return None


def meta(**changed: Any) -> Json:
    """A patch of the metadata alone."""
    return {"metadata": changed}


def annotated(name: str, value: str | None = "1") -> Json:
    return meta(annotations={name: value})


STATUS = ("--type=merge", "--subresource=status")
ACCOUNT, PAYER, KEY, MAIL = "awsaccount/acme", "customer/c", "apikey/k", "notification/m"
POOL, MEMBER = "accountpool/p", "pooledaccount/one"
OWN, FOREIGN, SHORT, ADMIN_KEY, ISSUER_KEYS = (
    f"secret/{name}"
    for name in ("acme-credentials", "foreign-credentials", "foreign", "batteries-admin-key", "batteries-issuer-keys")
)
OF_C: Json = {"customerRef": {"name": "c"}}
OF_P: Json = {"poolRef": {"name": "p"}}
OF_CUSTOMER = {"apiVersion": API_VERSION, "kind": "Customer", "name": "c", "uid": ID}
OF_A_MAIL: Json = {**OF_C, "kind": "KeyCreated"}
SPEC_OF_KEY: Json = {**OF_C, "keyPrefix": "a4f9ab2b", "keyHash": HASH}
ADMIN_SECRET = _foreign("batteries-admin-key")
TOKEN = {
    "type": "kubernetes.io/service-account-token",
    "annotations": {"kubernetes.io/service-account.name": "default"},
}

TIMES: list[dict[str, Any]] = [
    {"expiresAt": "2035-01-31T12:00:00Z"},
    {"expiryPolicy": "Close"},
    {"closeAt": "2035-01-31T12:00:00Z"},
    {"suspendedByOwner": True},
]
"""What an owner sets over HTTP, beside the repositories."""

OF_AN_ACCOUNTS_MAIL = {"kind": "AccountExpires", "accountRef": {"name": "acme", "uid": "u"}}

ALLOWED = [
    Attempt(OPERATOR, ACCOUNT, meta(finalizers=["example.com/backup"])),
    Attempt(OPERATOR, ACCOUNT, meta(finalizers=["example.com/backup", FINALIZER])),
    Attempt(OPERATOR, ACCOUNT, meta(finalizers=["example.com/backup"]), here=False),
    Attempt(OPERATOR, ACCOUNT, annotated(f"{GROUP}/delete", "{}")),
    Attempt(OPERATOR, ACCOUNT, annotated(f"{GROUP}/touch-dummy")),
    Attempt(OPERATOR, ACCOUNT, annotated(f"{GROUP}/kopf-managed")),
    Attempt(OPERATOR, ACCOUNT, {"status": {"iamUserName": "a"}}, how=STATUS),
    Attempt(OPERATOR, ACCOUNT, {"status": {"iamUserName": "a"}}, here=False, how=STATUS),
    Attempt(OPERATOR, "create", credentials(name="new-credentials", ownerReferences=[{**OF_ACME, "name": "new"}])),
    Attempt(OPERATOR, OWN, annotated(f"{GROUP}/set-in-aws", "true")),
    Attempt(OPERATOR, OWN, None),
    Attempt(OPERATOR, "lease/batteries-operator", {"spec": {"holderIdentity": "a"}}),
    Attempt(API, ACCOUNT, {"spec": {"suspended": True}}),
    Attempt(API, ACCOUNT, {"spec": {"suspended": True}}, here=False),
    *(Attempt(API, ACCOUNT, {"spec": one}) for one in TIMES),
    Attempt(API, "create", new("AwsAccount", {**OF_C, **TIMES[0], **TIMES[1]})),
    Attempt(API, ACCOUNT, annotated(f"{GROUP}/retry")),
    Attempt(API, ACCOUNT, annotated(f"{GROUP}/retry"), here=False),
    Attempt(API, ACCOUNT, {"spec": {"githubRepos": ["org/repo"]}}),
    Attempt(
        API,
        "apply",
        new("AwsAccount", {**OF_C, "githubRepos": []}, labels={CUSTOMER: "c"}, annotations={f"{GROUP}/request": "f"}),
    ),
    Attempt(API, "create", new("AwsAccount", OF_C)),
    Attempt(API, "create", new("Customer", {"email": "b@example.com", "stripeCustomerId": "cus_2"})),
    Attempt(API, PAYER, {"status": {"paymentMethod": "valid"}}, how=STATUS),
    Attempt(API, PAYER, {"spec": {"blocked": True, "blockedReason": "abuse"}}),
    Attempt(API, PAYER, {"spec": {"accountLimit": 7}}),
    Attempt(API, PAYER, {"spec": {"confirmedEmail": "a@example.com"}}),
    Attempt(API, "create", new("Notification", OF_A_MAIL, ownerReferences=[OF_CUSTOMER])),
    Attempt(OPERATOR, "create", new("Notification", OF_A_MAIL, ownerReferences=[OF_CUSTOMER])),
    Attempt(OPERATOR, "create", new("Notification", OF_A_MAIL), here=False),
    Attempt(OPERATOR, "create", new("Notification", OF_AN_ACCOUNTS_MAIL), here=False),
    Attempt(OPERATOR, "create", new("Notification", OF_AN_ACCOUNTS_MAIL | OF_C)),
    Attempt(OPERATOR, MAIL, {"status": {"state": "Sent"}}, how=STATUS),
    Attempt(OPERATOR, MAIL, None),
    Attempt(OPERATOR, "create", new("PooledAccount", OF_P | {"deletionPolicy": "Close"}), here=False),
    Attempt(OPERATOR, MEMBER, meta(finalizers=["example.com/backup"])),
    Attempt(OPERATOR, MEMBER, annotated(f"{GROUP}/delete", "{}")),
    Attempt(OPERATOR, MEMBER, {"status": {"awsAccountId": "123456789012"}}, how=STATUS),
    Attempt(OPERATOR, MEMBER, None, here=False),
    Attempt(OPERATOR, POOL, {"status": {"ready": 1}}, how=STATUS),
    Attempt(OPERATOR, POOL, meta(finalizers=[FINALIZER])),
    Attempt(API, "create", new("ApiKey", SPEC_OF_KEY, labels={CUSTOMER: "c"}, ownerReferences=[OF_CUSTOMER])),
    Attempt(API, "create", new("ApiKey", {"role": "admin", "keyPrefix": "a4f9ab2b", "keyHash": HASH})),
    Attempt(API, KEY, {"spec": {"revokedAt": "2026-11-24T08:00:00Z"}}),
    Attempt(API, KEY, {"status": {"lastUsedAt": "2026-11-24T08:00:00Z"}}, how=STATUS),
    Attempt(API, OWN, None),
    Attempt(API, ISSUER_KEYS, {"stringData": {"keys.json": "y"}}),
]

REFUSED = {
    "The operator changes no finalizer of an AwsAccount but its own": [
        Attempt(OPERATOR, ACCOUNT, meta(finalizers=[FINALIZER])),
        Attempt(OPERATOR, ACCOUNT, meta(finalizers=None)),
        Attempt(OPERATOR, ACCOUNT, meta(finalizers=[FINALIZER, "example.com/backup", "example.com/more"])),
    ],
    "The operator never changes the owner references of an AwsAccount": [
        Attempt(OPERATOR, ACCOUNT, meta(ownerReferences=[NOWHERE])),
        Attempt(OPERATOR, ACCOUNT, meta(ownerReferences=[NOWHERE]), here=False),
        Attempt(
            OPERATOR,
            ACCOUNT,
            [{"op": "add", "path": "/metadata/ownerReferences", "value": [NOWHERE]}],
            how=("--type=json",),
        ),
    ],
    "The operator never changes the labels of an AwsAccount": [
        Attempt(OPERATOR, ACCOUNT, meta(labels={"team": "b"})),
        Attempt(OPERATOR, ACCOUNT, meta(labels={"more": "b"})),
        Attempt(OPERATOR, ACCOUNT, meta(labels=None)),
    ],
    "The operator changes no annotation of an AwsAccount but those that it needs": [
        Attempt(OPERATOR, ACCOUNT, annotated("argocd.argoproj.io/sync-options", None)),
        Attempt(OPERATOR, ACCOUNT, annotated(f"{GROUP}/retry")),
        Attempt(OPERATOR, ACCOUNT, annotated(f"{GROUP}/request", "other")),
        Attempt(OPERATOR, ACCOUNT, meta(annotations=None)),
    ],
    "The operator never changes an AwsAccount's spec": [
        Attempt(OPERATOR, ACCOUNT, {"spec": {"suspended": True}}),
        Attempt(OPERATOR, ACCOUNT, {"spec": {"githubRepos": ["org/repo"]}}),
        Attempt(OPERATOR, ACCOUNT, {"spec": {"displayName": None}}),
        Attempt(OPERATOR, ACCOUNT, {"spec": {"deletionPolicy": "Close"}}),
        Attempt(OPERATOR, ACCOUNT, {"spec": {"awsAccountId": "123456789012"}}),
        *(Attempt(OPERATOR, ACCOUNT, {"spec": one}) for one in TIMES),
    ],
    "The operator creates no AwsAccount": [
        Attempt(OPERATOR, "create", new("AwsAccount", OF_C)),
        Attempt(OPERATOR, "create", new("AwsAccount", OF_C, generateName="new-")),
        Attempt(OPERATOR, "apply", new("AwsAccount", OF_C)),
    ],
    "The operator does not delete this AwsAccount": [Attempt(OPERATOR, ACCOUNT, None)],
    "The operator writes no Customer": [
        Attempt(OPERATOR, PAYER, {"spec": {"accountLimit": 1}}),
        Attempt(OPERATOR, PAYER, {"status": {"paymentMethod": "valid"}}, how=STATUS),
        Attempt(OPERATOR, "create", new("Customer", {"email": "b@example.com"})),
        Attempt(OPERATOR, PAYER, None),
    ],
    "The operator writes no ApiKey": [
        Attempt(OPERATOR, KEY, {"spec": {"revokedAt": "2026-11-24T08:00:00Z"}}),
        Attempt(OPERATOR, "create", new("ApiKey", SPEC_OF_KEY)),
        Attempt(OPERATOR, KEY, None),
    ],
    "The operator writes no Secrets but those with IAM users' first passwords": [
        Attempt(OPERATOR, "create", credentials(name="new-credentials")),
        Attempt(OPERATOR, "create", credentials(ownerReferences=[])),
        Attempt(OPERATOR, "create", credentials(ownerReferences=[OF_CUSTOMER])),
        Attempt(OPERATOR, "create", credentials(ownerReferences=[NOWHERE])),
        Attempt(OPERATOR, "create", credentials(ownerReferences=[{**OF_ACME, "blockOwnerDeletion": True}])),
        Attempt(OPERATOR, "create", credentials(labels={})),
        Attempt(OPERATOR, "create", credentials(labels={LABEL: ID, "more": "x"})),
        Attempt(OPERATOR, "create", credentials(annotations={"a": "b"})),
        Attempt(OPERATOR, "create", credentials(finalizers=["example.com/x"])),
        Attempt(OPERATOR, "create", credentials(**TOKEN)),
        Attempt(OPERATOR, "create", credentials(**TOKEN, name=None, generateName="acme-credentials-")),
        Attempt(OPERATOR, "create", credentials(type="bootstrap.kubernetes.io/token")),
        Attempt(OPERATOR, "create", credentials(type="kubernetes.io/tls", stringData={"tls.crt": "", "tls.key": ""})),
        Attempt(OPERATOR, "create", credentials(type="example.com/anything")),
        Attempt(OPERATOR, "create", credentials(name=None, generateName="acme-credentials")),
        Attempt(OPERATOR, "create", ADMIN_SECRET),
        Attempt(OPERATOR, FOREIGN, annotated(f"{GROUP}/set-in-aws")),
        Attempt(OPERATOR, SHORT, meta(labels={LABEL: ID})),
        Attempt(OPERATOR, FOREIGN, meta(labels={LABEL: ID}, ownerReferences=[OF_ACME])),
        Attempt(OPERATOR, FOREIGN, None),
        Attempt(OPERATOR, SHORT, None),
        Attempt(OPERATOR, ADMIN_KEY, None),
    ],
    "The operator changes nothing of a Secret but its annotation": [
        Attempt(OPERATOR, OWN, {"stringData": {"password": "y"}}),
        Attempt(OPERATOR, OWN, {"data": {"more": "eA=="}}),
        Attempt(OPERATOR, OWN, {"immutable": True}),
        Attempt(OPERATOR, OWN, annotated("a")),
        Attempt(OPERATOR, OWN, meta(labels={"a": "b"})),
        Attempt(OPERATOR, OWN, meta(finalizers=["example.com/x"])),
        Attempt(OPERATOR, OWN, meta(ownerReferences=[OF_ACME, NOWHERE])),
    ],
    "The operator writes no Lease but its own": [
        Attempt(OPERATOR, "lease/somebody-elses", {"spec": {"holderIdentity": "a"}}),
        Attempt(OPERATOR, "lease/batteries-operator", {"spec": {"holderIdentity": "a"}}, here=False),
        Attempt(OPERATOR, "lease/batteries-operator", None),
    ],
    "The API server changes no finalizer of an AwsAccount": [
        Attempt(API, ACCOUNT, meta(finalizers=None)),
        Attempt(API, ACCOUNT, meta(finalizers=["example.com/backup"])),
        Attempt(API, ACCOUNT, meta(finalizers=[FINALIZER, "example.com/backup", "example.com/more"]), here=False),
    ],
    "The API server never changes the owner references of an AwsAccount": [
        Attempt(API, ACCOUNT, meta(ownerReferences=[NOWHERE])),
        Attempt(API, ACCOUNT, meta(ownerReferences=[NOWHERE]), here=False),
        Attempt(API, ACCOUNT, meta(ownerReferences=[OF_CUSTOMER])),
        Attempt(API, "apply", {**new("AwsAccount", OF_C), "metadata": {"name": "acme", "ownerReferences": [NOWHERE]}}),
    ],
    "The API server never changes the labels of an AwsAccount": [
        Attempt(API, ACCOUNT, meta(labels={"team": None})),
        Attempt(API, ACCOUNT, meta(labels={CUSTOMER: "other"})),
        Attempt(API, ACCOUNT, meta(labels={"argocd.argoproj.io/instance": "x"})),
    ],
    "The API server changes no annotation of an AwsAccount but those that it needs": [
        Attempt(API, ACCOUNT, annotated("argocd.argoproj.io/sync-options", None)),
        Attempt(API, ACCOUNT, annotated("kubectl.kubernetes.io/last-applied-configuration", "{}")),
        Attempt(API, ACCOUNT, annotated(f"{GROUP}/request", "other")),
        Attempt(API, ACCOUNT, annotated(f"{GROUP}/delete", "{}")),
        Attempt(API, ACCOUNT, annotated("argocd.argoproj.io/sync-options", None), here=False),
    ],
    "The API server never changes spec.customerRef, spec.email": [
        Attempt(API, ACCOUNT, {"spec": {"deletionPolicy": "Close"}}),
        Attempt(API, ACCOUNT, {"spec": {"awsAccountId": "123456789012"}}),
        Attempt(API, ACCOUNT, {"spec": {"displayName": "Other"}}),
        Attempt(API, ACCOUNT, {"spec": {"displayName": None}}, here=False),
    ],
    "Outside its own namespace the API server never changes spec.githubRepos, spec.repositories, spec.deployFrom, "
    "spec.readOnlyFrom, ": [
        Attempt(API, ACCOUNT, {"spec": {"githubRepos": ["org/repo"]}}, here=False),
        Attempt(API, ACCOUNT, {"spec": {"repositories": [{"repository": "org/repo"}]}}, here=False),
        Attempt(API, ACCOUNT, {"spec": {"deployFrom": {"branches": ["main"]}}}, here=False),
        Attempt(API, ACCOUNT, {"spec": {"readOnlyFrom": {"pullRequests": True}}}, here=False),
        *(Attempt(API, ACCOUNT, {"spec": one}, here=False) for one in TIMES),
    ],
    "The API server never changes spec.customerRef, spec.email, spec.displayName, spec.policyProfile": [
        Attempt(API, ACCOUNT, {"spec": {"policyProfile": "gpu"}}),
    ],
    "The API server never changes an AwsAccount's status": [
        Attempt(API, ACCOUNT, {"status": {"iamUserName": "a"}}, how=STATUS),
    ],
    "The API server creates no AwsAccount here": [Attempt(API, "create", new("AwsAccount", OF_C), here=False)],
    "The API server creates no AwsAccount with spec.email": [
        Attempt(API, "create", new("AwsAccount", {"email": "a@example.com"})),
        Attempt(API, "create", new("AwsAccount", {**OF_C, "deletionPolicy": "Close"})),
        Attempt(API, "create", new("AwsAccount", {**OF_C, "awsAccountId": "123456789012"})),
        Attempt(API, "apply", new("AwsAccount", {**OF_C, "displayName": "x"})),
    ],
    "The API server creates no AwsAccount with": [
        Attempt(API, "create", new("AwsAccount", OF_C, finalizers=["example.com/x"])),
        Attempt(API, "create", new("AwsAccount", OF_C, ownerReferences=[NOWHERE])),
        Attempt(API, "create", new("AwsAccount", OF_C, ownerReferences=[OF_CUSTOMER])),
        Attempt(API, "apply", new("AwsAccount", OF_C, ownerReferences=[NOWHERE])),
        Attempt(API, "create", new("AwsAccount", OF_C, generateName="new-", ownerReferences=[NOWHERE])),
        Attempt(API, "create", new("AwsAccount", OF_C, labels={"a": "b"})),
        Attempt(API, "create", new("AwsAccount", OF_C, annotations={"a": "b"})),
    ],
    "The API server does not delete this": [
        Attempt(API, ACCOUNT, None),
        Attempt(API, PAYER, None),
        Attempt(API, KEY, None),
    ],
    "of a Customer": [
        Attempt(API, PAYER, {"spec": {"email": "b@example.com"}}),
        Attempt(API, PAYER, {"spec": {"stripeCustomerId": "cus_2"}}),
        Attempt(API, PAYER, meta(labels={"a": "b"})),
        Attempt(API, PAYER, meta(ownerReferences=[NOWHERE])),
        Attempt(API, PAYER, meta(finalizers=["example.com/x"])),
        Attempt(API, PAYER, annotated("a")),
    ],
    "The API server creates no Customer": [
        Attempt(API, "create", new("Customer", {"email": "b@example.com"}), here=False),
        Attempt(API, "create", new("Customer", {"email": "b@example.com"}, ownerReferences=[NOWHERE])),
        Attempt(API, "create", new("Customer", {"email": "b@example.com"}, labels={"a": "b"})),
    ],
    "of an ApiKey": [
        Attempt(API, KEY, {"spec": {"name": "other"}}),
        Attempt(API, KEY, meta(labels={"a": "b"})),
        Attempt(API, KEY, meta(ownerReferences=[NOWHERE])),
        Attempt(API, KEY, annotated("a")),
        Attempt(API, KEY, {"spec": {"revokedAt": "2026-11-24T08:00:00Z"}}, here=False),
    ],
    "Outside its own namespace the API server never changes spec.confirmedEmail": [
        Attempt(API, PAYER, {"spec": {"blocked": True}}, here=False),
        Attempt(API, PAYER, {"spec": {"accountLimit": 7}}, here=False),
    ],
    "a Notification": [
        Attempt(API, MAIL, {"status": {"state": "Sent"}}, how=STATUS),
        Attempt(API, MAIL, meta(labels={"a": "b"})),
        Attempt(OPERATOR, MAIL, meta(ownerReferences=[NOWHERE])),
        Attempt(OPERATOR, MAIL, meta(finalizers=["example.com/x"])),
    ],
    "this Notification": [Attempt(API, MAIL, None)],
    "The API server writes no PooledAccount": [
        Attempt(API, "create", new("PooledAccount", OF_P)),
        Attempt(API, MEMBER, {"spec": {"deletionPolicy": "Close"}}),
        Attempt(API, MEMBER, {"status": {"awsAccountId": "123456789012"}}, how=STATUS),
        Attempt(API, MEMBER, None),
    ],
    "The API server writes no AccountPool": [
        Attempt(API, "create", new("AccountPool", {"size": 1})),
        Attempt(API, POOL, {"spec": {"size": 9}}),
        Attempt(API, POOL, {"status": {"ready": 9}}, how=STATUS),
        Attempt(API, POOL, None),
    ],
    "The operator never changes spec.deletionPolicy, spec.poolRef of a PooledAccount": [
        Attempt(OPERATOR, MEMBER, {"spec": {"deletionPolicy": "Close"}}),
    ],
    "of a PooledAccount": [
        Attempt(OPERATOR, MEMBER, meta(finalizers=None)),
        Attempt(OPERATOR, MEMBER, meta(ownerReferences=[NOWHERE])),
        Attempt(OPERATOR, MEMBER, meta(labels={"a": "b"})),
        Attempt(OPERATOR, MEMBER, annotated(f"{GROUP}/retry")),
    ],
    "The operator creates no PooledAccount": [
        Attempt(OPERATOR, "create", new("PooledAccount", OF_P, ownerReferences=[NOWHERE])),
        Attempt(OPERATOR, "create", new("PooledAccount", OF_P, finalizers=["example.com/x"])),
        Attempt(OPERATOR, "create", new("PooledAccount", OF_P, labels={"a": "b"})),
        Attempt(OPERATOR, "create", new("PooledAccount", OF_P, annotations={"a": "b"})),
    ],
    "The operator never changes an AccountPool's spec": [Attempt(OPERATOR, POOL, {"spec": {"size": 9}})],
    "The operator creates no AccountPool": [Attempt(OPERATOR, "create", new("AccountPool", {"size": 1}))],
    "The operator does not delete this AccountPool": [Attempt(OPERATOR, POOL, None)],
    "creates no Notification": [
        Attempt(API, "create", new("Notification", OF_A_MAIL), here=False),
        Attempt(API, "create", new("Notification", OF_AN_ACCOUNTS_MAIL | OF_C)),
        Attempt(OPERATOR, "create", new("Notification", OF_A_MAIL, ownerReferences=[NOWHERE])),
        Attempt(OPERATOR, "create", new("Notification", OF_A_MAIL, finalizers=["example.com/x"])),
    ],
    "The API server creates no ApiKey": [
        Attempt(API, "create", new("ApiKey", SPEC_OF_KEY), here=False),
        Attempt(API, "create", new("ApiKey", SPEC_OF_KEY, ownerReferences=[NOWHERE])),
        Attempt(API, "create", new("ApiKey", SPEC_OF_KEY, ownerReferences=[{**OF_CUSTOMER, "name": "d"}])),
        Attempt(API, "create", new("ApiKey", SPEC_OF_KEY, finalizers=["example.com/x"])),
    ],
    "The API server creates no Secret but those with the first administrator's key and with the keys of its issuer": [
        Attempt(API, "create", _issuer_keys("new")),
        Attempt(API, "create", _issuer_keys(team="a")),
        Attempt(API, "create", _foreign("batteries-issuer-keys")),
        Attempt(API, "create", {**_issuer_keys(), "type": "example.com/anything"}),
        Attempt(API, "create", _issuer_keys(), here=False),
        Attempt(API, "create", credentials(name="new-credentials")),
        Attempt(API, "create", _foreign("new")),
        Attempt(API, "create", credentials(**TOKEN)),
        Attempt(
            API,
            "create",
            {
                **ADMIN_SECRET,
                "type": TOKEN["type"],
                "metadata": {"name": "batteries-admin-key", "annotations": TOKEN["annotations"]},
            },
        ),
        Attempt(API, "create", {**ADMIN_SECRET, "type": "example.com/anything"}),
        Attempt(API, "create", {**ADMIN_SECRET, "metadata": {"generateName": "batteries-admin-key"}}),
        Attempt(API, "create", {**ADMIN_SECRET, "metadata": {"name": "batteries-admin-key", "labels": {LABEL: ID}}}),
        Attempt(API, "create", ADMIN_SECRET, here=False),
    ],
    "The API server changes nothing of a Secret but the keys in it": [
        Attempt(API, ISSUER_KEYS, annotated("a")),
        Attempt(API, ISSUER_KEYS, meta(labels={"team": "a"})),
        Attempt(API, ISSUER_KEYS, meta(ownerReferences=[NOWHERE])),
        Attempt(API, ISSUER_KEYS, meta(finalizers=["example.com/x"])),
        Attempt(API, ISSUER_KEYS, {"immutable": True}),
    ],
    "The API server changes no Secret but the one with the keys of its issuer": [
        Attempt(API, ISSUER_KEYS, {"stringData": {"keys.json": "y"}}, here=False),
        Attempt(API, OWN, annotated("a")),
        Attempt(API, OWN, {"stringData": {"password": "y"}}),
        Attempt(API, ADMIN_KEY, {"stringData": {"key": "y"}}),
    ],
    "The API server deletes no Secrets but those with IAM users' first passwords": [
        Attempt(API, FOREIGN, None),
        Attempt(API, ADMIN_KEY, None),
        Attempt(API, ISSUER_KEYS, None),
        Attempt(API, OWN, None, here=False),
    ],
}


def _title(attempt: Attempt) -> str:
    where = "" if attempt.here else " elsewhere"
    return f"{attempt.program} {attempt.what}{where}: {json.dumps(attempt.body)[:150]}"


@pytest.mark.parametrize("attempt", ALLOWED, ids=_title)
def test_what_a_program_needs_is_allowed(world: World, attempt: Attempt) -> None:
    assert attempt.refusal(world) is None


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [pytest.param(one, sentence, id=_title(one)) for sentence, each in REFUSED.items() for one in each],
)
def test_what_no_program_needs_is_refused(world: World, attempt: Attempt, sentence: str) -> None:
    refused = attempt.refusal(world)
    assert refused is not None
    assert sentence in refused
    assert "denied request" in refused, "refused by something else than the policies"


def test_a_patch_of_the_status_changes_nothing_beside_it(world: World) -> None:
    how = (f"--namespace={world.home}", "--type=merge", "--subresource=status", "-o", "json")
    patch = {
        "metadata": {"ownerReferences": [NOWHERE], "labels": {"a": "b"}},
        "spec": {"suspended": True},
        "status": {"iamUserName": "a"},
    }
    shown = json.loads(world.programs[OPERATOR].run("patch", ACCOUNT, *how, f"--patch={json.dumps(patch)}"))
    assert shown["status"]["iamUserName"] == "a"
    assert "ownerReferences" not in shown["metadata"]
    assert shown["metadata"]["labels"] == {"team": "a", CUSTOMER: "c"}
    assert "suspended" not in shown["spec"]


def test_people_are_bound_by_rbac_alone(world: World) -> None:
    for patch in (meta(labels={"team": "b"}), {"spec": {"deletionPolicy": "Close"}}, annotated(f"{GROUP}/retry")):
        world.admin.run(
            "patch",
            ACCOUNT,
            f"--namespace={world.home}",
            "--dry-run=server",
            "--type=merge",
            f"--patch={json.dumps(patch)}",
        )


def test_a_secret_of_somebody_else_with_the_name_of_the_issuers_keys_is_left_alone(world: World) -> None:
    labelled = json.dumps(meta(labels={LABEL_ISSUER_KEYS: "true"}))
    where = (f"--namespace={world.home}", "--type=merge")
    world.admin.run("patch", ISSUER_KEYS, *where, f"--patch={json.dumps(meta(labels={LABEL_ISSUER_KEYS: None}))}")
    try:
        refusal = Attempt(API, ISSUER_KEYS, {"stringData": {"keys.json": "y"}}).refusal(world)
        assert refusal is not None
        assert "changes no Secret but the one with the keys of its issuer" in refusal
    finally:
        world.admin.run("patch", ISSUER_KEYS, *where, f"--patch={labelled}")
