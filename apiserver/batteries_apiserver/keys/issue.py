"""Creates and revokes a customer's keys. Only the response to the creation contains the raw key.

With an Idempotency-Key the object's name is derived from it, and Kubernetes refuses a second object of that name: a
repeat creates no second key, and can't be shown the first. If Kubernetes' response to the creation is lost, the key is
recognized by its hash. Each replica creates one key at a time for a customer, so that concurrent requests can't exceed
the limit.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.http.errors import Conflict, NotFound, Unavailable
from batteries_apiserver.http.idempotency import derived_name
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.keys.storing import store
from batteries_apiserver.kube.clients import BY_CUSTOMER, Kube
from batteries_apiserver.runtime.keyed_lock import KeyedLocks
from batteries_crds.api_key import ApiKey, Scope
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import CONFLICT, status_of
from batteries_crds.names import LABEL_CUSTOMER, MAX_LABEL_LENGTH

log = structlog.get_logger(__name__)

_ATTEMPTS = 8
_COUNTS_FOR = timedelta(days=1)
_MARKED_FOR = timedelta(minutes=1)

_locks = KeyedLocks()


async def issue(
    kube: Kube, customer: str, wanted: NewKeyBody, *, repeat_key: str | None, limit: int | None, by: Caller
) -> tuple[ApiKey, NewKey]:
    """Creates a key. `limit` None means no limit.

    Raises:
        Conflict: a key was created for `repeat_key` already, the limit is reached, or the customer was deleted.
    """
    # Administrators and customers have separate Idempotency-Keys, so that the same text never collides.
    kind = "admin-key" if by.is_admin else "key"
    object_name = str(uuid4()) if repeat_key is None else derived_name(kind, customer, repeat_key)
    async with _locks.lock(customer):
        if repeat_key is not None and kube.caches.keys.get(object_name) is not None:
            raise _made_already(object_name)
        if limit is not None:
            _refuse_too_many(kube, customer, limit)
        minted = mint()
        made = await store(kube, minted, await _body(kube, customer, object_name, wanted, minted))
        if made is None:
            raise _made_already(object_name)
    log.info(
        "key_made",
        customer=customer,
        key=object_name,
        key_prefix=minted.prefix,
        by_key=by.key_name,
        by_key_prefix=by.key_prefix,
        by_admin=by.is_admin,
    )
    return made, minted


async def revoke_own(kube: Kube, customer: str, name: str) -> ApiKey | None:
    """Revokes the customer's key. Returns None if it was revoked before; its revocation time then stays.

    Raises:
        Conflict: it is the last key with which the customer could create others.
        NotFound: the key was deleted.
        Unavailable: every attempt conflicted with another writer.
    """
    async with _locks.lock(customer):
        return await _revoke(kube, name, customer)


async def revoke(kube: Kube, name: str) -> ApiKey | None:
    """Revokes any key, even a customer's last one.

    Raises:
        NotFound: the key was deleted.
        Unavailable: every attempt conflicted with another writer.
    """
    return await _revoke(kube, name, None)


async def _revoke(kube: Kube, name: str, customer: str | None) -> ApiKey | None:
    for _ in range(_ATTEMPTS):
        key = await kube.keys.find(kube.namespace, name)
        if key is None:
            raise NotFound("key_not_found", "This API key was deleted.")
        if key.spec.revoked_at is not None:
            kube.caches.keys.put(key)
            return None
        if customer is not None:
            key = await _with_another_left(kube, customer, key)
        body = {
            "metadata": {"resourceVersion": key.metadata.resource_version},
            "spec": {"revokedAt": to_rfc3339(utc_now())},
        }
        try:
            revoked = await kube.keys.merge(kube.namespace, name, body)
            kube.caches.keys.put(revoked)
        except ApiException as error:
            if status_of(error) != CONFLICT:
                raise
        else:
            log.info("key_revoked", key=name, key_prefix=key.spec.key_prefix)
            return revoked
    raise Unavailable("busy", "Other requests are changing this API key. Send the same request again shortly.")


async def _with_another_left(kube: Kube, customer: str, key: ApiKey) -> ApiKey:
    """Checks that the owner keeps another key that can create keys, and returns the key as it is after marking it.

    Each request first marks its own key and then looks, live, for others that are not marked: of any number of requests
    on any replicas at least one sees all the marks, so the last two keys can't both be revoked at once. A mark expires
    after a minute, twice the time limit of a request.
    """
    if not _makes_keys(key):
        return key
    place = kube.namespace, key.metadata.name
    marked = await kube.keys.merge_status(*place, {"status": {"revocationAskedAt": to_rfc3339(utc_now())}})
    selector = f"spec.customerRef.name={customer}"
    async for other in kube.keys.all(kube.namespace, field_selector=selector, unreadable=lambda _: None):
        asked = other.status.revocation_asked_at
        is_marked = asked is not None and utc_now() - asked < _MARKED_FOR
        if other.metadata.name != key.metadata.name and _makes_keys(other) and not is_marked:
            return marked
    kube.caches.keys.put(await kube.keys.merge_status(*place, {"status": {"revocationAskedAt": None}}))
    raise Conflict(
        "last_key",
        "This is your last working API key with the scope full, and without one you can't create another. Create "
        "another first (POST /v1/keys), then revoke this one; or ask an administrator for a new key.",
    )


def _makes_keys(key: ApiKey) -> bool:
    return key.works_at(utc_now()) and key.spec.scope is Scope.FULL


def _refuse_too_many(kube: Kube, customer: str, limit: int) -> None:
    if sum(1 for key in kube.caches.keys.find(BY_CUSTOMER, customer) if _counts(key)) >= limit:
        raise Conflict(
            "key_limit_reached",
            f"API key limit reached ({limit}; revoked and expired keys count for a day). Revoke one that you don't "
            "use: DELETE /v1/keys/{id}.",
        )


async def _body(kube: Kube, customer: str, object_name: str, wanted: NewKeyBody, minted: NewKey) -> dict[str, Any]:
    owner = await kube.customers.find(kube.namespace, customer)
    if owner is None or owner.metadata.deletion_timestamp is not None:
        # Its keys are garbage-collected within minutes; a new one would have no owner and would stay.
        raise Conflict(
            "customer_gone",
            "Your customer was deleted, so it can't get new API keys. To sign up again: POST /v1/stripe/setup.",
        )
    metadata: dict[str, object] = {"name": object_name, "ownerReferences": [owner.reference()]}
    if len(customer) <= MAX_LABEL_LENGTH:
        metadata["labels"] = {LABEL_CUSTOMER: customer}
    spec = {
        "customerRef": {"name": customer},
        "name": wanted.name,
        "scope": wanted.scope,
        "keyPrefix": minted.prefix,
        "keyHash": minted.digest,
    }
    if wanted.expires_at is not None:
        spec["expiresAt"] = to_rfc3339(wanted.expires_at)
    return {"metadata": metadata, "spec": spec}


def _counts(key: ApiKey) -> bool:
    """Whether it counts towards the limit: it works, or ended within a day, so that a loop can't create any number."""
    return key.works_at(utc_now() - _COUNTS_FOR) or (
        key.spec.revoked_at is not None and utc_now() - key.spec.revoked_at < _COUNTS_FOR
    )


def _made_already(key_id: str) -> Conflict:
    return Conflict(
        "key_already_made",
        f"A key was created with this Idempotency-Key already; its id is {key_id}. It was shown once and can't be "
        "shown again: if you don't have it, revoke it and create another with a new Idempotency-Key.",
    )
