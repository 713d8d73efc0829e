"""Hands out the API key of a completed checkout: once, to the first request with the session's id.

The claim is the ApiKey object itself, created under a name derived from the session: of any number of concurrent
requests, on any replicas, Kubernetes lets one create it, and only that one has the raw key. Nothing waits for Stripe's
webhook.

The raw key exists only in that request, so a successful claim must be recognized even if Kubernetes' response gets
lost. It is recognized by the hash of the key, which only its creator can know.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.billing.claim_secret import refuse_others
from batteries_apiserver.billing.customers import Customers
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.billing.sessions import Session
from batteries_apiserver.http.errors import NotFound
from batteries_apiserver.keys.storing import store
from batteries_apiserver.kube.clients import Kube
from batteries_crds.customer import Customer
from batteries_crds.identity import derived_uuid
from batteries_crds.names import LABEL_CUSTOMER

log = structlog.get_logger(__name__)

_POLL_SECONDS = "5"


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The Customer who gets the key of a completed checkout, and the payer: the address that Stripe collected."""

    customer: Customer
    payer: str


@dataclass(frozen=True, slots=True)
class ClaimedKey:
    """A key and its Customer."""

    customer: Customer
    key_name: str
    key_prefix: str
    raw_key: str = field(repr=False)


def key_name_of(session_id: str) -> str:
    """The name of a session's ApiKey. The session's id can't be derived from it."""
    return str(derived_uuid(f"checkout-session/{session_id}"))


def is_claimed(kube: Kube, session_id: str) -> bool:
    """Whether that session's key was claimed, according to the cache; if so, Stripe need not be queried."""
    return kube.caches.keys.get(key_name_of(session_id)) is not None


async def key_owner(
    kube: Kube, gateway: StripeGateway, session_id: str, secret: str | None, *, within: timedelta
) -> KeyOwner:
    """Returns who may claim that session's key. `secret`: what the request sent as the sign-up's claim secret.

    Raises:
        Forbidden: the sign-up has a claim secret, and this is not it.
        NotFound: the session is not ours, not complete or too old; the code says which.
        Unavailable: the call to Stripe failed.
        kubernetes.aio.client.ApiException: Kubernetes refuses.
    """
    session = await gateway.session(session_id)
    if session is None:
        raise unknown()
    # Before anything else is said, so that only who has the secret learns how far the checkout is.
    refuse_others(session.claim_digest, secret)
    if session.completed is None:
        raise _not_completed(session)
    if datetime.now(UTC) - session.completed.completed_at > within:
        raise NotFound(
            "session_too_old",
            f"This checkout was completed too long ago: its key could be fetched for {minutes_of(within)} minutes, and "
            "nobody did. Start another sign-up with POST /v1/stripe/setup.",
        )
    customer = await Customers(kube, gateway).settle(session.completed.customer_id, email=session.completed.email)
    assert customer is not None, "an e-mail was given, so a missing Customer was created"
    return KeyOwner(customer, session.completed.email)


def unknown() -> NotFound:
    """404: there is no such session, or another shop or installation began it."""
    return NotFound(
        "session_not_found",
        "There is no checkout with this session id. Check that you sent the sessionId from POST /v1/stripe/setup in "
        "full, or start another sign-up there.",
    )


def already_fetched() -> NotFound:
    """404: the one request that gets the key has had it."""
    return NotFound(
        "key_already_fetched",
        "The API key of this sign-up was fetched already, and it is given out once. If it was not you who fetched it, "
        "revoke it or tell support. If you lost it, start another sign-up with POST /v1/stripe/setup.",
    )


def _not_completed(session: Session) -> NotFound:
    if session.is_waiting:
        return NotFound(
            "session_not_completed",
            "The checkout is not complete yet: its page, the url from POST /v1/stripe/setup, has to be finished in a "
            "browser first. Send the same request again after that.",
            {"Retry-After": _POLL_SECONDS},
        )
    if session.is_expired:
        return NotFound(
            "session_expired",
            "The checkout was not completed in time, and its page is closed. Start another sign-up with POST "
            "/v1/stripe/setup.",
        )
    return unknown()  # its customer was deleted since


def minutes_of(duration: timedelta) -> int:
    """In whole minutes."""
    return int(duration.total_seconds() // 60)


async def claim(kube: Kube, session_id: str, customer: Customer) -> ClaimedKey | None:
    """Claims the key of that customer's session; returns None if another request was faster.

    Raises:
        kubernetes.aio.client.ApiException, aiohttp.ClientError, OSError, TimeoutError: Kubernetes refuses, or does not
            respond at all.
    """
    key, name, owner = mint(), key_name_of(session_id), customer.metadata.name
    body = {
        # With the owner reference, Kubernetes deletes the keys together with their Customer.
        "metadata": {"name": name, "labels": {LABEL_CUSTOMER: owner}, "ownerReferences": [customer.reference()]},
        "spec": {
            "customerRef": {"name": owner},
            "name": "Sign-up",
            "keyPrefix": key.prefix,
            "keyHash": key.digest,
        },
    }
    if await store(kube, key, body) is None:
        return None
    log.info("key_claimed", customer=owner, key=name, key_prefix=key.prefix)
    return ClaimedKey(customer, name, key.prefix, key.raw)
