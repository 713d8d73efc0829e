"""Customer: who pays. Never merged by e-mail: an address typed into a form proves nothing."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.names import MAX_OWNER_LENGTH
from batteries_crds.resource import Column, Definition, Resource

DEFAULT_ACCOUNT_LIMIT = 100


class PaymentMethod(StrEnum):
    """Whether the customer can be charged."""

    VALID = "valid"
    MISSING = "missing"


class CustomerSpec(Model):
    """Who it is. The API server writes it when a checkout completes."""

    email: Annotated[
        str, Field(min_length=3, max_length=MAX_OWNER_LENGTH, description="The address given at the checkout.")
    ]
    stripe_customer_id: Annotated[str | None, Field(max_length=255, description="The customer in Stripe (cus_…).")] = (
        None
    )
    account_limit: Annotated[int, Field(ge=0, le=100_000, description="How many accounts this customer may have.")] = (
        DEFAULT_ACCOUNT_LIMIT
    )


class CustomerStatus(Model):
    """What Stripe says. Written by the API server."""

    payment_method: Annotated[
        PaymentMethod | None, Field(description="valid: may make accounts; missing: may not (HTTP 402).")
    ] = None
    payment_method_since: Annotated[
        Timestamp | None, Field(description="Since when it is so; after a grace period its accounts may be suspended.")
    ] = None
    payment_method_checked_at: Annotated[Timestamp | None, Field(description="When Stripe was last asked.")] = None


class Customer(Resource):
    """A paying customer; owns AwsAccounts and ApiKeys in the same namespace."""

    definition: ClassVar[Definition] = Definition(
        kind="Customer",
        plural="customers",
        short_names=("cust",),
        columns=(
            Column("Email", ".spec.email"),
            Column("Payment", ".status.paymentMethod", description="valid or missing"),
            Column("Limit", ".spec.accountLimit", "integer", description="Accounts allowed"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Stripe", ".spec.stripeCustomerId", wide=True),
        ),
        selectable=(".spec.stripeCustomerId",),
    )

    spec: Annotated[CustomerSpec, Field(description="Who it is.")]
    status: Annotated[CustomerStatus, Field(description="What Stripe says.")] = CustomerStatus()
