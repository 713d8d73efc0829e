"""The one rule for e-mail addresses: for the CRDs, the HTTP API and everything that is built from an address.

Stricter than RFC 5322 and no stricter than needed: an address alone, as SES, Identity Center and Stripe accept it. So
no display name, brackets, quotes, spaces or control characters (a line break could add headers to a mail), no dot at an
end or twice in a row, and ASCII: SES sends to no other. A domain with other letters is written in its xn-- form.

The rule applies where an address enters the system. What is stored already stays readable, whatever it looks like.
"""

import re

from batteries_crds.cel import rule
from batteries_crds.names import MAX_OWNER_LENGTH

_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
PATTERN = rf"{_ATOM}([.]{_ATOM})*@({_LABEL}[.])+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])"
"""Valid in RE2's syntax too, which CEL uses; to be matched from end to end."""

SENTENCE = (
    "must be an e-mail address, such as team@example.com. Give the address alone, in ASCII: no name, brackets, quotes, "
    "spaces or line breaks."
)

_EMAIL = re.compile(PATTERN)


def is_email(text: str) -> bool:
    """Whether it is an e-mail address that fits into our fields."""
    return len(text) <= MAX_OWNER_LENGTH and _EMAIL.fullmatch(text) is not None


def email_rule(field: str) -> dict[str, str]:
    """The same as a CEL rule for the field; its maxLength is in the schema."""
    return rule(f'self.matches(r"^{PATTERN}$")', f"{field} {SENTENCE}")
