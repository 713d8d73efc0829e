"""send_welcome_email: tells the owner where everything is, without any secret. The account does not wait for it."""

from batteries_crds.aws_account_status import AwsAccountStatus
from batteries_crds.names import TAG_ACCOUNT_ID
from batteries_operator.steps.outcome import Done, Outcome
from batteries_operator.steps.step import Scope

SUBJECT = "Your AWS account {account} is ready"
TEXT = """Your AWS account {account} is ready.

{single_sign_on}

Console, as the IAM user {user}: {sign_in}
  Your first password was not mailed. You find it with your AI Batteries Included account, and change it at
  the first sign-in.

GitHub Actions of your repositories deploy with the role
  {role}
"""
BY_NAME = "Single sign-on: {portal}\n  Sign in as {name}. {password}"
NEW = "At the first sign-in the portal asks you to set a password by e-mail."
KNOWN = "That user was there before: it has its password already."
NOT_YET = "Single sign-on: not yet. It waits until you have confirmed your e-mail address."


def _single_sign_on(status: AwsAccountStatus) -> str:
    """How to sign in by single sign-on: with the user's name, which need not be the address."""
    name = status.sso_user_name
    if name is None:
        return NOT_YET
    return BY_NAME.format(portal=status.sso_portal_url, name=name, password=NEW if name == status.owner else KNOWN)


async def run(scope: Scope) -> Outcome:
    """Done once SES has accepted the mail and its message id is known."""
    status, mail = scope.account.status, scope.deps.aws.mail
    if not mail.enabled:
        return Done("No mail is sent: BATTERIES_MAIL_SENDER is empty, or this partition of AWS has no SES.")
    owned = await scope.owned_account()
    text = TEXT.format(
        account=owned.id,
        single_sign_on=_single_sign_on(status),
        user=status.iam_user_name,
        sign_in=status.sign_in_url,
        role=status.oidc_role_arn,
    )
    message_id = await mail.send(
        scope.owner,
        SUBJECT.format(account=owned.id),
        text,
        about=f"{TAG_ACCOUNT_ID}/{scope.account.account_id}",
    )
    return Done(f"Mailed to {scope.owner}.", {"welcome_message_id": message_id})
