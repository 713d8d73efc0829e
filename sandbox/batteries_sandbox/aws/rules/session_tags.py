"""The session tags in an identity token, by which CloudTrail and policies tell sessions of one role apart.

IAM user guide, "Pass session tags in AWS STS": the claim's form, 50 tags, 128 and 256 characters, keys that differ not
only in case; who passes tags needs sts:TagSession. The code for a claim in another form is believed. Transitive keys
are looked at, and not inherited when a role assumes a role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batteries_sandbox.aws.wire import AwsError

CLAIM = "https://aws.amazon.com/tags"
_MAX_TAGS = 50
# STS's model: tagKeyType and tagValueType, whose \p{L}, \p{Z} and \p{N} are letters, separators and numbers.
_KEY = re.compile(r"[\w \u00a0.:/=+@-]{1,128}")
_VALUE = re.compile(r"[\w \u00a0.:/=+@-]{0,256}")


def of(claims: Mapping[str, Any]) -> dict[str, str]:
    """The tags that a token's claims ask for.

    Raises:
        AwsError: the claim has not the form that AWS describes, or a tag can't be.
    """
    if CLAIM not in claims:
        return {}
    claim = claims[CLAIM]
    principal = claim.get("principal_tags") if isinstance(claim, Mapping) else None
    if not isinstance(principal, Mapping) or any(not _is_one_text(value) for value in principal.values()):
        raise _invalid(f"The claim {CLAIM} must hold principal_tags, each with a list of one value.")
    tags = {key: value[0] for key, value in principal.items()}
    if len(tags) > _MAX_TAGS or len({key.lower() for key in tags}) < len(tags):
        raise _invalid(f"There may be {_MAX_TAGS} session tags, and no key twice.")
    for key, value in tags.items():
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value) or key.lower().startswith("aws:"):
            raise _invalid(f"The session tag {key} can't be.")
    transitive = claim.get("transitive_tag_keys", [])
    if not isinstance(transitive, list) or not {str(key) for key in transitive} <= tags.keys():
        raise _invalid("Each of transitive_tag_keys must be the key of a session tag.")
    return tags


def condition_keys(tags: Mapping[str, str]) -> dict[str, list[str]]:
    """The condition keys of a request that passes these tags."""
    if not tags:
        return {}
    named = {f"aws:requesttag/{key.lower()}": [value] for key, value in tags.items()}
    return {**named, "aws:tagkeys": list(tags)}


def _is_one_text(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message)
