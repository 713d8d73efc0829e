"""No verification fails while keys rotate on two replicas under load.

The verifier is as unhelpful as AWS may be: it keeps the keys that it fetched, from either replica, for as long as its
cache lasts, and does not fetch them again for a key that it does not know. `make rotation` sends 10,000.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient
from fakes.token_world import ISSUER, PATH, seeded
from fakes.until import until

from batteries_apiserver.app import make_app
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.context import TOKENS
from batteries_apiserver.tokens.key_store import KeyStore
from batteries_apiserver.tokens.rotate import rotate
from batteries_crds.base import utc_now_exactly
from batteries_crds.kube.client import connect

Client = TestClient[web.Request, web.Application]
VERIFICATIONS = int(os.environ.get("ROTATION_VERIFICATIONS", "0"))
WORKERS, KEYS = 16, 3
"""How many sign in or verify at a time, and through how many keys at least."""


@dataclass
class Verifier:
    """Verifies tokens by keys that it fetched at most `cache` seconds ago, by its `clock`."""

    fetch: Callable[[], Awaitable[dict[str, Any]]]
    cache: float
    clock: Callable[[], float] = time.monotonic
    keys: dict[str, Any] = field(default_factory=dict)
    asked: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    kids: list[str] = field(default_factory=list)
    verified: int = 0

    async def verify(self, token: str) -> None:
        """Raises KeyError or jwt.InvalidTokenError if AWS would refuse it."""
        async with self.lock:
            # A fetch that took longer than keys may be kept, on a busy machine, is of no use.
            while self.clock() - self.asked >= self.cache or not self.keys:
                asked, found = self.clock(), await self.fetch()
                self.keys = {key["kid"]: jwt.PyJWK(key).key for key in found["keys"]}
                self.asked = asked
                if not self.cache:
                    break
            kid = jwt.get_unverified_header(token)["kid"]
            jwt.decode(token, self.keys[kid], algorithms=["RS256"], audience="sts.amazonaws.com", issuer=ISSUER)
        self.verified += 1
        if kid not in self.kids:
            self.kids.append(kid)


@dataclass
class World:
    """Two replicas and an agent's key."""

    settings: Settings
    replicas: list[Client]
    headers: dict[str, str]
    calls: int = 0

    def next(self) -> Client:
        """One replica after the other, as a load balancer has it."""
        self.calls += 1
        return self.replicas[self.calls % len(self.replicas)]

    async def token(self) -> str:
        response = await self.next().post(PATH, headers={**self.headers, "Accept": "application/jwt"})
        assert response.status == 200, await response.text()
        return await response.text()

    async def jwks(self) -> dict[str, Any]:
        response = await self.next().get("/.well-known/jwks.json")
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found

    async def gives_tokens(self) -> bool:
        found = [await one.post(PATH, headers=self.headers) for one in self.replicas]
        return all(response.status == 200 for response in found)


Open = Callable[..., Awaitable[World]]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Without a line for each request, which would take longer than the request."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def open_world(
    cluster: Any, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[Open]:
    async with await connect(str(cluster.kubeconfig)) as api:

        async def opened(**given: Any) -> World:
            namespace = cluster.namespace()
            settings = Settings(
                kubeconfig=str(cluster.kubeconfig),
                namespace=namespace,
                public_url=ISSUER,
                rate_limit_token=0,
                rate_limit_key=0,
                rate_limit_anonymous=1_000_000,
                **{"issuer_poll_seconds": 0.1, **given},
            )
            key = await seeded(api, namespace)
            replicas = [await aiohttp_client(make_app(settings)) for _ in range(2)]
            world = World(settings, replicas, {"Authorization": f"Bearer {key.raw}"})
            return world

        yield opened


def store_of(client: Client) -> KeyStore:
    store: KeyStore = client.server.app[TOKENS].keys  # type: ignore[attr-defined]
    return store


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = utc_now_exactly()

    def __call__(self) -> datetime:
        return self.now


async def test_no_verification_fails_while_the_schedule_rotates_keys(open_world: Open) -> None:
    """Four hours in steps of five minutes: with keys that sign for two hours, published an hour ahead."""
    world = await open_world(issuer_key_days=2 / 24, issuer_key_ahead_seconds=3600, issuer_poll_seconds=60)
    clock = Clock()
    stores = [store_of(one) for one in world.replicas]
    for store in stores:
        store._secret.now = clock
    clock.now += timedelta(minutes=5)
    await until(world.gives_tokens)
    verifier = Verifier(world.jwks, cache=2700, clock=lambda: clock.now.timestamp())
    before: list[str] = []
    for step in range(48):
        clock.now += timedelta(minutes=5)
        # One replica learns of it while both are at work, and the other with the next step.
        refreshing = asyncio.create_task(stores[step % 2].refresh())
        tokens = await asyncio.gather(*(world.token() for _ in range(6)))
        await refreshing
        for token in tokens:
            await verifier.verify(token)
        # The last step's tokens are as old as a token may be, for a verifier that has just fetched the keys.
        fresh = Verifier(world.jwks, cache=0)
        for token in before:
            await fresh.verify(token)
        before = tokens
    assert verifier.verified == 48 * 6
    assert len(verifier.kids) >= 2


@pytest.mark.skipif(not VERIFICATIONS, reason="of `make rotation`")
@pytest.mark.timeout(1800)
async def test_no_verification_fails_under_load_while_keys_are_rotated_again_and_again(open_world: Open) -> None:
    world = await open_world(issuer_key_ahead_seconds=75, api_request_seconds=300)
    await until(world.gives_tokens)
    verifier, failures, sent = Verifier(world.jwks, cache=45), [], 0
    begun = time.monotonic()

    async def work() -> None:
        nonlocal sent
        while sent < VERIFICATIONS or len(verifier.kids) < KEYS:
            sent += 1
            try:
                await verifier.verify(await world.token())
            except (KeyError, jwt.InvalidTokenError) as error:
                failures.append(repr(error))

    async def rotate_again_and_again() -> None:
        while True:
            await rotate(world.settings, emergency=False)
            await asyncio.sleep(0.5)

    rotating = asyncio.create_task(rotate_again_and_again())
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    rotating.cancel()
    seconds = time.monotonic() - begun
    print(f"{verifier.verified} verified, {len(failures)} failed, {len(verifier.kids)} keys, {seconds:.0f} s")
    assert failures == []
    assert verifier.verified == sent >= VERIFICATIONS
