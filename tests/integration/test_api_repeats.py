"""Repeats, waits, streams, credentials and keys on a real kube-apiserver with two replicas of the API."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

import orjson
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from fakes.lost_answers import LOST, losing
from fakes.until import until
from kubernetes.aio.client import ApiClient, CoreV1Api
from yarl import URL

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, digest, mint
from batteries_apiserver.keys import first_admin_key
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources, connect
from batteries_crds.kube.secrets import Secrets
from batteries_crds.names import ANNOTATION_REQUEST, LABEL_ACCOUNT_ID
from batteries_operator.controller.passwords import Passwords

Client = TestClient[web.Request, web.Application]
OWNER, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
UNKNOWN = "8f14e45f-ceea-467f-9575-0a1b2c3d4e5f"
FAR = "wait=20"
"""Longer than any test should have to wait."""


class Cluster(Protocol):
    """What the `cluster` fixture gives."""

    kubeconfig: Any

    def namespace(self) -> str: ...


class World:
    """One namespace with two paying customers, and two replicas of the API."""

    def __init__(self, api: ApiClient, namespace: str, replicas: list[Client], keys: dict[str, NewKey]) -> None:
        self.api, self.namespace, self.replicas, self.keys = api, namespace, replicas, keys

    @property
    def client(self) -> Client:
        return self.replicas[0]

    def headers(self, owner: str = OWNER, **more: str) -> dict[str, str]:
        names = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Authorization": f"Bearer {self.keys[owner].raw}", **names}

    @property
    def accounts(self) -> Resources[AwsAccount]:
        return Resources(self.api, AwsAccount, "batteries-operator")

    async def post(self, client: Client | None = None, **more: Any) -> ClientResponse:
        body = more.pop("json", {})
        return await (client or self.client).post("/v1/accounts", headers=self.headers(**more), json=body)

    async def made(self, **more: Any) -> str:
        response = await self.post(**more)
        assert response.status == 202, await response.text()
        return str((await response.json())["accountId"])

    async def operator_says(self, name: str, **status: Any) -> None:
        """Does the operator's part."""
        account = await self.accounts.get(self.namespace, name)
        body = {"status": {"observedGeneration": account.metadata.generation, **status}}
        await self.accounts.merge_status(self.namespace, name, body)

    async def event(self, name: str, *events: tuple[str, str]) -> None:
        """Appends to the account's history."""
        account = await self.accounts.get(self.namespace, name)
        history = [one.to_wire() for one in account.status.history]
        for second, step in events:
            history.append({"timestamp": f"2026-11-24T08:00:{second}Z", "step": step, "status": "started"})
        await self.operator_says(name, history=history)


