"""Identity Center's directory: its users.

A ConflictException of CreateUser with a uniqueness reason means that such a user exists.
"""

from typing import TYPE_CHECKING, Any

from batteries_operator.aws.caller import AwsError, Caller
from batteries_operator.aws.identity_center import IdentityCenter

if TYPE_CHECKING:
    from mypy_boto3_identitystore import IdentityStoreClient


def _is_no_user(error: AwsError) -> bool:
    """Whether the error means that there is no such user. A missing directory looks alike but says nothing about
    users.
    """
    return error.code == "ResourceNotFoundException" and error.resource_type in ("", "USER")


class Directory:
    """The users of one Identity Center."""

    def __init__(self, caller: Caller, store: "IdentityStoreClient", center: IdentityCenter) -> None:
        self._caller = caller
        self._store = store
        self._center = center

    async def find_user(self, email: str) -> str | None:
        """The id of the user with that name, or else with that e-mail address: a directory may use other names."""
        return await self._find_user("userName", email) or await self._find_user("emails.value", email)

    async def _find_user(self, path: str, value: str) -> str | None:
        instance = await self._center.instance()
        # The stubs type the value as a document; on the wire both are plain strings.
        unique: Any = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        try:
            response = await self._caller.call(
                "identitystore:GetUserId",
                self._store.get_user_id,
                IdentityStoreId=instance.identity_store_id,
                AlternateIdentifier=unique,
            )
        except AwsError as error:
            if _is_no_user(error):
                return None
            raise
        return response["UserId"]

    async def create_user(self, email: str, *, made_for: str | None = None) -> str:
        """Creates the user with that e-mail address, and returns its id. `made_for` is stored on the user.

        `made_for` reads it again: it is part of the creation, so that no crash comes between the two. Users have no
        tags. AWS sends a user created by API neither mail nor password; the portal does at the first sign-in if
        one-time passwords are enabled (docs/runbook).
        """
        instance = await self._center.instance()
        mark: Any = {} if made_for is None else {"UserType": made_for}
        local_part = email.split("@")[0]
        response = await self._caller.call(
            "identitystore:CreateUser",
            self._store.create_user,
            IdentityStoreId=instance.identity_store_id,
            UserName=email,
            DisplayName=email,
            Name={"GivenName": local_part, "FamilyName": local_part},
            Emails=[{"Value": email, "Type": "work", "Primary": True}],
            **mark,
        )
        return response["UserId"]

    async def made_for(self, user_id: str) -> str | None:
        """For whom that user was created, as `create_user` stored it."""
        instance = await self._center.instance()
        user = await self._caller.call(
            "identitystore:DescribeUser",
            self._store.describe_user,
            IdentityStoreId=instance.identity_store_id,
            UserId=user_id,
        )
        return user.get("UserType")

    async def refusal_of_new_users(self) -> str | None:
        """Why users can't be created (an external identity source), in AWS's words; None if they can.

        No API returns the identity source. So this tries to create a user that exists, which changes nothing: an open
        directory responds with a conflict (that a closed one responds otherwise is an assumption).
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
        """The name by which the user with that id signs in; None if there is no such user.

        Identity Center still lists the assignments of deleted users, so those prove nothing.
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
