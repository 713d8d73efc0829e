"""POST /v1/stripe/callback: receives Stripe's events, which arrive at least once and in any order.

An event only says which object to query: the current state is read from Stripe and written. So repeated, late and
overtaken events do no harm. Stripe resends an event after any response but 200.
"""

from typing import Literal

from aiohttp import web
from typing_extensions import TypedDict

from batteries_apiserver.billing.context import BILLING, Billing
from batteries_apiserver.billing.customers import Customers
from batteries_apiserver.billing.events import CHARGE_DISPUTED, CHECKOUT_COMPLETED, CUSTOMER_CHANGED, Event
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, NotificationWriter
from batteries_apiserver.http.body import read_bytes
from batteries_apiserver.http.responses import json_response


class Received(TypedDict):
    """The response to POST /stripe/callback."""

    received: Literal[True]


async def receive(request: web.Request) -> web.Response:
    """Verifies the event on its raw bytes and acts on it; events that don't concern us are acknowledged."""
    raw = await read_bytes(request)
    billing = request.app[BILLING]
    event = billing.stripe.event(raw, request.headers.get("Stripe-Signature"))
    if billing.stripe.is_ours(event):
        await _act(billing, event, request.app[NOTIFICATIONS])
    response: Received = {"received": True}
    return json_response(response)


async def _act(billing: Billing, event: Event, notifications: NotificationWriter) -> None:
    customers = Customers(billing.kube, billing.stripe)
    if event.kind in CHECKOUT_COMPLETED and event.object_id is not None:
        session = await billing.stripe.completed_session(event.object_id)
        if session is not None:
            customer = await customers.settle(session.customer_id, email=session.email)
            if customer is not None:
                await notifications.ask_to_confirm(customer)
    elif event.kind in CUSTOMER_CHANGED and event.customer_id is not None:
        # No e-mail, so no Customer is created: this Stripe customer may never have completed a checkout of ours.
        await customers.settle(event.customer_id, email=None)
    elif event.kind in CHARGE_DISPUTED and event.charge_id is not None:
        customer_id = await billing.stripe.customer_of_charge(event.charge_id)
        if customer_id is not None:
            await customers.settle(customer_id, email=None)