@pytest.fixture
async def world(
    cluster: Cluster, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[World]:
    namespace = cluster.namespace()
    settings = Settings(
        kubeconfig=str(cluster.kubeconfig),
        namespace=namespace,
        api_heartbeat_seconds=0.2,
        api_streams_per_customer=2,
        api_key_limit=4,
        admin_key_secret="",
    )
    async with await connect(str(cluster.kubeconfig)) as api:
        customers, keys = Resources(api, Customer, "test"), Resources(api, ApiKey, "test")
        minted = {OWNER: mint(), OTHER: mint()}
        for owner, key in minted.items():
            spec = {"email": "a@example.com", "accountLimit": 5}
            await customers.create(namespace, {"metadata": {"name": owner}, "spec": spec})
            await customers.merge_status(namespace, owner, {"status": {"paymentMethod": "valid"}})
            spec = {"customerRef": {"name": owner}, "keyPrefix": key.prefix, "keyHash": key.digest}
            await keys.create(namespace, {"metadata": {"name": str(uuid4())}, "spec": spec})
        replicas = [await aiohttp_client(make_app(settings)) for _ in range(2)]
        made = World(api, namespace, replicas, minted)
        for client in replicas:
            await until(lambda client=client: ready(client))  # type: ignore[misc]
        yield made


async def ready(client: Client) -> bool:
    return (await client.get("/readyz")).status == 200


# --- Idempotency-Key


async def test_twenty_of_the_same_request_on_two_replicas_make_one_account(world: World) -> None:
    answers = await asyncio.gather(
        *(world.post(world.replicas[n % 2], Idempotency_Key='"once"', json={"githubRepos": ["o/r"]}) for n in range(20))
    )
    assert {answer.status for answer in answers} == {202}
    bodies = {await answer.text() for answer in answers}
    assert len(bodies) == 1, "the same answer, to the byte"
    assert len([one async for one in world.accounts.all(world.namespace)]) == 1
    later = await world.post(Idempotency_Key="once", json={"githubRepos": ["o/r"]})
    assert {await later.text()} == bodies, "bare or quoted is one key"


async def test_another_body_under_the_key_is_a_422_and_another_customers_key_is_another(world: World) -> None:
    account_id = await world.made(Idempotency_Key="k")
    refused = await world.post(Idempotency_Key="k", json={"githubRepos": ["o/r"]})
    assert refused.status == 422
    assert account_id in (await refused.json())["error"]
    assert await world.made(owner=OTHER, Idempotency_Key="k") != account_id


async def test_a_repeat_is_answered_where_nothing_new_would_be_admitted(world: World) -> None:
    account_id = await world.made(Idempotency_Key="k")
    await Resources(world.api, Customer, "test").merge(world.namespace, OWNER, {"spec": {"accountLimit": 1}})
    await Resources(world.api, Customer, "test").merge_status(
        world.namespace, OWNER, {"status": {"paymentMethod": "missing"}}
    )
    await until(lambda: _refused(world))
    assert await world.made(Idempotency_Key="k") == account_id


async def _refused(world: World) -> bool:
    return (await world.post(json={"githubRepos": 1})).status == 400 and (
        await world.client.post("/v1/accounts", headers=world.headers(OWNER, Idempotency_Key=str(uuid4())))
    ).status == 402


async def test_a_change_of_repositories_keeps_what_the_key_is_known_by(world: World) -> None:
    account_id = await world.made(Idempotency_Key="k")
    await world.operator_says(account_id, phase="active")
    answer = await world.client.patch(
        f"/v1/accounts/{account_id}", headers=world.headers(), json={"githubRepos": ["o/r"]}
    )
    assert answer.status == 200, await answer.text()
    assert ANNOTATION_REQUEST in (await world.accounts.get(world.namespace, account_id)).metadata.annotations
    assert await world.made(Idempotency_Key="k") == account_id


# --- Prefer: wait


async def test_a_post_that_waits_is_answered_when_the_account_is_active(world: World) -> None:
    asked = asyncio.create_task(world.post(Prefer=FAR))
    account = await until(lambda: _first(world))
    await world.operator_says(account, phase="creating")
    await asyncio.sleep(0.3)
    assert not asked.done()
    begun = time.monotonic()
    await world.operator_says(account, phase="active")
    answer = await asyncio.wait_for(asked, 5)
    assert time.monotonic() - begun < 2
    assert answer.status == 201
    assert answer.headers["Preference-Applied"] == FAR
    assert "Retry-After" not in answer.headers
    read = await world.client.get(answer.headers["Location"], headers=world.headers())
    body, shown = await answer.json(), await read.json()
    assert body["status"] == "active"
    assert {**body, "message": ""} == {**shown, "message": ""}, "the whole account, as GET shows it"
    again = await world.post(Idempotency_Key="none", Prefer="wait=0")
    assert (again.status, again.headers["Retry-After"]) == (202, "10"), "one that is not active yet is accepted"


async def test_a_post_that_waits_for_an_account_that_fails_says_why_and_not_to_poll(world: World) -> None:
    asked = asyncio.create_task(world.post(Prefer=FAR))
    account = await until(lambda: _first(world))
    await world.operator_says(account, phase="failed", error="An account with this e-mail address exists already.")
    answer = await asyncio.wait_for(asked, 5)
    body = await answer.json()
    assert (answer.status, body["status"]) == (202, "failed")
    assert body["error"]
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("malformed", ["wait=abc", "wait=-1", "wait"])
async def test_a_wait_that_cannot_be_read_is_not_waited_and_the_answer_says_so(world: World, malformed: str) -> None:
    account_id = await world.made()
    answer = await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers(Prefer=malformed))
    assert (answer.status, answer.headers["Preference-Applied"]) == (200, "wait=0")


async def _first(world: World) -> str | None:
    return next(iter([one.metadata.name async for one in world.accounts.all(world.namespace)]), None)


async def test_a_wait_ends_with_its_time_and_says_what_is_so(world: World) -> None:
    account_id = await world.made()
    answer = await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers(Prefer="wait=1"))
    assert (answer.status, (await answer.json())["status"]) == (200, "pending")
    assert answer.headers["Preference-Applied"] == "wait=1"
    assert "Preference-Applied" not in (await world.post()).headers


