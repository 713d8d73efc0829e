"""The words of each mail. Plain text, no secret but the one link that ConfirmEmail is about.

Nothing that a customer typed freely is in a mail: who signs up with somebody else's address must not be able to write
to them through us. What is filled in has a form of its own: key prefixes, ids, repository names, times.
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


_STOP_KEY = """If this was not you, somebody else can use your account here. Make a new API key
(POST {public}/v1/keys), revoke the keys that you don't know (GET {public}/v1/keys lists them,
DELETE {public}/v1/keys/ID revokes one), and tell us: {contact}.
"""

TEMPLATES: dict[NotificationKind, Template] = {
    NotificationKind.CONFIRM_EMAIL: Template(
        "Confirm your e-mail address",
        f"""Somebody signed up at {{public}} with this e-mail address.

If it was you, open this link and press the button:

  {{link}}

The link works once and for {CONFIRMATION_HOURS} hours. It proves that you read this mailbox, and
does nothing else.

If it was not you, do nothing: without this nobody gets into anything of yours with your address. To
stop such mails, tell us: {{contact}}.
""",
    ),
    NotificationKind.KEY_HANDED_OVER: Template(
        "An API key was given out for the card that you saved",
        """At {when} an API key (it begins with aib_{keyPrefix}) was given to whoever began the checkout in
which your card was saved at {public}.

Who has the key can ask for AWS accounts at this card's cost. If you began that checkout, or trust
who did, all is well.

If not, tell us, and we block it: {contact}. Name the key's beginning, aib_{keyPrefix}, and the
customer {customer}.
""",
    ),
    NotificationKind.KEY_CREATED: Template(
        "A new API key was made",
        """At {when} a new API key was made for you at {public}. It begins with aib_{keyPrefix} (scope
{scope}, works until {expiresAt}). It was made {by}.

"""
        + _STOP_KEY,
    ),
    NotificationKind.KEY_REVOKED: Template(
        "An API key was revoked",
        """At {when} your API key that begins with aib_{keyPrefix} was revoked at {public}. It was revoked
{by}.

If this was not you, and you have no working key left, we can make you a new one: {contact}.

"""
        + _STOP_KEY,
    ),
    NotificationKind.REPOSITORIES_CHANGED: Template(
        "The repositories that may deploy into your AWS account were changed",
        """At {when} the list of GitHub repositories that may deploy into your AWS account {awsAccountId}
was changed at {public} (account {accountId}). It was changed {by}.

The list as it is now: {repositories}

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
        """Since {since} we have no payment method that works for you at {public}.

{consequence}

Pay the invoice that Stripe mailed you, if there is one, or save a new card. Questions: {contact}.
""",
    ),
    NotificationKind.SUSPENSION_SOON: Template(
        "Your AWS accounts will be suspended",
        """Since {since} we have no payment method that works for you at {public}. Your AWS accounts will be
suspended at {suspendedAt}: nobody gets into them any more; what is in them stays.

Pay the invoice that Stripe mailed you, if there is one, or save a new card, and nothing happens.
Questions: {contact}.
""",
    ),
    NotificationKind.SUSPENDED: Template(
        "Your AWS accounts are suspended",
        """Since {since} we have had no payment method that works for you at {public}, so your AWS accounts
are suspended as of {suspendedAt}: nobody gets into them; what is in them stays. They are opened
again as soon as you can pay.

Pay the invoice that Stripe mailed you, if there is one, or save a new card. Questions: {contact}.
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
            "customer": notification.spec.customer_ref.name,
            "public": public,
            "contact": contact or f"the people who run {public}",
            "link": link,
        },
    )
    return words.subject, words.text.format_map(filled)


def _plain(text: str) -> str:
    """One line, printable: nothing that could pass for words of ours."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or _UNKNOWN
