"""Identity Center's directory: the people who sign in.

A ConflictException of CreateUser that gives a uniqueness reason means that there is such a user already.
"""

from typing import TYPE_CHECKING, Any

from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.aws.identity_center import IdentityCenter

if TYPE_CHECKING:
    from mypy_boto3_identitystore import IdentityStoreClient


def _is_no_user(error: AwsError) -> bool:
    """Whether there is no such user. That the whole directory is gone says nothing of its users, and looks alike."""
    return error.code == "ResourceNotFoundException" and error.resource_type in ("", "USER")


class Directory:
    """The users of one Identity Center."""

    def __init__(self, caller: Caller, store: "IdentityStoreClient", center: IdentityCenter) -> None:
        self._caller = caller
        self._store = store
        self._center = center

    async def find_user(self, email: str) -> str | None:
        """The id of the user of that name, or else of that e-mail address: a directory may name people otherwise."""
        return await self._find_user("userName", email) or await self._find_user("emails.value", email)

    async def _find_user(self, path: str, value: str) -> str | None:
        instance = await self._center.instance()
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
            if _is_no_user(error):
                return None
            raise
        return answer["UserId"]

    async def create_user(self, email: str, *, made_for: str | None = None) -> str:
        """Makes the user with that e-mail address, and returns its id. `made_for` tells for whom, and is seen again
        by `made_for`: it is part of the making, so that no crash comes between the two. Users have no tags.

        AWS sends a user made by API neither mail nor password; the portal does that at the first sign-in
        where one-time passwords are enabled (docs/runbook).
        """
        instance = await self._center.instance()
        mark: Any = {} if made_for is None else {"UserType": made_for}
        local_part = email.split("@")[0]
        answer = await self._caller.call(
            "identitystore:CreateUser",
            self._store.create_user,
            IdentityStoreId=instance.identity_store_id,
            UserName=email,
            DisplayName=email,
            Name={"GivenName": local_part, "FamilyName": local_part},
            Emails=[{"Value": email, "Type": "work", "Primary": True}],
            **mark,
        )
        return answer["UserId"]

    async def made_for(self, user_id: str) -> str | None:
        """For whom that user was made, as `create_user` noted it."""
        instance = await self._center.instance()
        user = await self._caller.call(
            "identitystore:DescribeUser",
            self._store.describe_user,
            IdentityStoreId=instance.identity_store_id,
            UserId=user_id,
        )
        return user.get("UserType")

    async def refusal_of_new_users(self) -> str | None:
        """Why users can't be made here (an external identity source), in AWS's words; None where they can.

        No API tells the identity source. So a user is asked for that is there already, which makes none: an open
        directory answers with a conflict (that a closed one answers otherwise is believed).
        """
        instance = await self._center.instance()
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

    async def user_name(self, user_id: str) -> str | None:
        """The name that the user with that id signs in by; None where there is no such user.

        Identity Center goes on listing the assignments of users that were deleted, so those prove nothing.
        """
        instance = await self._center.instance()
        try:
            user = await self._caller.call(
                "identitystore:DescribeUser",
                self._store.describe_user,
                IdentityStoreId=instance.identity_store_id,
                UserId=user_id,
            )
        except AwsError as error:
            if _is_no_user(error):
                return None
            raise
        return user.get("UserName")