async def test_a_wait_is_bounded_by_the_setting(world: World) -> None:
    account_id = await world.made()
    asked = asyncio.create_task(
        world.client.get(f"/v1/accounts/{account_id}", headers=world.headers(Prefer="wait=99999"))
    )
    await asyncio.sleep(0.2)
    await world.accounts.delete(world.namespace, account_id)
    answer = await asyncio.wait_for(asked, 5)
    assert answer.headers["Preference-Applied"] == "wait=20"


async def test_a_change_that_waits_is_answered_when_it_is_applied(world: World) -> None:
    account_id = await world.made()
    await world.operator_says(account_id, phase="active")
    path = f"/v1/accounts/{account_id}"
    asked = asyncio.create_task(
        world.client.patch(path, headers=world.headers(Prefer=FAR), json={"githubRepos": ["o/r"]})
    )
    await until(lambda: _has_repositories(world, account_id))
    await asyncio.sleep(0.2)
    assert not asked.done()
    await world.operator_says(account_id, phase="active", githubRepos=["o/r"])
    answer = await asyncio.wait_for(asked, 5)
    assert (await answer.json())["githubRepos"] == ["o/r"]


async def _has_repositories(world: World, account_id: str) -> bool:
    return bool((await world.accounts.get(world.namespace, account_id)).spec.github_repos)


async def test_whoever_waits_is_answered_at_once_when_the_server_goes(world: World) -> None:
    account_id = await world.made()
    path = f"/v1/accounts/{account_id}"
    asked = asyncio.create_task(world.client.get(path, headers=world.headers(Prefer=FAR)))
    streaming = await world.client.get(f"{path}/events", headers=world.headers(Accept="text/event-stream"))
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    closing = asyncio.create_task(world.client.server.close())
    answer = await asyncio.wait_for(asked, 5)
    assert (answer.status, (await answer.json())["status"]) == (200, "pending")
    assert await asyncio.wait_for(streaming.content.read(), 5), "the stream ends whole"
    await asyncio.wait_for(closing, 10)
    assert time.monotonic() - begun < 4


# --- events


class Stream:
    """A stream's events, one at a time."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def next(self) -> dict[str, str]:
        """The next event's fields; comments are skipped."""
        async with asyncio.timeout(5):
            fields: dict[str, str] = {}
            while True:
                line = (await self.response.content.readline()).decode()
                if line == "":
                    raise EOFError
                name, _, value = line.rstrip("\n").partition(": ")
                if line == "\n" and "data" in fields:
                    return fields
                if name:
                    fields[name] = value


async def follow(world: World, account_id: str, query: str = "", **more: str) -> Stream:
    headers = world.headers(Accept="text/event-stream", **more)
    response = await world.client.get(f"/v1/accounts/{account_id}/events{query}", headers=headers)
    assert response.status == 200, await response.text()
    assert response.content_type == "text/event-stream"
    assert response.headers["X-Request-Id"]
    return Stream(response)


async def test_a_stream_sends_what_there_is_and_then_each_event_as_it_comes(world: World) -> None:
    account_id = await world.made()
    await world.event(account_id, ("01", "create_account"), ("02", "check_status"))
    await until(lambda: _events(world, account_id))
    stream = await follow(world, account_id)
    first, second = await stream.next(), await stream.next()
    assert [orjson.loads(one["data"])["step"] for one in (first, second)] == ["create_account", "check_status"]
    assert first["event"] == "provisioning"
    await world.event(account_id, ("03", "wait_for_role"))
    third = await stream.next()
    assert orjson.loads(third["data"])["step"] == "wait_for_role"
    again = await follow(world, account_id, Last_Event_ID=first["id"])
    assert (await again.next())["id"] == second["id"]
    listed = await world.client.get(
        f"/v1/accounts/{account_id}/events", headers=world.headers(Last_Event_ID=second["id"])
    )
    assert [one["id"] for one in (await listed.json())["events"]] == [third["id"]]
    await world.accounts.delete(world.namespace, account_id)
    with pytest.raises(EOFError):
        await stream.next()


