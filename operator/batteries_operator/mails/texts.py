"""The text of each mail: plain text, without secrets except the link in ConfirmEmail.

Mails contain no text that a customer can choose freely: whoever signs up with somebody else's address must not be able
to send them messages through us. The values filled in have fixed forms: key prefixes, ids, repository names, times.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from batteries_crds.base import to_rfc3339
from batteries_crds.notification import CONFIRMATION_HOURS, Notification, NotificationKind


@dataclass(frozen=True, slots=True)
class Template:
    """Subject and text, with names in braces to be filled in."""

    subject: str
    text: str


_STOP_KEY = """If this was not you, somebody else has access to your account here. Create a new API key
(POST {public}/v1/keys), revoke the keys that you don't know (GET {public}/v1/keys lists them,
DELETE {public}/v1/keys/ID revokes one), and tell us: {contact}.
"""

TEMPLATES: dict[NotificationKind, Template] = {
    NotificationKind.CONFIRM_EMAIL: Template(
        "Confirm your e-mail address",
        f"""Somebody signed up at {{public}} with this e-mail address.

If it was you, open this link and press the button:

  {{link}}

The link works once, within {CONFIRMATION_HOURS} hours. It only proves that you read this mailbox.

If it was not you, do nothing: without your confirmation, nobody can use your address to get into
anything of yours. To stop these mails, tell us: {{contact}}.
""",
    ),
    NotificationKind.KEY_HANDED_OVER: Template(
        "An API key was issued for the card that you saved",
        """At {when} an API key that begins with aib_{keyPrefix} was given to whoever started the checkout
in which you saved your card at {public}.

Whoever has the key can request AWS accounts at this card's expense. If you started that checkout,
or trust the person or agent who did, you need not do anything.

Otherwise tell us, and we will block the key: {contact}. Please include the beginning of the key,
aib_{keyPrefix}, and the customer {customer}.
""",
    ),
    NotificationKind.KEY_CREATED: Template(
        "A new API key was created",
        """At {when} a new API key was created for you at {public}. It begins with aib_{keyPrefix} (scope
{scope}, valid until {expiresAt}). It was created {by}.

"""
        + _STOP_KEY,
    ),
    NotificationKind.KEY_REVOKED: Template(
        "An API key was revoked",
        """At {when} your API key that begins with aib_{keyPrefix} was revoked at {public}. It was revoked
{by}.

If this was not you, and you have no working key left, we can create a new one for you: {contact}.

"""
        + _STOP_KEY,
    ),
    NotificationKind.REPOSITORIES_CHANGED: Template(
        "The repositories that may deploy to your AWS account were changed",
        """At {when} the list of GitHub repositories that may deploy to your AWS account {awsAccountId}
was changed at {public} (account {accountId}). It was changed {by}.

The list is now: {repositories}

"""
        + _STOP_KEY,
    ),
    NotificationKind.PASSWORD_REVEALED: Template(
        "The first password of your AWS account was revealed",
        """At {when} the first console password of your AWS account {awsAccountId} was revealed at {public}
(account {accountId}). It was revealed {by}. It is shown once; the console asks for a new password
at the first sign-in.

"""
        + _STOP_KEY,
    ),
    NotificationKind.PAYMENT_METHOD_MISSING: Template(
        "Your payment method is missing",
        """Since {since} we have had no valid payment method for you at {public}.

{consequence}

To change that, call POST {public}/v1/stripe/portal with your API key and open the page that it names:
save a new card there, or pay what is open. Questions: {contact}.
""",
    ),
    NotificationKind.SUSPENSION_SOON: Template(
        "Your AWS accounts will be suspended",
        """Since {since} we have had no valid payment method for you at {public}. Your AWS accounts will be
suspended at {suspendedAt}: nobody will be able to use them, but their content is kept. {closure}

To change that, call POST {public}/v1/stripe/portal with your API key and open the page that it names:
save a new card there, or pay what is open. Questions: {contact}.
""",
    ),
    NotificationKind.SUSPENDED: Template(
        "Your AWS accounts are suspended",
        """Since {since} we have had no valid payment method for you at {public}, so your AWS accounts
