"""Applies a plan to a call, in the order of its way to AWS and back.

None instead of a response means that the connection is closed without one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.faults.gate import hang
from batteries_sandbox.aws.faults.plan import CallFaults
from batteries_sandbox.aws.faults.spec import FaultSpec, Kind
from batteries_sandbox.aws.faults.throttles import throttled
from batteries_sandbox.aws.wire import Answer, AwsError, refusal

Do = Callable[[Call], Awaitable[Answer]]
NoteUndone = Callable[[Call, Answer | None], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


async def play(
    call: Call, faults: CallFaults, do: Do, note_undone: NoteUndone, gone: Callable[[], bool], sleep: Sleep
) -> Answer | None:
    """Takes a call through its faults; `do` hands it to AWS, `note_undone` records that it never got there."""
    call = replace(call, fault=faults.kind)
    outcome = faults.outcome
    await sleep(faults.latency)
    for fault in faults.before:
        if not await fault.gate.hold(call, gone):
            await note_undone(call, None)
            return None
    if outcome is not None and outcome.keeps_from_aws:
        return await _undone(call, outcome, note_undone, gone, sleep)
    answer = await do(_bound_to_fail(call, outcome))
    for fault in faults.after:
        if not await fault.gate.hold(call, gone):
            return None
    if outcome is not None and outcome.kind is Kind.HANG:
        await hang(outcome.seconds, gone, sleep)
    return None if outcome is not None and outcome.kind in (Kind.HANG, Kind.ANSWER_LOST) else answer


def play_at_once(
    call: Call, faults: CallFaults, do: Callable[[Call], Answer], note_undone: Callable[[Call, Answer | None], None]
) -> Answer | None:
    """The same where every fault that is set takes no time."""
    call = replace(call, fault=faults.kind)
    outcome = faults.outcome
    if outcome is not None and outcome.keeps_from_aws:
        answer = _refused(call, outcome)
        note_undone(call, answer)
        return answer
    return do(_bound_to_fail(call, outcome))


def _bound_to_fail(call: Call, outcome: FaultSpec | None) -> Call:
    if outcome is not None and outcome.kind is Kind.FAIL_LATER:
        return replace(call, fail_later=outcome.reason)
    return call


async def _undone(
    call: Call, outcome: FaultSpec, note_undone: NoteUndone, gone: Callable[[], bool], sleep: Sleep
) -> Answer | None:
    answer = _refused(call, outcome)
    await note_undone(call, answer)
    if outcome.kind is Kind.HANG:
        await hang(outcome.seconds, gone, sleep)
    return answer


def _refused(call: Call, outcome: FaultSpec) -> Answer | None:
    if outcome.kind is Kind.ERROR:
        return refusal(call, _error(call, outcome))
    if outcome.kind is Kind.THROTTLE:
        return refusal(call, throttled(call, outcome.message))
    return _page(outcome.status or 503) if outcome.kind is Kind.PAGE else None


def _page(status: int) -> Answer:
    """The error page of a load balancer or proxy, in no service's protocol and without a request id."""
    phrase = HTTPStatus(status).phrase if status in {*HTTPStatus} else "Error"
    title = f"{status} {phrase}"
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, body.encode(), {"content-type": "text/html"}, f"HTTP {status}")


def _error(call: Call, outcome: FaultSpec) -> AwsError:
    fields = {**outcome.fields, **({"Reason": outcome.reason} if outcome.reason else {})}
    status = outcome.status or _statuses(call.service).get(outcome.code) or _COMMON.get(outcome.code, 400)
    message = outcome.message or f"{outcome.code}, as a fault of the stand-in says."
    return AwsError(outcome.code, message, status=status, **fields)


# Errors of every service, which the models don't have ("Common errors" pages).
_COMMON = {"InternalFailure": 500, "ServiceUnavailable": 503, "AccessDenied": 403, "RequestExpired": 400}


@lru_cache(maxsize=16)
def _statuses(service: str) -> dict[str, int]:
    """The HTTP status of each of a service's errors, if its model has one (botocore)."""
    import botocore.session  # only here, as it costs 0.1 s

    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return {}
    statuses = {}
    for shape in session.get_service_model(service).error_shapes:
        error = shape.metadata.get("error") or {}
        if status := error.get("httpStatusCode"):
            statuses[error.get("code", shape.name)] = int(status)
    return statuses
