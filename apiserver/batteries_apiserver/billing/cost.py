"""What a sign-up costs, as Stripe has it: nothing where only a card is saved, otherwise the configured price.

Stripe never changes the amount, the currency or the period of a price (https://docs.stripe.com/api/prices/update), so
what was read once stays true of that price, and only a failed first read leaves the cost unknown. Then this says so: a
guess about money is worse than none.

Our checkouts start no trial and calculate no tax (`gateway.new_session`), which the sentences therefore say.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired

import stripe
import structlog
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.billing.failures import asking
from batteries_apiserver.http.errors import Unavailable
from batteries_crds.base import to_rfc3339

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 120.0
"""How soon Stripe is asked again after it could not say the price: every sign-up and reader of llms.txt would ask."""

# Amounts are in the currency's smallest unit: https://docs.stripe.com/currencies#zero-decimal and #three-decimal.
_NO_DECIMALS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THREE_DECIMALS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])

FREE = "Nothing is charged: the checkout only saves a card, and this server has no price."
UNKNOWN = "The checkout starts a paid subscription. Its price is not known here now; the checkout page shows it."
BY_USE = "The checkout starts a paid subscription. Its price depends on use; the checkout page shows it."
NOBODY = "Nobody can sign up on this server now: it has no Stripe key."


class Recurring(TypedDict):
    """A price that is charged again and again."""

    amount: Annotated[str, Field(description="In the currency's main unit.", examples=["29.00"])]
    currency: Annotated[str, Field(description="ISO 4217.", examples=["USD"])]
    interval: Annotated[Literal["day", "week", "month", "year"], Field(description="The unit of the period.")]
    intervalCount: Annotated[int, Field(description="How many of them a period has.")]


class Cost(TypedDict):
    """What signing up costs."""

    summary: Annotated[str, Field(description="The price and its terms, as a sentence.")]
    charged: Annotated[bool, Field(description="Whether the checkout charges anything. false: it only saves a card.")]
    price: NotRequired[
        Annotated[Recurring, Field(description="Absent if nothing is charged, or if the price is not known.")]
    ]
    asOf: NotRequired[
        Annotated[
            str, Field(json_schema_extra={"format": "date-time"}, description="When the price was read from Stripe.")
        ]
    ]


@dataclass(slots=True)
class Price:
    """The configured price, read when somebody asks for it first."""

    client: stripe.StripeClient
    price_id: str | None
    livemode: bool
    _known: Cost | None = None
    _failed_at: float | None = None

    async def cost(self) -> Cost:
        """Returns the cost; it is said to be unknown while Stripe can't say. Never raises an error of Stripe's."""
        if self.price_id is None:
            return {"summary": FREE, "charged": False}
        if self._known is None and not self._has_just_failed():
            self._known = await self._read(self.price_id)
            self._failed_at = time.monotonic() if self._known is None else None
        return self._known or {"summary": UNKNOWN, "charged": True}

    def _has_just_failed(self) -> bool:
        return self._failed_at is not None and time.monotonic() - self._failed_at < _AGAIN_SECONDS

    async def _read(self, price_id: str) -> Cost | None:
        self._failed_at = time.monotonic()  # others don't ask at the same time
        try:
            async with asking("read the price"):
                try:
                    found = await self.client.v1.prices.retrieve_async(price_id)
                except stripe.PermissionError as error:
                    to_do = "Give the key the permission to read Prices."
                    log.warning("price_not_readable", reason=error.user_message, to_do=to_do)
                    return None
        except Unavailable:
            return None  # `asking` has logged it
        if found.livemode is not self.livemode:
            log.error("price_of_other_mode", price=price_id, to_do="Set STRIPE_PRICE_ID to a price of the key's mode.")
            return None
        return cost_of(found.to_dict(), datetime.now(UTC))


def cost_of(price: dict[str, Any], moment: datetime) -> Cost:
    """What Stripe's price means for a checkout of one."""
    read_at, recurring = to_rfc3339(moment), price.get("recurring") or {}
    amount = price.get("unit_amount")
    by_use = recurring.get("usage_type") == "metered" or price.get("billing_scheme") != "per_unit"
    if amount is None or not recurring or by_use or price.get("transform_quantity"):
        return {"summary": BY_USE, "charged": True, "asOf": read_at}
    shown: Recurring = {
        "amount": _decimal(amount, price["currency"]),
        "currency": price["currency"].upper(),
        "interval": recurring["interval"],
        "intervalCount": recurring["interval_count"],
    }
    return {"summary": _sentence(shown), "charged": amount > 0, "price": shown, "asOf": read_at}


def _sentence(price: Recurring) -> str:
    count, interval = price["intervalCount"], price["interval"]
    period = interval if count == 1 else f"{count} {interval}s"
    return (
        f"The checkout starts a subscription: {price['amount']} {price['currency']}, charged at once and again every "
        f"{period} until it is cancelled. There is no trial, and no tax is added."
    )


def _decimal(amount: int, currency: str) -> str:
    """The amount in the currency's main unit."""
    places = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    whole, rest = divmod(amount, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)
