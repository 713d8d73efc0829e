"""create_iam_user: the IAM user with console access, and no access keys.

The first password is in a Secret before AWS has it, so a crash between the two loses nothing. Once AWS has it, the
Secret says so, and the login profile is left alone from then on, because the user has chosen another password. When the
owner takes the password, the Secret is deleted. So a Secret that the status names and that is gone is not made again: a
new password would lock the user out. The exception is a user without a login profile, who can't sign in: a suspension
was interrupted after it had deleted both. No password is set either if the user of an adopted account has chosen one.
A user that we did not make is left alone.
"""

from batteries_operator.aws.iam_users import IamUsers
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps.dependencies import StoredPassword
from batteries_operator.steps.outcome import Done, Outcome
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the user exists, may administer the account, and has the password in the Secret or one of its own."""
    account, settings = scope.account, scope.deps.settings
    owned = await scope.owned_account()
    iam = await scope.deps.aws.iam(
        owned, Purpose.CONSOLE, scope.deps.settings.role_of(scope.account.status.access_role_name)
    )
    users = iam.users
    user = settings.iam_user_name
    was_there = await users.ensure_user(user, is_known=account.status.iam_user_name == user)
    await users.attach_to_user(user, settings.managed_policy_arn)
    stored = await _password(scope, users, user, was_there=was_there)
    # An interrupted suspension may have deleted the login profile and not the Secret.
    if stored is not None and not (stored.set_in_aws and await users.has_login_profile(user)):
        if not await users.create_login_profile(user, stored.password):
            # Created before a crash, or by a request whose response was lost: its password may be another.
            await users.reset_login_profile(user, stored.password)
        await scope.deps.passwords.mark_set(account)
    return Done(
        f"The IAM user {user} can sign in{'' if stored else ' with the password that its owner has'}.",
        {
            "iam_user_name": user,
            "sign_in_url": (await scope.deps.aws.sts.partition()).sign_in_url(owned.id),
            "credentials_secret_name": stored.secret_name if stored else account.status.credentials_secret_name,
        },
    )


async def _password(scope: Scope, users: IamUsers, user: str, *, was_there: bool) -> StoredPassword | None:
    """The first password, made if nobody can sign in; None if the owner has it or has chosen another."""
    passwords, account = scope.deps.passwords, scope.account
    if account.status.credentials_secret_name is not None:
        stored = await passwords.find(account)
        if stored is not None or await users.has_login_profile(user):
            return stored
    elif was_there and await passwords.find(account) is None and await users.has_chosen_password(user):
        return None  # of an earlier AwsAccount, whose AWS account this one has adopted
    return await passwords.get_or_create(account, user)
