"""POST /v1/accounts/{id}/token and the issuer's documents, on a real kube-apiserver with two replicas."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from fakes.until import until
from kubernetes.aio.client import ApiClient, CoreV1Api

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.context import TOKENS
from batteries_apiserver.tokens.keys import IssuerKey, KeySet
from batteries_apiserver.tokens.rotate import rotate
from batteries_apiserver.tokens.signing import TAGS_CLAIM
from batteries_apiserver.tokens.stored_keys import FIELD, from_data, to_data
from batteries_crds.agent_access import KEY_TAG, TOKEN_SECONDS
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import EPOCH
from batteries_crds.customer import Customer
from batteries_crds.identity import derived_uuid
from batteries_crds.kube.client import Resources, connect
from batteries_crds.names import LABEL_ISSUER_KEYS

Client = TestClient[web.Request, web.Application]
PUBLIC = "https://api.example.com"
OWNER, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ACCOUNT = "33333333-3333-4333-8333-333333333333"
SECRET = "batteries-issuer-keys"
ROLE = "arn:aws:iam::123456789012:role/BatteriesAgentRole"
ACTIVE = {"phase": "active", "awsAccountId": "123456789012", "agentRoleArn": ROLE, "agentIssuer": PUBLIC}


@dataclass
class World:
    """A paying customer with an active account, and two replicas of the API."""

    api: ApiClient
    settings: Settings
    replicas: list[Client]
    keys: dict[str, NewKey] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.settings.namespace

    @property
    def accounts(self) -> Resources[AwsAccount]:
        return Resources(self.api, AwsAccount, "test")

    @property
    def customers(self) -> Resources[Customer]:
        return Resources(self.api, Customer, "test")

    async def key(self, name: str, **spec: Any) -> NewKey:
        """A key, of the customer unless told."""
        made = self.keys[name] = mint()
        whose = spec if "role" in spec else {"customerRef": {"name": OWNER}, **spec}
        body = {"metadata": {"name": name}, "spec": {"keyPrefix": made.prefix, "keyHash": made.digest, **whose}}
        await Resources(self.api, ApiKey, "test").create(self.namespace, body)
        return made

    async def status(self, **status: Any) -> None:
        """Does the operator's part, and waits until every replica has seen it."""
        written = await self.accounts.merge_status(self.namespace, ACCOUNT, {"status": status})
        await self.seen(written)

    async def spec(self, **spec: Any) -> None:
        await self.seen(await self.accounts.merge(self.namespace, ACCOUNT, {"spec": spec}))

    async def seen(self, written: AwsAccount) -> None:
        async def is_seen() -> bool:
            kept = [app_of(one)[KUBE].caches.accounts.get(ACCOUNT) for one in self.replicas]
            return all(one is not None and one.metadata.version >= written.metadata.version for one in kept)

        await until(is_seen)

    async def post(self, key: str = "first", replica: int = 0, **request: Any) -> tuple[int, dict[str, Any]]:
        """Asks for a token; the status and the body."""
        headers = {"Authorization": f"Bearer {self.keys[key].raw}"}
        path = f"/v1/accounts/{request.pop('account', ACCOUNT)}/token"
        response = await self.replicas[replica].post(path, headers=headers, **request)
        return response.status, await response.json()

    async def token(self, key: str = "first", replica: int = 0) -> dict[str, Any]:
        """A response with a token, once there is a key that signs."""
        found: dict[str, Any] = {}

        async def is_issued() -> bool:
            status, body = await self.post(key, replica)
            assert status in (200, 503), body
            found.update(body)
            return status == 200

        await until(is_issued)
        return found

    async def published(self, replica: int = 0) -> dict[str, Any]:
        """The published keys, by their ids."""
        response = await self.replicas[replica].get("/.well-known/jwks.json")
        assert response.status == 200, await response.text()
        return {key["kid"]: key for key in (await response.json())["keys"]}

    async def verified(self, token: str, replica: int = 0) -> dict[str, Any]:
        """The claims, verified as AWS does, with the keys that a replica publishes now."""
        key = (await self.published(replica))[jwt.get_unverified_header(token)["kid"]]
        content: dict[str, Any] = jwt.decode(
            token, jwt.PyJWK(key).key, algorithms=["RS256"], audience="sts.amazonaws.com", issuer=PUBLIC
        )
        return content

    async def secret(self) -> Any:
        return await CoreV1Api(self.api).read_namespaced_secret(SECRET, self.namespace)

    async def events(self) -> list[Any]:
        """The Events on the account that tell of tokens."""
        found = await CoreV1Api(self.api).list_namespaced_event(self.namespace)
        return [one for one in found.items if one.reason == "TokenIssued"]


def app_of(client: Client) -> web.Application:
    return client.server.app  # type: ignore[attr-defined]


Open = Callable[..., Awaitable[World]]


