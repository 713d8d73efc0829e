"""Opens or closes several doors of an account in one step, side by side and independently of each other."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from batteries_crds.github.trust_policy import PolicyTooLargeError
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import NotOursError
from batteries_operator.runtime.watchdog import concurrent_step
from batteries_operator.steps.outcome import Done, Fail

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Door = Coroutine[Any, Any, Done]

_LONGEST = 450
"""Of each door's message, so that a long list of repositories leaves room for the next one."""


def too_large(error: PolicyTooLargeError) -> Fail:
    """The failure of a list that does not fit into the trust policy."""
    return Fail(Reason.TRUST_POLICY_TOO_LARGE, str(error))


async def side_by_side(*doors: Door) -> Done | Fail:
    """Takes each door to its end, whatever becomes of the others; then one outcome for all.

    If one can't be done until somebody changes something, the step fails with that, and the facts of the others count
    nevertheless.

    Raises:
        AwsError, and whatever else a door raises: the step is tried again.
    """
    results = await asyncio.gather(*map(_watched, doors), return_exceptions=True)
    failures = [failure for failure in map(_failure, results) if failure is not None]
    done = [result for result in results if isinstance(result, Done)]
    facts = {name: value for each in done for name, value in each.facts.items()}
    if failures:
        return Fail(failures[0].reason, " ".join(each.message for each in failures), facts)
    return Done(
        " ".join(_shortened(each.message) for each in done if each.message),
        facts,
        cause=" ".join(each.cause for each in done if each.cause),
        warns=any(each.warns for each in done),
    )


async def _watched(door: Door) -> Done:
    with concurrent_step():
        return await door


def _failure(result: Done | BaseException) -> Fail | None:
    """The failure behind a door's result, if it is one that lasts; raises every other exception."""
    match result:
        case PolicyTooLargeError():
            return too_large(result)
        case NotOursError():
            log.warning("foreign_resource_found", reason=result.reason, detail=str(result))
            return Fail(result.reason, str(result))
        case BaseException():
            raise result
        case _:
            return None


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
