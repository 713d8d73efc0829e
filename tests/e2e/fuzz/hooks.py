"""What OpenAPI can't say of a request, told to schemathesis, so that what it calls valid is valid."""

from typing import Any

import schemathesis


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Repositories whose names differ by case alone are one repository, and refused as listed twice. Long lists don't
    fit into a trust policy.
    """
    if not isinstance(body, dict):
        return True
    return _each_once(body.get("githubRepos")) and _each_once(_named(body.get("repositories"))) and len(str(body)) < 900


def _named(entries: Any) -> Any:
    return [each.get("repository") if isinstance(each, dict) else None for each in entries] if entries else None


def _each_once(repositories: Any) -> bool:
    if not isinstance(repositories, list) or not all(isinstance(one, str) for one in repositories):
        return True
    return len({one.lower() for one in repositories}) == len(set(repositories))