@pytest.fixture
async def open_world(
    cluster: Any, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[Open]:
    """Opens a world, with other settings than usual where a test names them."""
    namespace = cluster.namespace()
    usual: dict[str, Any] = {"public_url": PUBLIC, "issuer_poll_seconds": 0.1, "rate_limit_token": 0}
    async with await connect(str(cluster.kubeconfig)) as api:

        async def opened(**settings: Any) -> World:
            whole = Settings(kubeconfig=str(cluster.kubeconfig), namespace=namespace, **{**usual, **settings})
            world = World(api, whole, [])
            for name in (OWNER, OTHER):
                await world.customers.create(
                    namespace, {"metadata": {"name": name}, "spec": {"email": "a@example.com"}}
                )
                await world.customers.merge_status(namespace, name, {"status": {"paymentMethod": "valid"}})
            await world.key("first")
            spec = {"customerRef": {"name": OWNER}}
            await world.accounts.create(namespace, {"metadata": {"name": ACCOUNT}, "spec": spec})
            world.replicas += [await aiohttp_client(make_app(whole)) for _ in range(2)]
            for one in world.replicas:
                await until(partial(is_ready, one))
            await world.status(**ACTIVE)
            return world

        yield opened


async def is_ready(client: Client) -> bool:
    return (await client.get("/readyz")).status == 200


@pytest.fixture
async def world(open_world: Open) -> World:
    return await open_world()


async def test_a_token_is_for_this_account_this_audience_and_names_the_key(world: World) -> None:
    answer = await world.token()
    assert (answer["roleArn"], answer["region"]) == (ROLE, "us-east-1")
    content = await world.verified(answer["token"], replica=1)
    assert content["sub"] == f"account:{ACCOUNT}"
    assert content["exp"] - content["iat"] == TOKEN_SECONDS
    assert content["nbf"] <= content["iat"]
    tags = {"principal_tags": {KEY_TAG: [str(derived_uuid(f"{world.namespace}/first"))]}}
    assert content[TAGS_CLAIM] == {**tags, "transitive_tag_keys": [KEY_TAG]}
    assert jwt.get_unverified_header(answer["token"])["alg"] == "RS256"
    again = await world.verified((await world.token())["token"])
    assert again["jti"] != content["jti"]


async def test_the_discovery_document_names_the_issuer_and_where_its_keys_are(world: World) -> None:
    response = await world.replicas[0].get("/.well-known/openid-configuration")
    found = await response.json()
    assert (found["issuer"], found["jwks_uri"]) == (PUBLIC, f"{PUBLIC}/.well-known/jwks.json")
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]
    assert response.headers["Cache-Control"] == "public, max-age=60"


async def test_the_keys_may_be_cached_and_are_not_sent_twice(world: World) -> None:
    first = await world.replicas[0].get("/.well-known/jwks.json")
    assert first.headers["Cache-Control"] == "public, max-age=60"
    again = await world.replicas[1].get("/.well-known/jwks.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    (key,) = (await first.json())["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "use", "alg"}  # the private half has d, p and q


async def test_replicas_that_start_at_once_have_one_key_between_them(world: World) -> None:
    first, second = await asyncio.gather(world.published(0), world.published(1))
    assert first == second
    assert len(first) == 1


async def test_the_answer_is_kept_nowhere_and_may_be_the_token_alone(world: World) -> None:
    await world.token()
    headers = {"Authorization": f"Bearer {world.keys['first'].raw}", "Accept": "application/jwt"}
    response = await world.replicas[0].post(f"/v1/accounts/{ACCOUNT}/token", headers=headers)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "application/jwt"
    assert (await world.verified(await response.text()))["sub"] == f"account:{ACCOUNT}"


