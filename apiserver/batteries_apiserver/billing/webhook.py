"""POST /v1/stripe/callback: what Stripe tells us, at least once and in any order.

An event is only a hint of where to look: Stripe is asked for the state, and the state is written. So a repeated, late
or overtaken event does no harm. Anything but 200 makes Stripe send it again.
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
    """The answer to POST /stripe/callback."""

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
        # Without an e-mail none is made: it may be a customer that never completed a checkout of ours.
        await customers.settle(event.customer_id, email=None)
    elif event.kind in CHARGE_DISPUTED and event.charge_id is not None:
        customer_id = await billing.stripe.customer_of_charge(event.charge_id)
        if customer_id is not None:
            await customers.settle(customer_id, email=None)
