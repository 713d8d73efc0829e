"""What is sent to Kubernetes for each operation on our resources, and how its answers and refusals are read."""

import json
from typing import Any

import pytest
from fakes.kube_answers import Answers, Request, client
from kubernetes.aio.client import ApiException

from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import (
    Resources,
    UnreadableError,
    read_object,
    said_in,
    status_of,
    tolerated,
)
from batteries_crds.kube.rest import path_of

ONE: dict[str, Any] = {
    "metadata": {"name": "acme", "namespace": "customers", "uid": "u-1", "resourceVersion": "7"},
    "spec": {"email": "a@example.com"},
}
BROKEN: dict[str, Any] = {"metadata": {"name": "broken", "namespace": "customers"}, "spec": {"githubRepos": "none"}}
REFUSED = {"kind": "Status", "message": "The operator never changes that."}


def accounts(*answers: tuple[int, Any]) -> tuple[Resources[AwsAccount], Answers]:
    api, sent = client(*answers or [(200, ONE)])
    return Resources(api, AwsAccount, "the-manager"), sent


def a_page(*items: Any, version: str = "100", token: str | None = None) -> dict[str, Any]:
    return {"items": list(items), "metadata": {"resourceVersion": version, "continue": token}}


def prefix() -> str:
    return path_of("apis", *AwsAccount(**ONE).api_version.split("/"))


def told(request: Request) -> tuple[str, str, dict[str, str], Any, str]:
    return request.method, request.path, request.query, request.body, request.headers["Content-Type"]


