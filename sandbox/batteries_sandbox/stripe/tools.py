"""The stand-in's own tools under /_standin, which Stripe doesn't have: for tests, and for a person at the sandbox.

They need no key; the stand-in listens on loopback.
"""

import re

from aiohttp import web

from batteries_sandbox.stripe import charges, portal_configurations, subscriptions
from batteries_sandbox.stripe.account import BY_ITSELF
from batteries_sandbox.stripe.checkout import PRETENDED_CARD, pay
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.expiry import expire_due
from batteries_sandbox.stripe.keys import ACCOUNT, WEBHOOKS
from batteries_sandbox.stripe.objects import JsonObject

_PRETENDED_EMAIL = "somebody@example.com"
_STATUSES = ("active", "past_due", "unpaid", "canceled")


async def health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def deliveries(request: web.Request) -> web.Response:
    """Every delivery begun so far, oldest first."""
    webhooks = request.app[WEBHOOKS]
    return web.json_response({"paused": webhooks.paused, "deliveries": [one.shown() for one in webhooks.deliveries]})


async def pause(request: web.Request) -> web.Response:
    """From now on webhooks don't arrive."""
    request.app[WEBHOOKS].pause()
    return await deliveries(request)


async def resume(request: web.Request) -> web.Response:
    """From now on webhooks arrive, late ones first."""
    request.app[WEBHOOKS].resume()
    return await deliveries(request)


async def complete(request: web.Request) -> web.Response:
    """Ends a session as if a person had paid; `email` in the form, where the session knows none."""
    email = (await request.post()).get("email", _PRETENDED_EMAIL)
    account = request.app[ACCOUNT]
    session = account.find("sessions", request.match_info["id"])
    pay(account, session, PRETENDED_CARD, str(email))
    return web.json_response(session)


async def subscription_status(request: web.Request) -> web.Response:
    """Moves a subscription to `status`, with the invoices and events that go with it at a month's end."""
    status = str((await request.post()).get("status", ""))
    if status not in _STATUSES:
        raise StripeError(f"status must be one of {', '.join(_STATUSES)}.", param="status")
    account = request.app[ACCOUNT]
    subscription = account.find("subscriptions", request.match_info["id"])
    subscriptions.pretend(account, subscription, status, BY_ITSELF)
    return web.json_response(subscription)


async def portal(request: web.Request) -> web.Response:
    """Saves the portal's default settings, as in the dashboard. `cancel`: at_period_end, immediately, off, or none:
    as in a Stripe account whose portal nobody has set up.
    """
    cancel, account = str((await request.post()).get("cancel", "")), request.app[ACCOUNT]
    if cancel == "none":
        portal_configurations.forget_default(account)
        return web.json_response({})
    if cancel not in (*portal_configurations.CANCEL_MODES, "off"):
        raise StripeError("cancel must be one of at_period_end, immediately, off, none.", param="cancel")
    return web.json_response(portal_configurations.save_default(account, None if cancel == "off" else cancel))


async def charge(request: web.Request) -> web.Response:
    """A charge of `customer`, of `amount` cents, of which `refunded` were given back; `disputed`: true or nothing."""
    form = await request.post()
    amount, refunded = int(str(form.get("amount", "2000"))), int(str(form.get("refunded", "0")))
    made = charges.pretend(
        request.app[ACCOUNT], str(form.get("customer", "")), amount, refunded, form.get("disputed") == "true"
    )
    return web.json_response(made)


async def redeliver(request: web.Request) -> web.Response:
    """Sends an event a second time, as Stripe may at any time."""
    event = request.app[ACCOUNT].find("events", request.match_info["id"])
    if not request.app[WEBHOOKS].redeliver(event):
        raise StripeError("There is no webhook URL to deliver to.", status=409)
    return web.json_response(event)


async def advance_clock(request: web.Request) -> web.Response:
    """Moves the time on by `seconds`: sessions live for half an hour at the least."""
    seconds = str((await request.post()).get("seconds", ""))
    if not re.fullmatch(r"[0-9]{1,8}", seconds):
        raise StripeError("seconds must be a whole number of up to 8 digits.", param="seconds")
    account = request.app[ACCOUNT]
    account.clock.advance(int(seconds))
    expire_due(account)
    answer: JsonObject = {"now": account.clock.now()}
    return web.json_response(answer)


ROUTES = (
    web.get("/_standin/health", health),
    web.get("/_standin/deliveries", deliveries),
    web.post("/_standin/deliveries/pause", pause),
    web.post("/_standin/deliveries/resume", resume),
    web.post("/_standin/sessions/{id}/complete", complete),
    web.post("/_standin/subscriptions/{id}/status", subscription_status),
    web.post("/_standin/charges", charge),
    web.post("/_standin/portal", portal),
    web.post("/_standin/events/{id}/redeliver", redeliver),
    web.post("/_standin/clock/advance", advance_clock),
)
