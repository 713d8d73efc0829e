"""POST /v1/accounts/{id}/token and the issuer's documents, on a Kubernetes in memory."""

import base64
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from fakes.api_world import MINE, NAMESPACE, OTHERS, Client, World, error_of
from fakes.token_world import ISSUER, ROLE

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.runtime.metrics import TOKENS as COUNTED
from batteries_apiserver.tokens.context import TOKENS
from batteries_apiserver.tokens.keys import KeySet, new_key
from batteries_apiserver.tokens.stored_keys import to_data
from batteries_crds.base import utc_now_exactly
from batteries_crds.names import LABEL_ISSUER_KEYS

ACTIVE: dict[str, Any] = {
    "phase": "active",
    "awsAccountId": "123456789012",
    "agentRoleArn": ROLE,
    "agentIssuer": ISSUER,
}
PATH = f"/v1/accounts/{MINE}/token"
SECRET = "issuer-keys"
Serve = Callable[[web.Application], Awaitable[Client]]
KEYS = to_data(KeySet((new_key(timedelta(0), utc_now_exactly),)))
"""Made once, as that takes a while; it signs at once."""


def issuer(world: World, **settings: Any) -> web.Application:
    """An API server that is one."""
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in KEYS.items()}
    meta = {"name": SECRET, "labels": {LABEL_ISSUER_KEYS: "true"}}
    world.api.cluster.put("Secret", NAMESPACE, {"metadata": meta, "type": "Opaque", "data": encoded})
    return world.app(issuer_keys_secret=SECRET, public_url=ISSUER, **settings)


@pytest.fixture
def app(world: World) -> web.Application:
    world.add_customer()
    return issuer(world)


def count(outcome: str) -> float:
    return COUNTED.labels(outcome)._value.get()


async def ask(client: Client, world: World, **headers: str) -> Any:
    return await client.post(PATH, headers=world.headers | headers)


async def test_the_token_is_signed_by_a_published_key_and_names_account_and_key(client: Client, world: World) -> None:
    world.add_account(MINE, **ACTIVE)
    issued, before = count("issued"), utc_now_exactly()
    response = await ask(client, world)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    shown = await response.json()
    assert shown.keys() == {"token", "expiresAt", "roleArn", "region", "instructions"}
    assert (shown["roleArn"], shown["region"]) == (ROLE, "us-east-1")
    published = await (await client.get("/.well-known/jwks.json")).json()
    keys = {each["kid"]: jwt.PyJWK(each) for each in published["keys"]}
    kid = jwt.get_unverified_header(shown["token"])["kid"]
    claims = jwt.decode(shown["token"], keys[kid], algorithms=["ES256", "RS256"], audience="sts.amazonaws.com")
    assert claims["iss"] == ISSUER
    assert MINE in claims["sub"]
    assert abs(claims["iat"] - before.timestamp()) < 60
    assert claims["exp"] - claims["iat"] == 300
    expires = datetime.fromisoformat(shown["expiresAt"])
    assert expires == datetime.fromtimestamp(claims["exp"], UTC)
    assert count("issued") - issued == 1


async def test_who_accepts_only_the_token_gets_only_the_token(client: Client, world: World) -> None:
    world.add_account(MINE, **ACTIVE)
    response = await ask(client, world, Accept="application/jwt")
    assert response.content_type == "application/jwt"
    assert response.headers["Cache-Control"] == "no-store"
    assert (await response.text()).count(".") == 2


