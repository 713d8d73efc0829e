"""From the Authorization header to the caller.

The cheapest check comes first: the key's checksum, then the cache. Only a well-formed key that the cache does not know
costs a live read, so that a new key works at once on every replica. Those reads are bounded: only a few run at a time,
and an unknown key is remembered for a few seconds.
"""

import asyncio
import hmac
from typing import NamedTuple

from aiohttp import web

from batteries_apiserver.auth.key_format import digest, is_well_formed
from batteries_apiserver.auth.negative_cache import NegativeCache
from batteries_apiserver.auth.presented_key import bearer
from batteries_apiserver.auth.usage import Usage
from batteries_apiserver.http.errors import InvalidKey
from batteries_apiserver.kube.clients import BY_HASH, Kube
from batteries_crds.api_key import ApiKey, Scope
from batteries_crds.base import utc_now_exactly

_LIVE_READS_AT_ONCE = 8
_UNKNOWN_SECONDS = 3.0
_UNKNOWN_SIZE = 10_000


class Caller(NamedTuple):
    """Who sent the request: a customer by name, or an administrator (no customer)."""

    key_name: str
    customer: str | None
    is_admin: bool
    key_prefix: str = ""
    """The part of the key that may be shown."""
    scope: Scope = Scope.FULL
    """What the key may do."""


class Authenticator:
    """Finds the caller by the key."""

    def __init__(self, kube: Kube, usage: Usage) -> None:
        self._kube = kube
        self._usage = usage
        self._unknown = NegativeCache(seconds=_UNKNOWN_SECONDS, size=_UNKNOWN_SIZE)
        self._live_reads = asyncio.Semaphore(_LIVE_READS_AT_ONCE)

    async def caller(self, authorization: str | None, known: ApiKey | None = None) -> Caller:
        """Returns the caller of an Authorization header. `known` is the result of `known()`, if it was called already.

        Raises:
            Unauthorized: there is no header, or it is not a Bearer's.
            InvalidKey: its key is malformed, unknown, revoked or expired.
        """
        key = known or await self._key(bearer(authorization))
        if key.spec.revoked_at is not None:
            raise InvalidKey("revoked_api_key", "This API key was revoked. Use another one.")
        if not key.works_at(utc_now_exactly()):
            raise InvalidKey(
                "expired_api_key",
                "This API key has expired. Use another one, or create one with a working key: POST /v1/keys.",
            )
        self._usage.note(key)
        spec = key.spec
        customer = spec.customer_ref.name if spec.customer_ref else None
        return Caller(key.metadata.name, customer, spec.role == "admin", spec.key_prefix, spec.scope)

    def known(self, authorization: str | None) -> ApiKey | None:
        """The valid key of an Authorization header, from the cache only, or None. It raises nothing."""
        scheme, _, raw = (authorization or "").strip().partition(" ")
        key = self._kept(digest(raw.strip())) if scheme.lower() == "bearer" else None
        return key if key is not None and key.works_at(utc_now_exactly()) else None

    async def _key(self, raw: str) -> ApiKey:
        wanted = digest(raw)
        if not is_well_formed(raw):
            raise InvalidKey("invalid_api_key", "This is not an API key, or it was copied incompletely.")
        key = self._kept(wanted)
        if key is None and wanted not in self._unknown:
            key = await self._read(wanted)
        if key is None:
            raise InvalidKey("invalid_api_key", "This API key is unknown. Check that you copied all of it.")
        return key

    def _kept(self, wanted: str) -> ApiKey | None:
        return _matching(self._kube.caches.keys.find(BY_HASH, wanted), wanted)

    async def _read(self, wanted: str) -> ApiKey | None:
        async with self._live_reads:
            page = await self._kube.keys.page(self._kube.namespace, field_selector=f"spec.keyHash={wanted}", limit=2)
        key = _matching(page.items, wanted)
        if key is None:
            self._unknown.add(wanted)
        else:
            self._kube.caches.keys.put(key)
        return key


AUTHENTICATOR = web.AppKey("authenticator", Authenticator)


def _matching(keys: list[ApiKey], wanted: str) -> ApiKey | None:
    """The key with that hash. If somebody copied an object, two have the same hash, and a revoked one wins."""
    matching = [key for key in keys if hmac.compare_digest(key.spec.key_hash, wanted)]
    if len(matching) < 2:
        return matching[0] if matching else None
    return min(matching, key=lambda key: key.spec.revoked_at is None)
