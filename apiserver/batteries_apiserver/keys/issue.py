"""Makes and revokes a customer's keys. The raw key is in the one answer to its making and nowhere else.

Under an Idempotency-Key the object's name is derived, and creating it or failing is the lock: a repeat makes no second
key, and can't be shown the first. One whose making was not answered is known again by the hash of the key. Customers
make one key at a time on each replica, so that requests to it can't pass each other's count.
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
from batteries_crds.names import LABEL_CUSTOMER

log = structlog.get_logger(__name__)

_ATTEMPTS = 8
_COUNTS_FOR = timedelta(days=1)
_MARKED_FOR = timedelta(minutes=1)

_locks = KeyedLocks()


async def issue(
    kube: Kube, customer: str, wanted: NewKeyBody, *, repeat_key: str | None, limit: int | None, by: Caller
) -> tuple[ApiKey, NewKey]:
    """A new key; `limit` None: however many there are.

    Raises:
        Conflict: a key was made for `repeat_key` already, or the customer has as many as allowed, or is gone.
    """
    # Administrators' Idempotency-Keys are theirs: a customer's own text must not meet them.
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
    """Refuses the customer's key from now on; None where it was refused before, which keeps its time.

    Raises:
        Conflict: it is the last key with which the customer could make others.
        NotFound: the key is gone.
        Unavailable: others change it all the time.
    """
    async with _locks.lock(customer):
        return await _revoke(kube, name, customer)


async def revoke(kube: Kube, name: str) -> ApiKey | None:
    """The same for any key, whatever is left.

    Raises:
        NotFound: the key is gone.
        Unavailable: others change it all the time.
    """
    return await _revoke(kube, name, None)


async def _revoke(kube: Kube, name: str, customer: str | None) -> ApiKey | None:
    for _ in range(_ATTEMPTS):
        key = await kube.keys.find(kube.namespace, name)
        if key is None:
            raise NotFound("key_not_found", "This API key is gone.")
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
    raise Unavailable("busy", "This API key is being changed by others. Send the same request again shortly.")


async def _with_another_left(kube: Kube, customer: str, key: ApiKey) -> ApiKey:
    """The key, which may be revoked because its owner keeps another that can make keys.

    Each request first marks its own key and then looks for others that are not marked, live: of any number of requests
    on any replicas at least one sees all the marks, so the last two keys can't both be revoked at once. A mark is void
    after a minute, twice the time that a request may take.
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
        "This is your last working API key with the scope full, and without one you can't make another. Make another "
        "first (POST /v1/keys), then revoke this one; or ask an administrator for a new key.",
    )


def _makes_keys(key: ApiKey) -> bool:
    return key.works_at(utc_now()) and key.spec.scope is Scope.FULL


def _refuse_too_many(kube: Kube, customer: str, limit: int) -> None:
    if sum(1 for key in kube.caches.keys.find(BY_CUSTOMER, customer) if _counts(key)) >= limit:
        raise Conflict(
            "key_limit_reached",
            f"You have as many API keys as you may have ({limit}; revoked and expired ones count for a day). Revoke "
            "one that is not used: DELETE /v1/keys/{id}.",
        )


async def _body(kube: Kube, customer: str, object_name: str, wanted: NewKeyBody, minted: NewKey) -> dict[str, Any]:
    owner = await kube.customers.find(kube.namespace, customer)
    if owner is None or owner.metadata.deletion_timestamp is not None:
        # Its keys go with it, within minutes; another one would have no owner to go with.
        raise Conflict(
            "customer_gone",
            "Your customer was deleted here, so no more API keys are made. To begin anew: POST /v1/stripe/setup.",
        )
    metadata: dict[str, object] = {"name": object_name, "ownerReferences": [owner.reference()]}
    if len(customer) <= 63:
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
    """Whether it counts towards the limit: in use, or made and ended so lately that a loop could do it."""
    return key.works_at(utc_now() - _COUNTS_FOR) or (
        key.spec.revoked_at is not None and utc_now() - key.spec.revoked_at < _COUNTS_FOR
    )


def _made_already(key_id: str) -> Conflict:
    return Conflict(
        "key_already_made",
        f"A key was made with this Idempotency-Key already; its id is {key_id}. It was shown once and is stored "
        "nowhere: if you don't have it, revoke it and make another under a new Idempotency-Key.",
    )