@pytest.mark.parametrize("phase", ["active", "failed"])
async def test_a_stream_ends_with_the_account_once_it_is_settled(world: World, phase: str) -> None:
    account_id = await world.made()
    stream = await follow(world, account_id)
    await world.event(account_id, ("01", "create_account"))
    event = await stream.next()
    await world.operator_says(account_id, phase=phase)
    last = await stream.next()
    assert last["event"] == phase
    read = await (await world.client.get(f"/v1/accounts/{account_id}", headers=world.headers())).json()
    assert {**orjson.loads(last["data"]), "message": ""} == {**read, "message": ""}
    with pytest.raises(EOFError):
        await stream.next()
    # A browser's EventSource reconnects with the last id, and 204 is how it is told to stop.
    headers = world.headers(Accept="text/event-stream", Last_Event_ID=last["id"])
    over = await world.client.get(f"/v1/accounts/{account_id}/events", headers=headers)
    assert (over.status, await over.read()) == (204, b"")
    # One that was cut off just before the end gets only the end.
    resumed = await follow(world, account_id, Last_Event_ID=event["id"])
    assert (await resumed.next())["id"] == last["id"]
    await world.event(account_id, ("05", "setup_oidc"))
    await until(lambda: _lists(world, account_id, "setup_oidc"))
    after_that = await follow(world, account_id, Last_Event_ID=last["id"])
    assert orjson.loads((await after_that.next())["data"])["step"] == "setup_oidc"
    assert (await after_that.next())["event"] == phase


async def _lists(world: World, account_id: str, step: str) -> bool:
    """Whether the replica that is asked has heard of the step's event."""
    answer = await world.client.get(f"/v1/accounts/{account_id}/events", headers=world.headers())
    return any(event["step"] == step for event in (await answer.json())["events"])


async def test_a_stream_without_any_event_ends_too_and_is_not_begun_again(world: World) -> None:
    account_id = await world.made()
    stream = await follow(world, account_id)
    await world.operator_says(account_id, phase="active")
    last = await stream.next()
    assert last["event"] == "active"
    headers = world.headers(Accept="text/event-stream", Last_Event_ID=last["id"])
    assert (await world.client.get(f"/v1/accounts/{account_id}/events", headers=headers)).status == 204


async def test_a_stream_that_follows_stays_and_says_each_time_that_the_account_settled(world: World) -> None:
    account_id = await world.made()
    await world.operator_says(account_id, phase="active")
    stream = await follow(world, account_id, "?follow=true")
    active = await stream.next()
    assert active["event"] == "active"
    await world.event(account_id, ("05", "setup_oidc"))
    assert [(await stream.next())["event"] for _ in range(2)] == ["provisioning", "active"]
    await world.operator_says(account_id, phase="failed")
    assert (await stream.next())["event"] == "failed"
    again = await follow(world, account_id, "?follow=true", Last_Event_ID=active["id"])
    assert (await again.next())["event"] == "provisioning"
    wrong = await world.client.get(f"/v1/accounts/{account_id}/events?follow=maybe", headers=world.headers())
    assert (wrong.status, (await wrong.json())["code"]) == (400, "invalid_request")


async def test_a_step_begun_twice_in_one_second_is_two_events_of_a_stream(world: World) -> None:
    account_id = await world.made()
    stream = await follow(world, account_id)
    seen = []
    for _ in range(3):
        await world.event(account_id, ("10", "check_status"))
        seen.append((await stream.next())["id"])
    assert len(set(seen)) == 3

    async def goes_on_with_the_rest() -> bool:
        headers = world.headers(Last_Event_ID=seen[0])
        listed = await (await world.replicas[1].get(f"/v1/accounts/{account_id}/events", headers=headers)).json()
        return [one["id"] for one in listed["events"]] == seen[1:]

    await until(goes_on_with_the_rest)


async def _events(world: World, account_id: str) -> bool:
    response = await world.client.get(f"/v1/accounts/{account_id}/events", headers=world.headers())
    return bool((await response.json())["events"])


async def test_streams_are_counted_by_customer_and_a_closed_one_counts_no_more(world: World) -> None:
    account_id = await world.made()
    open_ones = [await follow(world, account_id) for _ in range(2)]
    refused = await world.client.get(
        f"/v1/accounts/{account_id}/events", headers=world.headers(Accept="text/event-stream")
    )
    assert (refused.status, (await refused.json())["code"]) == (429, "too_many_streams")
    open_ones[0].response.close()

    async def admitted() -> bool:
        response = await world.client.get(
            f"/v1/accounts/{account_id}/events", headers=world.headers(Accept="text/event-stream")
        )
        return response.status == 200

    await until(admitted)


