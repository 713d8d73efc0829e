"""Stripe's test cards (https://docs.stripe.com/testing), and what a checkout page checks about a card.

Two different things go wrong with a card: `CardInput` that is no card is refused by the page itself, before Stripe
tries it; a well-formed card can then be declined by its issuer, which leaves a trace in the setup intent.
The number is kept nowhere: brand, last four digits and a fingerprint are all that leaves this module.
"""

import hashlib
import re
from dataclasses import dataclass

from batteries_sandbox.stripe.errors import StripeError


@dataclass(frozen=True, slots=True)
class Card:
    """A card that may be saved, without its number."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Decline:
    """Why an issuer says no, in Stripe's words: https://docs.stripe.com/declines/codes."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class CardInput:
    """What a person types."""

    number: str
    expiry: str
    cvc: str
    name: str | None = None


_ACCEPTED = {
    "4242424242424242": "visa",
    "4000056655665556": "visa",
    "5555555555554444": "mastercard",
    "2223003122003222": "mastercard",
    "378282246310005": "amex",
    "6011111111111117": "discover",
}

_DECLINED = "Your card was declined."
_DECLINES = {
    "4000000000000002": Decline("card_declined", "generic_decline", _DECLINED),
    "4000000000009995": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000009987": Decline("card_declined", "lost_card", _DECLINED),
    "4000000000000069": Decline("expired_card", "expired_card", "Your card has expired."),
    "4000000000000127": Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "4000000000000119": Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}
_NOT_A_TEST_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards,"
    " visit: https://stripe.com/docs/testing.",
)


def read_card(typed: CardInput, year: int, month: int) -> Card | Decline:
    """Checks what was typed, then asks the pretended issuer; raises for what is no card at all."""
    number = re.sub(r"[\s-]", "", typed.number)
    if not number:
        raise _card_error("Your card number is incomplete.", "incomplete_number", "cardNumber")
    if not re.fullmatch(r"[0-9]{12,19}", number) or not _luhn(number):
        raise _card_error("Your card number is incorrect.", "incorrect_number", "cardNumber")
    exp_year, exp_month = _expiry(typed.expiry)
    if (exp_year, exp_month) < (year, month):
        raise _card_error("Your card's expiration date is in the past.", "invalid_expiry_year", "cardExpiry")
    brand = _ACCEPTED.get(number, "visa")
    if not re.fullmatch(r"[0-9]{4}" if brand == "amex" else r"[0-9]{3}", typed.cvc.strip()):
        raise _card_error("Your card's security code is incomplete.", "invalid_cvc", "cardCvc")
    if number not in _ACCEPTED:
        return _DECLINES.get(number, _NOT_A_TEST_CARD)
    fingerprint = hashlib.sha256(f"standin:{number}".encode()).hexdigest()[:16]
    return Card(brand, number[-4:], exp_month, exp_year, fingerprint, typed.name)


def _expiry(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,2})\s*/\s*([0-9]{4}|[0-9]{2})\s*", text)
    if match is None:
        raise _card_error("Your card's expiration date is incomplete.", "invalid_expiry_month", "cardExpiry")
    month, year = int(match[1]), int(match[2])
    if not 1 <= month <= 12:
        raise _card_error("Your card's expiration month is invalid.", "invalid_expiry_month", "cardExpiry")
    return (year if year > 99 else 2000 + year), month


def _luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1: every second digit from the right counts double."""
    doubled = [int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(number))]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0


def _card_error(message: str, code: str, param: str) -> StripeError:
    return StripeError(message, status=402, kind="card_error", code=code, param=param)
