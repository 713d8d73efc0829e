"""The record of every call, by which tests prove what was called, how often, and by whom.

Passwords and tokens never enter it. Like CloudTrail it has the id of the access key that signed a call, and of the one
that AssumeRole returned, so a reader knows the session of each call; beyond CloudTrail it repeats the session's tags
with each of its calls, so which API key did what is one look. It holds the newest calls up to a bound, because a run of
10,000 accounts makes hundreds of thousands; the counters include all of them.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.callers import Caller
from batteries_sandbox.aws.wire import Answer

_KEPT = 100_000
_ISSUED = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")
_SECRET = frozenset({"Password", "NewPassword", "OldPassword", "WebIdentityToken", "SAMLAssertion"})
REDACTED = "(redacted)"


@dataclass(slots=True)
class Journal:
    """The calls, oldest first."""

    _find_caller: Callable[[str], Caller | None]
    _calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _last: int = 0

    def note(self, call: Call, answer: Answer | None, wall: float, *, done: bool = True) -> None:
        """Records a call and its result; not `done`: a fault kept it from AWS."""
        self._last += 1
        self._counts[call.service, call.operation] += 1
        issued = _issued(call, answer)
        holder = self._find_caller(issued) if issued else call.caller
        entry = {
            "seq": self._last,
            "time": wall,
            "service": call.service,
            "operation": call.operation,
            "region": call.region,
            "accountId": call.account_id,
            "accessKeyId": call.access_key,
            "issuedAccessKeyId": issued,
            "callerArn": call.caller.arn if call.caller else None,
            "sessionTags": dict(holder.tags) if holder else {},
            "httpStatus": answer.status if answer else None,
            "errorCode": answer.error_code if answer else None,
            "params": redacted(call.params),
            "done": done,
            "fault": call.fault or None,
        }
        self._calls.append(entry)

    def calls(self, service: str = "", operation: str = "", since: int = 0) -> list[dict[str, Any]]:
        """The calls after `since`, of the given service and operation."""
        return [
            entry
            for entry in self._calls
            if entry["seq"] > since and service in ("", entry["service"]) and operation in ("", entry["operation"])
        ]

    def counts(self, service: str = "", operation: str = "", since: int = 0) -> dict[str, int]:
        """How many calls there were of each operation."""
        counts = self._counts
        if since:
            counts = Counter((entry["service"], entry["operation"]) for entry in self.calls(since=since))
        return {
            f"{a_service}.{an_operation}": number
            for (a_service, an_operation), number in sorted(counts.items())
            if service in ("", a_service) and operation in ("", an_operation)
        }

    @property
    def last(self) -> int:
        """The number of the newest call."""
        return self._last


def _issued(call: Call, answer: Answer | None) -> str | None:
    """The id of the access key that an AssumeRole returned."""
    found = _ISSUED.search(answer.body) if answer and call.operation.startswith("AssumeRole") else None
    return found[1].decode() if found else None


def redacted(value: Any) -> Any:
    """The parameters without secrets."""
    if isinstance(value, Mapping):
        return {key: REDACTED if key in _SECRET else redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value
