"""What somebody meant who wrote a repository as a URL, with a branch, or as the subject of a token.

Only for sentences: nothing that is written otherwise than org/repo is ever accepted, because a guess would give access.
"""

import re
from dataclasses import dataclass

_BRANCHES = "which of its branches and tags may deploy is said in deployFrom"
_HOST = r"(?:www\.)?github\.com"
_SCHEME = r"(?:https?|git|ssh|git\+ssh|git\+https)://(?:[^/@]*@)?"
_URL = re.compile(rf"(?:{_SCHEME}{_HOST}(?::[0-9]+)?/|{_HOST}/)", re.IGNORECASE)
_SCP = re.compile(rf"[^/@:]+@{_HOST}:/?", re.IGNORECASE)
_SUBJECT = "repo:"
_PATH = re.compile(r"(?P<owner>[^/@#:?]+(?:@[0-9]+)?)/(?P<name>[^/@#:?]+(?:@[0-9]+)?)(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Misspelled:
    """The repository that was meant, if it is one, and what is wrong, as the end of a sentence about the text."""

    meant: str
    why: str


def explained(text: str) -> Misspelled | None:
    """Returns what was meant; None if that can't be told. `meant` may still break the rules of names."""
    path, is_url = _without_prefix(text.strip())
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    owner, name, rest = found["owner"], found["name"], found["rest"]
    if ("@" in owner) != ("@" in name):
        # Half of the ids, or `org/repo@2024`: a branch that is a number.
        why = f"has a number after @ on one side only: ids are written org@id/repo@id, and {_BRANCHES}"
        return Misspelled(f"{owner.partition('@')[0]}/{name.partition('@')[0]}", why)
    return Misspelled(f"{owner}/{name.removesuffix('.git')}", _wrong(text.strip(), is_url, rest))


def without_password(text: str) -> str:
    """The text without the user and password of a URL, which an error must not repeat."""
    return re.sub(r"://[^/@]*@", "://", text)


def _without_prefix(text: str) -> tuple[str, bool]:
    """The text from the owner on, and whether a URL or an address for git was before it."""
    for pattern in (_URL, _SCP):
        if found := pattern.match(text):
            return text[found.end() :], True
    return text.removeprefix(_SUBJECT), False


def _wrong(text: str, is_url: bool, rest: str) -> str:
    if is_url:
        return "is a URL, and a repository is written org/repo"
    if text.startswith(_SUBJECT):
        return f"is the subject of a token, and a repository is written org/repo: {_BRANCHES}"
    match rest[:1]:
        case "@" | "#" | ":":
            return f"names a branch, tag or commit after {rest[0]}, and {_BRANCHES}"
        case "/" if rest.strip("/"):
            return f"goes on after the repository's name, and {_BRANCHES}"
        case _:
            return "is not written exactly as org/repo"
