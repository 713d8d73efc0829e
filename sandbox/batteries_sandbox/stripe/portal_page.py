"""The hosted customer portal's two requests: show what there is, do one thing.

Usable by a browser and by curl: `curl -i -X POST "$URL" -d action=cancel -d subscription=sub_…`. The actions are
add_card (with the fields of the checkout page), remove_card (payment_method), cancel and renew (subscription).
Responses: 303 back to the page; 402, 403, 404 or 409 with the page and what is wrong; 410 when the session has expired.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import escape

from aiohttp import web

from batteries_sandbox.stripe import payment_methods, portal, subscriptions
from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.cards import CardInput
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.hosted import HEADERS
from batteries_sandbox.stripe.keys import ACCOUNT
from batteries_sandbox.stripe.objects import JsonObject
from batteries_sandbox.stripe.page import notice_page, whole_page
from batteries_sandbox.stripe.portal_sessions import visited

_ACTIONS: dict[str, Callable[[Account, JsonObject, dict[str, str]], None]] = {
    "add_card": lambda account, session, typed: portal.add_card(account, session, _card(typed)),
    "remove_card": lambda account, session, typed: portal.remove_card(
        account, session, typed.get("payment_method", "")
    ),
    "cancel": lambda account, session, typed: portal.cancel(account, session, typed.get("subscription", "")),
    "renew": lambda account, session, typed: portal.renew(account, session, typed.get("subscription", "")),
}


async def show(request: web.Request) -> web.StreamResponse:
    """The page that `session.url` leads to."""
    session = _session(request)
    return _over() if session is None else _html(_page(request.app[ACCOUNT], session, None), 200)


async def submit(request: web.Request) -> web.StreamResponse:
    """A person presses one of the buttons."""
    session = _session(request)
    if session is None:
        return _over()
    typed = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    action = _ACTIONS.get(typed.get("action", ""))
    try:
        if action is None:
            raise StripeError(f"action must be one of {', '.join(_ACTIONS)}.")
        action(request.app[ACCOUNT], session, typed)
    except StripeError as error:
        return _html(_page(request.app[ACCOUNT], session, error.message), error.status)
    return web.Response(status=303, headers={**HEADERS, "Location": str(request.rel_url)})


def _card(typed: dict[str, str]) -> CardInput:
    return CardInput(
        number=typed.get("cardNumber", ""),
        expiry=typed.get("cardExpiry", ""),
        cvc=typed.get("cardCvc", ""),
        name=typed.get("billingName") or None,
    )


def _session(request: web.Request) -> JsonObject | None:
    account = request.app[ACCOUNT]
    session = visited(account, request.match_info["token"])
    gone = session is None or account.customers[session["customer"]].get("deleted")
    return None if gone else session


def _page(account: Account, session: JsonObject, error: str | None) -> str:
    features = account.portal_configurations[session["configuration"]]["features"]
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    back = session["return_url"]
    link = f'<a class="cancel" href="{escape(back)}">Return</a>' if back else ""
    plans = "".join(_plans(account, session, features["subscription_cancel"]))
    cards = "".join(_cards(account, session)) if features["payment_method_update"]["enabled"] else ""
    return whole_page("Billing", f"<h1>Billing</h1>\n{alert}\n{plans}\n{cards}\n{link}")


def _plans(account: Account, session: JsonObject, feature: JsonObject) -> Iterator[str]:
    for one in subscriptions.running(account, session["customer"]):
        hidden = f'<input type="hidden" name="subscription" value="{escape(one["id"])}">'
        if one["cancel_at"] is not None:
            ends = datetime.fromtimestamp(one["cancel_at"], UTC).date()
            yield f"<p>Your subscription ends on {ends}.</p>{_form('renew', hidden, 'Don’t cancel subscription')}"
        elif feature["enabled"]:
            yield f"<p>Your subscription runs.</p>{_form('cancel', hidden, 'Cancel subscription')}"


def _cards(account: Account, session: JsonObject) -> Iterator[str]:
    for one in payment_methods.of_customer(account, session["customer"]):
        hidden = f'<input type="hidden" name="payment_method" value="{escape(one["id"])}">'
        name = f"{escape(one['card']['brand'])} •••• {one['card']['last4']}"
        yield f"<p>{name}</p>{_form('remove_card', hidden, 'Remove')}"
    fields = "".join(
        f'<label for="{name}">{label}</label><input id="{name}" name="{name}" required>'
        for name, label in (("cardNumber", "Card number"), ("cardExpiry", "Expiry"), ("cardCvc", "CVC"))
    )
    yield _form("add_card", fields, "Add card")


def _form(action: str, fields: str, button: str) -> str:
    return (
        f'<form method="post"><input type="hidden" name="action" value="{action}">{fields}'
        f'<button type="submit">{button}</button></form>'
    )


def _over() -> web.Response:
    return _html(notice_page("This page has expired", "Ask for a new link where you came from."), 410)


def _html(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)
