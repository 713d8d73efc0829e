"""AwsAccount: one AWS member account, wanted in `spec` and observed in `status`.

Only people and the API write the spec; only the operator writes the status. `accountId` is the identity that survives
backup and restore; the account's e-mail address and name in AWS derive from it.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field

from batteries_crds.aws_account_status import RETRY_LENGTH, AwsAccountStatus
from batteries_crds.base import Model
from batteries_crds.cel import rule, rules
from batteries_crds.conditions import READY
from batteries_crds.email import email_rule
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES, PATTERN, RESERVED, RULE
from batteries_crds.identity import uuid_of
from batteries_crds.names import ANNOTATION_RETRY, MAX_OWNER_LENGTH
from batteries_crds.resource import Column, Definition, Resource
from batteries_crds.schema import NOT_DEFAULTED

RepositoryName = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        json_schema_extra=rules(rule(f"self.matches(r'{PATTERN}') && !self.matches(r'{RESERVED}')", RULE)),
    ),
]


READY_CONDITION = f'.status.conditions[?(@.type=="{READY}")]'


class DeletionPolicy(StrEnum):
    """What happens to the AWS account when the AwsAccount is deleted."""

    RETAIN = "Retain"
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


_OWNER_CHANGED = "The owner can't be changed after creation; make a new AwsAccount for another owner."


class AwsAccountSpec(Model):
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
    github_repos: Annotated[
        list[RepositoryName],
        Field(
            max_length=MAX_REPOSITORIES,
            description="The GitHub repositories whose workflows may deploy into the account, by assuming "
            "GitHubActionsDeployRole: each org/repo, or org@id/repo@id with GitHub's immutable ids, so that nobody "
            "who takes over the name gets in. May change at any time; empty or absent admits nobody.",
            json_schema_extra={
                "x-kubernetes-list-type": "atomic",
                **NOT_DEFAULTED,
                **rules(
                    rule(
                        "self.all(repo, self.exists_one(other, other.lowerAscii() == repo.lowerAscii()))",
                        "A repository is listed twice (names that differ only in case are one repository). "
                        "Name each repository once.",
                    )
                ),
            },
        ),
    ] = []
    suspended: Annotated[
        bool,
        Field(
            description="true suspends the account: console, single sign-on and deploy role are closed, and a "
            "policy denies everything to its users and roles. Its content is kept, and running "
            "machines keep running and keep costing money. false or absent resumes it.",
            json_schema_extra=NOT_DEFAULTED,
        ),
    ] = False
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


NAME_LENGTH = 192


class AwsAccount(Resource):
    """An AWS account of your organization, with an IAM user for the console, single sign-on for its owner, and a role
    that the GitHub Actions of chosen repositories deploy with. Apply one and wait:
    `kubectl wait awsaccount/NAME --for=condition=Ready`.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                # Evaluated when it is set, never when the operator writes the status.
                "!has(self.spec.awsAccountId) || has(oldSelf.spec.awsAccountId) || !has(self.status) || "
                "!has(self.status.awsAccountId) || self.spec.awsAccountId == self.status.awsAccountId",
                "spec.awsAccountId can't be set any more: this AwsAccount has an AWS account, "
                "status.awsAccountId. Make a new AwsAccount to take over another one.",
                reason="FieldValueForbidden",
            ),
            rule(
                f"self.metadata.name.size() <= {NAME_LENGTH}",
                f"metadata.name may have {NAME_LENGTH} characters: with its namespace it is a tag's value in AWS, "
                "which holds 256.",
            ),
        ),
    )

    definition: ClassVar[Definition] = Definition(
        kind="AwsAccount",
        plural="awsaccounts",
        short_names=("awsacct", "aa"),
        columns=(
            Column("Ready", f"{READY_CONDITION}.status", description="Whether AWS matches the spec"),
            Column("Status", ".status.phase", description="pending, creating, active, failed or suspended"),
            Column("AWS account", ".status.awsAccountId", description="The AWS account's id"),
            Column("Owner", ".status.owner", description="The owner's e-mail address"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Step", ".status.provisioningStep", description="The next step", wide=True),
            Column("Role ARN", ".status.oidcRoleArn", description="What GitHub Actions assume", wide=True),
            Column("Message", f"{READY_CONDITION}.message", description="Why it is ready, or why not yet", wide=True),
        ),
        selectable=(
            ".spec.customerRef.name",
            ".status.accountId",
            ".status.awsAccountId",
            ".status.phase",
        ),
    )

    spec: AwsAccountSpec
    status: AwsAccountStatus = AwsAccountStatus()

    @property
    def account_id(self) -> UUID:
        """Our id of it."""
        return uuid_of(self)

    def owner_in(self, namespace: str) -> str | None:
        """The name of the Customer that owns it, if that Customer is in `namespace`."""
        owner = self.spec.customer_ref
        return owner.name if owner is not None and self.metadata.namespace == namespace else None

    @property
    def line(self) -> str:
        """Whose queue the account is in: its Customer's, or else that of the e-mail address in its namespace.

        An e-mail address proves nothing: whoever writes somebody else's must not take that person's turns. So each
        Customer has its own queue, whatever addresses are used, and namespaces never share one.
        """
        spec, namespace = self.spec, self.metadata.namespace
        if spec.customer_ref is not None:
            return f"{namespace}/customer/{spec.customer_ref.name}"
        return f"{namespace}/email/{(spec.email or '').lower()}"

    @property
    def since(self) -> datetime:
        """When it was created, which decides its position in the queue, also after a restart."""
        return self.metadata.creation_timestamp or datetime.min.replace(tzinfo=UTC)

    @property
    def is_deleted(self) -> bool:
        """Whether the object is being deleted."""
        return self.metadata.deletion_timestamp is not None

    @property
    def holds(self) -> frozenset[str]:
        """The reasons for which the operator holds it; values of Hold, and those that a later release may add."""
        status = self.status
        return frozenset(status.holds) if status.hold is None else frozenset({*status.holds, status.hold})

    @property
    def is_suspended(self) -> bool:
        """Whether it is to be suspended: its spec says so, or the operator holds it."""
        return self.spec.suspended or bool(self.status.holds) or self.status.hold is not None

    @property
    def is_wanted(self) -> bool:
        """Whether its AWS account should exist and be open: neither suspended nor being deleted."""
        return not self.is_suspended and not self.is_deleted

    @property
    def retry(self) -> str | None:
        """The value of its retry annotation: a new value requests one more try."""
        value = self.metadata.annotations.get(ANNOTATION_RETRY)
        return None if value is None else value[:RETRY_LENGTH]
