"""What the operator's edge tells kopf of an account, and what it leaves of it in kopf's memory."""

import json

import kopf

from batteries_operator.controller.kopf_bodies import slim


def test_only_what_names_an_account_stays_in_memory() -> None:
    """kopf keeps each body as long as the object is there; status and managed fields are nine tenths of it."""
    meta = {"name": "a", "namespace": "n", "uid": "u", "finalizers": ["f"], "managedFields": [{"manager": "m"}]}
    raw = {"metadata": meta, "spec": {"githubRepos": ["o/r"]}, "status": {"phase": "active"}}
    body = kopf.Body(raw)  # type: ignore[arg-type]  # a raw body has all of Kubernetes' fields
    slim(body)
    kept = {"metadata": {"name": "a", "namespace": "n", "uid": "u", "finalizers": ["f"]}, "spec": {}, "status": {}}
    assert json.loads(json.dumps(raw)) == kept
    slim(kopf.Body({"metadata": {"name": "new"}, "spec": {}}))
