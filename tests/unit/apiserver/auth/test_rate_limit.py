"""Rate limits, whom they count, and the headers of every answer."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, make_mocked_request
from fakes.api_caches import settle
from kubernetes.aio.client import ApiClient, Configuration

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.key_claim import key_name_of
from batteries_apiserver.billing.sessions import NewSession
from batteries_apiserver.events.stream import Streams
from batteries_apiserver.http.client_address import client_address
from batteries_apiserver.http.errors import TooManyRequests
from batteries_apiserver.http.fixed_window import FixedWindows
from batteries_apiserver.kube.clients import KUBE, Kube, kube_of
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.customer import Customer

Client = TestClient[web.Request, web.Application]
Open = Callable[..., Awaitable[Client]]
PROBES = ("/healthz", "/readyz")


@pytest.fixture
def keys() -> list[NewKey]:
    """Two of one customer, one of another, two of administrators."""
    return [mint() for _ in range(5)]


def stored(key: NewKey, name: str, version: int, **spec: Any) -> ApiKey:
    metadata = {"name": name, "namespace": "n", "uid": "u", "resourceVersion": str(version)}
    whose = spec or {"customerRef": {"name": "c"}}
    return ApiKey.model_validate(
        {"metadata": metadata, "spec": {"keyPrefix": key.prefix, "keyHash": key.digest, **whose}}
    )


@pytest.fixture
async def open_client(keys: list[NewKey], aiohttp_client: Callable[..., Awaitable[Client]]) -> Open:
    """The application with known keys and nothing behind it."""

    @asynccontextmanager
    async def source(settings: Settings) -> AsyncIterator[Kube]:
        async with ApiClient(Configuration(host="http://127.0.0.1:9")) as api:
            kube = kube_of(api, settings)
            settle(kube.caches)
            for number, name in enumerate(("c", "d")):
                metadata = {"name": name, "namespace": "n", "uid": "u", "resourceVersion": str(number + 2)}
                kube.caches.customers.put(
                    Customer.model_validate({"metadata": metadata, "spec": {"email": "a@example.com"}})
                )
            whose: list[dict[str, Any]] = [{"customerRef": {"name": name}} for name in ("c", "c", "d")]
            for number, (key, spec) in enumerate(zip(keys, [*whose, *[{"role": "admin"}] * 2], strict=True)):
                kube.caches.keys.put(stored(key, f"key-{number}", number + 2, **spec))
            yield kube

    async def opened(**settings: Any) -> Client:
        return await aiohttp_client(make_app(Settings(namespace="n", **settings), source))

    return opened


def bearer(key: NewKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.raw}"}


async def statuses(client: Client, path: str, times: int, **options: Any) -> list[int]:
    return [(await client.get(path, **options)).status for _ in range(times)]


# --- limits


async def test_beyond_the_limit_is_a_429_that_says_when_to_come_back(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=3)
    assert await statuses(client, "/nope", 3) == [404] * 3
    response = await client.get("/nope")
    assert response.status == 429
    body = await response.json()
    assert body["code"] == "too_many_requests"
    seconds = int(response.headers["Retry-After"])
    assert 0 < seconds <= 60
    assert f"again in {seconds} seconds." in body["error"]
    assert response.headers["RateLimit-Policy"] == '"anonymous";q=3;w=60'
    assert response.headers["RateLimit"] == f'"anonymous";r=0;t={seconds}'


async def test_every_answer_tells_what_is_left(open_client: Open, keys: list[NewKey]) -> None:
    client = await open_client(rate_limit_key=10)
    told = [(await client.get("/v1/accounts", headers=bearer(keys[0]))).headers["RateLimit"] for _ in range(3)]
    assert [re.sub("t=.*", "", one) for one in told] == ['"key";r=9;', '"key";r=8;', '"key";r=7;']


async def test_a_customers_keys_share_a_limit_and_anonymous_callers_do_not_use_it_up(
    open_client: Open, keys: list[NewKey]
) -> None:
    client = await open_client(rate_limit_key=2, rate_limit_anonymous=2)
    answers = [await client.get("/v1/accounts", headers=bearer(key)) for key in (keys[0], keys[1], keys[0], keys[1])]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert "one customer may send 2 of these" in (await answers[2].json())["error"]
    assert await statuses(client, "/v1/accounts", 2, headers=bearer(keys[2])) == [200, 200], "another customer"
    assert await statuses(client, "/v1/accounts", 3) == [401, 401, 429]


async def test_each_administrators_key_has_its_own_limit(open_client: Open, keys: list[NewKey]) -> None:
    client = await open_client(rate_limit_key=2)
    for key in keys[3:]:
        assert await statuses(client, "/v1/admin/accounts", 3, headers=bearer(key)) == [200, 200, 429]


async def test_guessing_keys_is_limited_by_address(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=3)
    answers = [(await client.get("/v1/accounts", headers={"Authorization": f"Bearer {n}"})).status for n in range(4)]
    assert answers == [401, 401, 401, 429]


@pytest.mark.parametrize(("path", "status"), [("/v1/accounts", 401), ("/v1/llms.txt", 200)])
async def test_a_key_that_is_no_text_is_an_unknown_one_and_limited_by_address(
    open_client: Open, path: str, status: int
) -> None:
    client = await open_client(rate_limit_anonymous=2)
    assert [await sent(client, path, b"Bearer \xff") for _ in range(3)] == [status, status, 429]


async def sent(client: Client, path: str, authorization: bytes) -> int:
    """The status of the answer to these very bytes, which no HTTP client would send."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(b"GET %b HTTP/1.1\r\nHost: a\r\nAuthorization: %b\r\n\r\n" % (path.encode(), authorization))
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


