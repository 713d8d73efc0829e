"""What a caller gets for an error that no handler expected: whose fault it is, and whether to try again."""

from typing import Any

import aiohttp
import orjson
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from fakes.api_world import World
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.error_responses import error_response_for
from batteries_apiserver.http.errors import NotFound, Unauthorized
from batteries_crds.kube.client import UnreadableError


async def answered(world: World, error: Exception, method: str = "GET", path: str = "/x") -> tuple[int, Any, Any]:
    """Status, body and headers."""
    request = make_mocked_request(method, path, app=world.app(api_body_limit=70_000))
    response: Any = error_response_for(request, error)
    return response.status, orjson.loads(response.body), response.headers


@pytest.mark.parametrize(
    ("error", "status", "event"),
    [
        (ApiException(status=401), 503, "kubernetes_refused"),
        (ApiException(status=403), 503, "kubernetes_refused"),
        (ApiException(status=429), 503, "kubernetes_unavailable"),
        (ApiException(status=500), 503, "kubernetes_unavailable"),
        (ApiException(status=504), 503, "kubernetes_unavailable"),
        (ApiException(status=0), 503, "kubernetes_unavailable"),
        (ApiException(status=None), 503, "kubernetes_unavailable"),
        (ApiException(status=400), 500, "unexpected_error"),
        (ApiException(status=404), 500, "unexpected_error"),
        (ApiException(status=428), 500, "unexpected_error"),
        (ApiException(status=499), 500, "unexpected_error"),
        (aiohttp.ClientError(), 503, "upstream_unreachable"),
        (TimeoutError(), 503, "upstream_unreachable"),
        (ConnectionResetError(), 503, "upstream_unreachable"),
        (KeyError("x"), 500, "unexpected_error"),
    ],
)
async def test_what_may_succeed_later_is_a_503_and_what_is_a_bug_a_500(
    world: World, error: Exception, status: int, event: str
) -> None:
    with structlog.testing.capture_logs() as lines:
        answer, body, headers = await answered(world, error)
    assert (answer, body["code"]) == (status, "unavailable" if status == 503 else "internal_error")
    assert ("Retry-After" in headers) == (status == 503)
    assert [(line["event"], line["log_level"]) for line in lines] == [(event, "error")]


async def test_an_object_that_can_not_be_read_is_named_in_the_log_alone(world: World) -> None:
    with structlog.testing.capture_logs() as lines:
        status, body, headers = await answered(world, UnreadableError("n/secret-name", "githubRepos is an object"))
    assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "5")
    assert "can't read the stored object" in body["error"]
    assert "secret-name" not in str(body)
    assert (lines[0]["object"], lines[0]["reason"]) == ("n/secret-name", "githubRepos is an object")


async def test_only_who_lacks_a_key_is_led_to_the_guide(world: World) -> None:
    _, _, headers = await answered(world, Unauthorized("missing_api_key", "Send a key."))
    assert 'rel="service-doc"' in headers["Link"] or "service-desc" in headers["Link"]
    _, _, headers = await answered(world, NotFound("account_not_found", "There is none."))
    assert "Link" not in headers


async def test_a_body_that_is_too_large_is_told_the_limit(world: World) -> None:
    error = web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2)
    status, body, _ = await answered(world, error)
    assert (status, body["code"]) == (413, "body_too_large")
    assert "at most 70000 bytes" in body["error"]


async def test_another_refusal_of_aiohttps_has_its_status_and_a_redirect_is_none(world: World) -> None:
    status, body, _ = await answered(world, web.HTTPUnsupportedMediaType())
    assert (status, body["code"], body["error"]) == (415, "refused", "The request was refused: Unsupported Media Type.")
    moved = web.HTTPMovedPermanently("/v1")
    request = make_mocked_request("GET", "/x", app=world.app())
    assert error_response_for(request, moved) is moved


@pytest.mark.parametrize(
    ("method", "path", "is_led"),
    [("DELETE", "/v1/customer", True), ("PUT", "/v1/customer", False), ("DELETE", "/docs", False)],
)
async def test_who_deletes_what_can_not_be_is_told_how_to_leave(
    world: World, method: str, path: str, is_led: bool
) -> None:
    status, body, headers = await answered(world, web.HTTPMethodNotAllowed(method, ["POST", "GET"]), method, path)
    assert (status, body["code"], headers["Allow"]) == (405, "method_not_allowed", "GET, POST")
    assert "use GET, POST." in body["error"]
    assert ("To leave: DELETE" in body["error"]) is is_led
    assert "Link" in headers
