"""Notification: one mail to be sent. The programs record what happened; the operator sends the mail.

The name is derived from what happened, so that a repeat creates no second mail. It never contains a secret.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import CustomerRef
from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rule, rules
from batteries_crds.email import email_rule
from batteries_crds.identity import derived_uuid
from batteries_crds.names import MAX_OWNER_LENGTH
from batteries_crds.resource import Column, Definition, Resource

DETAIL_LENGTH = 1024
CONFIRMATION_HOURS = 24
"""How long the link of a ConfirmEmail mail works."""

CONFIRMATIONS_A_DAY = 5
"""How many ConfirmEmail mails a customer may ask for in a day (UTC)."""


class NotificationKind(StrEnum):
    """What the mail is about."""

    CONFIRM_EMAIL = "ConfirmEmail"
    KEY_HANDED_OVER = "KeyHandedOver"
    KEY_CREATED = "KeyCreated"
    KEY_REVOKED = "KeyRevoked"
    REPOSITORIES_CHANGED = "RepositoriesChanged"
    PASSWORD_REVEALED = "PasswordRevealed"  # noqa: S105  # a name
    PAYMENT_METHOD_MISSING = "PaymentMethodMissing"
    SUSPENSION_SOON = "SuspensionSoon"
    SUSPENDED = "Suspended"
    SUBSCRIPTION_ENDS = "SubscriptionEnds"
    CLOSURE_REQUESTED = "ClosureRequested"
    CLOSURE_TAKEN_BACK = "ClosureTakenBack"
    ACCOUNT_EXPIRES = "AccountExpires"
    ACCOUNT_EXPIRED = "AccountExpired"
    ACCOUNT_CLOSES = "AccountCloses"
    ACCOUNT_CLOSED = "AccountClosed"


OF_ACCOUNTS = frozenset(
    {
        NotificationKind.ACCOUNT_EXPIRES,
        NotificationKind.ACCOUNT_EXPIRED,
        NotificationKind.ACCOUNT_CLOSES,
        NotificationKind.ACCOUNT_CLOSED,
    }
)
"""The kinds that go to the owner of an account, who may be no Customer."""


class NotificationState(StrEnum):
    """What became of the mail."""

    SENT = "Sent"
    DISABLED = "Disabled"
    DROPPED = "Dropped"


_TO_PAYER = f"self.kind == '{NotificationKind.KEY_HANDED_OVER.value}'"
_OF_ACCOUNT = f"self.kind in {sorted(kind.value for kind in OF_ACCOUNTS)}"


class AccountRef(Model):
    """An AwsAccount in the same namespace."""

    name: Annotated[str, Field(max_length=253, description="metadata.name of the AwsAccount.")]
    uid: Annotated[
        str, Field(max_length=64, description="metadata.uid of the AwsAccount: a later one of its name gets no mail.")
    ]


class NotificationSpec(Model):
    """What happened, and to which customer or account. It never changes after it is made."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self == oldSelf",
                "A Notification can't be changed; delete it, and make another where another mail is wanted.",
                reason="FieldValueForbidden",
            ),
            rule(
                f"has(self.to) == ({_TO_PAYER})",
                "spec.to is for the mail to who paid (spec.kind KeyHandedOver) and must be given there. Every other "
                "mail goes to the Customer's own address: leave spec.to out.",
            ),
            rule(
                f"has(self.accountRef) == ({_OF_ACCOUNT})",
                "spec.accountRef is for the mails about one account (AccountExpires, AccountExpired, AccountCloses, "
                "AccountClosed) and must be given there; leave it out of every other mail.",
            ),
            rule(
                "has(self.customerRef) || has(self.accountRef)",
                "A mail needs somebody to go to: set spec.customerRef.name to a Customer in this namespace.",
                reason="FieldValueRequired",
            ),
        ),
    )

    kind: Annotated[NotificationKind, Field(description="What the mail is about; it decides the text.")]
    customer_ref: Annotated[
        CustomerRef | None,
        Field(
            description="The Customer that it concerns. The mail goes to the Customer's spec.email. Only a mail about "
            "an account that has no Customer lacks it."
        ),
    ] = None
    account_ref: Annotated[
        AccountRef | None,
        Field(description="The AwsAccount that it is about. Without customerRef the mail goes to its spec.email."),
    ] = None
    to: Annotated[
        str | None,
        Field(
            max_length=MAX_OWNER_LENGTH,
            description="The e-mail address of whoever paid, as Stripe collected it at the checkout. For "
            "KeyHandedOver only.",
            json_schema_extra=rules(email_rule("spec.to")),
        ),
    ] = None
    details: Annotated[
        dict[str, Annotated[str, Field(max_length=DETAIL_LENGTH)]],
        Field(
            max_length=16,
            description="Values for the mail's text, such as keyPrefix or accountId. Never a secret.",
        ),
    ] = {}


