"""Where in a repository a workflow runs, as the end of its token's subject says it: a branch, a tag, an environment or
a pull request.

GitHub's default subject is `repo:ORG/REPO:CONTEXT` (GitHub docs, "OpenID Connect reference"). A job with an environment
has that one as its context, whatever its branch is; a pull request has no branch in it; all other jobs have their ref.
GitHub writes a colon inside a name as `%3A`, so the colons of a subject separate, and no name can add one.

What names may contain is what git and GitHub allow, less what means something in an IAM policy (`$`, `?`, quotes) and
what is not ASCII. A `*` in a branch or a tag is IAM's: it stands for any characters, `/` too.
"""

import re
from collections.abc import Sequence

REF = r"^[A-Za-z0-9._/#@+=,*-]+$"
"""In the common subset of RE2 (the API server's CEL) and Python."""
REF_RESERVED = r"^[-/]|^refs/|/$|\.$|//|\.\.|\*\*|(^|/)\.|\.lock(/|$)|^@$"
"""What git does not take as a name (git check-ref-format), a name with its `refs/heads/`, and two stars."""
MAX_REF = 200

ENVIRONMENT = r"^[A-Za-z0-9._/#@+=,()&-]([A-Za-z0-9 ._/#@+=,()&-]*[A-Za-z0-9._/#@+=,()&-])?$"
ENVIRONMENT_RESERVED = r"^(pull_request)$"
MAX_ENVIRONMENT = 255  # GitHub docs, "Managing environments for deployment"

MAX_NAMES = 20
"""Of each kind, for one repository; fewer fit into a trust policy."""

PULL_REQUEST = "pull_request"

REF_RULE = (
    "A branch or tag is written as git names it, such as main, without refs/heads/ or refs/tags/: letters, digits and "
    "._/#@+=,- in it. A * stands for any characters, / too, such as release/*."
)
ENVIRONMENT_RULE = (
    "An environment is written as in the workflow, such as production: letters, digits, spaces and ._/#@+=,()&- in it. "
    "No *, because whoever may push can make environments; no : or %, which GitHub writes alike; not pull_request."
)
TWICE = "A name is listed twice. Name each once."


def of_branch(name: str) -> str:
    """The context of a job that runs on that branch, or on one of those that a `*` stands for."""
    return f"ref:refs/heads/{name}"


def of_tag(name: str) -> str:
    """The context of a job that runs for that tag."""
    return f"ref:refs/tags/{name}"


def of_environment(name: str) -> str:
    """The context of a job with that environment, on whatever branch."""
    return f"environment:{name}"


def check_refs(names: list[str]) -> list[str]:
    """Returns the branches or tags unchanged.

    Raises:
        ValueError: a sentence that says which is wrong.
    """
    return _checked(names, "a branch or tag", REF, REF_RESERVED, MAX_REF, REF_RULE)


def check_environments(names: list[str]) -> list[str]:
    """Returns the environments unchanged.

    Raises:
        ValueError: a sentence that says which is wrong.
    """
    return _checked(names, "an environment", ENVIRONMENT, ENVIRONMENT_RESERVED, MAX_ENVIRONMENT, ENVIRONMENT_RULE)


def _checked(names: list[str], what: str, pattern: str, reserved: str, longest: int, rule: str) -> list[str]:
    if len(names) > MAX_NAMES:
        raise ValueError(f"{len(names)} names were given; at most {MAX_NAMES} of a kind are allowed.")
    for name in names:
        if len(name) > longest or not re.fullmatch(pattern, name) or re.search(reserved, name):
            raise ValueError(f"'{name[:longest]}' is not {what} that can be listed. {rule}")
    _once(names)
    return names


def _once(names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"'{name}' is listed twice. Name each once.")
