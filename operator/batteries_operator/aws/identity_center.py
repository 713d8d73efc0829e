"""IAM Identity Center: permission sets, and their assignment to users in accounts.

Assignments are asynchronous and their number in progress is limited, so a caller starts one and polls it. Starting one
that exists is probably harmless, but we look first. ConflictException means that an earlier write has not propagated
yet (botocore's sso-admin model): transient.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import NotPreparedError

if TYPE_CHECKING:
    from mypy_boto3_sso_admin import SSOAdminClient
    from mypy_boto3_sso_admin.type_defs import AccountAssignmentOperationStatusTypeDef

    from batteries_operator.aws.ownership import OwnedAccount


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Instance:
    """The organization's Identity Center."""

    arn: str
    identity_store_id: str


@dataclass(frozen=True, slots=True)
class AssignmentStatus:
    """The state of an assignment request."""

    request_id: str
    state: str
    failure_reason: str | None

    @property
    def is_in_progress(self) -> bool:
        """Whether it is in progress."""
        return self.state == "IN_PROGRESS"


def _names(instance: Instance) -> tuple[str, str]:
    return instance.arn, instance.identity_store_id


def _itself(value: str) -> tuple[str]:
    return (value,)


class IdentityCenter:
    """Calls to Identity Center; its users are in `directory`."""

    def __init__(self, caller: Caller, admin: "SSOAdminClient") -> None:
        self._caller = caller
        self.admin = admin
        self._instance = caller.caches.of(_names)
        self._permission_sets = caller.caches.of(_itself)

    async def instance(self) -> Instance:
        """The instance; cached.

        Raises:
            NotPreparedError: Identity Center is not enabled in this region.
        """
        found = await self._instance.get("", self._look_for_instance)
        if found is None:
            raise NotPreparedError(
                "IAM Identity Center is not enabled in this region. Enable it for the organization, "
                "or set AWS_REGION to its region."
            )
        return found

    async def _look_for_instance(self) -> Instance | None:
        response = await self._caller.call("sso:ListInstances", self.admin.list_instances)
        if not response["Instances"]:
            return None
        raw = response["Instances"][0]
        return Instance(raw["InstanceArn"], raw["IdentityStoreId"])

    async def find_permission_set(self, name: str) -> str | None:
        """The ARN of the permission set of that name; cached once found."""
        return await self._permission_sets.get(name, lambda: self._look_for_permission_set(name))

    async def _look_for_permission_set(self, name: str) -> str | None:
        instance = await self.instance()
        pages = self._caller.pages("sso:ListPermissionSets", self.admin.list_permission_sets, InstanceArn=instance.arn)
        async for page in pages:
            for arn in page["PermissionSets"]:
                described = await self._caller.call(
                    "sso:DescribePermissionSet",
                    self.admin.describe_permission_set,
                    InstanceArn=instance.arn,
                    PermissionSetArn=arn,
                )
                if described["PermissionSet"].get("Name") == name:
                    return arn
        return None

    async def permission_set(self, name: str) -> str:
        """The ARN of the permission set of that name.

        Raises:
            NotPreparedError: there is none.
        """
        found = await self.find_permission_set(name)
        if found is None:
            raise NotPreparedError(
                f"Identity Center has no permission set '{name}'. Run `batteries-operator bootstrap`."
            )
        return found

    async def is_assigned(self, account: str, permission_set: str, user_id: str) -> bool:
        """Whether that user has that permission set in that account now."""
        async for user in self.assigned_users(account, permission_set):
            if user == user_id:
                return True
        return False

    async def assigned_users(self, account: str, permission_set: str) -> AsyncIterator[str]:
        """The ids of the users who have that permission set in that account now."""
        instance = await self.instance()
        pages = self._caller.pages(
            "sso:ListAccountAssignments",
            self.admin.list_account_assignments,
            InstanceArn=instance.arn,
            AccountId=account,
            PermissionSetArn=permission_set,
        )
        async for page in pages:
            for assignment in page["AccountAssignments"]:
                if assignment.get("PrincipalType") == "USER":
                    yield assignment.get("PrincipalId", "")

    async def _assignment(self, account: "OwnedAccount", permission_set: str, user_id: str) -> dict[str, Any]:
        """The parameters that identify one assignment, for creating and for deleting it."""
        return {
            "InstanceArn": (await self.instance()).arn,
            "TargetId": account.id,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": permission_set,
            "PrincipalType": "USER",
            "PrincipalId": user_id,
        }

    async def assign(self, account: "OwnedAccount", permission_set: str, user_id: str) -> AssignmentStatus:
        """Starts the assignment."""
        response = await self._caller.call(
            "sso:CreateAccountAssignment",
            self.admin.create_account_assignment,
            **await self._assignment(account, permission_set, user_id),
        )
        return _status(response["AccountAssignmentCreationStatus"])

    async def unassign(self, account: "OwnedAccount", permission_set: str, user_id: str) -> AssignmentStatus:
        """Starts the removal of the assignment."""
        response = await self._caller.call(
            "sso:DeleteAccountAssignment",
            self.admin.delete_account_assignment,
            **await self._assignment(account, permission_set, user_id),
        )
        return _status(response["AccountAssignmentDeletionStatus"])

    async def removal_status(self, request_id: str) -> AssignmentStatus | None:
        """The state of a started removal; None if AWS has forgotten it."""
        response = await self._unless_forgotten(
            "sso:DescribeAccountAssignmentDeletionStatus",
            self.admin.describe_account_assignment_deletion_status,
            AccountAssignmentDeletionRequestId=request_id,
        )
        return None if response is None else _status(response["AccountAssignmentDeletionStatus"])

    async def assignment_status(self, request_id: str) -> AssignmentStatus | None:
        """The state of a started assignment; None if AWS has forgotten it."""
        response = await self._unless_forgotten(
            "sso:DescribeAccountAssignmentCreationStatus",
            self.admin.describe_account_assignment_creation_status,
            AccountAssignmentCreationRequestId=request_id,
        )
        return None if response is None else _status(response["AccountAssignmentCreationStatus"])

    async def _unless_forgotten(self, operation: str, function: Callable[..., T], **arguments: str) -> T | None:
        """AWS's state of a request. AWS forgets requests after a while; then the list of assignments is the truth."""
        instance = await self.instance()
        try:
            return await self._caller.call(operation, function, InstanceArn=instance.arn, **arguments)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return None


def _status(raw: "AccountAssignmentOperationStatusTypeDef") -> AssignmentStatus:
    return AssignmentStatus(raw.get("RequestId", ""), raw.get("Status", ""), raw.get("FailureReason"))
