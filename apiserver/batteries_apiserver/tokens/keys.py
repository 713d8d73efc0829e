"""The keys that sign tokens, and which of them does what at a given time. Pure.

Nothing is recorded as done: what each key is for follows from the times in the set, so every replica that holds the
same set and knows the time decides the same. A key is published from its creation on, signs from `signs_from` until
the next key does, and stays published until the last token that it signed is dead. So all verifiers know a key before
it signs, and as long as its tokens live.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from batteries_crds.agent_access import TOKEN_SECONDS

ALGORITHM = "RS256"
"""AWS takes it (IAM user guide, "Create an OpenID Connect identity provider in IAM")."""

KEY_BITS = 2048

IAM_SKEW_SECONDS = 300
"""How long after its end IAM still takes a token, for clocks that differ (IAM user guide)."""

OUR_SKEW_SECONDS = 300
"""How much our replicas' clocks may differ: one may sign with a key that, for another, does not sign any more."""

OUTLIVES = timedelta(seconds=TOKEN_SECONDS + IAM_SKEW_SECONDS + OUR_SKEW_SECONDS)
"""How long a key stays published after the next one began to sign."""

MOST_KEYS = 20
"""More are never needed, and AWS takes at most 100 (IAM user guide)."""


@dataclass(frozen=True)
class IssuerKey:
    """A key of the issuer."""

    private: rsa.RSAPrivateKey = field(repr=False)
    created_at: datetime
    signs_from: datetime

    @cached_property
    def kid(self) -> str:
        """Its id in tokens and in the published set: the hash of the public key, so that it can't name another one."""
        der = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:18]).decode()

    @cached_property
    def public_jwk(self) -> dict[str, Any]:
        """Its public half, as a JSON Web Key (RFC 7517)."""
        numbers = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        kept = {name: numbers[name] for name in ("kty", "n", "e")}
        return {**kept, "kid": self.kid, "use": "sig", "alg": ALGORITHM}


def new_key(signs_in: timedelta, now: Callable[[], datetime]) -> IssuerKey:
    """A new key. It takes some tens of milliseconds, in which other threads run.

    Its times count from when it is there: that may take seconds on a busy machine, and it must be published before it
    signs.
    """
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    created = now()
    return IssuerKey(private, created, created + signs_in)


@dataclass(frozen=True)
class KeySet:
    """All keys of the issuer, in the order in which they sign."""

    keys: tuple[IssuerKey, ...]

    def signing(self, now: datetime) -> IssuerKey | None:
        """The key that signs now; None before the first one does."""
        begun = [key for key in self.keys if key.signs_from <= now]
        return begun[-1] if begun else None

    def waiting(self, now: datetime) -> IssuerKey | None:
        """The first key that does not sign yet."""
        return next((key for key in self.keys if key.signs_from > now), None)

    def published(self, now: datetime) -> tuple[IssuerKey, ...]:
        """The keys whose tokens may be alive, now or later."""
        successors = (*self.keys[1:], None)
        return tuple(
            key
            for key, successor in zip(self.keys, successors, strict=True)
            if successor is None or now < successor.signs_from + OUTLIVES
        )

    def needs_next(self, now: datetime, period: timedelta, ahead: timedelta) -> bool:
        """Whether the next key must be published now, so that it can sign `period` after the last one began to."""
        return not self.keys or self.keys[-1].signs_from + period - ahead <= now

    def with_next(self, key: IssuerKey, now: datetime) -> "KeySet":
        """The set with one more key, without those whose last token is dead."""
        return KeySet((*self.published(now), key))

    def pruned(self, now: datetime) -> "KeySet":
        """The set without the keys whose last token is dead."""
        return KeySet(self.published(now))