are suspended as of {suspendedAt}: nobody can use them, but their content is kept. {closure}

To change that, call POST {public}/v1/stripe/portal with your API key and open the page that it names:
save a new card there, or pay what is open. Questions: {contact}.
""",
    ),
    NotificationKind.SUBSCRIPTION_ENDS: Template(
        "Your subscription ends",
        """Your subscription at {public} was cancelled. It is paid until {at} and ends then. After that you
can't request AWS accounts.

{consequence}

To stay, call POST {public}/v1/stripe/portal with your API key and open the page that it names: until
then you can take the cancellation back, and after that subscribe again. To close an AWS account
yourself, call DELETE {public}/v1/accounts/ID. Questions: {contact}.
""",
    ),
    NotificationKind.CLOSURE_REQUESTED: Template(
        "Your AWS account will be closed",
        """At {when} it was asked at {public} to close your AWS account {awsAccountId} (account
{accountId}). It was asked {by}.

The account is suspended now: nobody can use it. AWS closes it at {closesAt}. To keep it, resume it
before that:

  POST {public}/v1/accounts/{accountId}/resume

Only AWS Support can reopen it after that, for 90 days; then AWS deletes what is in it. Closing an
account does not cancel your subscription: POST {public}/v1/stripe/portal leads to where you can.

"""
        + _STOP_KEY,
    ),
    NotificationKind.CLOSURE_TAKEN_BACK: Template(
        "Your AWS account will not be closed",
        """At {when} the closure of your AWS account {awsAccountId}, which was due at {closesAt}, was taken
back at {public} (account {accountId}), {by}.

"""
        + _STOP_KEY,
    ),
    NotificationKind.ACCOUNT_EXPIRES: Template(
        "Your AWS account expires",
        """Your AWS account {awsAccountId} ({called} at {public}) expires at {at}: it will be suspended
then. Nobody will be able to use it, but its content is kept. {afterwards}

To go on using it, set a later time: {extend}
Questions: {contact}.
""",
    ),
    NotificationKind.ACCOUNT_EXPIRED: Template(
        "Your AWS account has expired",
        """Your AWS account {awsAccountId} ({called} at {public}) expired at {at} and is suspended:
nobody can use it, but its content is kept. {afterwards}

To open it again, set a later time: {extend}
Questions: {contact}.
""",
    ),
    NotificationKind.ACCOUNT_CLOSES: Template(
        "Your AWS account will be closed",
        """AWS will close your account {awsAccountId} ({called} at {public}) at {at}. {reason}

It is suspended until then. After the closure only AWS Support can reopen it, for 90 days; then AWS
deletes everything in it.

To keep it, before that time: {keep}
Questions: {contact}.
""",
    ),
    NotificationKind.ACCOUNT_CLOSED: Template(
        "Your AWS account was closed",
        """Your AWS account {awsAccountId} ({called} at {public}) was closed at {at}.

AWS Support can reopen it until {until}; then AWS deletes everything in it. If you need it back, tell
us before: {contact}.
""",
    ),
}

_UNKNOWN = "(not known)"


def render(notification: Notification, *, public: str, contact: str, link: str = "") -> tuple[str, str]:
    """The subject and the text of the mail."""
    words = TEMPLATES[notification.spec.kind]
    created = notification.metadata.creation_timestamp
    filled: Mapping[str, str] = defaultdict(
        lambda: _UNKNOWN,
        {key: _plain(value) for key, value in notification.spec.details.items()}
        | {
            "when": to_rfc3339(created) if created else _UNKNOWN,
            "customer": notification.customer or _UNKNOWN,
            "public": public,
            "contact": contact or f"the people who run {public}",
            "link": link,
        },
    )
    return words.subject, words.text.format_map(filled)


def _plain(text: str) -> str:
    """One printable line, so that a value can't look like text of ours."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or _UNKNOWN
