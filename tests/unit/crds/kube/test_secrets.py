"""Secrets: what is sent to Kubernetes, which decides races, and whose a Secret is."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from fakes.kube_answers import Answers, client
from kubernetes.aio.client import ApiException

from batteries_crds.kube.secrets import Secrets, read

SECRETS = "/api/v1/namespaces/customers/secrets"
RAW: dict[str, Any] = {
    "metadata": {
        "name": "acme-credentials",
        "uid": "u-1",
        "resourceVersion": "7",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "AwsAccount", "name": "acme", "uid": "o-1"}],
    },
    "type": "Opaque",
    "data": {"password": base64.b64encode(b"first").decode(), "broken": base64.b64encode(b"\xff").decode()},
}
REFUSED = {"kind": "Status", "message": "no"}


def secrets(*answers: tuple[int, Any]) -> tuple[Secrets, Answers]:
    api, sent = client(*answers or [(200, RAW)])
    return Secrets(api, "the-manager"), sent


def test_a_secret_is_read_with_all_that_proves_whose_it_is() -> None:
    secret = read(RAW)
    assert (secret.name, secret.uid, secret.resource_version) == ("acme-credentials", "u-1", "7")
    assert (secret.labels, secret.annotations, secret.type) == ({"a": "b"}, {"c": "d"}, "Opaque")
    assert [(each.kind, each.uid) for each in secret.owners] == [("AwsAccount", "o-1")]
    assert secret.data == {"password": "first", "broken": "\N{REPLACEMENT CHARACTER}"}
    assert "first" not in repr(secret)


def test_a_secret_without_anything_is_read_too() -> None:
    secret = read({"metadata": {"name": "n", "uid": "u", "resourceVersion": "1"}})
    assert (secret.labels, secret.annotations, secret.data, secret.owners) == ({}, {}, {}, ())
    assert secret.type == "Opaque"


async def test_a_secret_is_looked_for_by_its_name() -> None:
    store, sent = secrets()
    found = await store.find("customers", "acme-credentials")
    assert found == read(RAW)
    assert (sent.requests[0].method, sent.requests[0].path) == ("GET", f"{SECRETS}/acme-credentials")
    assert await secrets((404, REFUSED))[0].find("customers", "acme-credentials") is None
    with pytest.raises(ApiException):
        await secrets((403, REFUSED))[0].find("customers", "acme-credentials")
    store, sent = secrets()
    assert await store.find("customers", "No Name") is None
    assert sent.requests == []


async def test_a_secret_is_created_as_the_manager_or_the_name_is_taken() -> None:
    store, sent = secrets((201, RAW))
    assert await store.create("customers", "acme-credentials", {"password": "first"}, labels={"a": "b"}) == read(RAW)
    request = sent.requests[0]
    assert (request.method, request.path, request.query) == ("POST", SECRETS, {"fieldManager": "the-manager"})
    assert request.body == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "acme-credentials", "labels": {"a": "b"}},
        "type": "Opaque",
        "stringData": {"password": "first"},
    }
    assert await secrets((409, REFUSED))[0].create("customers", "n", {}) is None
    with pytest.raises(ApiException):
        await secrets((403, REFUSED))[0].create("customers", "n", {})


@pytest.mark.parametrize(("status", "is_done"), [(200, True), (404, False), (409, False)])
async def test_an_annotation_is_put_on_exactly_what_was_read(status: int, is_done: bool) -> None:
    store, sent = secrets((status, RAW))
    assert await store.annotate("customers", read(RAW), {"set": "yes"}) is is_done
    request = sent.requests[0]
    assert (request.method, request.path) == ("PATCH", f"{SECRETS}/acme-credentials")
    assert request.headers["Content-Type"] == "application/merge-patch+json"
    assert request.query == {"fieldManager": "the-manager"}
    assert request.body == {"metadata": {"uid": "u-1", "resourceVersion": "7", "annotations": {"set": "yes"}}}


@pytest.mark.parametrize(("status", "is_taken"), [(200, True), (404, False), (409, False)])
async def test_what_is_taken_is_exactly_what_was_read(status: int, is_taken: bool) -> None:
    store, sent = secrets((status, RAW))
    assert await store.take("customers", replace(read(RAW), resource_version="8")) is is_taken
    request = sent.requests[0]
    assert (request.method, request.path) == ("DELETE", f"{SECRETS}/acme-credentials")
    assert request.body == {"preconditions": {"uid": "u-1", "resourceVersion": "8"}}


@pytest.mark.parametrize("status", [403, 500])
async def test_a_refusal_for_another_reason_is_raised(status: int) -> None:
    store, _ = secrets((status, REFUSED))
    with pytest.raises(ApiException):
        await store.take("customers", read(RAW))
    with pytest.raises(ApiException):
        await store.annotate("customers", read(RAW), {})
