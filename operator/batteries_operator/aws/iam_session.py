"""A session in the IAM of one member account: what its users, roles and providers have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.member_resources import member_resource_tags
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.partition import Partition

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import TagTypeDef

EXISTS = "EntityAlreadyExists"
MISSING = "NoSuchEntity"


@dataclass(frozen=True, slots=True)
class IamSession:
    """Calls IAM of the account that `client` has credentials for."""

    caller: Caller
    client: "IAMClient"
    account: OwnedAccount
    partition: Partition

    @property
    def tags(self) -> "list[TagTypeDef]":
        """The tags of everything that we create in the account."""
        return member_resource_tags(self.account)