async def test_another_key_of_the_customer_is_told_apart_in_the_token(client: Client, world: World) -> None:
    world.add_account(MINE, **ACTIVE)
    other = mint()
    world.add_key(other, scope="aws")
    tokens = [
        (await (await client.post(PATH, headers=headers)).json())["token"]
        for headers in (world.headers, world.headers_of(other))
    ]
    tags = [jwt.decode(token, options={"verify_signature": False})["https://aws.amazon.com/tags"] for token in tokens]
    assert tags[0] != tags[1]


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("suspended", {"suspended": True}, {}, "account_suspended", "the platform team suspended it"),
    ("by its owner", {"suspendedByOwner": True}, {}, "account_suspended", "you suspended it"),
    ("failed", {}, {"phase": "failed"}, "account_failed", "no tokens for it"),
    ("creating", {}, {"phase": "creating"}, "account_not_active", "creating, not active yet"),
    ("pending", {}, {"phase": "pending"}, "account_not_active", "pending, not active yet"),
    ("resumed", {}, {"phase": "suspended"}, "account_not_active", "being resumed"),
    ("no role", {}, {"agentRoleArn": None}, "trust_pending", "not in this account yet"),
    ("no issuer", {}, {"agentIssuer": None}, "trust_pending", "not in this account yet"),
    ("another issuer", {}, {"agentIssuer": "https://old.example.com"}, "trust_pending", "https://old.example.com"),
]


@pytest.mark.parametrize(
    ("spec", "status", "code", "words"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
async def test_an_account_that_is_not_in_use_gets_none_and_the_reason_is_said(
    client: Client, world: World, spec: dict[str, Any], status: dict[str, Any], code: str, words: str
) -> None:
    world.add("accounts", MINE, {"customerRef": {"name": "c"}, **spec}, {**ACTIVE, **status})
    refused, issued = count(code), count("issued")
    response = await ask(client, world)
    assert (response.status, await error_of(response)) == (409, code)
    assert words in (await response.json())["error"]
    assert (count(code) - refused, count("issued") - issued) == (1, 0)
    retry = {"account_not_active": "10", "trust_pending": "60"}.get(code)
    assert response.headers.get("Retry-After") == retry


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        (["CustomerBlocked"], "an administrator blocked you"),
        (["PaymentMethodMissing"], "there was no valid payment method"),
        (["CustomerBlocked", "PaymentMethodMissing"], "blocked you; ask support, and there was no valid payment"),
    ],
)
async def test_who_holds_a_suspended_account_is_said(
    client: Client, world: World, holds: list[str], words: str
) -> None:
    world.add_account(MINE, **ACTIVE | {"holds": {hold: {"since": "2026-11-24T08:00:00Z"} for hold in holds}})
    response = await ask(client, world)
    assert (response.status, await error_of(response)) == (409, "account_suspended")
    assert words in (await response.json())["error"]


async def test_an_account_that_is_being_deleted_gets_none(client: Client, world: World) -> None:
    meta: dict[str, Any] = {"deletionTimestamp": "2026-11-24T08:00:00Z", "finalizers": ["x"]}
    world.add("accounts", MINE, {"customerRef": {"name": "c"}}, ACTIVE, **meta)
    assert await error_of(await ask(client, world)) == "account_being_deleted"


async def test_another_customers_account_is_not_found(client: Client, world: World) -> None:
    world.add_account(MINE, owner="another", **ACTIVE)
    assert await error_of(await ask(client, world)) == "account_not_found"
    assert (await client.post(f"/v1/accounts/{OTHERS}/token", headers=world.headers)).status == 404


@pytest.mark.parametrize("scope", ["full", "aws"])
@pytest.mark.parametrize("asked", ["full", "aws"])
async def test_the_setting_says_which_keys_get_tokens(
    world: World, aiohttp_client: Serve, scope: str, asked: str
) -> None:
    world.add_customer()
    world.add_account(MINE, **ACTIVE)
    key = mint()
    world.add_key(key, scope=scope)
    client = await aiohttp_client(issuer(world, token_scope=asked))
    response = await client.post(PATH, headers=world.headers_of(key))
    if asked == "aws" and scope == "full":
        assert (response.status, await error_of(response)) == (403, "scope_aws_required")
        assert "scope full" in (await response.json())["error"]
    else:
        assert response.status == 200


