"""Server-side apply that takes over fields from one-off updates, but never from declarative owners.

`kubectl edit`, `patch`, `replace` and `scale` leave a field manager behind, which Kubernetes treats as the owner
forever, although it will never write the field again. A declarative owner would write it again, and overwrite us.
Declarative owners are

- managers that use server-side apply: Argo CD and Flux, Terraform, Helm 4, `kubectl apply --server-side`;
- plain `kubectl apply`, and Argo CD without server-side apply: they keep what they applied in an annotation;
- Helm 3, which updates, and keeps what it applied in a Secret; Helm's own annotation identifies its releases.
"""

import re
from collections.abc import Iterator, Set
from typing import Any

import orjson
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import Conflict
from batteries_crds.kube.client import CONFLICT, R, Resources, status_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HELM_RELEASE = "meta.helm.sh/release-name"

_HELM = "helm"
_SPEC_FIELD = re.compile(r"\.spec\.([A-Za-z0-9]+)")

Json = dict[str, Any]


async def apply(resources: Resources[R], namespace: str, name: str, body: Json, *, what: str = "account") -> R:
    """Applies `body`, which contains the uid, to an existing object; `what` names the kind in error sentences.

    Raises:
        Conflict: a declarative owner keeps one of the fields at another value; the sentence names that owner.
        ApiException: Kubernetes refuses for another reason.
    """
    try:
        return await resources.apply(namespace, name, body)
    except ApiException as error:
        fields = _fields_in_conflict(error)
        if not fields:
            raise
    live = await resources.raw(namespace, name)
    wanted = {found[1] for field in fields if (found := _SPEC_FIELD.match(field))}
    refuse_declared(live, wanted, frozenset({resources.manager}), what=what)
    # If a declarative owner appears after this read, its write changes the resourceVersion, and this apply conflicts.
    fenced = {**body, "metadata": {**body["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}
    return await resources.apply(namespace, name, fenced, force=True)


def refuse_declared(live: Json, fields: Set[str], ours: Set[str], *, what: str = "account") -> None:
    """Refuses to change fields of the spec that somebody else than the managers of `ours` declares.

    Raises:
        Conflict: there is such an owner; the sentence names it.
    """
    if owners := sorted(set(_declarative_owners(live, fields, ours))):
        raise Conflict(
            "owned_elsewhere",
            f"This part of the {what} is managed by {' and '.join(owners)}, not by this API. Change it at its source, "
            "such as the git repository.",
        )


def owned_by(live: Json, manager: str) -> set[str]:
    """The names of the spec fields that a manager owns by server-side apply."""
    entries = live["metadata"].get("managedFields") or []
    applied = [each for each in entries if each.get("manager") == manager and each.get("operation") == "Apply"]
    return {name for each in applied if not each.get("subresource") for name in _spec_of(each)}


def causes(error: ApiException) -> list[Json]:
    """The details of Kubernetes' refusal."""
    try:
        return list(orjson.loads(error.body or b"{}")["details"]["causes"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []


def _fields_in_conflict(error: ApiException) -> set[str]:
    """The paths of the fields that other managers own, such as `.spec.githubRepos`."""
    if status_of(error) != CONFLICT:
        return set()
    return {str(cause.get("field")) for cause in causes(error) if cause.get("reason") == "FieldManagerConflict"}


def _declarative_owners(live: Json, wanted: Set[str], ours: Set[str]) -> Iterator[str]:
    meta = live["metadata"]
    annotations = meta.get("annotations") or {}
    applied = wanted & _last_applied(annotations).keys()
    for entry in meta.get("managedFields") or []:
        manager, held = str(entry.get("manager")), wanted & _spec_of(entry)
        if not held or entry.get("subresource"):
            continue
        if entry.get("operation") == "Apply":
            if manager not in ours:
                yield manager
        elif held & applied or (manager == _HELM and HELM_RELEASE in annotations):
            yield manager


def _last_applied(annotations: dict[str, str]) -> Json:
    """The spec from the last-applied annotation, or {}."""
    try:
        spec = orjson.loads(annotations.get(LAST_APPLIED, "{}")).get("spec")
    except (orjson.JSONDecodeError, AttributeError):
        return {}
    return spec if isinstance(spec, dict) else {}


def _spec_of(entry: Json) -> set[str]:
    """The names of the spec fields that a manager owns."""
    spec = (entry.get("fieldsV1") or {}).get("f:spec") or {}
    return {name.removeprefix("f:") for name in spec}
