"""Account creations: requests that take time, and the accounts that they create.

Whether a request will succeed is decided when it is made (its e-mail address is free or not); its end is computed from
the clock. `settle` is called before every call, so no task runs in the background. An account exists in moto only from
the moment when its creation succeeded.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from batteries_sandbox.aws.moto_app import Moto
from batteries_sandbox.aws.settings import StandinSettings

_REQUEST_ID = string.ascii_lowercase + string.digits


@dataclass(slots=True)
class Creation:
    """One CreateAccount request."""

    id: str
    params: Mapping[str, Any]
    requested_at: float  # wall clock
    due: float  # the stand-in's clock
    completed_at: float  # wall clock, once due
    failure_reason: str | None
    state: str = "IN_PROGRESS"
    account_id: str | None = None

    def describe(self) -> dict[str, Any]:
        """The CreateAccountStatus shape: it has neither e-mail nor tags (Organizations API reference)."""
        status: dict[str, Any] = {
            "Id": self.id,
            "AccountName": self.params["AccountName"],
            "State": self.state,
            "RequestedTimestamp": self.requested_at,
        }
        if self.state != "IN_PROGRESS":
            status["CompletedTimestamp"] = self.completed_at
        if self.state == "SUCCEEDED":
            status["AccountId"] = self.account_id
        if self.state == "FAILED":
            status["FailureReason"] = self.failure_reason
        return status


@dataclass(slots=True)
class Creations:
    """Every creation that was ever requested, oldest first."""

    moto: Moto
    settings: StandinSettings
    max_in_progress: int = 0
    _requests: dict[str, Creation] = field(default_factory=dict)
    _pending: list[Creation] = field(default_factory=list)
    _emails: set[str] = field(default_factory=set)
    _usable_at: dict[str, float] = field(default_factory=dict)
    _known_at: dict[str, float] = field(default_factory=dict)

    def reserve_email(self, email: str) -> bool:
        """Takes an e-mail address for good; False if it was taken. Closed accounts keep theirs in AWS too."""
        free = email.lower() not in self._emails
        self._emails.add(email.lower())
        return free

    def add(self, params: Mapping[str, Any], now: float, wall: float, failure: str = "") -> Creation:
        """Starts a creation; one that fails for the given reason takes no e-mail address."""
        if not failure and not self.reserve_email(params["Email"]):
            failure = "EMAIL_ALREADY_EXISTS"
        creation = Creation(
            id="car-" + "".join(secrets.choice(_REQUEST_ID) for _ in range(32)),
            params=params,
            requested_at=wall,
            due=now + self.settings.creation_seconds,
            completed_at=wall + self.settings.creation_seconds,
            failure_reason=failure or None,
        )
        self._requests[creation.id] = creation
        self._pending.append(creation)
        self.max_in_progress = max(self.max_in_progress, len(self._pending))
        return creation

    def settle(self, now: float) -> None:
        """Ends every creation that is due."""
        for creation in [creation for creation in self._pending if creation.due <= now]:
            self._pending.remove(creation)
            if creation.failure_reason:
                creation.state = "FAILED"
            else:
                self._open_account(creation)

    def find(self, request_id: str) -> Creation | None:
        """The creation of a request id."""
        return self._requests.get(request_id)

    def all(self) -> Sequence[Creation]:
        """Every creation, oldest first."""
        return list(self._requests.values())

    @property
    def in_progress(self) -> int:
        """How many creations are in progress."""
        return len(self._pending)

    def role_is_usable(self, account_id: str, now: float) -> bool:
        """Whether the account's first role can be assumed yet: IAM takes a while after the creation."""
        return self._usable_at.get(account_id, 0.0) <= now

    def is_known_to_identity_center(self, account_id: str, now: float) -> bool:
        """Whether Identity Center knows the account yet."""
        return self._known_at.get(account_id, 0.0) <= now

    def _open_account(self, creation: Creation) -> None:
        organizations = self.moto.organizations()
        organizations.create_account(**creation.params)
        account = organizations.accounts[-1]
        account.create_account_status_id = creation.id
        account.create_time = datetime.fromtimestamp(creation.completed_at, UTC).replace(tzinfo=None)
        self.moto.settle_access_role(account.id)
        creation.state = "SUCCEEDED"
        creation.account_id = account.id
        self._usable_at[account.id] = creation.due + self.settings.role_seconds
        self._known_at[account.id] = creation.due + self.settings.identity_center_seconds
