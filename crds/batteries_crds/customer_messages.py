"""What customers are shown of an account's troubles: sentences of ours, never what AWS, Kubernetes or Python said.

The operator writes such sentences only, and what lies behind them beside, as `cause`. What an operator of an earlier
release wrote, or a person with kubectl, stands in the same fields: it is shown as it is where it holds nothing of the
kind, else the reason's own words are.
"""

import re
from collections.abc import Collection

FALLBACK = "Something on our side keeps the account from being ready. The platform team can see what, and mends it."

_LATER = "If this stays, ask the platform team."

WORDS = {
    "AwsUnavailable": "AWS is busy or has trouble of its own; we try again.",
    "UnexpectedAwsError": f"AWS answered with an error that we don't know; we try again. {_LATER}",
    "AccessDenied": "AWS does not let us do this for the account. The platform team mends a policy; we try again.",
    "NoAwsCredentials": "We have no credentials for AWS. The platform team has to mend that; we try again.",
    "UnexpectedError": f"We met an error of our own; we try again. {_LATER}",
    "OrganizationNotPrepared": "The AWS organization is not ready for accounts. The platform team has to prepare it.",
    "LimitReached": "A limit of AWS holds the account back. It goes on when there is room.",
    "RefusedByAws": "AWS refuses the account as it is asked for. The platform team can see why.",
    "ManagementAccountRefused": "The AWS account is the organization's own. It is never touched.",
    "WrongIdentity": "The AWS account does not answer as itself. Nothing was done there; the platform team looks.",
    "AssignmentFailed": f"AWS could not give access by single sign-on; we try again. {_LATER}",
    "RevocationFailed": f"AWS could not take access by single sign-on away; we try again. {_LATER}",
    "CreationFailed": f"AWS could not make the account; we ask again. {_LATER}",
}
"""By the reason of a condition, or of a failed step; for others there is `FALLBACK`."""

_ACCOUNT = r"(?<![\w@-])\d{12}(?![\w-])"
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"

_NOT_FOR_CUSTOMERS = re.compile(
    r"\barn:aws"
    r"|\bcar-[0-9a-z]{8,}"  # AWS's id of a request for an account
    # Ids of the organization, its root, units and policies; of Identity Center and its directory; of keys.
    r"|(?-i:\b(?:o-[a-z0-9]{10}|r-[a-z0-9]{4}|ou-[a-z0-9]{4,}-[a-z0-9]{8,}|p-[a-z0-9]{8}|d-[0-9a-f]{10}"
    r"|ssoins-[a-z0-9]{16}|ps-[a-z0-9]{16}|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,})\b)"
    r"|request ?id|X-Amzn"
    r"|(?-i:\b\w+(?:Exception|Error)\b|\bException(?:Group)?\b)"  # Python's, and AWS's codes
    r"|Traceback|HTTP response|HTTPHeaderDict|CIMultiDict|Audit-Id|(?-i:\bReason: )"  # an ApiException's text
    r"|https?://[^ ]*:\d+|\.svc\b"  # addresses inside
    r"|amazonaws\.com",
    re.IGNORECASE,
)
_IDS = re.compile(f"{_ACCOUNT}|{_UUID}", re.IGNORECASE)


def is_for_customers(text: str, own_ids: Collection[str] = ()) -> bool:
    """Whether a customer may read it; `own_ids` are the ids that are the customer's to see."""
    return _NOT_FOR_CUSTOMERS.search(text) is None and all(
        found.group().lower() in own_ids for found in _IDS.finditer(text)
    )


def sentence_of(reason: str | None) -> str:
    """What a customer is told of it where the text itself is not for customers."""
    return WORDS.get(reason or "", FALLBACK)