async def test_a_revoked_key_loses_its_stream(world: World) -> None:
    account_id = await world.made()
    stream = await follow(world, account_id)
    listed = await (await world.client.get("/v1/keys", headers=world.headers())).json()
    other = await world.client.post(
        "/v1/keys", headers=world.headers(), json={"name": "CI"}
    )  # the last one can't be revoked
    assert other.status == 201
    revoked = await world.client.delete(f"/v1/keys/{listed['keys'][0]['id']}", headers=world.headers())
    assert revoked.status == 204
    with pytest.raises(EOFError):
        await stream.next()


# --- ETag


async def test_a_poll_that_finds_nothing_new_is_a_304_until_something_is(world: World) -> None:
    account_id = await world.made()
    for path in (f"/v1/accounts/{account_id}", "/v1/accounts", "/v1/accounts?limit=1"):
        await until(lambda path=path: _has_tag(world, path))  # type: ignore[misc]
        tag = (await world.client.get(path, headers=world.headers())).headers["ETag"]
        same = await world.client.get(path, headers=world.headers(If_None_Match=tag))
        assert (same.status, await same.read(), same.headers["ETag"]) == (304, b"", tag)
        await world.event(account_id, (str(10 + len(path)), "check_status"))
        await until(lambda path=path, tag=tag: _is_new(world, path, tag))  # type: ignore[misc]


async def _has_tag(world: World, path: str) -> bool:
    return "ETag" in (await world.client.get(path, headers=world.headers())).headers


async def _is_new(world: World, path: str, tag: str) -> bool:
    return (await world.client.get(path, headers=world.headers(If_None_Match=tag))).status == 200


# --- pages and the limit


async def test_the_next_link_leads_through_the_whole_list(world: World) -> None:
    wanted = {await world.made() for _ in range(5)}
    assert (await world.post()).status == 409, "the limit is five"
    path, seen = "/v1/accounts?limit=2", []
    while path:
        response = await world.client.get(path, headers=world.headers())
        shown = [one["accountId"] for one in (await response.json())["accounts"]]
        assert len(shown) <= 2
        seen += shown
        path = str(URL(response.links["next"]["url"]).relative()) if "next" in response.links else ""
    assert len(seen) == 5
    assert set(seen) == wanted
    whole = await world.client.get("/v1/accounts", headers=world.headers())
    assert [one["accountId"] for one in (await whole.json())["accounts"]] == seen
    assert "Link" not in whole.headers


async def test_what_one_replica_made_counts_on_the_other_before_it_has_heard_of_it(world: World) -> None:
    kube = world.replicas[1].server.app[KUBE]  # type: ignore[attr-defined]
    kube.caches.accounts._store.replace = lambda item: None  # hears nothing any more
    for _ in range(5):
        assert (await world.post(world.replicas[0])).status == 202
    assert (await world.post(world.replicas[1])).status == 409


async def test_a_customer_of_the_same_name_in_another_namespace_is_somebody_else(
    cluster: Cluster, world: World
) -> None:
    elsewhere, name = cluster.namespace(), str(uuid4())
    spec = {"customerRef": {"name": OWNER}}
    await world.accounts.apply(elsewhere, name, {"spec": spec})
    accounts = world.client.server.app[KUBE].caches.accounts  # type: ignore[attr-defined]
    await until(lambda: _holds(accounts, name))
    mine = await world.made()
    listed = await (await world.client.get("/v1/accounts", headers=world.headers())).json()
    assert [one["accountId"] for one in listed["accounts"]] == [mine]
    for method, path in (("GET", ""), ("PATCH", ""), ("GET", "/events"), ("POST", "/credentials")):
        answer = await world.client.request(
            method, f"/v1/accounts/{name}{path}", headers=world.headers(), json={"githubRepos": []} if not path else {}
        )
        assert answer.status == 404, (method, path)


async def _holds(accounts: Any, name: str) -> bool:
    return any(one.metadata.name == name for one in accounts.all())


# --- credentials


async def with_password(world: World) -> tuple[str, str]:
    account_id = await world.made()
    account = await world.accounts.get(world.namespace, account_id)
    stored = await Passwords(Secrets(world.api, "test")).get_or_create(account, "admin")
    url = "https://123456789012.signin.aws.amazon.com/console"
    await world.operator_says(account_id, signInUrl=url, credentialsSecretName=stored.secret_name)
    await until(lambda: _shows(world, account_id, "signInUrl"))
    return account_id, stored.password


async def _shows(world: World, account_id: str, field: str) -> bool:
    shown = [await (await c.get(f"/v1/accounts/{account_id}", headers=world.headers())).json() for c in world.replicas]
    return all(field in one for one in shown)


