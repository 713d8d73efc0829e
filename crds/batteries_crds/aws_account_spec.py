"""The spec of an AwsAccount: what people, git and the HTTP API want. The operator never writes it."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rule, rules
from batteries_crds.email import email_rule
from batteries_crds.github.repository_fields import IN_BOTH, RepositoryFields
from batteries_crds.names import MAX_OWNER_LENGTH
from batteries_crds.schema import NOT_DEFAULTED


class DeletionPolicy(StrEnum):
    """What happens to the AWS account when the AwsAccount is deleted."""

    RETAIN = "Retain"
    CLOSE = "Close"


class ExpiryPolicy(StrEnum):
    """What happens to the AWS account when spec.expiresAt has come."""

    SUSPEND = "Suspend"
    CLOSE = "Close"


class CustomerRef(Model):
    """The Customer, in the same namespace, that owns and pays for this."""

    name: Annotated[
        str,
        Field(
            max_length=253,
            description="metadata.name of a Customer in the same namespace. `kubectl get customers` lists them.",
            json_schema_extra=rules(
                rule("self != ''", "customerRef.name must be the name of a Customer in this namespace.")
            ),
        ),
    ]


def _moment(field: str, say: str) -> dict[str, Any]:
    """The rule of a time that people write: a year that both Python and AWS can count with."""
    return rules(
        rule(
            "self >= timestamp('2020-01-01T00:00:00Z') && self < timestamp('3000-01-01T00:00:00Z')",
            f"{field} must be a time from 2020 to 2999 with its time zone, such as 2027-01-31T12:00:00Z{say}.",
        )
    )


_OWNER_CHANGED = "The owner can't be changed after creation; make a new AwsAccount for another owner."


class AwsAccountSpec(RepositoryFields):
    """The account that you want. You write it, or the HTTP API does; the operator makes AWS match it and tells in
    `status` how far it is.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.customerRef) || has(self.email)",
                "An account needs an owner: set spec.customerRef.name to a Customer in this namespace, "
                "or spec.email to the owner's e-mail address.",
                reason="FieldValueRequired",
            ),
            rule(
                "!(has(self.customerRef) && has(self.email))",
                "An account has one owner: set spec.customerRef.name or spec.email, not both.",
            ),
            rule(
                "has(self.email) == has(oldSelf.email) && (!has(self.email) || self.email == oldSelf.email)",
                f"spec.email is immutable. {_OWNER_CHANGED}",
                reason="FieldValueForbidden",
            ),
            rule(
                "has(self.customerRef) == has(oldSelf.customerRef) && "
                "(!has(self.customerRef) || self.customerRef.name == oldSelf.customerRef.name)",
                f"spec.customerRef is immutable. {_OWNER_CHANGED}",
                reason="FieldValueForbidden",
            ),
            rule(
                "!has(oldSelf.awsAccountId) || (has(self.awsAccountId) && self.awsAccountId == oldSelf.awsAccountId)",
                "spec.awsAccountId is immutable once set: an AwsAccount stands for one AWS account. Make a new "
                "AwsAccount for another one.",
                reason="FieldValueForbidden",
            ),
            IN_BOTH,
        ),
    )

    customer_ref: Annotated[
        CustomerRef | None,
        Field(
            description="The owner, as a Customer of the HTTP API. The owner signs in with the Customer's "
            "e-mail address. Set this or email, not both. Immutable."
        ),
    ] = None
    email: Annotated[
        str | None,
        Field(
            max_length=MAX_OWNER_LENGTH,
            description="The owner's e-mail address, such as team@example.com. The owner signs in with it by "
            "single sign-on and gets the welcome mail there. The operator trusts it, and gives "
            "access to the Identity Center user with this address even if that user existed "
            "before: let only people set it who know the owner. Set this or customerRef, not "
            "both. Immutable.",
            json_schema_extra=rules(email_rule("spec.email")),
        ),
    ] = None
    display_name: Annotated[
        str | None,
        Field(
            max_length=100,
            description="A name for people, such as Team Payments. It becomes part of the AWS account's name "
            "when the account is created; a later change does not rename the AWS account.",
        ),
    ] = None
    suspended: Annotated[
        bool,
        Field(
            description="true suspends the account: console, single sign-on and deploy role are closed, and a "
            "policy denies everything to its users and roles. Its content is kept, and running "
            "machines keep running and keep costing money. false or absent resumes it. It is the administrator's: "
            "the owner can't lift it.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False
    suspended_by_owner: Annotated[
        bool,
        Field(
            description="The owner's own suspension, as POST /v1/accounts/{id}/suspend sets it. It does the same as "
            "suspended, and the owner can lift it. The account is open when neither is true.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False
    expires_at: Annotated[
        Timestamp | None,
        Field(
            description="When the account ends, such as 2027-01-31T12:00:00Z: it is suspended then, never earlier, "
            "and its owner is told 7 days and 24 hours before. A later time, also one set afterwards, opens it again. "
            "Absent: never.",
            json_schema_extra=_moment("spec.expiresAt", ". Leave it out for an account that does not end"),
        ),
    ] = None
    expiry_policy: Annotated[
        ExpiryPolicy,
        Field(
            description="What happens at expiresAt. Suspend, also if absent: the account is suspended and stays so. "
            "Close: it is suspended, and AWS closes it after the grace period of BATTERIES_EXPIRY_CLOSE_GRACE_SECONDS, "
            "which can be undone for 90 days only.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = ExpiryPolicy.SUSPEND
    close_at: Annotated[
        Timestamp | None,
        Field(
            description="Leave: the account is suspended now, and AWS closes it at this time, such as "
            "2027-01-31T12:00:00Z. Take the field away before, and it opens again; after, AWS Support alone can "
            "reopen the account, for 90 days. The object stays. DELETE /v1/accounts/{id} sets it.",
            json_schema_extra=_moment("spec.closeAt", ". Leave it out for an account that stays"),
        ),
    ] = None
    policy_profile: Annotated[
        str | None,
        Field(
            max_length=63,
            description="The profile of policies that the account is under, by its name in the operator's settings. "
            "Absent: the policies of the Customers OU alone.",
            json_schema_extra=rules(
                rule(
                    "self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
                    "spec.policyProfile must be the name of a profile, such as gpu: lower-case letters, digits and "
                    "hyphens.",
                )
            ),
        ),
    ] = None
    deletion_policy: Annotated[
        DeletionPolicy,
        Field(
            description="What happens to the AWS account when this object is deleted. Retain keeps it with "
            "everything in it. Close suspends it at once and has AWS close it, which can be "
            "undone for 90 days only."
        ),
    ] = DeletionPolicy.RETAIN
    aws_account_id: Annotated[
        str | None,
        Field(
            max_length=12,
            description="Adopt this AWS account, twelve digits in quotes, instead of creating one. It must be "
            "a member of the organization and have the tag aibatteriesincluded.com/resource with "
            "this object's namespace/name. If an earlier AwsAccount gave it an owner, it can be "
            "adopted for that owner only. Immutable once set.",
            json_schema_extra=rules(
                rule(
                    "self.matches('^[0-9]{12}$')",
                    "spec.awsAccountId must be the twelve digits of an AWS account, such as '123456789012'.",
                )
            ),
        ),
    ] = None
