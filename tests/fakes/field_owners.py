"""Who owns which field of a spec, as server-side apply counts it; a field of a spec is owned as a whole."""

from typing import Any

import orjson
from kubernetes.aio.client import ApiException

Json = dict[str, Any]


def owned(manager: str, operation: str, body: Json) -> Json:
    """The part of the metadata by which `manager` owns the fields of the body's spec."""
    return {"managedFields": [_entry(manager, operation, set(body.get("spec", {})))]}


def apply_patch(live: Json, body: Json, manager: str, *, force: bool) -> Json:
    """The merge patch that does to `live` what applying the body does.

    Raises:
        ApiException: 409 for another uid, or for fields that others own at another value, with their names as causes.
    """
    meta, spec = body["metadata"], body.get("spec", {})
    if meta.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
        raise ApiException(status=409, reason="Conflict")
    entries = live["metadata"].get("managedFields", [])
    others = [entry for entry in entries if (entry["manager"], entry["operation"]) != (manager, "Apply")]
    theirs = {name for entry in others for name in _fields(entry)}
    contested = {name for name in spec if name in theirs and live["spec"].get(name) != spec[name]}
    if contested and not force:
        raise _conflict(contested)
    before = {name for entry in entries if entry not in others for name in _fields(entry)}
    dropped = before - spec.keys() - theirs
    left = [_entry(entry["manager"], entry["operation"], _fields(entry) - contested) for entry in others]
    managed = [entry for entry in left if _fields(entry)] + [_entry(manager, "Apply", set(spec))]
    return {
        "metadata": {**meta, "managedFields": managed},
        "spec": {**spec, **dict.fromkeys(dropped)},
    }


def _entry(manager: str, operation: str, fields: set[str]) -> Json:
    spec: Json = {f"f:{name}": {} for name in sorted(fields)}
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": spec}}


def _fields(entry: Json) -> set[str]:
    return {name.removeprefix("f:") for name in entry["fieldsV1"].get("f:spec", {})}


def _conflict(fields: set[str]) -> ApiException:
    error = ApiException(status=409, reason="Conflict")
    causes = [{"reason": "FieldManagerConflict", "field": f".spec.{name}"} for name in sorted(fields)]
    error.body = orjson.dumps({"details": {"causes": causes}}).decode()
    return error