async def test_of_twenty_that_ask_for_the_password_on_two_replicas_one_gets_it(world: World) -> None:
    account_id, password = await with_password(world)
    path = f"/v1/accounts/{account_id}/credentials"
    answers = await asyncio.gather(*(world.replicas[n % 2].post(path, headers=world.headers()) for n in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 19
    [given] = [answer for answer in answers if answer.status == 200]
    assert given.headers["Cache-Control"] == "no-store"
    assert await given.json() == {
        "userName": "admin",
        "password": password,
        "signInUrl": "https://123456789012.signin.aws.amazon.com/console",
    }
    account = await world.accounts.get(world.namespace, account_id)
    assert await Passwords(Secrets(world.api, "test")).find(account) is None


async def test_only_the_very_secret_that_was_read_can_be_taken(world: World) -> None:
    secrets = world.client.server.app[KUBE].secrets  # type: ignore[attr-defined]
    old = await secrets.create(world.namespace, "changing", {"password": "old"})
    await CoreV1Api(world.api).patch_namespaced_secret(
        "changing", world.namespace, {"stringData": {"password": "new"}}, _content_type="application/merge-patch+json"
    )
    assert not await secrets.take(world.namespace, old)
    new = await secrets.find(world.namespace, "changing")
    assert new.data == {"password": "new"}
    assert await secrets.take(world.namespace, new)


async def test_a_password_is_its_owners_and_is_not_there_too_early(world: World) -> None:
    account_id, _ = await with_password(world)
    stranger = await world.client.post(f"/v1/accounts/{account_id}/credentials", headers=world.headers(OTHER))
    assert (stranger.status, (await stranger.json())["code"]) == (404, "account_not_found")
    early = await world.client.post(f"/v1/accounts/{await world.made()}/credentials", headers=world.headers())
    assert (early.status, (await early.json())["code"]) == (409, "credentials_not_ready")


async def test_no_secret_but_the_accounts_own_is_given_away(world: World) -> None:
    account_id = await world.made()
    foreign: Any = {"metadata": {"name": "foreign"}, "stringData": {"username": "u", "password": "p"}}
    await CoreV1Api(world.api).create_namespaced_secret(world.namespace, foreign)
    await world.operator_says(account_id, signInUrl="https://x", credentialsSecretName="foreign")
    await until(lambda: _shows(world, account_id, "signInUrl"))
    answer = await world.client.post(f"/v1/accounts/{account_id}/credentials", headers=world.headers())
    assert answer.status == 404
    assert await CoreV1Api(world.api).read_namespaced_secret("foreign", world.namespace)


@pytest.mark.parametrize("how", ["uid", "label", "type"])
async def test_a_secret_of_the_right_name_is_not_given_away_unless_it_is_the_accounts_own(
    world: World, how: str
) -> None:
    account_id, _ = await with_password(world)
    account, secrets = await world.accounts.get(world.namespace, account_id), Secrets(world.api, "test")
    name = str(account.status.credentials_secret_name)
    own = await secrets.get(world.namespace, name)
    assert await secrets.take(world.namespace, own)
    owner = account.reference() | ({"uid": str(uuid4())} if how == "uid" else {})
    labels = {LABEL_ACCOUNT_ID: UNKNOWN if how == "label" else account_id}
    planted: Any = {
        "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
        "type": "kubernetes.io/basic-auth" if how == "type" else "Opaque",
        "stringData": {"username": "u", "password": "p"},
    }
    core = CoreV1Api(world.api)
    await core.create_namespaced_secret(world.namespace, planted)
    answer = await world.client.post(f"/v1/accounts/{account_id}/credentials", headers=world.headers())
    assert (answer.status, (await answer.json())["code"]) == (404, "credentials_gone")
    assert await core.read_namespaced_secret(name, world.namespace), "it is not deleted either"


@pytest.mark.parametrize("by", ["spec", "hold", "deletion"])
async def test_no_password_is_revealed_between_an_order_to_close_and_its_execution(world: World, by: str) -> None:
    account_id, _ = await with_password(world)
    if by == "spec":
        await world.accounts.merge(world.namespace, account_id, {"spec": {"suspended": True}})
    elif by == "hold":
        await world.operator_says(account_id, hold="PaymentMethodMissing")
    else:
        finalizer = {"metadata": {"finalizers": ["example.com/test"]}}
        await world.accounts.merge(world.namespace, account_id, finalizer)
        await world.accounts.delete(world.namespace, account_id)
    answer = await world.client.post(f"/v1/accounts/{account_id}/credentials", headers=world.headers())
    assert (answer.status, (await answer.json())["code"]) == (409, "account_not_active")
    account = await world.accounts.get(world.namespace, account_id)
    assert await Passwords(Secrets(world.api, "test")).find(account) is not None


async def test_an_order_that_comes_while_the_password_is_taken_counts(world: World, monkeypatch: Any) -> None:
    account_id, _ = await with_password(world)
    secrets = world.client.server.app[KUBE].secrets  # type: ignore[attr-defined]
    take = secrets.take

    async def ordered_meanwhile(namespace: str, secret: Any) -> bool:
        await world.accounts.merge(world.namespace, account_id, {"spec": {"suspended": True}})
        return bool(await take(namespace, secret))

    monkeypatch.setattr(secrets, "take", ordered_meanwhile)
    answer = await world.client.post(f"/v1/accounts/{account_id}/credentials", headers=world.headers())
    assert (answer.status, (await answer.json())["code"]) == (409, "account_not_active")


# --- keys


async def test_no_key_is_made_for_a_customer_that_is_gone(world: World) -> None:
    await Resources(world.api, Customer, "test").delete(world.namespace, OWNER)
    answer = await world.client.post("/v1/keys", headers=world.headers(), json={"name": "x"})
    assert (answer.status, (await answer.json())["code"]) == (409, "customer_gone")


async def test_a_key_is_made_used_listed_and_revoked(world: World) -> None:
    response = await world.client.post("/v1/keys", headers=world.headers(), json={"name": "CI ☃"})
    assert response.status == 201, await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    made = await response.json()
    assert made.keys() == {"id", "key", "keyPrefix", "name", "scope", "createdAt"}
    assert made["name"] == "CI ☃"
    own = {"Authorization": f"Bearer {made['key']}"}
    for client in world.replicas:
        assert (await client.get("/v1/accounts", headers=own)).status == 200
    listed = (await (await world.client.get("/v1/keys", headers=own)).json())["keys"]
    assert {one["id"] for one in listed} >= {made["id"]}
    assert all(made["key"] not in str(one) and "keyHash" not in one for one in listed)
    for _ in range(2):
        revoked = await world.client.delete(f"/v1/keys/{made['id']}", headers=world.headers())
        assert (revoked.status, await revoked.read()) == (204, b"")
    assert (await world.client.get("/v1/accounts", headers=own)).status == 401
    key = await Resources(world.api, ApiKey, "test").get(world.namespace, made["id"])
    assert [reference["name"] for reference in await _owners(world, key)] == [OWNER]


@pytest.mark.parametrize("error", LOST, ids=repr)
@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (1, 1)])
async def test_a_key_whose_making_was_not_answered_is_given_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, before: int, after: int
) -> None:
    live = world.client.server.app[KUBE].keys  # type: ignore[attr-defined]
    monkeypatch.setattr(live, "create", losing(live.create, error, before=before, after=after))
    response = await world.client.post("/v1/keys", headers=world.headers(), json={"name": "CI"})
    assert response.status == 201, await response.text()
    own = {"Authorization": f"Bearer {(await response.json())['key']}"}
    listed = await (await world.client.get("/v1/keys", headers=own)).json()
    assert len(listed["keys"]) == 2


