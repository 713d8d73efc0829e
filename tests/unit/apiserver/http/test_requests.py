"""What every request gets, whatever it asks for: routes, one form of errors, a line in the log, and metrics."""

import re

import pytest
import structlog
from fakes.api_world import MINE, Client, World, error_of
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.http import request_log
from batteries_apiserver.http.request_context import add_request
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.runtime.metrics import REQUEST_SECONDS, REQUESTS
from batteries_crds.kube.client import UnreadableError

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.mark.parametrize(
    "path", ["/nope", "/v1/", "/v1/nope", "/v1/accounts/", "/v1/accounts/a/b", "/%ff%00", "/v1/%2e%2e/x"]
)
async def test_an_unknown_path_is_a_404_in_the_one_shape(client: Client, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert await error_of(response) == "not_found"


async def test_a_wrong_method_is_a_405_that_says_which_are_right(client: Client) -> None:
    response = await client.delete("/v1/accounts")
    assert response.status == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))
    assert await error_of(response) == "method_not_allowed"


async def test_an_unknown_expectation_is_refused_in_the_one_shape(client: Client) -> None:
    response = await client.get("/healthz", headers={"Expect": "miracles"})
    assert response.status == 417
    assert await error_of(response) == "expectation_failed"
    assert response.headers["X-Request-Id"]


async def test_a_callers_request_id_comes_back_and_a_harmful_one_is_replaced(client: Client) -> None:
    assert (await client.get("/healthz", headers={"X-Request-Id": "abc-1"})).headers["X-Request-Id"] == "abc-1"
    assert "{" not in (await client.get("/nope", headers={"X-Request-Id": "{x}"})).headers["X-Request-Id"]


async def test_the_line_of_a_request_says_which_account_it_was_about_and_no_other(client: Client, world: World) -> None:
    world.add_account(MINE)
    with structlog.testing.capture_logs([add_request]) as lines:
        await client.get(f"/v1/accounts/{MINE}", headers=world.headers)
        await client.get("/healthz")  # by the same connection
    about, after = [line for line in lines if line["event"] == "request"]
    assert (about["account"], about["route"], about["status"]) == (MINE, "/v1/accounts/{id}", 200)
    assert "account" not in after


async def test_metrics_name_routes_and_usual_methods_whatever_is_asked(client: Client, world: World) -> None:
    for each in (REQUESTS.clear, REQUEST_SECONDS.clear, request_log._meters.cache_clear):
        each()  # what other tests of this process had counted
    world.add_account(MINE)
    for method, path in (
        ("GET", f"/v1/accounts/{MINE}"),
        ("GET", f"/{MINE}"),
        ("BREW", f"/v1/{MINE}/pot"),
        ("PROPFIND", f"/v1/accounts/{MINE}"),
        ("GET", f"/v1/stripe/session/cs_test_{MINE}"),
    ):
        await client.request(method, path, headers=world.headers)
    routes = {"unmatched", *(route.path for route in ROUTES)}
    counted = [sample for metric in (REQUESTS, REQUEST_SECONDS) for each in metric.collect() for sample in each.samples]
    assert {sample.labels["route"] for sample in counted} <= routes
    assert {sample.labels["method"] for sample in counted} <= {*METHODS, "other"}
    assert ("other", "unmatched") in {(sample.labels["method"], sample.labels["route"]) for sample in counted}
    assert not [sample for sample in counted if not re.fullmatch("[1-5][0-9]{2}", sample.labels["status"])]


async def test_a_bug_is_a_500_with_a_sentence_and_a_traceback_in_the_log(client: Client, world: World) -> None:
    world.fail("accounts", RuntimeError("boom"))
    with structlog.testing.capture_logs() as lines:
        response = await client.get("/v1/accounts/5b8a54a8-1111-4c11-8a11-0123456789ab", headers=world.headers)
    assert response.status == 500
    assert await error_of(response) == "internal_error"
    assert [line for line in lines if line["event"] == "unexpected_error" and line["exc_info"]]


@pytest.mark.parametrize("status", [0, 403, 429, 500, 503])
async def test_kubernetes_being_away_is_a_503_to_come_back_from(client: Client, world: World, status: int) -> None:
    world.fail("accounts", ApiException(status=status, reason="away"))
    response = await client.get("/v1/accounts/5b8a54a8-1111-4c11-8a11-0123456789ab", headers=world.headers)
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0
    assert await error_of(response) == "unavailable"


@pytest.mark.parametrize("kind", ["accounts", "keys"])
async def test_what_cannot_be_read_is_a_503_and_the_log_names_it(client: Client, world: World, kind: str) -> None:
    world.fail(kind, UnreadableError("thing n/odd", "status.phase: Input should be another"))
    headers = world.headers if kind == "accounts" else {"Authorization": f"Bearer {mint().raw}"}
    with structlog.testing.capture_logs() as lines:
        response = await client.get(f"/v1/accounts/{MINE}", headers=headers)
    assert response.status == 503
    assert await error_of(response) == "unavailable"
    assert [line["object"] for line in lines if line["event"] == "object_unreadable"] == ["thing n/odd"]
