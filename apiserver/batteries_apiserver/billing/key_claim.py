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
from batteries_apiserver.billing.customers import Customers
from batteries_apiserver.billing.gateway import StripeGateway
from batteries_apiserver.keys.storing import store
from batteries_apiserver.kube.clients import Kube
from batteries_crds.customer import Customer
from batteries_crds.identity import derived_uuid
from batteries_crds.names import LABEL_CUSTOMER

log = structlog.get_logger(__name__)


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


async def key_owner(kube: Kube, gateway: StripeGateway, session_id: str, *, within: timedelta) -> KeyOwner | None:
    """Returns who may claim that session's key; None if the session is not ours, not complete or too old.

    Raises:
        Unavailable: the call to Stripe failed.
        kubernetes.aio.client.ApiException: Kubernetes refuses.
    """
    session = await gateway.completed_session(session_id)
    if session is None or datetime.now(UTC) - session.completed_at > within:
        return None
    customer = await Customers(kube, gateway).settle(session.customer_id, email=session.email)
    assert customer is not None, "an e-mail was given, so a missing Customer was created"
    return KeyOwner(customer, session.email)


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