async def test_get_is_refused_because_tokens_are_not_cacheable(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.keys['first'].raw}"}
    response = await world.replicas[0].get(f"/v1/accounts/{ACCOUNT}/token", headers=headers)
    assert (response.status, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(("body", "status"), [(b"", 200), (b"{}", 200), (b'{"duration": 3600}', 400), (b"[]", 400)])
async def test_a_body_is_not_needed_and_unknown_fields_are_named(world: World, body: bytes, status: int) -> None:
    await world.token()
    got, answer = await world.post(data=body)
    assert got == status, answer
    if b"duration" in body:
        assert "duration" in answer["error"]


async def test_nobody_gets_a_token_for_an_account_of_somebody_else(world: World) -> None:
    await world.key("others", customerRef={"name": OTHER})
    await world.key("admins", role="admin")
    assert (await world.post("others"))[0] == 404
    status, answer = await world.post("admins")
    assert (status, answer["code"]) == (403, "customer_key_required")


REFUSED = {
    "pending": ({"phase": "pending"}, "account_not_active"),
    "creating": ({"phase": "creating"}, "account_not_active"),
    "failed": ({"phase": "failed", "error": "AWS refuses the e-mail address."}, "account_failed"),
    "held": ({"holds": {"PaymentMethodMissing": {"since": "2026-11-24T08:00:00Z"}}}, "account_suspended"),
    "no role": ({"agentRoleArn": None}, "trust_pending"),
    "another issuer": ({"agentIssuer": "https://old.example.com"}, "trust_pending"),
}


@pytest.mark.parametrize(("status", "code"), REFUSED.values(), ids=REFUSED)
async def test_an_account_that_is_not_in_use_gets_no_token(world: World, status: dict[str, Any], code: str) -> None:
    await world.status(**status)
    got, answer = await world.post()
    assert (got, answer["code"]) == (409, code), answer
    assert answer["error"].endswith(".")


async def test_a_suspended_account_says_who_can_open_it(world: World) -> None:
    await world.spec(suspended=True)
    status, answer = await world.post()
    assert (status, answer["code"]) == (409, "account_suspended")
    assert "the platform team suspended it" in answer["error"]


async def test_a_deleted_account_gets_no_token(world: World) -> None:
    body = {"metadata": {"finalizers": ["example.com/wait"]}}
    await world.accounts.merge(world.namespace, ACCOUNT, body)
    await world.accounts.delete(world.namespace, ACCOUNT)
    await world.seen(await world.accounts.get(world.namespace, ACCOUNT))
    status, answer = await world.post()
    assert (status, answer["code"]) == (409, "account_being_deleted")
    await world.accounts.merge(world.namespace, ACCOUNT, {"metadata": {"finalizers": []}})


async def test_blocked_and_unpaid_customers_get_no_token(world: World) -> None:
    long_ago = {"paymentMethod": "missing", "paymentGraceSince": "2026-01-01T00:00:00Z"}
    await world.customers.merge_status(world.namespace, OWNER, {"status": long_ago})
    await until(lambda: answers(world, 402, "payment_method_required"))
    await world.customers.merge(world.namespace, OWNER, {"spec": {"blocked": True}})
    await until(lambda: answers(world, 403, "customer_blocked"))


async def is_issued(world: World) -> bool:
    return (await world.post())[0] == 200


async def answers(world: World, status: int, code: str, key: str = "first") -> bool:
    got, answer = await world.post(key)
    return (got, answer.get("code")) == (status, code)


async def test_a_key_that_only_reads_gets_no_token_and_one_with_the_scope_aws_does(world: World) -> None:
    await world.key("reads", scope="read")
    await world.key("agent", scope="aws")
    assert await answers(world, 403, "scope_read_only", "reads")
    await world.token("agent")
    headers = {"Authorization": f"Bearer {world.keys['agent'].raw}"}
    assert (await world.replicas[0].get("/v1/accounts", headers=headers)).status == 200
    response = await world.replicas[0].post("/v1/accounts", headers=headers)
    assert (response.status, (await response.json())["code"]) == (403, "scope_read_only")


async def test_the_service_can_limit_which_keys_get_tokens(open_world: Open) -> None:
    world = await open_world(token_scope="aws")
    await world.key("agent", scope="aws")
    assert await answers(world, 403, "scope_aws_required")
    await world.token("agent")


async def test_an_account_gets_only_so_many_tokens_a_minute(open_world: Open) -> None:
    world = await open_world(rate_limit_token=3)
    for _ in range(3):
        await world.token()
    headers = {"Authorization": f"Bearer {world.keys['first'].raw}"}
    response = await world.replicas[0].post(f"/v1/accounts/{ACCOUNT}/token", headers=headers)
    assert response.status == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert "one account may get 3 tokens in 60 seconds" in (await response.json())["error"]


@pytest.mark.parametrize(
    "settings", [{"public_url": "http://localhost:8080"}, {"issuer_keys_secret": ""}], ids=["no https", "no keys"]
)
async def test_where_aws_could_trust_no_issuer_there_is_none(open_world: Open, settings: dict[str, Any]) -> None:
    world = await open_world(**settings)
    status, answer = await world.post()
    assert (status, answer["code"]) == (409, "tokens_off")
    assert "Tokens for AWS are off" in answer["error"]
    for path in ("/.well-known/openid-configuration", "/.well-known/jwks.json"):
        response = await world.replicas[0].get(path)
        assert (response.status, (await response.json())["error"]) == (404, answer["error"])


async def test_each_token_is_told_by_an_event_of_the_account_with_a_count(world: World) -> None:
    for _ in range(5):
        await world.token()
    await app_of(world.replicas[0])[TOKENS].events.flush()
    (event,) = await world.events()
    assert event.count == 5
    assert event.involved_object.name == ACCOUNT
    assert (
        event.message == f"The API key aib_{world.keys['first'].prefix} got 5 tokens for the role BatteriesAgentRole."
    )
    await world.token()
    await app_of(world.replicas[0])[TOKENS].events.flush()
    (event,) = await world.events()
    assert event.count == 6


async def test_a_rotation_publishes_the_next_key_before_it_signs_and_keeps_the_last(open_world: Open) -> None:
    world = await open_world(issuer_key_ahead_seconds=3600)
    before = (await world.token())["token"]
    said = await rotate(world.settings, emergency=False)
    assert "is published now" in said
    assert "was published before" in await rotate(world.settings, emergency=False)
    kid = jwt.get_unverified_header(before)["kid"]
    for replica in (0, 1):
        await until(partial(two_published, world, replica))
        assert jwt.get_unverified_header((await world.token(replica=replica))["token"])["kid"] == kid

    await pass_time(world, timedelta(hours=1))

    async def signs_with_the_next() -> bool:
        tokens = [(await world.token(replica=replica))["token"] for replica in (0, 1)]
        for token in tokens:
            await world.verified(token)
        return all(jwt.get_unverified_header(token)["kid"] != kid for token in tokens)

    await until(signs_with_the_next)
    for replica in (0, 1):
        await world.verified(before, replica)


async def pass_time(world: World, passed: timedelta) -> None:
    """Has the keys be as they will be then: what each is for follows from the times in the Secret alone."""
    text = base64.b64decode((await world.secret()).data["keys.json"]).decode()
    keys = from_data({FIELD: text}, EPOCH).keys
    older = KeySet(tuple(IssuerKey(key.private, key.created_at - passed, key.signs_from - passed) for key in keys))
    data = {name: base64.b64encode(value.encode()).decode() for name, value in to_data(older).items()}
    await CoreV1Api(world.api).patch_namespaced_secret(SECRET, world.namespace, {"data": data})


async def two_published(world: World, replica: int) -> bool:
    return len(await world.published(replica)) == 2


async def test_an_emergency_drops_the_old_key_on_every_replica(world: World) -> None:
    before = (await world.token())["token"]
    kid = jwt.get_unverified_header(before)["kid"]
    assert "All keys were dropped" in await rotate(world.settings, emergency=True)

    async def is_dropped() -> bool:
        found = [await world.published(replica) for replica in (0, 1)]
        return all(kid not in keys for keys in found)

    await until(is_dropped)
    for replica in (0, 1):
        await world.verified((await world.token(replica=replica))["token"], replica=1 - replica)


async def emptied(world: World) -> None:
    await CoreV1Api(world.api).patch_namespaced_secret(SECRET, world.namespace, {"data": {"keys.json": None}})


async def damaged(world: World) -> None:
    text = base64.b64encode(b'{"version": 1, "keys": [{"private_key": "nothing"}]}').decode()
    await CoreV1Api(world.api).patch_namespaced_secret(SECRET, world.namespace, {"data": {"keys.json": text}})


async def deleted(world: World) -> None:
    await CoreV1Api(world.api).delete_namespaced_secret(SECRET, world.namespace)


@pytest.mark.parametrize("harm", [emptied, damaged, deleted])
async def test_keys_that_are_lost_are_replaced_on_every_replica(
    world: World, harm: Callable[[World], Awaitable[None]]
) -> None:
    before = await world.published()
    await harm(world)

    async def is_replaced() -> bool:
        found = [await world.published(replica) for replica in (0, 1)]
        return found[0] == found[1] and found[0].keys().isdisjoint(before)

    await until(is_replaced)
    await world.verified((await world.token())["token"], replica=1)


async def test_a_secret_of_somebody_else_is_left_alone_and_there_are_no_tokens(world: World) -> None:
    await world.token()
    core = CoreV1Api(world.api)
    await core.patch_namespaced_secret(SECRET, world.namespace, {"metadata": {"labels": {LABEL_ISSUER_KEYS: None}}})
    before = (await world.secret()).metadata.resource_version
    await until(lambda: answers(world, 409, "tokens_off"))
    assert "is left alone" in (await world.post())[1]["error"]
    assert (await world.replicas[0].get("/.well-known/jwks.json")).status == 404
    assert (await world.secret()).metadata.resource_version == before
    await core.patch_namespaced_secret(SECRET, world.namespace, {"metadata": {"labels": {LABEL_ISSUER_KEYS: "true"}}})
    await until(lambda: is_issued(world))


async def test_keys_of_a_later_release_are_left_alone(world: World) -> None:
    await world.token()
    text = base64.b64encode(json.dumps({"version": 2, "more": []}).encode()).decode()
    await CoreV1Api(world.api).patch_namespaced_secret(SECRET, world.namespace, {"data": {"keys.json": text}})
    await until(lambda: answers(world, 503, "tokens_unavailable"))
    assert (await world.secret()).data["keys.json"] == text
