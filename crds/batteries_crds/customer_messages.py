"""What customers see of an account's problems: sentences of ours, never messages from AWS, Kubernetes or Python.

The operator writes only such sentences, and the cause separately, as `cause`. But an operator of an earlier release, or
a person with kubectl, may have written something else into the same fields: it is shown as it is if it contains nothing
internal, and otherwise replaced by the sentence of its reason.
"""

import re
from collections.abc import Collection

FALLBACK = "A problem on our side keeps the account from being ready. The platform team can see it and will fix it."

_LATER = "If this lasts, ask the platform team."

WORDS = {
    "AwsUnavailable": "AWS is busy or has a problem; we are retrying.",
    "UnexpectedAwsError": f"AWS returned an unexpected error; we are retrying. {_LATER}",
    "AccessDenied": "AWS denies us a permission for this account. The platform team has to fix it; we are retrying.",
    "NoAwsCredentials": "We have no credentials for AWS. The platform team has to fix that; we are retrying.",
    "UnexpectedError": f"We had an unexpected error; we are retrying. {_LATER}",
    "OrganizationNotPrepared": "The AWS organization is not ready for accounts. The platform team has to prepare it.",
    "LimitReached": "A limit of AWS is reached. The account continues automatically when the limit allows it.",
    "RefusedByAws": "AWS refuses the account with these details. The platform team can see why.",
    "ManagementAccountRefused": "The AWS account is the organization's management account, which we never touch.",
    "WrongIdentity": "AWS connected us to another account, so we did nothing. The platform team has to check it.",
    "AssignmentFailed": f"AWS could not assign single sign-on access; we are retrying. {_LATER}",
    "RevocationFailed": f"AWS could not remove single sign-on access; we are retrying. {_LATER}",
    "CreationFailed": f"AWS could not create the account; we are retrying. {_LATER}",
}
"""By the reason of a condition, or of a failed step; all other reasons get `FALLBACK`."""

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
    r"|https?://[^ ]*:\d+|\.svc\b"  # internal addresses
    r"|amazonaws\.com",
    re.IGNORECASE,
)
_IDS = re.compile(f"{_ACCOUNT}|{_UUID}", re.IGNORECASE)


def is_for_customers(text: str, own_ids: Collection[str] = ()) -> bool:
    """Whether a customer may read the text; `own_ids` are the ids that the customer may see."""
    return _NOT_FOR_CUSTOMERS.search(text) is None and all(
        found.group().lower() in own_ids for found in _IDS.finditer(text)
    )


def sentence_of(reason: str | None) -> str:
    """The sentence for customers, if the text itself is not for customers."""
    return WORDS.get(reason or "", FALLBACK)
