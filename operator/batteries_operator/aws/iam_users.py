"""IAM users in one member account: the user, its policy, and its console password.

Error codes on the wire are EntityAlreadyExists and NoSuchEntity, not the exception class names (botocore's iam model).
"""

from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.iam_session import EXISTS, MISSING, IamSession
from batteries_operator.aws.member_resources import is_ours, user_not_ours


class IamUsers:
    """The users of the account that the session is in."""

    def __init__(self, session: IamSession) -> None:
        self._session = session
        self._caller = session.caller
        self._client = session.client

    async def ensure_user(self, name: str, *, is_known: bool = False) -> bool:
        """Ensures that the user exists; returns whether it did before. `is_known`: the status says that we created it.

        Raises:
            NotOursError: somebody else's user has that name. It was left as it is.
        """
        ours = await self.has_user(name, is_known=is_known)
        if ours is False:
            raise user_not_ours(self._session.account, name)
        if ours is None:
            await self._caller.call("iam:CreateUser", self._client.create_user, UserName=name, Tags=self._session.tags)
        return ours is not None

    async def has_user(self, name: str, *, is_known: bool) -> bool | None:
        """Whether the user of that name is ours; None if there is none."""
        try:
            user = (await self._caller.call("iam:GetUser", self._client.get_user, UserName=name))["User"]
        except AwsError as error:
            if error.code != MISSING:
                raise
            return None
        return is_known or is_ours(self._session.account, user.get("Tags", []))

    async def attach_to_user(self, name: str, policy_arn: str) -> None:
        """Ensures that the managed policy is attached to the user (attaching twice is harmless)."""
        await self._caller.call(
            "iam:AttachUserPolicy",
            self._client.attach_user_policy,
            UserName=name,
            PolicyArn=self._session.partition.managed_policy(policy_arn),
        )

    async def has_login_profile(self, name: str) -> bool:
        """Whether the user can sign in to the console."""
        try:
            await self._caller.call("iam:GetLoginProfile", self._client.get_login_profile, UserName=name)
        except AwsError as error:
            if error.code == MISSING:
                return False
            raise
        return True

    async def has_chosen_password(self, name: str) -> bool:
        """Whether somebody signed in and replaced the first password by one of their own."""
        try:
            found = await self._caller.call("iam:GetLoginProfile", self._client.get_login_profile, UserName=name)
        except AwsError as error:
            if error.code == MISSING:
                return False
            raise
        return not found["LoginProfile"].get("PasswordResetRequired", False)

    async def create_login_profile(self, name: str, password: str) -> bool:
        """Gives the user a console password to be changed at first use; returns False if it had one already."""
        try:
            await self._caller.call(
                "iam:CreateLoginProfile",
                self._client.create_login_profile,
                UserName=name,
                Password=password,
                PasswordResetRequired=True,
            )
        except AwsError as error:
            if error.code == EXISTS:
                return False
            raise
        return True

    async def reset_login_profile(self, name: str, password: str) -> None:
        """Replaces the user's console password."""
        await self._caller.call(
            "iam:UpdateLoginProfile",
            self._client.update_login_profile,
            UserName=name,
            Password=password,
            PasswordResetRequired=True,
        )

    async def delete_login_profile(self, name: str) -> None:
        """Ensures that the user can't sign in to the console; a missing password or user is success."""
        try:
            await self._caller.call("iam:DeleteLoginProfile", self._client.delete_login_profile, UserName=name)
        except AwsError as error:
            if error.code != MISSING:
                raise
