"""GET /v1/customer: what the caller's customer is told about itself, the payment and what follows from it above all."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.http.errors import Conflict
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import BY_CUSTOMER, KUBE, Kube
from batteries_apiserver.projections.account_views import Moment
from batteries_crds.base import EPOCH, to_rfc3339, utc_now
from batteries_crds.customer import Customer, PaymentMethod
from batteries_crds.payment_dates import PaymentDates, payment_dates

_PORTAL = "POST /v1/stripe/portal leads to the page where you change that."


class Payment(TypedDict):
    """Whether the customer can pay, and what follows, each with its time."""

    method: Annotated[
        Literal["valid", "missing", "unknown"],
        Field(description="valid: you may request accounts. missing: you may not (402). unknown: not asked yet."),
    ]
    since: NotRequired[Annotated[Moment, Field(description="Since when.")]]
    reason: NotRequired[
        Annotated[
            str, Field(description="Why, in one word, such as SubscriptionPaid, NoPaymentMethod, NoSubscription.")
        ]
    ]
    paidUntil: NotRequired[
        Annotated[Moment, Field(description="You have cancelled: the subscription is paid until then, and ends.")]
    ]
    suspendsAt: NotRequired[
        Annotated[Moment, Field(description="When your accounts are, or were, suspended if nothing changes.")]
    ]
    closesAt: NotRequired[
        Annotated[
            Moment,
            Field(
                description="When AWS closes your accounts at the earliest, if nothing changes. Absent: they are not "
                "closed for this reason."
            ),
        ]
    ]
    message: Annotated[str, Field(description="What that means, and what you can do.")]


class OwnCustomer(TypedDict):
    """The response to GET /customer."""

    customerId: Annotated[str, Field(description="Your customer id.")]
    email: Annotated[str, Field(description="Your e-mail address, to which all mails go.")]
    emailConfirmed: Annotated[bool, Field(description="Whether you have confirmed that address.")]
    createdAt: Moment
    accountLimit: Annotated[int, Field(description="How many accounts you may request.")]
    accountCount: Annotated[int, Field(description="How many accounts you have.")]
    blocked: Annotated[
        bool, Field(description="Whether an administrator has blocked you: you may only read and leave.")
    ]
    payment: Payment


async def show(request: web.Request, caller: Caller) -> web.Response:
    """GET /v1/customer."""
    kube, name = request.app[KUBE], customer_of(caller)
    customer = kube.caches.customers.get(name) or await kube.customers.find(kube.namespace, name)
    if customer is None:
        raise Conflict("customer_gone", "Your customer was deleted, and your keys will be too. Sign up again.")
    return json_response(own_customer(kube, customer))


def own_customer(kube: Kube, customer: Customer) -> OwnCustomer:
    """The customer as it is now; its accounts are counted in the cache."""
    name, spec = customer.metadata.name, customer.spec
    return {
        "customerId": name,
        "email": spec.email,
        "emailConfirmed": customer.is_confirmed,
        "createdAt": to_rfc3339(customer.metadata.creation_timestamp or EPOCH),
        "accountLimit": spec.account_limit,
        "accountCount": len(kube.caches.accounts.find(BY_CUSTOMER, name)),
        "blocked": spec.blocked,
        "payment": payment_of(customer, payment_dates(customer, kube.payment_terms), utc_now()),
    }


def payment_of(customer: Customer, dates: PaymentDates, now: datetime) -> Payment:
    """The payment, with what follows from it and when."""
    status = customer.status
    method: Literal["valid", "missing", "unknown"] = "unknown"
    if status.payment_method is not None:
        method = "valid" if status.payment_method is PaymentMethod.VALID else "missing"
    payment: Payment = {"method": method, "message": message(customer, dates, now)}
    if status.payment_method_since is not None:
        payment["since"] = to_rfc3339(status.payment_method_since)
    if status.payment_reason is not None:
        payment["reason"] = status.payment_reason.value
    if dates.paid_until is not None:
        payment["paidUntil"] = to_rfc3339(dates.paid_until)
    if dates.suspends_at is not None:
        payment["suspendsAt"] = to_rfc3339(dates.suspends_at)
    if dates.closes_at is not None:
        payment["closesAt"] = to_rfc3339(dates.closes_at)
    return payment


def message(customer: Customer, dates: PaymentDates, now: datetime) -> str:
    """What the payment means, as sentences."""
    if customer.spec.stripe_customer_id is None:
        return "Your payment is not handled here; ask support how your accounts are paid for."
    if customer.status.payment_method is None:
        return "The payment provider, Stripe, was not asked about you yet. That happens within the hour."
    if customer.status.payment_method is PaymentMethod.VALID and dates.paid_until is None:
        return f"You can request accounts. To change your card or to cancel: {_PORTAL}"
    if dates.paid_until is not None:
        first = (
            f"You have cancelled: you have paid until {to_rfc3339(dates.paid_until)}. After that you can't request "
            "accounts."
        )
    else:
        first = "There is no valid payment method, so you can't request accounts."
    return " ".join([first, *_what_follows(dates, now), f"To stay, take that back or pay: {_PORTAL}"])


def _what_follows(dates: PaymentDates, now: datetime) -> list[str]:
    if dates.suspends_at is None:
        return ["Your existing accounts stay as they are. DELETE /v1/accounts/{id} closes one."]
    at = to_rfc3339(dates.suspends_at)
    said = [f"Your accounts are suspended {'since' if dates.suspends_at <= now else 'at'} {at}."]
    if dates.closes_at is not None:
        said.append(f"AWS closes them at {to_rfc3339(dates.closes_at)} at the earliest.")
    else:
        said.append("They are kept then; DELETE /v1/accounts/{id} closes one.")
    return said
