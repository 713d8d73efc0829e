"""What a verifier fetches: the discovery document (OpenID Connect Discovery 1.0) and the published keys (RFC 7517).

AWS reads both at `<issuer>/.well-known/…`. The paths here have no prefix: a proxy that serves the API under a path
removes that path, as for all other routes.
"""

from collections.abc import Iterable

import orjson

from batteries_apiserver.tokens.keys import ALGORITHM, IssuerKey
from batteries_apiserver.tokens.signing import TAGS_CLAIM
from batteries_crds.agent_access import Issuer

DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/.well-known/jwks.json"

MAX_AGE_SECONDS = 60
"""How long the keys may be cached. AWS refuses tokens now and then if it may not cache them at all (GitLab's issue
374001)."""


def configuration(issuer: Issuer) -> bytes:
    """The discovery document."""
    return orjson.dumps(
        {
            "issuer": issuer.url,
            "jwks_uri": issuer.url + JWKS_PATH,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "claims_supported": ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", TAGS_CLAIM],
        }
    )


def jwks(keys: Iterable[IssuerKey]) -> bytes:
    """The published keys."""
    return orjson.dumps({"keys": [key.public_jwk for key in keys]})
