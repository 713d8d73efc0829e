"""Customer: who pays. Never merged by e-mail: an address typed into a form proves nothing."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rules
from batteries_crds.email import email_rule
from batteries_crds.names import MAX_OWNER_LENGTH
from batteries_crds.resource import Column, Definition, Resource
from batteries_crds.schema import NOT_DEFAULTED

DEFAULT_ACCOUNT_LIMIT = 3
MAX_CARDS = 32
"""How many fingerprints of cards are kept of one Customer."""

CardFingerprint = Annotated[str, Field(max_length=64)]


class PaymentMethod(StrEnum):
    """Whether the customer can be charged."""

    VALID = "valid"
    MISSING = "missing"


class PaymentReason(StrEnum):
    """Why a customer can be charged, or can't."""

    METHOD_ON_FILE = "PaymentMethodOnFile"
    SUBSCRIPTION_PAID = "SubscriptionPaid"
    SUBSCRIPTION_TRIAL = "SubscriptionTrial"
    NO_METHOD = "NoPaymentMethod"
    NO_SUBSCRIPTION = "NoSubscription"
    INVOICE_PAST_DUE = "InvoicePastDue"
    INVOICE_UNPAID = "InvoiceUnpaid"
    FIRST_INVOICE_UNPAID = "FirstInvoiceUnpaid"
    SUBSCRIPTION_PAUSED = "SubscriptionPaused"
    DELETED = "DeletedAtStripe"
    NOT_FOUND = "NotFoundAtStripe"
    HELD_BACK = "HeldBack"


class PaymentProblem(StrEnum):
    """What happened to a charge of the customer's. It stops nobody by itself; an administrator may block them."""

    DISPUTED = "Disputed"
    PARTLY_REFUNDED = "PartlyRefunded"
    REFUNDED = "Refunded"


class CustomerSpec(Model):
    """Who the customer is. The API server writes it when a checkout completes; people may change accountLimit."""

    email: Annotated[
        str,
        Field(
            max_length=MAX_OWNER_LENGTH,
            description="The customer's e-mail address, entered at the checkout. The owner of new AWS "
            "accounts signs in with it by single sign-on.",
            json_schema_extra=rules(email_rule("spec.email")),
        ),
    ]
    confirmed_email: Annotated[
        str | None,
        Field(
            max_length=MAX_OWNER_LENGTH,
            description="The e-mail address that its owner has confirmed with the link in a mail. spec.email "
            "counts as confirmed while both are equal, ignoring case. You may set it by hand if "
            "you know that the address is right. Until it is confirmed, single sign-on uses no "
            "Identity Center user from before this Customer.",
            json_schema_extra=rules(email_rule("spec.confirmedEmail")),
        ),
    ] = None
    stripe_customer_id: Annotated[
        str | None,
        Field(
            max_length=255,
            description="The customer's id in Stripe (cus_…), by which Stripe is asked whether they can pay.",
        ),
    ] = None
    account_limit: Annotated[
        int,
        Field(
            ge=0,
            le=100_000,
            description="How many AWS accounts the customer may ask for over HTTP. Customers with the same "
            "card share the largest of their limits.",
        ),
    ] = DEFAULT_ACCOUNT_LIMIT

    blocked: Annotated[
        bool,
        Field(
            description="true blocks the customer: over HTTP they may only read, nobody can sign up with the "
            "same card, and the operator suspends all of their accounts. false or absent ends "
            "this, and nothing else.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False
    blocked_reason: Annotated[
        str | None,
        Field(max_length=256, description="Why the customer is blocked. Only administrators see it."),
    ] = None


class CustomerStatus(Model):
    """What Stripe says of the customer. Only the API server writes it."""

    payment_method: Annotated[
        PaymentMethod | None,
        Field(
            description="Whether the customer can be charged. valid: they may ask for accounts. missing: they "
            "may not (HTTP 402)."
        ),
    ] = None
    payment_reason: Annotated[
        PaymentReason | None,
        Field(
            description="Why paymentMethod has its value. NotFoundAtStripe: Stripe does not find the "
            "customer, maybe because the key is of another Stripe account; paymentMethod stays as "
            "it was. HeldBack: the payment methods of too many customers would become missing on "
            "the same day, so this one stays as it was until a person has looked."
        ),
    ] = None
    payment_problems: Annotated[
        list[PaymentProblem] | None,
        Field(
            max_length=len(PaymentProblem),
            description="What happened to the customer's charges at Stripe, for administrators: Disputed, "
            "Refunded, PartlyRefunded. This alone changes nothing.",
        ),
    ] = None
    payment_method_since: Annotated[
        Timestamp | None,
        Field(description="Since when paymentMethod has had its value."),
    ] = None
    payment_grace_since: Annotated[
        Timestamp | None,
        Field(
            description="When the grace period began, while paymentMethod is missing. At its end the "
            "customer's accounts are suspended. It begins with the loss or, for losses from "
            "before there was a grace period, when the loss was first noticed."
        ),
    ] = None
    payment_ends_at: Annotated[
        Timestamp | None,
        Field(
            description="When the subscription ends that the customer has cancelled; paymentMethod is valid until "
            "then. Absent: nothing was cancelled, or nothing is sold."
        ),
    ] = None
    card_fingerprints: Annotated[
        list[CardFingerprint] | None,
        Field(
            max_length=MAX_CARDS,
            description="Hashes of Stripe's fingerprints of the customer's cards, including earlier ones. The "
            "same card number has the same fingerprint, whoever saves it. Absent until Stripe was "
            "asked.",
        ),
    ] = None
    payment_method_checked_at: Annotated[Timestamp | None, Field(description="When Stripe was last asked.")] = None


class Customer(Resource):
    """A paying customer of the HTTP API, who owns AwsAccounts and ApiKeys in the same namespace. A completed checkout
    makes one.
    """

    definition: ClassVar[Definition] = Definition(
        kind="Customer",
        plural="customers",
        short_names=("cust",),
        columns=(
            Column("Email", ".spec.email"),
            Column("Payment", ".status.paymentMethod", description="Whether they can be charged: valid or missing"),
            Column("Limit", ".spec.accountLimit", "integer", description="How many accounts they may have"),
            Column("Blocked", ".spec.blocked", "boolean", description="Whether they may only read"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Payment since", ".status.paymentMethodSince", "date", description="For how long", wide=True),
            Column("Ends", ".status.paymentEndsAt", "date", description="When what was cancelled ends", wide=True),
            Column("Reason", ".status.paymentReason", description="Why they can be charged or not", wide=True),
            Column("Problems", ".status.paymentProblems", description="Refunds and disputes", wide=True),
            Column("Confirmed", ".spec.confirmedEmail", description="The address that its owner confirmed", wide=True),
            Column("Stripe", ".spec.stripeCustomerId", description="The customer's id in Stripe", wide=True),
        ),
        selectable=(".spec.stripeCustomerId",),
    )

    spec: CustomerSpec
    status: CustomerStatus = CustomerStatus()

    @property
    def is_confirmed(self) -> bool:
        """Whether its owner has confirmed its present e-mail address."""
        confirmed = self.spec.confirmed_email
        return confirmed is not None and confirmed.lower() == self.spec.email.lower()

    def grace_ends(self, grace: timedelta | None) -> datetime | None:
        """When the grace period of a missing payment method ends or ended; None if none runs."""
        since = self.status.payment_grace_since
        if grace is None or since is None or self.status.payment_method is not PaymentMethod.MISSING:
            return None
        return since + grace
