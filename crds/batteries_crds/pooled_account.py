"""PooledAccount: one AWS account that was made before anybody asked, and belongs to nobody.

It is an AwsAccount without an owner, so that the same steps make it. An AwsAccount of its namespace takes it, once: the
tag of the AWS account changes from the member's name to the AwsAccount's, and decides from then on.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field

from batteries_crds.aws_account import READY_CONDITION, AwsAccount
from batteries_crds.aws_account_spec import AwsAccountSpec
from batteries_crds.aws_account_status import AwsAccountStatus
from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rule, rules
from batteries_crds.identity import derived_uuid
from batteries_crds.names import MEMBERS
from batteries_crds.resource import Column, Definition

LINE = "pool"
"""The queue of all members of all pools. No customer's is called so: those begin with a namespace and a slash."""

NAME_LENGTH = 176


class PoolRef(Model):
    """The AccountPool, in the same namespace, that this is a member of."""

    name: Annotated[str, Field(min_length=1, max_length=253, description="metadata.name of the AccountPool.")]


class PooledAccountSpec(AwsAccountSpec):
    """Which pool it is in. The operator writes it when it makes the member."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.poolRef.name == oldSelf.poolRef.name",
                "spec.poolRef is immutable: delete this PooledAccount, and the other pool makes one of its own.",
                reason="FieldValueForbidden",
            )
        )
    )
    left_out: ClassVar[frozenset[str]] = frozenset(AwsAccountSpec.model_fields) - {"deletion_policy"}

    pool_ref: Annotated[PoolRef, Field(description="The AccountPool in the same namespace. Immutable.")]


class Claimant(Model):
    """The AwsAccount, in the same namespace, that has taken the AWS account."""

    name: Annotated[str, Field(max_length=253, description="metadata.name of the AwsAccount.")]
    uid: Annotated[str, Field(max_length=64, description="metadata.uid of the AwsAccount.")]
    account_id: Annotated[str, Field(max_length=36, description="This system's id of the AwsAccount, a UUID.")]
    at: Annotated[Timestamp, Field(description="When it was taken.")]


class PooledAccountStatus(AwsAccountStatus):
    """How far the account is prepared, and who has taken it. Only the operator writes it."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            *("owner", "claim", "hold", "holds", "notices", "closure_due_at", "reopened_at", "welcome_message_id"),
            *("iam_user_name", "sign_in_url", "credentials_secret_name", "confirmed_email"),
            *("sso_user_name", "sso_user_id", "sso_portal_url"),
            *("sso_assignment_request_id", "sso_revocation_request_id"),
            *("read_only_role_arn", "read_only_repos"),
        }
    )

    claimed_by: Annotated[
        Claimant | None,
        Field(
            description="Who has taken the AWS account. Written once and never taken away: a member is handed out at "
            "most once."
        ),
    ] = None
    baseline: Annotated[
        dict[str, Annotated[int, Field(ge=0)]] | None,
        Field(
            max_length=32,
            description="What was in the AWS account when it became ready: how many users, policies and the like, by "
            "what AWS calls them. With more than that in it, it is not handed out.",
        ),
    ] = None


class PooledAccount(AwsAccount):
    """An AWS account that a pool prepared and that nobody has used: an AwsAccount of this namespace takes it. The
    operator makes these; `kubectl get apool` shows the pools.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                f"self.metadata.name.size() <= {NAME_LENGTH}",
                f"metadata.name may have {NAME_LENGTH} characters: with its namespace it is a tag's value in AWS, "
                "which holds 256.",
            )
        )
    )

    definition: ClassVar[Definition] = Definition(
        kind="PooledAccount",
        plural=MEMBERS,
        short_names=("pooled",),
        columns=(
            Column("Ready", f"{READY_CONDITION}.status", description="Whether it can be handed out"),
            Column("Reason", f"{READY_CONDITION}.reason", description="Why it is ready, or why not"),
            Column("AWS account", ".status.awsAccountId", description="The AWS account's id"),
            Column("Pool", ".spec.poolRef.name", description="The AccountPool that it is in"),
            Column("Claimed by", ".status.claimedBy.name", description="The AwsAccount that has taken it"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Message", f"{READY_CONDITION}.message", description="Why it is ready, or why not yet", wide=True),
        ),
        selectable=(".spec.poolRef.name", ".status.awsAccountId", ".status.phase"),
        categories=(),
    )

    spec: PooledAccountSpec
    status: PooledAccountStatus = PooledAccountStatus()

    @property
    def holder(self) -> str:
        """Its name in AWS, in three parts: an AwsAccount of the same name, whose key has two, is another holder."""
        return f"{MEMBERS}/{self.key}"

    @property
    def account_id(self) -> UUID:
        """Our id of it, which follows from `holder`: an AwsAccount of the same name has another one."""
        return derived_uuid(self.holder)

    @property
    def line(self) -> str:
        """Whose queue it is in: all members share one, which comes after all others."""
        return LINE

    @property
    def is_claimed(self) -> bool:
        """Whether it was handed out, or is being handed out."""
        return self.status.claimed_by is not None

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be prepared and kept ready."""
        return not self.is_claimed and not self.is_deleted
