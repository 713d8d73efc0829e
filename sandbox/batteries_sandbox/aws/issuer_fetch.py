"""Asks an OpenID Connect issuer for its keys, as STS does: its discovery document, then the key set that it names.

Sources: re:Post, "How do I troubleshoot the AWS STS InvalidIdentityToken error" (200 within five seconds for both
documents, else the key can't be retrieved); IAM user guide, "Create an OpenID Connect identity provider" (at most 100
RSA and 100 EC keys); users (a document without one of the five members is refused). That an issuer that can't be
reached at all is IDPCommunicationError says STS's model; re:Post has it under InvalidIdentityToken as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp

from batteries_sandbox.aws.issuers import NO_KEY, Jwk, Published

_MEMBERS = ("issuer", "jwks_uri", "response_types_supported", "subject_types_supported")
_SIGNED_WITH = "id_token_signing_alg_values_supported"
_MAX_KEYS = 100
_MAX_BYTES = 1024 * 1024
_UNUSABLE = Published(failure=("InvalidIdentityToken", NO_KEY))
# The wording is the model's.
_UNREACHABLE = Published(
    failure=("IDPCommunicationError", "The identity provider that was asked to verify the token could not be reached.")
)


class _UnreachableError(Exception):
    """Nobody answers under that name."""


class _UnusableError(Exception):
    """The answer is not what an issuer has to publish."""


async def ask(issuer: str, reachable: Callable[[str], str | None], seconds: float) -> Published:
    """What the issuer publishes now; `reachable` says where on this machine a URL is served."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            discovery = await _document(http, reachable(f"{issuer}/.well-known/openid-configuration"))
            if discovery.get("issuer") != issuer or any(not discovery.get(name) for name in (*_MEMBERS, _SIGNED_WITH)):
                return _UNUSABLE
            return _keys(await _document(http, reachable(str(discovery["jwks_uri"]))))
    except _UnusableError:
        return _UNUSABLE
    except (_UnreachableError, aiohttp.ClientError, TimeoutError):
        return _UNREACHABLE


async def _document(http: aiohttp.ClientSession, url: str | None) -> dict[str, Any]:
    if url is None:
        raise _UnreachableError
    async with http.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as answer:
        if answer.status != 200:
            raise _UnusableError
        text = await answer.content.read(_MAX_BYTES)
        if not answer.content.at_eof():
            raise _UnusableError
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _UnusableError from error
    if not isinstance(document, dict):
        raise _UnusableError
    return document


def _keys(document: dict[str, Any]) -> Published:
    listed = document.get("keys")
    if not isinstance(listed, list) or any(not isinstance(key, dict) for key in listed):
        return _UNUSABLE
    kinds = Counter(str(key.get("kty")) for key in listed)
    if any(kinds[kind] > _MAX_KEYS for kind in ("RSA", "EC")):
        return _UNUSABLE
    keys: dict[str, Jwk] = {str(key["kid"]): key for key in listed if key.get("kid")}
    return Published(keys)