class Confirmation(Model):
    """The proof that somebody reads the mail: the hash of the token in its link."""

    email: Annotated[str, Field(max_length=MAX_OWNER_LENGTH, description="The address that the mail went to.")]
    token_hash: Annotated[
        str,
        Field(
            max_length=64,
            pattern="^[0-9a-f]{64}$",
            description="The SHA-256 of the token, in hexadecimal. Only the mail has the token itself.",
        ),
    ]
    expires_at: Annotated[Timestamp, Field(description="When the link expires.")]


class NotificationStatus(Model):
    """Whether the mail was sent. Only the operator writes it."""

    state: Annotated[
        NotificationState | None,
        Field(
            description="Sent: SES accepted the mail. Disabled: the operator has no sender, so no mails are "
            "sent. Dropped: it could not be sent and is not retried any more; see error. Absent: "
            "it is still to be sent."
        ),
    ] = None
    finished_at: Annotated[
        Timestamp | None,
        Field(description="When it was sent or dropped. The operator deletes the object some days later."),
    ] = None
    to: Annotated[
        str | None, Field(max_length=MAX_OWNER_LENGTH, description="The address that the mail was sent to.")
    ] = None
    message_id: Annotated[str | None, Field(max_length=128, description="The mail's id in Amazon SES.")] = None
    error: Annotated[
        str | None,
        Field(max_length=1024, description="Why it is not sent yet, or was dropped; absent once it is sent."),
    ] = None
    confirmation: Confirmation | None = None


class Notification(Resource):
    """A mail to a customer: written down by the API server or the operator, sent by the operator, and deleted some days
    after.
    """

    definition: ClassVar[Definition] = Definition(
        kind="Notification",
        plural="notifications",
        short_names=("notif",),
        columns=(
            Column("Kind", ".spec.kind", description="What the mail is about"),
            Column("Customer", ".spec.customerRef.name", description="The Customer that it concerns"),
            Column("State", ".status.state", description="Sent, Disabled or Dropped; empty: still to be sent"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("To", ".status.to", description="The address that it was sent to", wide=True),
            Column("Message id", ".status.messageId", description="The mail's id in Amazon SES", wide=True),
            Column("Error", ".status.error", description="Why it is not sent", wide=True),
        ),
        selectable=(".spec.customerRef.name", ".spec.kind"),
        categories=(),
    )

    spec: NotificationSpec
    status: NotificationStatus = NotificationStatus()

    @property
    def customer(self) -> str | None:
        """The name of the Customer that it concerns; None for an account that has no Customer."""
        return None if self.spec.customer_ref is None else self.spec.customer_ref.name

    @property
    def is_tried(self) -> bool:
        """Whether the mail was sent, or at least tried."""
        return self.status.state is not None or self.status.error is not None


def account_notification(
    kind: NotificationKind, account: AwsAccount, about: str, stage: str, **details: str
) -> dict[str, Any]:
    """The body of a new Notification to the account's owner, of the time `about` and the notice `stage`.

    Its name derives from these, so that two operators, or one after a crash, create it once.
    """
    meta, customer = account.metadata, account.spec.customer_ref
    name = str(derived_uuid("/".join(["notification", kind.value, meta.uid, about, stage])))
    spec: dict[str, Any] = {"kind": kind.value, "accountRef": {"name": meta.name, "uid": meta.uid}}
    if customer is not None:
        spec["customerRef"] = {"name": customer.name}
    spec["details"] = _details(details)
    return {"metadata": {"name": name}, "spec": spec}


def _details(given: Mapping[str, str]) -> dict[str, str]:
    return {to_camel(key): value[:DETAIL_LENGTH] for key, value in given.items()}


def notification(
    kind: NotificationKind,
    customer: str,
    *what: str,
    to: str | None = None,
    **details: str,
) -> dict[str, Any]:
    """The body of a new Notification.

    `what` distinguishes one event of this kind from another and so determines the name. Details are stored by their
    camelCase names.
    """
    name = str(derived_uuid("/".join(["notification", kind.value, customer, *what])))
    spec: dict[str, Any] = {"kind": kind.value, "customerRef": {"name": customer}}
    if to is not None:
        spec["to"] = to
    if details:
        spec["details"] = _details(details)
    return {"metadata": {"name": name}, "spec": spec}