STRIPE: dict[str, Any] = {"stripe_secret_key": "sk_test_unit", "stripe_test_mode": True}
EMAIL = {"email": "ada@example.com"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Stripe was asked for: it begins each checkout, and knows no session."""
    found: list[str] = []

    async def new_session(gateway: StripeGateway, email: str, **urls: str) -> NewSession:
        found.append(email)
        return NewSession("cs_test_12345678", "https://checkout.example/")

    async def completed_session(gateway: StripeGateway, session_id: str) -> None:
        found.append(session_id)

    monkeypatch.setattr(StripeGateway, "new_session", new_session)
    monkeypatch.setattr(StripeGateway, "session", completed_session)
    return found


async def test_sign_ups_have_a_limit_of_their_own_whatever_key_is_shown(
    open_client: Open, keys: list[NewKey], asked: list[str]
) -> None:
    client = await open_client(rate_limit_sign_up=2, **STRIPE)
    answers = [await client.post("/v1/stripe/setup", json=EMAIL, headers=bearer(key)) for key in keys[:3]]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].headers["RateLimit-Policy"] == '"sign-up";q=2;w=60'
    assert len(asked) == 2
    assert (await client.get("/v1/stripe/session/cs_test_12345678")).status == 404


@pytest.mark.parametrize(
    "body",
    [{"data": b""}, {"data": b"not json"}, {"json": {}}, {"json": {"email": "nobody"}}, {"json": {"email": None}}],
    ids=["nothing", "no JSON", "no field", "no address", "null"],
)
async def test_sign_ups_that_never_reach_stripe_leave_room_for_those_that_do(
    open_client: Open, asked: list[str], body: dict[str, Any]
) -> None:
    client = await open_client(**STRIPE)
    refused = [(await client.post("/v1/stripe/setup", **body)).status for _ in range(130)]
    assert set(refused) == {400}
    assert asked == []
    assert (await client.post("/v1/stripe/setup", json=EMAIL)).status == 200


async def test_what_never_reaches_stripe_counts_like_any_other_request(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=3, **STRIPE)
    answers = [(await client.post("/v1/stripe/setup")).status for _ in range(2)]
    answers += await statuses(client, "/v1/stripe/session/cs_x", 2)
    assert answers == [400, 400, 404, 429]


async def test_without_stripe_no_sign_up_is_counted(open_client: Open) -> None:
    client = await open_client(rate_limit_sign_up=1)
    assert [(await client.post("/v1/stripe/setup", json=EMAIL)).status for _ in range(3)] == [503] * 3


async def test_session_lookups_have_their_own_limit_so_made_up_ones_cannot_use_up_stripes(
    open_client: Open, keys: list[NewKey], asked: list[str]
) -> None:
    client = await open_client(rate_limit_sign_up=2, rate_limit_anonymous=4, **STRIPE)
    path = "/v1/stripe/session/cs_test_1234567"
    answers = [await client.get(f"{path}{n}", headers=bearer(keys[0])) for n in range(3)]
    assert [answer.status for answer in answers] == [404, 404, 429]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"session";q=2;w=60'}
    told = [re.sub("t=.*", "", answer.headers["RateLimit"]) for answer in answers]
    assert told == ['"session";r=1;', '"session";r=0;', '"session";r=0;']
    assert int(answers[2].headers["Retry-After"]) > 0
    # A bucket of its own: sign-ups have no less for it.
    answers = [await client.post("/v1/stripe/setup", json=EMAIL) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert len(asked) == 4


async def test_sessions_that_stripe_is_not_asked_for_take_nothing_from_those_that_it_is(
    open_client: Open, keys: list[NewKey], asked: list[str]
) -> None:
    client = await open_client(rate_limit_sign_up=1, **STRIPE)
    fetched = "cs_test_fetched1"
    client.server.app[KUBE].caches.keys.put(stored(keys[0], key_name_of(fetched), 9))  # type: ignore[attr-defined]
    assert await statuses(client, "/v1/stripe/session/no-session", 5) == [404] * 5
    assert await statuses(client, f"/v1/stripe/session/{fetched}", 5) == [404] * 5
    assert asked == []
    assert await statuses(client, "/v1/stripe/session/cs_test_12345678", 2) == [404, 429]


async def test_probes_and_stripes_webhooks_are_not_limited(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=1, rate_limit_sign_up=1, rate_limit_key=1)
    for path in PROBES:
        assert 429 not in await statuses(client, path, 5)
    answers = [(await client.post("/v1/stripe/callback", data=b"{}")) for _ in range(5)]
    assert {answer.status for answer in answers} == {503}  # Stripe is not configured here
    assert "RateLimit" not in answers[0].headers


async def test_the_usual_limits_let_twenty_accounts_and_twenty_pollers_through(
    open_client: Open, keys: list[NewKey]
) -> None:
    client = await open_client()
    asked = [client.post("/v1/accounts", headers=bearer(keys[0]), data=b"[]") for _ in range(20)]
    assert {answer.status for answer in await asyncio.gather(*asked)} == {400}
    # Twenty clients that ask each second, for a minute: with one key, and without one from one address.
    with_key = [client.get("/v1/accounts", headers=bearer(keys[0])) for _ in range(20 * 60)]
    without = [client.get("/nope") for _ in range(20 * 60)]
    assert {answer.status for answer in await asyncio.gather(*with_key)} == {200}
    assert {answer.status for answer in await asyncio.gather(*without)} == {404}


async def test_a_limit_of_zero_is_none(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=0)
    response = await client.get("/nope")
    assert response.status == 404
    assert "RateLimit" not in response.headers


def test_a_customers_keys_share_the_event_streams_and_administrators_keys_do_not() -> None:
    streams = Streams(1)
    with streams.one(Caller("key-1", "c", is_admin=False)):
        with pytest.raises(TooManyRequests), streams.one(Caller("key-2", "c", is_admin=False)):
            pass
        for other in (Caller("key-3", "d", is_admin=False), Caller("c", None, is_admin=True)):
            with streams.one(other):
                pass
    with streams.one(Caller("key-2", "c", is_admin=False)):
        pass


def test_the_old_name_of_the_number_of_streams_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATTERIES_API_STREAMS_PER_KEY", "3")
    assert Settings().api_streams_per_customer == 3


# --- counting


def test_a_window_ends_and_begins_anew_with_the_next_request() -> None:
    now = [1000.0]
    windows = FixedWindows(clock=lambda: now[0])
    assert [windows.incr("a", 60) for _ in range(3)] == [(1, 60), (2, 60), (3, 60)]
    now[0] += 59.9
    count, left = windows.incr("a", 60)
    assert (count, round(left, 3)) == (4, 0.1)
    now[0] += 0.2
    assert windows.get("a") == 0
    assert windows.incr("a", 60) == (1, 60)


def test_a_wall_clock_that_is_set_back_or_forward_changes_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = FixedWindows()
    assert windows._clock is time.monotonic, "a clock that was bound before is not the one that is set here"
    windows.incr("a", 60)
    for hours in (-1, 1):
        monkeypatch.setattr(time, "time", lambda hours=hours: 1_790_000_000 + hours * 3600)
        count, left = windows.incr("a", 60)
        assert count > 1
        assert 0 < left <= 60


def test_memory_is_bounded_and_the_oldest_window_goes_first() -> None:
    windows = FixedWindows(size=1000)
    for number in range(5000):
        windows.incr(str(number), 60)
    assert windows.get("4000") == 1
    assert windows.get("3999") == 0
    assert windows.reset() == 1000


# --- addresses


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, ["1.1.1.1"], "9.9.9.9"),
        (1, ["1.1.1.1"], "1.1.1.1"),
        (1, ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
        (1, ["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
        (2, ["6.6.6.6, 1.1.1.1, 10.0.0.1"], "1.1.1.1"),
        (2, ["1.1.1.1"], "9.9.9.9"),
        (1, [], "9.9.9.9"),
        (1, ["made up"], "9.9.9.9"),
        (1, [""], "9.9.9.9"),
        (1, ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (1, ["2001:db8:1:2:ffff::1"], "2001:db8:1:2::/64"),
        (1, ["::ffff:1.1.1.1"], "1.1.1.1"),
        (1, ["fe80::1%eth0"], "fe80::/64"),
        # With ports, as Azure's gateways and some load balancers write them.
        (1, ["1.1.1.1:54321"], "1.1.1.1"),
        (1, ["[2001:db8:1:2::5]:54321"], "2001:db8:1:2::/64"),
        (1, ["[2001:db8:1:2::5]"], "2001:db8:1:2::/64"),
        (1, ['"[2001:db8:1:2::5]:54321"'], "2001:db8:1:2::/64"),
        (1, ['"1.1.1.1:54321"'], "1.1.1.1"),
        (1, ["for=1.1.1.1"], "1.1.1.1"),
        (1, ['For="[2001:db8:1:2::5]:54321"'], "2001:db8:1:2::/64"),
        (1, ["[fe80::1%eth0]:1"], "fe80::/64"),
        (1, ["[::ffff:1.1.1.1]:54321"], "1.1.1.1"),
        (1, ["64:ff9b::1.1.1.1"], "1.1.1.1"),
        (2, ["6.6.6.6:1, 1.1.1.1:2 , 10.0.0.1:3"], "1.1.1.1"),
        # Not to be read: the proxy that wrote it stands for its clients, and none of them can choose an address.
        (1, ["1.1.1.1:port"], "9.9.9.9"),
        (1, ["1.1.1.1:"], "9.9.9.9"),
        (1, ["[1.1.1.1"], "9.9.9.9"),
        (1, ["]:80["], "9.9.9.9"),
        (1, ["[]:80"], "9.9.9.9"),
        (1, ["unknown"], "9.9.9.9"),
        (1, ["_hidden"], "9.9.9.9"),
        (1, ["6.6.6.6, "], "9.9.9.9"),
        (1, ['"'], "9.9.9.9"),
    ],
)
def test_only_what_our_own_proxies_wrote_counts(proxies: int, forwarded: list[str], expected: str) -> None:
    headers = [("X-Forwarded-For", line) for line in forwarded]
    request = make_mocked_request("GET", "/", headers=headers).clone(remote="9.9.9.9")
    assert client_address(request, proxies) == expected


async def test_a_made_up_forwarding_header_does_not_get_around_the_limit(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=3)
    answers = [(await client.get("/nope", headers={"X-Forwarded-For": f"1.1.1.{n}"})).status for n in range(4)]
    assert answers == [404, 404, 404, 429]


async def test_behind_a_proxy_each_client_has_its_own_limit(open_client: Open) -> None:
    client = await open_client(rate_limit_anonymous=1, trusted_proxies=1)
    answers = [(await client.get("/nope", headers={"X-Forwarded-For": f"6.6.6.6, 1.1.1.{n}"})).status for n in (1, 2)]
    assert answers == [404, 404]


# --- headers


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/accounts", "/nope", "/docs", "/v1/openapi.json", "/checkout/complete"]
)
async def test_every_answer_says_what_browsers_must_not_do(open_client: Open, path: str) -> None:
    client = await open_client(public_url="https://api.example.com")
    headers = (await client.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Cache-Control" in headers
    assert "aiohttp" not in headers["Server"]
    assert len(headers.getall("Content-Security-Policy")) == 1


async def test_without_https_no_browser_is_told_to_insist_on_it(open_client: Open) -> None:
    client = await open_client(public_url="http://localhost:8080")
    assert "Strict-Transport-Security" not in (await client.get("/healthz")).headers


async def test_what_handlers_answer_is_not_kept_unless_they_say_so(open_client: Open) -> None:
    client = await open_client()
    assert (await client.get("/v1/accounts")).headers["Cache-Control"] == "no-store"
    assert "max-age" in (await client.get("/v1/openapi.json")).headers["Cache-Control"]
