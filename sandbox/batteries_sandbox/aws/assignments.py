"""Identity Center's account assignments: requested, and in effect only a while later.

An assignment enters moto's list when its operation is due and leaves it when a deletion is due, so lists show only what
has happened. Times are computed from the clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batteries_sandbox.aws.moto_app import Moto
from batteries_sandbox.aws.settings import StandinSettings

# The members that make one assignment (Identity Center API reference, CreateAccountAssignment).
KEY = ("InstanceArn", "TargetId", "TargetType", "PermissionSetArn", "PrincipalType", "PrincipalId")


@dataclass(slots=True)
class Operation:
    """One CreateAccountAssignment or DeleteAccountAssignment."""

    id: str
    deletes: bool
    key: tuple[str, ...]
    requested_at: float  # wall clock
    due: float  # the stand-in's clock
    failure_reason: str
    status: str = "IN_PROGRESS"

    def describe(self) -> dict[str, Any]:
        """The AccountAssignmentOperationStatus shape."""
        status: dict[str, Any] = {"Status": self.status, "RequestId": self.id, "CreatedDate": self.requested_at}
        status |= dict(zip(KEY[1:], self.key[1:], strict=True))
        if self.status == "FAILED":
            status["FailureReason"] = self.failure_reason
        return status


@dataclass(slots=True)
class Assignments:
    """Every assignment operation that was ever requested."""

    moto: Moto
    settings: StandinSettings
    _operations: dict[str, Operation] = field(default_factory=dict)
    _pending: list[Operation] = field(default_factory=list)

    def add(self, params: Mapping[str, Any], now: float, wall: float, *, deletes: bool, failure: str = "") -> Operation:
        """Starts an operation."""
        key = tuple(str(params[name]) for name in KEY)
        operation = Operation(str(uuid.uuid4()), deletes, key, wall, now + self.settings.assignment_seconds, failure)
        self._operations[operation.id] = operation
        self._pending.append(operation)
        return operation

    def settle(self, now: float) -> None:
        """Ends every operation that is due."""
        for operation in [operation for operation in self._pending if operation.due <= now]:
            self._pending.remove(operation)
            operation.status = "FAILED" if operation.failure_reason else "SUCCEEDED"
            exists = self.exists(operation.key)
            backend = self.moto.identity_center()
            if operation.status == "SUCCEEDED" and operation.deletes and exists:
                backend.delete_account_assignment(*operation.key)
            elif operation.status == "SUCCEEDED" and not operation.deletes and not exists:
                backend.create_account_assignment(*operation.key)

    def find(self, request_id: str, *, deletes: bool) -> Operation | None:
        """The operation of a request id, of the right kind."""
        operation = self._operations.get(request_id)
        return operation if operation and operation.deletes is deletes else None

    @property
    def outstanding(self) -> int:
        """How many operations are in progress."""
        return len(self._pending)

    def is_busy(self, account_id: str) -> bool:
        """Whether an operation on the account is in progress."""
        return any(operation.key[KEY.index("TargetId")] == account_id for operation in self._pending)

    def exists(self, key: tuple[str, ...]) -> bool:
        """Whether the assignment is in effect."""
        return any(
            (a.instance_arn, a.target_id, a.target_type, a.permission_set_arn, a.principal_type, a.principal_id) == key
            for a in self.moto.identity_center().account_assignments
        )
