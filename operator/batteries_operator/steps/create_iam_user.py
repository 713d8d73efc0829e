"""create_iam_user: the IAM user with console access, and no access keys.

The first password is in a Secret before AWS has it: a crash between the two loses nothing. Once AWS has taken it,
the Secret says so, and from then on the login profile is left alone: the user has chosen a password of their own.
The owner may take the password, and the Secret with it; so a Secret that the status names and that is gone is not
made again where this step runs once more: a new password would lock the user out. Unless there is no login profile
either: then nobody can sign in, because a suspension was broken off when it had deleted both. Nor is a password set
where the user of an adopted account has chosen one. A user that we did not make is left alone.
"""

from batteries_operator.aws.iam import Iam
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps.dependencies import StoredPassword
from batteries_operator.steps.outcome import Done, Outcome
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the user is there, may administer the account, and has a password that the Secret knows."""
    account, settings = scope.account, scope.deps.settings
    owned = await scope.owned_account()
    iam = await scope.deps.aws.iam(
        owned, Purpose.CONSOLE, scope.deps.settings.role_of(scope.account.status.access_role_name)
    )
    user = settings.iam_user_name
    was_there = await iam.ensure_user(user, is_known=account.status.iam_user_name == user)
    await iam.attach_to_user(user, settings.managed_policy_arn)
    stored = await _password(scope, iam, user, was_there=was_there)
    # A suspension that was broken off may have taken the login profile and left the Secret.
    if stored is not None and not (stored.set_in_aws and await iam.has_login_profile(user)):
        if not await iam.create_login_profile(user, stored.password):
            # Made by us before a crash, or by a request whose answer was lost: its password may be another.
            await iam.reset_login_profile(user, stored.password)
        await scope.deps.passwords.mark_set(account)
    return Done(
        f"The IAM user {user} can sign in{'' if stored else ' with the password that its owner has'}.",
        {
            "iam_user_name": user,
            "sign_in_url": (await scope.deps.aws.sts.partition()).sign_in_url(owned.id),
            "credentials_secret_name": stored.secret_name if stored else account.status.credentials_secret_name,
        },
    )


async def _password(scope: Scope, iam: Iam, user: str, *, was_there: bool) -> StoredPassword | None:
    """The first password, made where there is none to sign in with; None where its owner has it, or one of theirs."""
    passwords, account = scope.deps.passwords, scope.account
    if account.status.credentials_secret_name is not None:
        stored = await passwords.find(account)
        if stored is not None or await iam.has_login_profile(user):
            return stored
    elif was_there and await passwords.find(account) is None and await iam.has_chosen_password(user):
        return None  # of an earlier AwsAccount, whose AWS account this one has adopted
    return await passwords.get_or_create(account, user)
