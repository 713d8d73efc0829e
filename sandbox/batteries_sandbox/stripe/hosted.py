"""The hosted checkout page's two requests: show the form, accept the form.

Usable by a browser, and by curl: `curl -i -X POST "$URL" -d email=ada@example.com -d cardNumber=4242424242424242 -d
cardExpiry=12/34 -d cardCvc=123`. Responses: 303 to `success_url` when the card is saved; 402 with the page again when
it is not; 400 when the e-mail address is missing or wrong; 410 when the session is complete or expired; 404 when there
is none.
"""

from aiohttp import web

from batteries_sandbox.stripe.cards import CardInput
from batteries_sandbox.stripe.checkout import pay
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.keys import ACCOUNT
from batteries_sandbox.stripe.objects import JsonObject
from batteries_sandbox.stripe.page import checkout_page, notice_page
from batteries_sandbox.stripe.sessions import prefilled_email

_ENDED = {
    "complete": ("You're all done here", "This card was saved already. You can close this page."),
    "expired": ("This page has expired", "The checkout session has expired. Start again where you came from."),
}

HEADERS = {
    "Cache-Control": "no-store",
    # No form-action: browsers apply it to the redirect after the form too, and that goes to the merchant.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


async def show(request: web.Request) -> web.StreamResponse:
    """The page that `session.url` leads to."""
    session = _session(request)
    if session is None or session["status"] != "open":
        return _over(session)
    return _form(request, session, {}, None, 200)


async def submit(request: web.Request) -> web.StreamResponse:
    """A person presses "Save card"."""
    fields = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    session = _session(request)
    if session is None or session["status"] != "open":
        return _over(session)
    typed = CardInput(
        number=fields.get("cardNumber", ""),
        expiry=fields.get("cardExpiry", ""),
        cvc=fields.get("cardCvc", ""),
        name=fields.get("billingName") or None,
    )
    try:
        pay(request.app[ACCOUNT], session, typed, fields.get("email", ""))
    except StripeError as error:
        return _form(request, session, fields, error.message, error.status)
    # Only the literal is replaced: a success_url that was percent-encoded as a whole keeps %7BCHECKOUT_SESSION_ID%7D,
    # which is a known way to get this wrong at Stripe.
    location = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
    return web.Response(status=303, headers={**HEADERS, "Location": location})


def _session(request: web.Request) -> JsonObject | None:
    return request.app[ACCOUNT].sessions.get(request.match_info["id"])


def _form(
    request: web.Request, session: JsonObject, typed: dict[str, str], error: str | None, status: int
) -> web.Response:
    email = prefilled_email(request.app[ACCOUNT], session)
    return _html(checkout_page(session, email, typed, error), status)


def _over(session: JsonObject | None) -> web.Response:
    if session is None:
        return _html(notice_page("Something went wrong", "There is no checkout session with this address."), 404)
    return _html(notice_page(*_ENDED[session["status"]]), 410)


def _html(text: str, status: int) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)
