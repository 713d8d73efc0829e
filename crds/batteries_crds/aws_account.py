"""AwsAccount: one AWS member account, wanted in `spec` and observed in `status`.

Only people and the API write the spec; only the operator writes the status. `accountId` is the identity that survives
backup and restore; the account's e-mail address and name in AWS derive from it.
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from batteries_crds.aws_account_spec import AwsAccountSpec
from batteries_crds.aws_account_status import AwsAccountStatus
from batteries_crds.cel import rule, rules
from batteries_crds.conditions import PINNED, READY
from batteries_crds.identity import uuid_of
from batteries_crds.resource import Column, Definition, Resource

REOPENABLE = timedelta(days=90)
"""How long AWS Support can reopen a closed account (AWS Account Management guide, "Close an AWS account")."""

READY_CONDITION = f'.status.conditions[?(@.type=="{READY}")]'
PINNED_CONDITION = f'.status.conditions[?(@.type=="{PINNED}")]'

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
            Column("Pinned", f"{PINNED_CONDITION}.status", description="Whether repositories go by ids", wide=True),
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

    @property
    def holder(self) -> str:
        """Its name in AWS: the value of the tag that says whose an AWS account is."""
        return self.key

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
        spec, status = self.spec, self.status
        by_the_spec = spec.suspended or spec.suspended_by_owner or spec.close_at is not None
        return by_the_spec or bool(status.holds) or status.hold is not None

    @property
    def closes_at(self) -> datetime | None:
        """When AWS is to close it while the object stays: the earliest time that a reason names; None if none does."""
        moments = [self.spec.close_at, *(record.closes_at for record in self.status.holds.values())]
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def is_closure_due(self) -> bool:
        """Whether AWS is to close it now: the operator wrote that the time has come, and nobody reopened it since."""
        at, status = self.closes_at, self.status
        came = at is not None and status.closure_due_at is not None and at <= status.closure_due_at
        return came and at is not None and (status.reopened_at is None or status.reopened_at < at)

    @property
    def is_closed(self) -> bool:
        """Whether the operator saw its AWS account closed, and has not seen it open since."""
        return self.status.closed_at is not None

    @property
    def reopenable_until(self) -> datetime | None:
        """Until when AWS Support can reopen the closed AWS account; None if it is not known to be closed."""
        closed_at = self.status.closed_at
        return None if closed_at is None else closed_at + REOPENABLE

    @property
    def is_wanted(self) -> bool:
        """Whether its AWS account should exist and be open: neither suspended nor being deleted."""
        return not self.is_suspended and not self.is_deleted