async def test_one_account_gets_so_many_tokens_a_minute_over_all_keys(world: World, aiohttp_client: Serve) -> None:
    world.add_customer()
    world.add_account(MINE, **ACTIVE)
    other = mint()
    world.add_key(other)
    client = await aiohttp_client(issuer(world, rate_limit_token=2))
    headers = [world.headers, world.headers_of(other), world.headers]
    assert [(await client.post(PATH, headers=each)).status for each in headers] == [200, 200, 429]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"issuer_keys_secret": "", "public_url": ISSUER}, "BATTERIES_ISSUER_KEYS_SECRET is empty"),
        ({"issuer_keys_secret": SECRET, "public_url": "http://api.example.com"}, "https"),
    ],
    ids=["no secret", "no https"],
)
async def test_where_tokens_are_off_it_is_said_and_nothing_is_published(
    world: World, aiohttp_client: Serve, settings: dict[str, Any], words: str
) -> None:
    world.add_customer()
    world.add_account(MINE, **ACTIVE)
    client = await aiohttp_client(world.app(**settings))
    response = await ask(client, world)
    assert (response.status, await error_of(response)) == (409, "tokens_off")
    assert words in (await response.json())["error"]
    for path in ("/.well-known/openid-configuration", "/.well-known/jwks.json"):
        response = await client.get(path)
        assert (response.status, await error_of(response)) == (404, "not_found")
        assert words in (await response.json())["error"]


async def test_a_secret_of_somebody_else_is_left_alone_and_turns_tokens_off(
    world: World, aiohttp_client: Serve
) -> None:
    world.add_customer()
    world.add_account(MINE, **ACTIVE)
    await world.kube.secrets.create(NAMESPACE, SECRET, {"mine": "data"})
    client = await aiohttp_client(world.app(issuer_keys_secret=SECRET, public_url=ISSUER))
    response = await ask(client, world)
    assert (response.status, await error_of(response)) == (409, "tokens_off")
    assert "is not this server's and is left alone" in (await response.json())["error"]
    assert (await client.get("/.well-known/jwks.json")).status == 404
    assert (await world.kube.secrets.get(NAMESPACE, SECRET)).data == {"mine": "data"}


async def test_the_documents_may_be_cached_for_a_minute_and_have_a_tag(client: Client) -> None:
    for path in ("/.well-known/openid-configuration", "/.well-known/jwks.json"):
        response = await client.get(path)
        assert response.status == 200
        assert response.headers["Cache-Control"] == "public, max-age=60"
        again = await client.get(path, headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status, again.headers["Cache-Control"]) == (304, "public, max-age=60")


async def test_the_discovery_document_names_issuer_keys_and_algorithm(client: Client) -> None:
    found = await (await client.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    assert found["jwks_uri"] == f"{ISSUER}/.well-known/jwks.json"
    assert found["response_types_supported"] == ["id_token"]
    assert found["subject_types_supported"] == ["public"]
    [key] = (await (await client.get("/.well-known/jwks.json")).json())["keys"]
    assert found["id_token_signing_alg_values_supported"] == [key["alg"]]
    assert {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} < set(found["claims_supported"])
    assert "d" not in key, "the private part"


async def test_an_event_of_the_account_says_that_a_key_got_a_token(
    client: Client, app: web.Application, world: World
) -> None:
    account = world.add_account(MINE, **ACTIVE)
    await ask(client, world)
    await app[TOKENS].events.flush()
    [event] = [body for (kind, _, _), body in world.api.cluster.objects.items() if kind == "Event"]
    assert event["involvedObject"] == {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "namespace": NAMESPACE,
        "name": MINE,
        "uid": account.metadata.uid,
    }
    assert (event["type"], event["count"], event["reportingComponent"]) == ("Normal", 1, "batteries-apiserver")
    assert world.key.prefix in event["message"]
    await ask(client, world)
    await app[TOKENS].events.flush()
    [event] = [body for (kind, _, _), body in world.api.cluster.objects.items() if kind == "Event"]
    assert event["count"] == 2
    assert event["firstTimestamp"] <= event["lastTimestamp"]