async def test_get_reads_the_object_with_the_clients_credentials_as_json() -> None:
    resources, sent = accounts()
    found = await resources.get("customers", "acme")
    assert (found.key, found.metadata.uid, found.metadata.version) == ("customers/acme", "u-1", 7)
    request = sent.requests[0]
    assert told(request) == ("GET", f"{prefix()}/namespaces/customers/awsaccounts/acme", {}, None, "application/json")
    assert request.headers["Accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.timeout is None


async def test_what_stands_in_a_path_stays_one_part_of_it() -> None:
    resources, sent = accounts()
    await resources.get("a/b", "c?d")
    assert sent.requests[0].path == f"{prefix()}/namespaces/a%2Fb/awsaccounts/c%3Fd"


async def test_raw_keeps_what_no_model_has() -> None:
    managed = {**ONE, "metadata": {**ONE["metadata"], "managedFields": [{"manager": "kubectl"}]}}
    resources, sent = accounts((200, managed))
    assert await resources.raw("customers", "acme") == managed
    assert (sent.requests[0].method, sent.requests[0].path[-5:]) == ("GET", "/acme")


async def test_find_is_none_for_an_object_that_is_not_there_and_for_no_other_refusal() -> None:
    assert await accounts((404, REFUSED))[0].find("customers", "acme") is None
    found = await accounts()[0].find("customers", "acme")
    assert found is not None
    for status in (401, 403, 409, 500):
        with pytest.raises(ApiException):
            await accounts((status, REFUSED))[0].find("customers", "acme")


async def test_a_name_that_no_object_can_have_is_not_asked_for() -> None:
    resources, sent = accounts()
    assert await resources.find("customers", "..") is None
    assert sent.requests == []


@pytest.mark.parametrize(("status", "is_refused"), [(199, True), (200, False), (201, False), (299, False), (300, True)])
async def test_a_status_that_is_no_success_is_a_refusal(status: int, is_refused: bool) -> None:
    resources, _ = accounts((status, ONE))
    if not is_refused:
        assert (await resources.get("customers", "acme")).key == "customers/acme"
        return
    with pytest.raises(ApiException):
        await resources.get("customers", "acme")


async def test_a_refusal_has_its_status_and_the_servers_sentence() -> None:
    resources, _ = accounts((403, REFUSED))
    with pytest.raises(ApiException) as refused:
        await resources.get("customers", "acme")
    assert (status_of(refused.value), said_in(refused.value)) == (403, REFUSED["message"])


@pytest.mark.parametrize("body", [None, "", "<html>", "[]", "3", '{"message": ""}', '{"kind": "Status"}'])
def test_a_refusal_without_a_sentence_is_told_by_its_short_reason(body: str | None) -> None:
    error = ApiException(reason="Bad Gateway")
    error.body = body
    assert said_in(error) == "Bad Gateway"
    assert status_of(error) == 0


def test_only_the_tolerated_statuses_are_tolerated() -> None:
    with tolerated(404, 409):
        raise ApiException(status=409)
    with tolerated(404, 409):
        raise ApiException(status=404)
    with pytest.raises(ApiException), tolerated(404, 409):
        raise ApiException(status=410)
    with pytest.raises(LookupError), tolerated(404):
        raise LookupError


async def test_a_page_is_asked_for_by_its_token_and_selector_and_names_the_next() -> None:
    resources, sent = accounts((200, a_page(ONE, version="9", token="more")), (200, a_page(ONE, version="9", token="")))
    first = await resources.page("customers", field_selector="spec.x=y", token="t", limit=3)
    assert ([each.key for each in first.items], first.resource_version) == (["customers/acme"], "9")
    assert first.next_token == "more"
    assert told(sent.requests[0])[:3] == (
        "GET",
        f"{prefix()}/namespaces/customers/awsaccounts",
        {"fieldSelector": "spec.x=y", "continue": "t", "limit": "3"},
    )
    last = await resources.page(None)
    assert last.next_token is None
    assert told(sent.requests[1])[1:3] == (f"{prefix()}/awsaccounts", {"limit": "100"})


async def test_all_goes_through_every_page_with_the_same_selector() -> None:
    other = {**ONE, "metadata": {**ONE["metadata"], "name": "other"}}
    resources, sent = accounts((200, a_page(ONE, token="second")), (200, a_page(other)))
    names = [each.metadata.name async for each in resources.all("customers", field_selector="spec.x=y")]
    assert names == ["acme", "other"]
    assert [each.query for each in sent.requests] == [
        {"fieldSelector": "spec.x=y", "limit": "100"},
        {"fieldSelector": "spec.x=y", "limit": "100", "continue": "second"},
    ]


async def test_an_object_that_cannot_be_read_is_told_or_raised_and_never_skipped_silently() -> None:
    with pytest.raises(UnreadableError):
        [each async for each in accounts((200, a_page(BROKEN, ONE)))[0].all("customers")]
    with pytest.raises(UnreadableError):
        await accounts((200, a_page(BROKEN, ONE)))[0].page("customers")
    unreadable: list[UnreadableError] = []
    some = accounts((200, a_page(BROKEN, ONE)))[0].all("customers", unreadable=unreadable.append)
    assert [each.key async for each in some] == ["customers/acme"]
    assert [each.key for each in unreadable] == ["awsaccount customers/broken"]
    assert "spec.githubRepos: Input should be a valid list" in unreadable[0].reason
    assert "none" not in unreadable[0].reason.replace("awsaccount", ""), "no values"


def test_a_time_beyond_the_calendar_makes_an_object_unreadable_too() -> None:
    late = {**ONE, "metadata": {**ONE["metadata"], "creationTimestamp": "0001-01-01T00:00:00+23:59"}}
    with pytest.raises(UnreadableError, match=r"awsaccount customers/acme can't be read: "):
        read_object(AwsAccount, late)


async def test_create_posts_the_whole_object_as_the_manager() -> None:
    resources, sent = accounts((201, ONE))
    made = await resources.create("customers", {"metadata": {"name": "acme"}, "spec": ONE["spec"]})
    assert made.metadata.uid == "u-1"
    whole = {"apiVersion": made.api_version, "kind": "AwsAccount", "metadata": {"name": "acme"}, "spec": ONE["spec"]}
    path = f"{prefix()}/namespaces/customers/awsaccounts"
    assert told(sent.requests[0]) == ("POST", path, {"fieldManager": "the-manager"}, whole, "application/json")


@pytest.mark.parametrize("subresource", ["", "/status"])
async def test_a_merge_is_a_merge_patch_of_the_object_or_its_status(subresource: str) -> None:
    resources, sent = accounts()
    merge = resources.merge_status if subresource else resources.merge
    patch = {"metadata": {"resourceVersion": "7"}, "status": {}}
    assert (await merge("customers", "acme", patch)).key == "customers/acme"
    path = f"{prefix()}/namespaces/customers/awsaccounts/acme{subresource}"
    query = {"fieldManager": "the-manager"}
    assert told(sent.requests[0]) == ("PATCH", path, query, patch, "application/merge-patch+json")


async def test_apply_names_the_object_and_takes_nothing_over_unless_forced() -> None:
    resources, sent = accounts()
    body = {"spec": {"suspended": True}}
    await resources.apply("customers", "acme", body)
    await resources.apply("customers", "acme", {**body, "metadata": {"labels": {"a": "b"}}}, force=True)
    kind = {"apiVersion": AwsAccount(**ONE).api_version, "kind": "AwsAccount"}
    path = f"{prefix()}/namespaces/customers/awsaccounts/acme"
    query = {"fieldManager": "the-manager", "fieldValidation": "Ignore"}
    patch = "application/apply-patch+yaml"
    first, second = (told(each) for each in sent.requests)
    assert first == ("PATCH", path, query, {**kind, **body, "metadata": {"name": "acme"}}, patch)
    whole = {**kind, **body, "metadata": {"name": "acme", "labels": {"a": "b"}}}
    assert second == ("PATCH", path, {**query, "force": "true"}, whole, patch)


async def test_delete_takes_any_version_or_exactly_the_one_that_was_read() -> None:
    resources, sent = accounts()
    await resources.delete("customers", "acme")
    await resources.delete("customers", "acme", exactly=AwsAccount(**ONE).metadata)
    assert [(each.method, each.body) for each in sent.requests] == [
        ("DELETE", None),
        ("DELETE", {"preconditions": {"uid": "u-1", "resourceVersion": "7"}}),
    ]


async def test_a_watch_goes_on_from_a_version_with_bookmarks_and_ends_by_itself() -> None:
    resources, sent = accounts()
    opened = await resources.watch_from(None, "41", seconds=300)
    assert json.loads(await opened.read()) == ONE
    request = sent.requests[0]
    assert told(request)[:3] == (
        "GET",
        f"{prefix()}/awsaccounts",
        {"watch": "true", "resourceVersion": "41", "allowWatchBookmarks": "true", "timeoutSeconds": "300"},
    )
    assert request.timeout == 330, "a server that forgets to end it is given half a minute more"


async def test_each_kind_has_a_path_of_its_own() -> None:
    api, sent = client((404, REFUSED))
    assert await Resources(api, ApiKey, "m").find("customers", "acme") is None
    assert sent.requests[0].path.endswith("/namespaces/customers/apikeys/acme")


async def test_a_refusal_that_is_no_text_is_a_refusal_all_the_same() -> None:
    resources, _ = accounts((502, b"\xff\xfe<html>"))
    with pytest.raises(ApiException) as raised:
        await resources.get("n", "acme")
    assert raised.value.status == 502
    assert "<html>" in str(raised.value.body)
