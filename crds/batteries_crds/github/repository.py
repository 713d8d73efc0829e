"""A GitHub repository as customers write it: `org/repo`, or `org@id/repo@id` to pin GitHub's immutable ids.

The pattern keeps everything out that means something in an IAM policy (`*`, `?`, `$`, quotes), so a name can't
widen a trust policy. Names: owner up to 39 characters, letters, digits and hyphens (underscore for managed users);
repository up to 100 of letters, digits, `.`, `_`, `-`, not `.` or `..`, not ending in `.git` or `.wiki`.
"""

import re
from dataclasses import dataclass

from batteries_crds.github.misspelled import explained, without_password

PATTERN = (
    r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}$"
    r"|^[A-Za-z0-9][A-Za-z0-9_-]{0,38}@[0-9]{1,20}/[A-Za-z0-9._-]{1,100}@[0-9]{1,20}$"
)
"""In the common subset of RE2 (the API server's CEL) and Python."""

RESERVED = r"/(\.|\.\.|[^/]*\.git|[^/]*\.wiki)(@[0-9]+)?$"
MAX_LENGTH = 182  # 39 + 100 characters, two ids of up to 20 digits, two @ and the slash
MAX_REPOSITORIES = 100

RULE = (
    "A repository is written org/repo, or org@id/repo@id to pin GitHub's immutable ids: one slash, no wildcards, "
    "no URL, exactly as GitHub spells it."
)


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository; the ids are both present or both None."""

    owner: str
    name: str
    owner_id: str | None = None
    repo_id: str | None = None


def parse(text: str) -> Repository:
    """The repository that `text` names.

    Raises:
        ValueError: a sentence with the text and the rule it breaks.
    """
    if not re.fullmatch(PATTERN, text) or re.search(RESERVED, text):
        raise ValueError(_refusal(text))
    owner, name = text.split("/")
    if "@" not in owner:
        return Repository(owner, name)
    owner, owner_id = owner.split("@")
    name, repo_id = name.split("@")
    return Repository(owner, name, owner_id, repo_id)


def _refusal(text: str) -> str:
    """The sentence for what is not a repository. It says what to write if that can be told."""
    found, shown = explained(text), without_password(text)[:200]
    if found is None or not re.fullmatch(PATTERN, found.meant) or re.search(RESERVED, found.meant):
        return f"'{shown}' is not a repository. {RULE}"
    return f"'{shown}' is not a repository: it {found.why}. Write {found.meant}."


def check_all(texts: list[str]) -> list[str]:
    """Returns the list unchanged if each entry is a repository, none is listed twice, and there are not too many.

    Raises:
        ValueError: a sentence that says which entry is wrong.
    """
    if len(texts) > MAX_REPOSITORIES:
        raise ValueError(f"{len(texts)} repositories were given; at most {MAX_REPOSITORIES} are allowed per account.")
    seen: set[str] = set()
    for text in texts:
        parse(text)
        # GitHub's names ignore case, so A/b and a/b are one repository.
        if text.lower() in seen:
            raise ValueError(f"'{text}' is listed twice. Name each repository once.")
        seen.add(text.lower())
    return texts
