"""What the API says of itself is what it is: the document, llms.txt and /docs against the registered routes."""

import re
from typing import Any

import orjson
import pytest

from batteries_apiserver.app import make_app
from batteries_apiserver.billing.cost import NOBODY
from batteries_apiserver.guide.document import PREFIX, document
from batteries_apiserver.guide.granted import granted_by
from batteries_apiserver.guide.llms import COST, llms_txt
from batteries_apiserver.http.error_codes import ERRORS
from batteries_apiserver.http.route import LONGEST_WAIT, Access
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.settings import SETTINGS, Settings
from batteries_crds.names import Phase, ProvisioningStep

BASE = "https://api.example.com"
DOCUMENT = document(ROUTES, BASE)
GUIDE = llms_txt(ROUTES, BASE)


@pytest.fixture
async def client(aiohttp_client: Any) -> Any:
    """The application without its resources: nothing here asks for them."""
    app = make_app(Settings(public_url=BASE))
    app.cleanup_ctx.clear()
    app.on_shutdown.clear()
    return await aiohttp_client(app)


def registered() -> set[tuple[str, str]]:
    """Method and path of each route as the application has it, without the HEAD that comes with GET."""
    app = make_app(Settings())
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    return {(method, path) for method, path in found if method != "HEAD"}


def test_every_registered_route_is_in_the_document_and_the_reverse() -> None:
    described = {(method.upper(), PREFIX + path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {(method, path) for method, path in registered() if path.startswith(f"{PREFIX}/")}
    assert {(route.method, route.path) for route in ROUTES} == registered()


def test_every_operation_has_a_name_of_its_own_and_a_tag_that_is_explained() -> None:
    operations = [one for methods in DOCUMENT["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert {tag for one in operations for tag in one["tags"]} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_every_path_parameter_is_described() -> None:
    for route in ROUTES:
        named = {given.name for given in route.parameters if given.where == "path"}
        wanted = set(re.findall(r"{(\w+)}", route.path))
        assert named == wanted, f"{route} describes {named}: give it a Parameter in `parameters` for each of {wanted}"


def test_every_reference_leads_somewhere() -> None:
    wanted = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert wanted == DOCUMENT["components"]["schemas"].keys()


def test_routes_that_need_a_key_say_401_and_others_do_not() -> None:
    for route in ROUTES:
        says = any(ERRORS[code].status == 401 for code in route.codes)
        assert says == (route.access is not Access.ANYONE), route


async def test_the_document_is_served_as_it_is_made(client: Any) -> None:
    response = await client.get("/v1/openapi.json")
    assert response.content_type == "application/json"
    assert await response.text() == as_served(orjson.dumps(DOCUMENT).decode()).replace(LONGEST_WAIT, "20").replace(
        "__POLICY__", "AdministratorAccess"
    ).replace("__REGION__", "us-east-1")


def as_served(text: str) -> str:
    """The text with what the default settings say."""
    for placeholder, value in {LONGEST_WAIT: "20", **granted_by(Settings())}.items():
        text = text.replace(placeholder, value)
    return text


async def test_what_is_granted_and_where_is_said_and_is_the_settings(aiohttp_client: Any) -> None:
    policy = "arn:aws:iam::aws:policy/PowerUserAccess"
    app = make_app(Settings(public_url=BASE, managed_policy_arn=policy, account_region="eu-central-1"))
    app.cleanup_ctx.clear()
    app.on_shutdown.clear()
    client = await aiohttp_client(app)
    for path in ("/llms.txt", "/v1/openapi.json"):
        text = await (await client.get(path)).text()
        assert "may do what the AWS policy `PowerUserAccess` allows" in text
        assert "its examples use `eu-central-1`" in text
        assert "Nobody else is invited." in text
        assert not re.search("__[A-Z_]+__", text)


def test_the_sample_that_requests_an_account_can_be_sent_again() -> None:
    [sample] = re.findall(r"curl \S+ -X POST \S+/v1/accounts -H.*", GUIDE)
    assert "-H 'Idempotency-Key: " in sample
    headers = DOCUMENT["paths"]["/accounts"]["post"]["parameters"]
    assert [one["schema"]["examples"] for one in headers if one["name"] == "Idempotency-Key"] == [["my-app-account"]]


async def test_the_longest_wait_is_said_and_is_the_settings(aiohttp_client: Any) -> None:
    app = make_app(Settings(public_url=BASE, api_wait_seconds=60, api_request_seconds=50))
    app.cleanup_ctx.clear()
    app.on_shutdown.clear()
    client = await aiohttp_client(app)
    assert app[SETTINGS].longest_wait == 40
    guide, described = [await (await client.get(path)).text() for path in ("/llms.txt", "/v1/openapi.json")]
    assert "`Prefer: wait=40`" in guide
    assert "At most 40 seconds" in described
    assert LONGEST_WAIT not in guide + described


def test_the_guide_has_the_form_of_llmstxt_org() -> None:
    """A title, a quote, text without headings, then headed lists of nothing but links."""
    lines = GUIDE.splitlines()
    assert lines[0].startswith("# ")
    assert lines[2].startswith("> ")
    story, *sections = re.split(r"^## ", GUIDE, flags=re.MULTILINE)
    assert len(re.findall(r"^#", story, re.MULTILINE)) == 1
    assert sections[-1].startswith("Optional\n")
    for section in sections:
        _, *entries = [line for line in section.splitlines() if line]
        assert entries
        assert all(re.fullmatch(rf"- \[[^\]]+\]\({re.escape(BASE)}/\S*\): .+", entry) for entry in entries), section


def test_the_guide_names_every_endpoint_error_status_and_step() -> None:
    for route in ROUTES:
        assert (f"- [{route}]({BASE}{route.path}): " in GUIDE) == route.path.startswith(f"{PREFIX}/"), route
    for code, error in ERRORS.items():
        assert f"- `{code}` ({error.status}): " in GUIDE
    for name in (*Phase, *ProvisioningStep):
        assert f"`{name}`" in GUIDE
    assert "aws-actions/configure-aws-credentials@" in GUIDE
    assert "id-token: write" in GUIDE
    assert set(re.findall("__[A-Z_]+__", GUIDE)) == {LONGEST_WAIT, COST, "__POLICY__", "__REGION__"}, (
        "every place is filled but the settings'"
    )


@pytest.mark.parametrize("path", ["/llms.txt", "/v1/llms.txt"])
async def test_the_guide_is_plain_text_at_both_places(client: Any, path: str) -> None:
    response = await client.get(path)
    assert (response.content_type, response.charset) == ("text/plain", "utf-8")
    assert await response.text() == GUIDE.replace(LONGEST_WAIT, "20").replace(
        "__POLICY__", "AdministratorAccess"
    ).replace("__REGION__", "us-east-1").replace(COST, NOBODY)


async def test_the_pages_have_nothing_inline_and_nothing_from_elsewhere(client: Any) -> None:
    pages = [route for route in ROUTES if route.path.startswith("/docs")]
    assert len(pages) == 3
    for route in pages:
        response = await client.get(route.path)
        text = await response.text()
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"https?://|//[a-z]", re.sub(r"^\s*// .*$", "", text, flags=re.MULTILINE)), route
        assert not re.search(r"<style|style=|<script>| on\w+=\"|innerHTML|insertAdjacentHTML|eval\(", text), route
    page = await (await client.get("/docs")).text()
    assert re.findall(r'(?:src|href)="([^"]+)"', page) == [
        "data:,",
        "docs/docs.css",
        "docs/docs.js",
        "llms.txt",
        "v1/openapi.json",
    ]


async def test_a_page_is_what_its_type_says(client: Any) -> None:
    kinds = {path: (await client.get(path)).content_type for path in ("/docs", "/docs/docs.js", "/docs/docs.css")}
    assert kinds == {"/docs": "text/html", "/docs/docs.js": "text/javascript", "/docs/docs.css": "text/css"}
