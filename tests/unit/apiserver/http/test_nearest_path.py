"""Nobody lands nowhere: a 404 names the path that was meant, and the first page comes in the form that is asked for."""

from typing import Any

import pytest

from batteries_apiserver.app import make_app
from batteries_apiserver.guide.landing import FORMS
from batteries_apiserver.http.accept import preferred
from batteries_apiserver.http.nearest_path import Paths
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.settings import Settings

PATHS = Paths(ROUTES)
ALL = sorted({route.path for route in ROUTES})


@pytest.fixture
async def client(aiohttp_client: Any) -> Any:
    """The application without its resources: nothing here asks for them."""
    app = make_app(Settings())
    app.cleanup_ctx.clear()
    app.on_shutdown.clear()
    return await aiohttp_client(app)


@pytest.mark.parametrize("path", [path for path in ALL if path != "/"])
def test_each_path_is_found_however_it_is_misspelled(path: str) -> None:
    filled = path.replace("{id}", "5b8a54a8-1111")
    for wrong in (f"{filled}/", f"/{filled}", filled.upper(), filled.replace("/", "//"), f"/some/proxy{filled}"):
        assert PATHS.nearest(wrong) == path, wrong
    if path.startswith("/v1/") and path.removeprefix("/v1") not in ALL:
        for wrong in (
            filled.removeprefix("/v1"),
            f"/api{filled.removeprefix('/v1')}",
            f"/api{filled}",
            f"/v2{filled[3:]}",
        ):
            assert PATHS.nearest(wrong) == path, wrong


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("/v1/account", "/v1/accounts"),
        ("/account/123", "/v1/accounts/{id}"),
        ("/v1/accounts/123/event", "/v1/accounts/{id}/events"),
        ("/v1/acounts", "/v1/accounts"),
        ("/v1/accounts/1/2/3/4", "/v1/accounts/{id}"),
        ("/v1/stripe/sessions/cs_test_1", "/v1/stripe/session/{id}"),
        ("/key", "/v1/keys"),
        ("/llm.txt", "/llms.txt"),
        ("/.well-known/llms.txt", "/llms.txt"),
        ("/openapi.yaml", "/openapi.json"),
        ("/swagger.json", "/openapi.json"),
        ("/v1/signup", "/v1/stripe/setup"),
        ("/v1/subscription", "/v1/stripe/portal"),
        ("/billing", "/v1/stripe/portal"),
        ("/v1/cancel", "/v1/stripe/portal"),
        ("/v1/me", "/v1/customer"),
        ("/v1/customers/123", "/v1/customer"),
        ("/v1/", "/v1"),
        ("/v1/users", None),
        ("/.env", None),
        ("/wp-login.php", None),
        ("/%ff", None),
        ("//", "/"),
        ("/" + "a/" * 4000, None),
        ("/" + "é" * 8000, None),
    ],
)
def test_what_was_probably_meant_is_named_and_nothing_far_off(wrong: str, meant: str | None) -> None:
    assert PATHS.nearest(wrong) == meant


async def test_a_404_says_what_was_meant_with_its_methods_and_repeats_nothing(client: Any) -> None:
    response = await client.post("/v1/accounts/aib_0123abcd_secret/", data=b"{}")
    body = await response.json()
    assert (response.status, body["code"]) == (404, "not_found")
    assert body["error"] == (
        "There is nothing at this path. Did you mean /v1/accounts/{id} (DELETE, GET, PATCH)? Begin with the guide: "
        "GET /llms.txt."
    )
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text/markdown"),
        ("*/*", "text/markdown"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/markdown"),
        ("text/html;q=0.2, application/json;q=0.9", "application/json"),
        ("text/html;level=1;q=0, application/json;q=0.1", "application/json"),
        ("TEXT/HTML", "text/html"),
        ("image/png", "text/markdown"),
        ("text/html;q=nonsense", "text/html"),
        ("nonsense, ,;,/", "text/markdown"),
    ],
)
def test_the_form_is_the_one_that_is_preferred(accept: str, form: str) -> None:
    assert preferred(accept, FORMS) == form


@pytest.mark.parametrize("path", ["/", "/v1"])
@pytest.mark.parametrize("form", FORMS)
async def test_the_first_page_says_where_to_begin_in_every_form(client: Any, path: str, form: str) -> None:
    response = await client.get(path, headers={"Accept": form})
    assert (response.status, response.content_type) == (200, form)
    assert response.headers["Vary"] == "Accept"
    assert '</v1/openapi.json>; rel="service-desc"' in response.headers["Link"]
    text = await response.text()
    for part in ("/llms.txt", "/v1/openapi.json", "/docs", "POST /v1/stripe/setup", "AWS account"):
        assert part in text
    assert (await client.head(path)).status == 200


async def test_the_catalog_robots_and_icon_are_there(client: Any) -> None:
    catalog = await client.get("/.well-known/api-catalog")
    assert catalog.headers["Content-Type"].startswith("application/linkset+json; profile=")
    [described] = (await catalog.json(content_type=None))["linkset"]
    assert described["service-desc"] == [{"href": "http://localhost:8080/v1/openapi.json", "type": "application/json"}]
    robots = await (await client.get("/robots.txt")).text()
    assert "Disallow: /v1/stripe/session/\n" in robots
    assert "Allow: /\n" in robots
    assert (await client.get("/favicon.ico")).content_type == "image/svg+xml"
    assert await (await client.get("/openapi.json")).read() == await (await client.get("/v1/openapi.json")).read()


async def test_a_401_leads_to_the_guide_too(client: Any) -> None:
    response = await client.get("/v1/accounts")
    assert response.status == 401
    assert '</llms.txt>; rel="service-doc"' in response.headers["Link"]


async def test_whoever_deletes_something_else_is_told_how_to_leave(client: Any) -> None:
    for path in ("/v1/customer", "/v1/accounts", "/v1/stripe/portal"):
        answer = await client.delete(path)
        assert answer.status == 405
        said = (await answer.json())["error"]
        assert "DELETE /v1/accounts/{id} closes an account" in said
        assert "POST /v1/stripe/portal" in said
    assert "To leave" not in (await (await client.patch("/v1/customer")).json())["error"]
    assert "To leave" not in (await (await client.delete("/healthz")).json())["error"]
