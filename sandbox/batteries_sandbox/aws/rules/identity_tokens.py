"""An identity token as STS takes it: a signed JWT of an issuer, within its time.

Sources: STS's model, AssumeRoleWithWebIdentity (the algorithms; times are integers; 4 to 20,000 characters); IAM user
guide, "Create an OpenID Connect identity provider" (five minutes of tolerance for clocks that differ); wordings as
users report them (aws-sdk-ruby 2698, orbit-workbench 771, external-secrets 6648). That the five minutes hold for a
token from the future too, and that `kid` and `iat` are required, is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from batteries_sandbox.aws.issuers import NO_KEY, Jwk
from batteries_sandbox.aws.wire import AwsError

_ALGORITHMS = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "ES256": "EC", "ES384": "EC", "ES512": "EC"}
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")
_TIMES = ("exp", "iat", "nbf")
_TOLERANCE = 300  # seconds
_LENGTHS = range(4, 20_001)


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature nobody has checked yet."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        """Who claims to have signed it."""
        return str(self.claims["iss"])

    @property
    def kid(self) -> str:
        """The id of the key that it claims to be signed with."""
        return str(self.header.get("kid") or "")


def parse(text: str) -> Token:
    """Reads a token.

    Raises:
        AwsError: it is no JWT, or lacks a claim.
    """
    if len(text) not in _LENGTHS:
        message = "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: length"
        raise AwsError("ValidationError", message)
    try:
        read = jwt.decode_complete(text, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise _invalid("The ID Token provided is not a valid JWT.") from error
    claims = read["payload"]
    for name in _REQUIRED:
        if claims.get(name) in (None, "", []):
            raise _invalid(f"Missing a required claim: {name}")
    for name in _TIMES:
        if name in claims and type(claims[name]) is not int:
            raise _invalid(f"The claim {name} is not an integer.")
    return Token(text, read["header"], claims)


def verify(token: Token, key: Jwk | None, now: float) -> None:
    """Checks the signature and the times of a token of the key's issuer.

    Raises:
        AwsError: the token is not genuine, not valid yet, or not any more.
    """
    algorithm = str(token.header.get("alg"))
    if algorithm not in _ALGORITHMS:
        raise _not_genuine()
    if key is None:
        raise _invalid(NO_KEY)
    is_for_it = key.get("kty") == _ALGORITHMS[algorithm] and key.get("alg", algorithm) == algorithm
    if not is_for_it or key.get("use", "sig") != "sig":
        raise _not_genuine()
    try:
        verifier = jwt.PyJWK(dict(key), algorithm=algorithm)
        jwt.api_jws.decode(token.text, verifier, algorithms=[algorithm])
    except jwt.PyJWTError as error:
        raise _not_genuine() from error
    _check_times(token.claims, int(now))


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    if now > claims["exp"] + _TOLERANCE:
        message = f"Token expired: current date/time {now} must be before the expiration date/time {claims['exp']}"
        raise AwsError("ExpiredTokenException", message)
    if max(claims["iat"], claims.get("nbf", 0)) > now + _TOLERANCE:
        raise _not_genuine()


def _not_genuine() -> AwsError:
    return _invalid("The web identity token provided could not be validated")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)
