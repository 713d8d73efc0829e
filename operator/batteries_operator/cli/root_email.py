"""Checks the template of the AWS accounts' root e-mail addresses.

There is no default: whoever reads the mailbox can reset the root password of every account, so it must be the
installation's own.
"""

import re

from batteries_operator.runtime.naming import account_email

VARIABLE = "BATTERIES_ACCOUNT_EMAIL_TEMPLATE"
MAX_LENGTH = 64  # CreateAccount's Email, botocore's organizations model
MISSING = (
    f"{VARIABLE} is not set, and it has no default: it gives each AWS account its root e-mail address, and whoever "
    "reads that mailbox can take the account over. Set it to an address of yours that contains {id}, such as "
    "aws+{id}@your-domain (in the chart: operator.accountEmailTemplate)."
)

_ANY_ACCOUNT = "00000000-0000-0000-0000-000000000000"
_VENDOR = "aibatteriesincluded.com"
_RESERVED = frozenset({"example", "test", "invalid", "localhost"})
"""Top-level domains in which nobody receives mail (RFC 2606); example.com and the like are checked separately."""

# CreateAccount's Email in botocore's organizations model.
_NOT_IN_LOCAL_PART = re.compile(r"""[\s"'()<>\[\]:;,\\|%&]""")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def problem(template: str) -> str | None:
    """Why no account can be created with the template; None if AWS accepts the addresses."""
    if not template.strip():
        return MISSING
    if "{id}" not in template:
        return f"{VARIABLE} must contain {{id}}: each AWS account needs its own address."
    address = account_email(template, _ANY_ACCOUNT)
    if len(address) > MAX_LENGTH:
        return f"{VARIABLE} gives addresses of {len(address)} characters; AWS allows {MAX_LENGTH}. Shorten it."
    wrong = _malformed(address)
    return None if wrong is None else f"{VARIABLE} gives an address that AWS refuses: {wrong}. Correct it."


def _malformed(address: str) -> str | None:
    local, at, domain = address.partition("@")
    if not at or "@" in domain:
        return "it needs exactly one @"
    if not address.isascii():
        return "it may contain ASCII characters only"
    if not local or local.startswith(".") or _NOT_IN_LOCAL_PART.search(local):
        return "before the @ there may be no space and none of \"'()<>[]:;,\\|%&, nor a dot at the beginning"
    if not _DOMAIN.fullmatch(domain) or ".." in domain:
        return "after the @ it needs a domain with a dot, of letters, digits and hyphens"
    return None


def not_yours(template: str) -> str | None:
    """Why the mailbox can't be the installation's own, though AWS accepts the address; None if nothing says so."""
    domain = template.rpartition("@")[2].lower().rstrip(".")
    labels = domain.split(".")
    if labels[-1] in _RESERVED or "example" in labels[-2:-1]:
        return f"{domain} is reserved for examples: nobody receives its mail, so the root user could never be recovered"
    if domain == _VENDOR or domain.endswith(f".{_VENDOR}"):
        return f"{domain} is the vendor's domain: its mailboxes could take over every account"
    return None
