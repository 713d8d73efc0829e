"""A token: the claims that AWS reads, and the signature.

Signing takes some tenths of a millisecond of CPU, in which OpenSSL holds no lock of Python's: in a thread, it leaves
the event loop to other requests.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt

from batteries_apiserver.tokens.keys import ALGORITHM, IssuerKey
from batteries_crds.agent_access import KEY_TAG, TOKEN_SECONDS, Issuer, audience, subject

TAGS_CLAIM = "https://aws.amazon.com/tags"
"""The claim with session tags (IAM user guide, "Pass session tags in AWS STS")."""

_BEFORE_SECONDS = 60
"""How far ahead of AWS's our clock may be: a token must not be from the future. GitHub's begin ten minutes early."""

_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="signing")


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token; only its owner may see `raw`."""

    raw: str
    jti: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Token({self.jti})"


def claims(issuer: Issuer, account_id: UUID, key_id: UUID, partition: str, now: int) -> dict[str, Any]:
    """What a token says: for which account, and with which API key."""
    return {
        "iss": issuer.url,
        "sub": subject(account_id),
        "aud": audience(partition),
        "jti": str(uuid4()),
        "iat": now,
        "nbf": now - _BEFORE_SECONDS,
        "exp": now + TOKEN_SECONDS,
        TAGS_CLAIM: {"principal_tags": {KEY_TAG: [str(key_id)]}, "transitive_tag_keys": [KEY_TAG]},
    }


def sign(key: IssuerKey, content: dict[str, Any]) -> Token:
    """The token with these claims."""
    raw = jwt.encode(content, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})
    return Token(raw, content["jti"], content["exp"])


async def signed(key: IssuerKey, content: dict[str, Any]) -> Token:
    """`sign`, in another thread."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, sign, key, content)
