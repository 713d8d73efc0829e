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
"""So many fingerprints of cards are remembered of one Customer."""

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
            description="The customer's e-mail address, given at the checkout: the owner of new AWS accounts signs in "
            "with it by single sign-on.",
            json_schema_extra=rules(email_rule("spec.email")),
        ),
    ]
    confirmed_email: Annotated[
        str | None,
        Field(
            max_length=MAX_OWNER_LENGTH,
            description="The e-mail address that its owner has confirmed by the link in a mail. spec.email counts as "
            "confirmed while it is the same but for case. Who is trusted to know the address may set it by hand. Until "
            "it is confirmed, single sign-on leads to no user that was there before this Customer.",
            json_schema_extra=rules(email_rule("spec.confirmedEmail")),
        ),
    ] = None
    stripe_customer_id: Annotated[
        str | None,
        Field(max_length=255, description="The customer's id in Stripe (cus_…); whether they can pay is asked there."),
    ] = None
    account_limit: Annotated[
        int,
        Field(
            ge=0,
            le=100_000,
            description="How many AWS accounts the customer may ask for over HTTP; raise it for who needs more. "
            "Customers with the same card may have together as many as the largest of their limits.",
        ),
    ] = DEFAULT_ACCOUNT_LIMIT

    blocked: Annotated[
        bool,
        Field(
            description="true refuses the customer everything but reading over HTTP, refuses sign-ups with the same "
            "card, and has the operator suspend all of the customer's accounts; false or absent lifts just that.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False
    blocked_reason: Annotated[
        str | None,
        Field(max_length=256, description="Why, for administrators; the customer does not see it."),
    ] = None


class CustomerStatus(Model):
    """What Stripe says of the customer. Only the API server writes it."""

    payment_method: Annotated[
        PaymentMethod | None,
        Field(
            description="Whether the customer can be charged. valid: may ask for accounts; missing: may not (HTTP 402)."
        ),
    ] = None
    payment_reason: Annotated[
        PaymentReason | None,
        Field(
            description="Why. NotFoundAtStripe: Stripe's account has no such customer, maybe because the key is "
            "another account's, and paymentMethod stays as it was. HeldBack: it would be missing, and so would that of "
            "too many others on the same day; a person has to look."
        ),
    ] = None
    payment_problems: Annotated[
        list[PaymentProblem] | None,
        Field(
            max_length=len(PaymentProblem),
            description="What happened to the customer's charges at Stripe, for administrators: Disputed, Refunded, "
            "PartlyRefunded. Nothing follows from it by itself.",
        ),
    ] = None
    payment_method_since: Annotated[
        Timestamp | None,
        Field(description="Since when paymentMethod is what it is."),
    ] = None
    payment_grace_since: Annotated[
        Timestamp | None,
        Field(
            description="Since when the grace period runs, while paymentMethod is missing; when it is over, the "
            "customer's accounts are suspended. The moment of the loss, or, where that was before there was a grace "
            "period, the moment at which it was first noticed."
        ),
    ] = None
    card_fingerprints: Annotated[
        list[CardFingerprint] | None,
        Field(
            max_length=MAX_CARDS,
            description="Hashes of what Stripe calls the fingerprints of the customer's cards, those of earlier ones "
            "included: the same number has the same one, whoever saves it. Absent until Stripe was asked.",
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
            Column("Blocked", ".spec.blocked", "boolean", description="Whether everything but reading is refused"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column(
                "Payment since", ".status.paymentMethodSince", "date", description="For how long it is so", wide=True
            ),
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
        """Whether its owner has confirmed the e-mail address that it has now."""
        confirmed = self.spec.confirmed_email
        return confirmed is not None and confirmed.lower() == self.spec.email.lower()

    def grace_ends(self, grace: timedelta | None) -> datetime | None:
        """When the grace period of a missing payment method ends or ended; None where none runs."""
        since = self.status.payment_grace_since
        if grace is None or since is None or self.status.payment_method is not PaymentMethod.MISSING:
            return None
        return since + grace
