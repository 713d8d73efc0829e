"""IAM Identity Center: users, and their assignment to accounts.

Assignments are asynchronous and their outstanding number is limited, so a caller starts one and polls it; re-issuing
one that exists is believed harmless, but we look first. ConflictException means that an earlier write has not
propagated yet (botocore's sso-admin model): transient, except where CreateUser gives it a uniqueness reason.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.aws.organizations import NotPreparedError

if TYPE_CHECKING:
    from mypy_boto3_identitystore import IdentityStoreClient
    from mypy_boto3_sso_admin import SSOAdminClient
    from mypy_boto3_sso_admin.type_defs import AccountAssignmentOperationStatusTypeDef


@dataclass(frozen=True, slots=True)
class Instance:
    """The organization's Identity Center."""

    arn: str
    identity_store_id: str


@dataclass(frozen=True, slots=True)
class AssignmentStatus:
    """How far an assignment is."""

    request_id: str
    state: str
    failure_reason: str | None


class IdentityCenter:
    """What we ask of Identity Center and its user store."""

    def __init__(self, caller: Caller, admin: "SSOAdminClient", store: "IdentityStoreClient") -> None:
        self._caller = caller
        self._admin = admin
        self._store = store
        self._instance: Instance | None = None
        self._permission_sets: dict[str, str] = {}

    async def instance(self) -> Instance:
        """The instance; asked once.

        Raises:
            NotPreparedError: Identity Center is not enabled in this region.
        """
        if self._instance is None:
            answer = await self._caller.call("sso:ListInstances", self._admin.list_instances)
            if not answer["Instances"]:
                raise NotPreparedError(
                    "IAM Identity Center is not enabled in this region. Enable it for the organization, "
                    "or set AWS_REGION to its region."
                )
            raw = answer["Instances"][0]
            self._instance = Instance(raw["InstanceArn"], raw["IdentityStoreId"])
        return self._instance

    async def find_permission_set(self, name: str) -> str | None:
        """The ARN of the permission set of that name; remembered once found."""
        if name in self._permission_sets:
            return self._permission_sets[name]
        instance = await self.instance()
        pages = self._caller.pages("sso:ListPermissionSets", self._admin.list_permission_sets, InstanceArn=instance.arn)
        async for page in pages:
            for arn in page["PermissionSets"]:
                described = await self._caller.call(
                    "sso:DescribePermissionSet",
                    self._admin.describe_permission_set,
                    InstanceArn=instance.arn,
                    PermissionSetArn=arn,
                )
                if described["PermissionSet"].get("Name") == name:
                    return self._permission_sets.setdefault(name, arn)
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

    async def create_permission_set(self, name: str) -> str:
        """Makes the permission set and returns its ARN."""
        instance = await self.instance()
        answer = await self._caller.call(
            "sso:CreatePermissionSet",
            self._admin.create_permission_set,
            InstanceArn=instance.arn,
            Name=name,
            Description="What owners of accounts made by AI Batteries Included may do in them.",
            SessionDuration="PT8H",
        )
        return answer["PermissionSet"].get("PermissionSetArn", "")

    async def attach_to_permission_set(self, permission_set: str, policy_arn: str) -> bool:
        """The managed policy is in the permission set; says whether it had to be put there."""
        instance = await self.instance()
        answer = await self._caller.call(
            "sso:ListManagedPoliciesInPermissionSet",
            self._admin.list_managed_policies_in_permission_set,
            InstanceArn=instance.arn,
            PermissionSetArn=permission_set,
        )
        if any(policy.get("Arn") == policy_arn for policy in answer["AttachedManagedPolicies"]):
            return False
        await self._caller.call(
            "sso:AttachManagedPolicyToPermissionSet",
            self._admin.attach_managed_policy_to_permission_set,
            InstanceArn=instance.arn,
            PermissionSetArn=permission_set,
            ManagedPolicyArn=policy_arn,
        )
        return True

    async def find_user(self, email: str) -> str | None:
        """The id of the user of that name, or else of that e-mail address: a directory may name people otherwise."""
        return await self._find_user("userName", email) or await self._find_user("emails.value", email)

    async def _find_user(self, path: str, value: str) -> str | None:
        instance = await self.instance()
        # The stubs take the value for a document; on the wire both are compared with a plain string.
        unique: Any = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        try:
            answer = await self._caller.call(
                "identitystore:GetUserId",
                self._store.get_user_id,
                IdentityStoreId=instance.identity_store_id,
                AlternateIdentifier=unique,
            )
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        return answer["UserId"]

    async def ensure_user(self, email: str) -> str:
        """The id of the user with that e-mail address, found or made.

        AWS sends a user made by API neither mail nor password; the portal does that at the first sign-in
        where one-time passwords are enabled (docs/runbook).
        """
        found = await self.find_user(email)
        if found is not None:
            return found
        instance = await self.instance()
        local_part = email.split("@")[0]
        answer = await self._caller.call(
            "identitystore:CreateUser",
            self._store.create_user,
            IdentityStoreId=instance.identity_store_id,
            UserName=email,
            DisplayName=email,
            Name={"GivenName": local_part, "FamilyName": local_part},
            Emails=[{"Value": email, "Type": "work", "Primary": True}],
        )
        return answer["UserId"]

    async def refusal_of_new_users(self) -> str | None:
        """Why users can't be made here (an external identity source), in AWS's words; None where they can.

        No API tells the identity source. So a user is asked for that is there already, which makes none: an open
        directory answers with a conflict (that a closed one answers otherwise is believed).
        """
        instance = await self.instance()
        listed = await self._caller.call(
            "identitystore:ListUsers",
            self._store.list_users,
            IdentityStoreId=instance.identity_store_id,
            MaxResults=1,
        )
        for user in listed["Users"]:
            try:
                await self._caller.call(
                    "identitystore:CreateUser",
                    self._store.create_user,
                    IdentityStoreId=instance.identity_store_id,
                    UserName=user.get("UserName", ""),
                    DisplayName=user.get("UserName", ""),
                    Name={"GivenName": "doctor", "FamilyName": "doctor"},
                )
            except AwsError as error:
                return None if error.code == "ConflictException" else f"{error.code}: {error.message}"
        return None

    async def is_assigned(self, account: str, permission_set: str, user_id: str) -> bool:
        """Whether that user has that permission set in that account now."""
        instance = await self.instance()
        pages = self._caller.pages(
            "sso:ListAccountAssignments",
            self._admin.list_account_assignments,
            InstanceArn=instance.arn,
            AccountId=account,
            PermissionSetArn=permission_set,
        )
        async for page in pages:
            if any(assignment.get("PrincipalId") == user_id for assignment in page["AccountAssignments"]):
                return True
        return False

    async def assigned_user(self, account: str, permission_set: str) -> str | None:
        """The user name of who has that permission set in that account; of several, the first that is listed."""
        instance = await self.instance()
        pages = self._caller.pages(
            "sso:ListAccountAssignments",
            self._admin.list_account_assignments,
            InstanceArn=instance.arn,
            AccountId=account,
            PermissionSetArn=permission_set,
        )
        async for page in pages:
            for assignment in page["AccountAssignments"]:
                if assignment.get("PrincipalType") == "USER":
                    user = await self._caller.call(
                        "identitystore:DescribeUser",
                        self._store.describe_user,
                        IdentityStoreId=instance.identity_store_id,
                        UserId=assignment.get("PrincipalId", ""),
                    )
                    return user.get("UserName")
        return None

    async def _assignment(self, account: str, permission_set: str, user_id: str) -> dict[str, Any]:
        """What names one assignment, for making and for removing it."""
        return {
            "InstanceArn": (await self.instance()).arn,
            "TargetId": account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": permission_set,
            "PrincipalType": "USER",
            "PrincipalId": user_id,
        }

    async def assign(self, account: str, permission_set: str, user_id: str) -> AssignmentStatus:
        """Starts the assignment."""
        answer = await self._caller.call(
            "sso:CreateAccountAssignment",
            self._admin.create_account_assignment,
            **await self._assignment(account, permission_set, user_id),
        )
        return _status(answer["AccountAssignmentCreationStatus"])

    async def unassign(self, account: str, permission_set: str, user_id: str) -> AssignmentStatus:
        """Starts the removal of the assignment."""
        answer = await self._caller.call(
            "sso:DeleteAccountAssignment",
            self._admin.delete_account_assignment,
            **await self._assignment(account, permission_set, user_id),
        )
        return _status(answer["AccountAssignmentDeletionStatus"])

    async def removal_status(self, request_id: str) -> AssignmentStatus:
        """How far a started removal is."""
        instance = await self.instance()
        answer = await self._caller.call(
            "sso:DescribeAccountAssignmentDeletionStatus",
            self._admin.describe_account_assignment_deletion_status,
            InstanceArn=instance.arn,
            AccountAssignmentDeletionRequestId=request_id,
        )
        return _status(answer["AccountAssignmentDeletionStatus"])

    async def assignment_status(self, request_id: str) -> AssignmentStatus:
        """How far a started assignment is."""
        instance = await self.instance()
        answer = await self._caller.call(
            "sso:DescribeAccountAssignmentCreationStatus",
            self._admin.describe_account_assignment_creation_status,
            InstanceArn=instance.arn,
            AccountAssignmentCreationRequestId=request_id,
        )
        return _status(answer["AccountAssignmentCreationStatus"])


def _status(raw: "AccountAssignmentOperationStatusTypeDef") -> AssignmentStatus:
    return AssignmentStatus(raw.get("RequestId", ""), raw.get("Status", ""), raw.get("FailureReason"))
