"""How many repositories fit into a trust policy in each form, by rendering policies: a table of decision 011."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from batteries_crds.github.trust_policy import (
    AUDIENCE,
    PROVIDER_HOST,
    Admitted,
    PolicyTooLargeError,
    check_size,
    policy_size,
    provider_arn,
)
from batteries_crds.github.workflow_sources import WorkflowSources

_OWNER, _NAME = "o" * 15, "r" * 17  # with three digits 20 characters
_OWNER_ID, _ID = "1" * 9, "9" * 7  # with three digits ten
_DIGITS = 3
_LIMITS = (2048, 4096, 8192)

RUNS: dict[str, WorkflowSources | None] = {
    "every run": None,
    "branch `main`": WorkflowSources(branches=["main"]),
    "environment `production`": WorkflowSources(environments=["production"]),
    "branches `main` and `release/*`, tags `v*`": WorkflowSources(branches=["main", "release/*"], tags=["v*"]),
    "pull requests": WorkflowSources(pull_requests=True),
}


def _by_name(number: int) -> str:
    return f"{_OWNER}/{_NAME}{number:0{_DIGITS}}"


def _by_ids(number: int) -> str:
    return f"{_OWNER}@{_OWNER_ID}/{_NAME}{number:0{_DIGITS}}@{_ID}{number:0{_DIGITS}}"


def _most(fits: Callable[[int], bool]) -> int:
    """The largest number that fits, where every smaller one does too."""
    return bisect_left(range(1, 10**_DIGITS), True, key=lambda number: not fits(number))


def _fits(written: Callable[[int], str], sources: WorkflowSources | None, limit: int) -> Callable[[int], bool]:
    def fits(number: int) -> bool:
        try:
            check_size([Admitted(written(each), sources) for each in range(number)], limit=limit)
        except PolicyTooLargeError:
            return False
        return True

    return fits


def _with_keys(sources: WorkflowSources | None, number: int) -> dict[str, Any]:
    """The same with AWS's keys of 2026: ids in one list and refs in another, `sub` scoped to the one owner of all.

    An environment is another claim than a ref, and either is enough, so each needs a statement of its own.
    """
    host = PROVIDER_HOST
    owner = [f"repo:{_OWNER}/*", f"repo:{_OWNER}@*"]
    ids = [f"{_ID}{each:0{_DIGITS}}" for each in range(number)]
    claims: list[dict[str, list[str]]] = [{}]
    if sources is not None:
        refs = [context.removeprefix("ref:") for context in sources.contexts if context.startswith("ref:")]
        claims = [{"ref": refs}] if refs else []
        claims += [{"environment": sources.environments}] if sources.environments else []
        claims += [{"ref": ["refs/pull/*"]}] if sources.pull_requests else []
    statements = [
        {
            "Sid": f"GitHub{place}",
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn("0" * 12)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{host}:aud": AUDIENCE, f"{host}:repository_id": ids},
                "StringLike": {f"{host}:sub": owner} | {f"{host}:{key}": values for key, values in each.items()},
            },
        }
        for place, each in enumerate(claims)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def rows() -> Iterable[tuple[str, ...]]:
    """For each kind of runs and each form: how many repositories fit into each limit."""
    for name, sources in RUNS.items():
        for form, written in (("by name", _by_name), ("by ids", _by_ids)):
            yield (name, form, *(str(_most(_fits(written, sources, limit))) for limit in _LIMITS))

        def smaller(limit: int, sources: WorkflowSources | None = sources) -> Callable[[int], bool]:
            return lambda number: policy_size(_with_keys(sources, number)) <= limit

        yield (name, "AWS's keys of 2026, of one owner", *(str(_most(smaller(limit))) for limit in _LIMITS))


HEAD = ("runs", "form", *(f"in {limit:,}" for limit in _LIMITS))
