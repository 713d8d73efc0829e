"""Customers as administrators see them."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.auth.customer_checks import same_card
from batteries_apiserver.http.paging import sort_key
from batteries_apiserver.kube.clients import BY_CUSTOMER, Kube
from batteries_apiserver.projections.account_views import Moment
from batteries_crds.base import EPOCH, to_rfc3339
from batteries_crds.customer import Customer
from batteries_crds.payment_dates import PaymentDates, payment_dates


class AdminCustomer(TypedDict):
    """A customer."""

    customerId: Annotated[str, Field(description="The customer's id: the name of its Customer.")]
    email: Annotated[str, Field(description="The e-mail address given at the checkout.")]
    createdAt: Moment
    accountLimit: Annotated[int, Field(description="How many accounts the customer may have.")]
    accountCount: Annotated[int, Field(description="How many accounts the customer has.")]
    paymentMethod: NotRequired[
        Annotated[Literal["valid", "missing"], Field(description="Whether the customer can pay.")]
    ]
    paymentMethodSince: NotRequired[
        Annotated[Moment, Field(description="Since when paymentMethod has had this value.")]
    ]
    paymentReason: NotRequired[
        Annotated[
            str,
            Field(
                description="Why the customer can or can't pay, in one word, such as SubscriptionPaid or "
                "InvoicePastDue. NotFoundAtStripe and HeldBack mean that paymentMethod was left unchanged until a "
                "person has looked."
            ),
        ]
    ]
    paymentProblems: NotRequired[
        Annotated[
            list[str],
            Field(
                description="What happened to the customer's charges: Disputed, Refunded, PartlyRefunded. This alone "
                "changes nothing; you can block the customer."
            ),
        ]
    ]
    suspendsAt: NotRequired[
        Annotated[
            Moment,
            Field(
                description="When the accounts are, or were, suspended because of the missing payment, if nothing "
                "changes."
            ),
        ]
    ]
    paidUntil: NotRequired[
        Annotated[Moment, Field(description="When the subscription ends that the customer has cancelled.")]
    ]
    closesAt: NotRequired[
        Annotated[Moment, Field(description="When AWS closes the accounts at the earliest, if nothing changes.")]
    ]
    blocked: Annotated[bool, Field(description="Whether the customer is blocked and may only read.")]
    blockedReason: NotRequired[
        Annotated[str, Field(description="Why the customer is blocked; the customer does not see it.")]
    ]
    sameCard: Annotated[list[str], Field(description="The ids of other customers that have had the same card.")]


class AdminCustomerList(TypedDict):
    """The response to GET /admin/customers."""

    customers: list[AdminCustomer]


def sort_key_of(customer: Customer) -> str:
    """Its sort key in a list: oldest first."""
    return sort_key(customer.metadata.creation_timestamp, customer.metadata.name)


def customer_view(kube: Kube, customer: Customer) -> AdminCustomer:
    """The customer's current state; its accounts and the other customers come from the cache."""
    name, spec = customer.metadata.name, customer.spec
    view: AdminCustomer = {
        "customerId": name,
        "email": spec.email,
        "createdAt": to_rfc3339(customer.metadata.creation_timestamp or EPOCH),
        "accountLimit": spec.account_limit,
        "accountCount": len(kube.caches.accounts.find(BY_CUSTOMER, name)),
        "blocked": spec.blocked,
        "sameCard": sorted(one.metadata.name for one in same_card(kube, customer) if one.metadata.name != name),
    }
    _add_payment(view, customer, payment_dates(customer, kube.payment_terms))
    if spec.blocked_reason is not None:
        view["blockedReason"] = spec.blocked_reason
    return view


def _add_payment(view: AdminCustomer, customer: Customer, dates: PaymentDates) -> None:
    status = customer.status
    if status.payment_method is not None:
        view["paymentMethod"] = status.payment_method.value
    if status.payment_method_since is not None:
        view["paymentMethodSince"] = to_rfc3339(status.payment_method_since)
    if status.payment_reason is not None:
        view["paymentReason"] = status.payment_reason.value
    if status.payment_problems:
        view["paymentProblems"] = [problem.value for problem in status.payment_problems]
    if dates.paid_until is not None:
        view["paidUntil"] = to_rfc3339(dates.paid_until)
    if dates.suspends_at is not None:
        view["suspendsAt"] = to_rfc3339(dates.suspends_at)
    if dates.closes_at is not None:
        view["closesAt"] = to_rfc3339(dates.closes_at)
