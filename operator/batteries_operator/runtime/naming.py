"""Names that derive from an account's id alone, so that after a crash, a restore or in a second operator they are the
same.

Organizations has no idempotency token; a deterministic e-mail address, unique in all of AWS, is what makes a second
creation of the same account impossible. ListCreateAccountStatus shows names but no e-mail addresses, so the account's
name ends in the same id.
"""

import base64
from uuid import UUID

from batteries_crds.names import CREDENTIALS_SUFFIX

MAX_ACCOUNT_NAME = 50  # CreateAccount's AccountName: 1-50 printable ASCII characters, botocore's organizations model


def short_id(account_id: str) -> str:
    """The UUID as 26 lower-case letters and digits: shorter than hex, without loss."""
    return base64.b32encode(UUID(account_id).bytes).decode().rstrip("=").lower()


def account_email(template: str, account_id: str) -> str:
    """The root e-mail address of the account."""
    return template.replace("{id}", short_id(account_id))


def account_name(prefix: str, display_name: str | None, account_id: str) -> str:
    """`<display name or prefix> <short id>`, printable ASCII, cut to AWS's 50 characters; the id is never cut."""
    suffix = short_id(account_id)
    printable = "".join(letter if " " <= letter <= "~" else "-" for letter in display_name or prefix).strip()
    head = printable[: MAX_ACCOUNT_NAME - len(suffix) - 1].strip()
    return f"{head} {suffix}" if head else suffix


def names_account(account_name: str, account_id: str) -> bool:
    """Whether that AWS account name was made for this account."""
    return account_name.endswith(short_id(account_id))


def credentials_secret_name(resource_name: str) -> str:
    """The Secret with the IAM user's first password; cut to Kubernetes' 253 characters."""
    return f"{resource_name[:240]}{CREDENTIALS_SUFFIX}"
