"""What a customer does in the portal, and the events that Stripe sends of it. All of it, or nothing.

How a cancellation at the period's end is recorded depends on the subscription's billing mode
(https://docs.stripe.com/billing/subscriptions/billing-mode/compare): our checkouts make flexible ones, whose
`cancel_at` is set while `cancel_at_period_end` stays false. Whoever reads only the flag misses it.
"""

from batteries_sandbox.stripe import customers, payment_methods, setup_intents, subscriptions
from batteries_sandbox.stripe.account import BY_ITSELF, Account
from batteries_sandbox.stripe.cards import Card, CardInput, read_card
from batteries_sandbox.stripe.errors import StripeError
from batteries_sandbox.stripe.objects import JsonObject


def add_card(account: Account, session: JsonObject, typed: CardInput) -> None:
    """Saves a card and has everything paid with it from now on; raises what the page must show."""
    _check_may_change_cards(account, session)
    customer = account.find_customer(session["customer"])
    intent = setup_intents.new_setup_intent(account, {"customer": customer["id"]}, BY_ITSELF)
    year, month = account.clock.year_and_month()
    card = read_card(typed, year, month)
    if not isinstance(card, Card):
        setup_intents.fail(account, intent, card, BY_ITSELF)
        raise StripeError(card.message, status=402, kind="card_error", code=card.code, decline_code=card.decline_code)
    method = payment_methods.new_card(account, card, customer["email"])
    payment_methods.attach(account, method, customer["id"], BY_ITSELF)
    setup_intents.succeed(account, intent, method, BY_ITSELF)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    customers.change(account, customer, {"invoice_settings": settings}, BY_ITSELF)
    for one in subscriptions.running(account, customer["id"]):
        subscriptions.change(account, one, {"default_payment_method": method["id"]}, BY_ITSELF)


def remove_card(account: Account, session: JsonObject, method_id: str) -> None:
    """Takes a card away. The portal keeps the one that a running subscription is paid with, and the last one of it."""
    _check_may_change_cards(account, session)
    method = account.payment_methods.get(method_id)
    if method is None or method["customer"] != session["customer"]:
        raise StripeError("There is no such card.", status=404)
    running = list(subscriptions.running(account, session["customer"]))
    left = [one for one in payment_methods.of_customer(account, session["customer"]) if one is not method]
    if running and (not left or any(one["default_payment_method"] == method_id for one in running)):
        raise StripeError("This card pays a subscription. Add another card, or cancel the subscription.", status=409)
    payment_methods.take_away(account, method, BY_ITSELF)


def cancel(account: Account, session: JsonObject, subscription_id: str) -> None:
    """Cancels at the end of the paid period or at once, as the portal's configuration says."""
    feature = _features(account, session)["subscription_cancel"]
    if not feature["enabled"]:
        raise StripeError("Subscriptions can't be cancelled here.", status=403)
    subscription = _own(account, session, subscription_id)
    if subscription["cancel_at"] is not None:
        raise StripeError("This subscription is cancelled already.", status=409)
    if feature["mode"] == "immediately":
        subscriptions.end(account, subscription, "cancellation_requested", BY_ITSELF)
        return
    changes = {
        "cancel_at": subscriptions.period_end(account, subscription),
        "canceled_at": account.clock.now(),
        "cancellation_details": {**subscription["cancellation_details"], "reason": "cancellation_requested"},
    }
    subscriptions.change(account, subscription, changes, BY_ITSELF)


def renew(account: Account, session: JsonObject, subscription_id: str) -> None:
    """Takes a cancellation back, while the paid period lasts."""
    subscription = _own(account, session, subscription_id)
    if subscription["cancel_at"] is None:
        raise StripeError("This subscription is not cancelled.", status=409)
    details = {**subscription["cancellation_details"], "reason": None}
    changes = {"cancel_at": None, "canceled_at": None, "cancellation_details": details}
    subscriptions.change(account, subscription, changes, BY_ITSELF)


def _features(account: Account, session: JsonObject) -> JsonObject:
    features: JsonObject = account.portal_configurations[session["configuration"]]["features"]
    return features


def _check_may_change_cards(account: Account, session: JsonObject) -> None:
    if not _features(account, session)["payment_method_update"]["enabled"]:
        raise StripeError("Payment methods can't be changed here.", status=403)


def _own(account: Account, session: JsonObject, subscription_id: str) -> JsonObject:
    for one in subscriptions.running(account, session["customer"]):
        if one["id"] == subscription_id:
            return one
    raise StripeError("There is no such subscription, or it has ended.", status=404)
