"""close_console: the IAM user can't sign in any more.

Only deleting the login profile does that, and the password goes with it: on resume create_iam_user sets a new first
password, in a new Secret. A user that we did not make is left alone; the quarantine keeps it out.
"""

from batteries_operator.aws.session_policies import Purpose
from batteries_operator.steps.outcome import Done, Outcome
from batteries_operator.steps.step import Scope


async def run(scope: Scope) -> Outcome:
    """Done once the user has no login profile and no Secret holds its password."""
    account, user = scope.account, scope.deps.settings.iam_user_name
    iam = await scope.deps.aws.iam(
        await scope.owned_account(),
        Purpose.CONSOLE,
        scope.deps.settings.role_of(scope.account.status.access_role_name),
    )
    ours = await iam.users.has_user(user, is_known=account.status.iam_user_name == user)
    if ours:
        await iam.users.delete_login_profile(user)
    await scope.deps.passwords.discard(account)
    message = f"The IAM user {user} is not ours and was left alone." if ours is False else f"{user} can't sign in."
    return Done(message, {"credentials_secret_name": None})
