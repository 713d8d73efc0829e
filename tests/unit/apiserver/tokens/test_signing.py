"""What a token says, and what of it is shown."""

from datetime import timedelta
from uuid import UUID

import jwt
import pytest

from batteries_apiserver.tokens.keys import new_key
from batteries_apiserver.tokens.signing import TAGS_CLAIM, claims, sign, signed
from batteries_crds.agent_access import KEY_TAG, TOKEN_SECONDS, Issuer
from batteries_crds.base import utc_now_exactly

ACCOUNT, KEY = UUID("33333333-3333-4333-8333-333333333333"), UUID("44444444-4444-4444-8444-444444444444")
ISSUER = Issuer("https://api.example.com")
NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("partition", "audience"),
    [("aws", "sts.amazonaws.com"), ("aws-us-gov", "sts.amazonaws.com"), ("aws-cn", "sts.amazonaws.com.cn")],
)
def test_the_audience_is_that_of_the_partition(partition: str, audience: str) -> None:
    assert claims(ISSUER, ACCOUNT, KEY, partition, NOW)["aud"] == audience


def test_a_token_says_what_the_accounts_trust_policy_asks_for() -> None:
    content = claims(ISSUER, ACCOUNT, KEY, "aws", NOW)
    assert (content["iss"], content["sub"]) == (ISSUER.url, f"account:{ACCOUNT}")
    assert (content["iat"], content["exp"]) == (NOW, NOW + TOKEN_SECONDS)
    assert NOW - 300 <= content["nbf"] <= NOW  # a clock of ours that is ahead makes no token of the future
    assert content[TAGS_CLAIM] == {"principal_tags": {KEY_TAG: [str(KEY)]}, "transitive_tag_keys": [KEY_TAG]}


async def test_a_token_is_signed_with_the_key_that_it_names_and_never_shown() -> None:
    key = new_key(timedelta(), utc_now_exactly)
    content = claims(ISSUER, ACCOUNT, KEY, "aws", int(utc_now_exactly().timestamp()))
    for token in (sign(key, content), await signed(key, content)):
        assert jwt.get_unverified_header(token.raw) == {"alg": "RS256", "kid": key.kid, "typ": "JWT"}
        public = jwt.PyJWK(key.public_jwk).key
        assert jwt.decode(token.raw, public, algorithms=["RS256"], audience="sts.amazonaws.com") == content
        assert token.raw not in repr(token)