async def _owners(world: World, key: ApiKey) -> list[dict[str, Any]]:
    from kubernetes.aio.client import CustomObjectsApi

    raw: Any = await CustomObjectsApi(world.api).get_namespaced_custom_object(
        "aibatteriesincluded.com", "v1", world.namespace, "apikeys", key.metadata.name
    )
    return list(raw["metadata"]["ownerReferences"])


async def test_a_repeat_makes_no_second_key_and_says_which_was_made(world: World) -> None:
    async def ask(n: int) -> ClientResponse:
        headers = world.headers(Idempotency_Key="ci")
        return await world.replicas[n % 2].post("/v1/keys", headers=headers, json={"name": f"{n}"})

    answers = await asyncio.gather(*(ask(n) for n in range(10)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    [made] = [await answer.json() for answer in answers if answer.status == 201]
    for answer in answers:
        body = await answer.json()
        assert answer.status == 201 or (made["id"] in body["error"] and body["code"] == "key_already_made")


@pytest.mark.parametrize(("key_id", "status"), [("x", 400), ("%00", 400), (UNKNOWN, 404), ("others", 404)])
async def test_only_an_own_key_can_be_revoked(world: World, key_id: str, status: int) -> None:
    if key_id == "others":
        listed = await (await world.client.get("/v1/keys", headers=world.headers(OTHER))).json()
        key_id = listed["keys"][0]["id"]
    answer = await world.client.delete(f"/v1/keys/{key_id}", headers=world.headers())
    assert answer.status == status
    assert (await world.client.get("/v1/accounts", headers=world.headers(OTHER))).status == 200


async def test_keys_are_limited_even_against_making_and_revoking_in_a_loop(world: World) -> None:
    for _ in range(3):
        made = await (await world.client.post("/v1/keys", headers=world.headers(), json={"name": "x"})).json()
        await world.client.delete(f"/v1/keys/{made['id']}", headers=world.headers())
    refused = await world.client.post("/v1/keys", headers=world.headers(), json={"name": "x"})
    assert (refused.status, (await refused.json())["code"]) == (409, "key_limit_reached")


async def test_many_replicas_that_start_at_once_mint_one_administrators_key(world: World) -> None:
    kubes = [client.server.app[KUBE] for client in world.replicas]  # type: ignore[attr-defined]
    await asyncio.gather(*(first_admin_key.ensure(kubes[n % 2], "first") for n in range(10)))
    keys = [one async for one in Resources(world.api, ApiKey, "test").all(world.namespace)]
    assert len([one for one in keys if one.spec.role == "admin"]) == 1
    secret = await kubes[0].secrets.find(world.namespace, "first")
    headers = {"Authorization": f"Bearer {secret.data['key']}"}
    assert (await world.client.get("/v1/admin/accounts", headers=headers)).status == 200
    assert (await world.client.get("/v1/admin/accounts", headers=world.headers())).status == 401


def admin_keys(world: World) -> AsyncIterator[ApiKey]:
    return Resources(world.api, ApiKey, "test").all(world.namespace)


async def test_a_planted_secret_makes_nobody_an_administrator(world: World) -> None:
    kube, planted = world.client.server.app[KUBE], mint()  # type: ignore[attr-defined]
    secret = await kube.secrets.create(world.namespace, "first", {"key": planted.raw})
    assert not await first_admin_key.ensure(kube, "first")
    assert [one async for one in admin_keys(world) if one.spec.role == "admin"] == []
    headers = {"Authorization": f"Bearer {planted.raw}"}
    assert (await world.client.get("/v1/admin/accounts", headers=headers)).status == 401
    assert await kube.secrets.take(world.namespace, secret)
    assert await first_admin_key.ensure(kube, "first"), "once it is gone, a key is made"


async def test_a_secret_planted_while_the_key_is_made_is_not_believed(world: World, monkeypatch: Any) -> None:
    kube, planted = world.client.server.app[KUBE], mint()  # type: ignore[attr-defined]
    create = kube.secrets.create

    async def too_late(namespace: str, name: str, data: dict[str, str]) -> Any:
        await create(namespace, name, {"key": planted.raw})
        return await create(namespace, name, data)

    monkeypatch.setattr(kube.secrets, "create", too_late)
    assert not await first_admin_key.ensure(kube, "first")
    assert all([one.spec.revoked_at async for one in admin_keys(world) if one.spec.role == "admin"])
    assert not await first_admin_key.ensure(kube, "first")


async def test_a_key_whose_maker_was_killed_before_its_secret_is_made_anew(world: World, monkeypatch: Any) -> None:
    kube = world.client.server.app[KUBE]  # type: ignore[attr-defined]
    create = kube.secrets.create

    async def killed(*_: Any) -> Any:
        raise TimeoutError

    monkeypatch.setattr(kube.secrets, "create", killed)
    with pytest.raises(TimeoutError):
        await first_admin_key.ensure(kube, "first")
    monkeypatch.setattr(kube.secrets, "create", create)
    assert not await first_admin_key.ensure(kube, "first"), "another replica may be at it"
    monkeypatch.setattr(first_admin_key, "_AT_WORK", timedelta(0))
    assert await first_admin_key.ensure(kube, "first")
    secret = await kube.secrets.get(world.namespace, "first")
    headers = {"Authorization": f"Bearer {secret.data['key']}"}
    assert (await world.client.get("/v1/admin/accounts", headers=headers)).status == 200
    every = [one.spec async for one in admin_keys(world) if one.spec.role == "admin"]
    assert [spec.key_hash for spec in every if spec.revoked_at is None] == [digest(secret.data["key"])]
