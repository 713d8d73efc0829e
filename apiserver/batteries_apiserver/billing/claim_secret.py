"""The claim secret of a sign-up: with it, the checkout's URL is not enough to fetch the API key.

The id of a checkout session is in the URL that the person with the card opens, and in their browser's history. So who
starts a sign-up can ask for a secret of their own, and then only a request with that secret gets the key. Nothing is
stored here before the checkout is complete: the session's metadata at Stripe has a hash of the secret. The secret is
long and random, so its hash can't be reversed.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from batteries_apiserver.http.errors import Forbidden
from batteries_apiserver.http.route import Parameter

METADATA = "claim_sha256"
_PREFIX = "aibclaim_"
_FORM = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)

HEADER = Parameter(
    name="Claim-Secret",
    where="header",
    description="The `claimSecret` from POST /stripe/setup, if the sign-up was started with `claim`: then "
    "only a request with it gets the key.",
)


@dataclass(frozen=True, slots=True)
class ClaimSecret:
    """A new secret, which only its response shows, and the hash that Stripe keeps."""

    raw: str = field(repr=False)

    @property
    def digest(self) -> str:
        """What is kept of it."""
        return _digest(self.raw)


def new_claim_secret() -> ClaimSecret:
    """A secret of 256 random bits."""
    return ClaimSecret(_PREFIX + secrets.token_urlsafe(32))


def refuse_others(digest: str | None, given: str | None) -> None:
    """Lets through whoever sent the secret of that hash, and everybody if the sign-up has none.

    Raises:
        Forbidden: the secret is missing or another one. The key stays where it is, and the right secret still gets it.
    """
    if digest is None:
        return
    if given is None:
        raise Forbidden(
            "claim_secret_required",
            "The API key of this sign-up goes to whoever started it: send the claimSecret from POST /v1/stripe/setup "
            f"in the header {HEADER.name}. If you only paid, nothing is left to do.",
        )
    if not _FORM.fullmatch(given) or not hmac.compare_digest(_digest(given), digest):
        raise Forbidden(
            "claim_secret_wrong",
            f"The header {HEADER.name} has another secret than the claimSecret of this sign-up. The key was not "
            "fetched: send the request again with the right one.",
        )


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
