"""What happens when a person saves a card, or subscribes with one, on the checkout page: all of it, or nothing.

The order of events is Stripe's; it sends them unordered all the same, so nobody may rely on it.
"""

from batteries_sandbox.stripe import customers, payment_methods, setup_intents, subscriptions
from batteries_sandbox.stripe.account import BY_ITSELF, Account
from batteries_sandbox.stripe.cards import Card, CardInput, read_card
from batteries_sandbox.stripe.errors import StripeError, resource_missing
from batteries_sandbox.stripe.limits import check_email
from batteries_sandbox.stripe.objects import JsonObject
from batteries_sandbox.stripe.sessions import customer_details, prefilled_email

# The card of somebody who is only pretended: see `tools.py`. Its expiry outlives any clock that a test moves on.
PRETENDED_CARD = CardInput(number="4242424242424242", expiry="12/2099", cvc="123", name=None)


def pay(account: Account, session: JsonObject, typed: CardInput, typed_email: str) -> None:
    """Saves the card and completes the session, or raises what the page must show.

    A declined card leaves its trace in the setup intent; the session stays open for another try.
    """
    _check_open(account, session)
    email = prefilled_email(account, session) or typed_email.strip()
    check_email(email, "email")
    year, month = account.clock.year_and_month()
    card = read_card(typed, year, month)
    if isinstance(card, Card):
        _complete(account, session, card, email)
        return
    if session["mode"] == "setup":
        setup_intents.fail(account, account.setup_intents[session["setup_intent"]], card, BY_ITSELF)
    raise StripeError(
        card.message, status=402, kind="card_error", code=card.code, decline_code=card.decline_code, param="cardNumber"
    )


def _check_open(account: Account, session: JsonObject) -> None:
    if session["status"] != "open":
        raise StripeError(f"This Checkout Session is {session['status']}.", status=410)
    if session["customer"] and account.customers[session["customer"]].get("deleted"):
        raise resource_missing("customer", session["customer"], param="customer", status=400)


def _complete(account: Account, session: JsonObject, card: Card, email: str) -> None:
    customer_id = _customer(account, session, email, card.name)
    method = payment_methods.new_card(account, card, email)
    if customer_id is not None:
        payment_methods.attach(account, method, customer_id, BY_ITSELF)
    if session["mode"] == "setup":
        setup_intents.succeed(account, account.setup_intents[session["setup_intent"]], method, BY_ITSELF)
    else:
        subscription, invoice = subscriptions.begin(account, session, method, BY_ITSELF)
        session.update(subscription=subscription["id"], invoice=invoice["id"], payment_status="paid")
    session.update(
        status="complete", url=None, customer=customer_id, customer_details=customer_details(email, card.name)
    )
    account.record("checkout.session.completed", session, BY_ITSELF)


def _customer(account: Account, session: JsonObject, email: str, name: str | None) -> str | None:
    """Whom the card will belong to: in setup mode with `if_required`, and nobody given, to nobody.

    A subscription always has a customer.
    """
    if session["customer"]:
        customer = account.customers[session["customer"]]
        if not customer["email"]:
            # "If the Customer does not have a valid email, Checkout will set the email entered": the library's
            # params/checkout/_session_create_params.py, customer.
            customers.change(account, customer, {"email": email}, BY_ITSELF)
        customer_id: str = customer["id"]
        return customer_id
    if session["mode"] == "setup" and session["customer_creation"] != "always":
        return None
    created = customers.new_customer(account, {"email": email, "name": name}, BY_ITSELF)
    created_id: str = created["id"]
    return created_id
