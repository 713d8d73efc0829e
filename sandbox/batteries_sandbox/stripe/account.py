"""One Stripe account in memory: its objects by kind and id, and the record of what happened to them.

Every function that changes it runs without awaiting, so each request sees and leaves it whole. An object is the very
JSON that Stripe would show; what must not be shown (card numbers) is not kept at all.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import stripe

from batteries_sandbox.stripe.errors import resource_missing
from batteries_sandbox.stripe.objects import Clock, JsonObject, new_id

# What Stripe calls each kind in "No such ...: 'id'", and the parameter that names it in the path.
_MISSING = {
    "customers": ("customer", "id"),
    "payment_methods": ("PaymentMethod", "payment_method"),
    "setup_intents": ("setupintent", "intent"),
    "sessions": ("checkout.session", "session"),
    "events": ("event", "id"),
    "prices": ("price", "price"),
    "subscriptions": ("subscription", "id"),
    "invoices": ("invoice", "invoice"),
    "charges": ("charge", "id"),
    "portal_configurations": ("configuration", "configuration"),
}


@dataclass(frozen=True, slots=True)
class Cause:
    """The API request that made an event; both fields are null for what happens by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None


BY_ITSELF = Cause()


@dataclass(slots=True)
class PortalVisit:
    """One customer portal session, and until when its URL works."""

    session: JsonObject
    expires_at: int


@dataclass(slots=True)
class Account:
    """The state of the stand-in: a table for each kind of object."""

    base_url: str
    send: Callable[[JsonObject], None]  # hands an event to the webhook endpoint, if that asked for its type
    livemode: bool = False  # of every object: an account's two modes know nothing of each other
    clock: Clock = field(default_factory=Clock)
    customers: dict[str, JsonObject] = field(default_factory=dict)
    payment_methods: dict[str, JsonObject] = field(default_factory=dict)
    setup_intents: dict[str, JsonObject] = field(default_factory=dict)
    sessions: dict[str, JsonObject] = field(default_factory=dict)
    events: dict[str, JsonObject] = field(default_factory=dict)
    prices: dict[str, JsonObject] = field(default_factory=dict)
    subscriptions: dict[str, JsonObject] = field(default_factory=dict)
    invoices: dict[str, JsonObject] = field(default_factory=dict)
    charges: dict[str, JsonObject] = field(default_factory=dict)
    portal_configurations: dict[str, JsonObject] = field(default_factory=dict)
    portal_visits: dict[str, PortalVisit] = field(default_factory=dict)  # by the secret part of the URL
    session_details: dict[str, JsonObject] = field(default_factory=dict)  # parameters that a session does not show
    expiries: list[tuple[int, str]] = field(default_factory=list)  # a heap, kept by expiry.py

    def table(self, kind: str) -> dict[str, JsonObject]:
        """The objects of one kind, oldest first."""
        tables: dict[str, dict[str, JsonObject]] = {name: getattr(self, name) for name in _MISSING}
        return tables[kind]

    def find(self, kind: str, wanted: str, *, param: str | None = None, status: int = 404) -> JsonObject:
        """The object with that id, or Stripe's error for there being none; a deleted one is found too."""
        found = self.table(kind).get(wanted)
        if found is None:
            noun, path_param = _MISSING[kind]
            raise resource_missing(noun, wanted, param=param or path_param, status=status)
        return found

    def find_customer(self, wanted: str, *, param: str = "id", status: int = 404) -> JsonObject:
        """The customer with that id; a deleted one is as good as none for everything but reading it."""
        customer = self.find("customers", wanted, param=param, status=status)
        if customer.get("deleted"):
            raise resource_missing("customer", wanted, param=param, status=status)
        return customer

    def record(self, kind: str, subject: JsonObject, cause: Cause, previous: JsonObject | None = None) -> JsonObject:
        """Writes an event with a snapshot of its subject, and hands it to the webhook endpoint."""
        data: JsonObject = {"object": deepcopy(subject)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: JsonObject = {
            "id": new_id("evt_"),
            "object": "event",
            "api_version": stripe.api_version,
            "created": self.clock.now(),
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": 0,
            "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
            "type": kind,
        }
        self.events[event["id"]] = event
        self.send(event)
        return event
