"""The holders of access keys: the operator's own key, and those that AssumeRole returned.

Rules look keys up here and never in moto, which would scan every account for a key. An unknown key is refused as AWS
refuses it, so nothing can be done with made-up credentials.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

_ID_CHARACTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal behind an access key."""

    account_id: str
    arn: str
    user_id: str
    role_arn: str = ""  # of an assumed role
    session_token: str = ""  # that must come with the key
    session_policy: str = ""  # which narrows what the role may do
    expires_at: float | None = None  # on the stand-in's clock
    tags: Mapping[str, str] = field(default_factory=dict)  # of the session


@dataclass(frozen=True, slots=True)
class Session:
    """The result of AssumeRole: credentials and their holder."""

    caller: Caller
    access_key: str
    secret_key: str
    expiration: datetime

    def describe(self) -> dict[str, Any]:
        """The result of AssumeRole and AssumeRoleWithWebIdentity, in AWS's shape."""
        return {
            "Credentials": {
                "AccessKeyId": self.access_key,
                "SecretAccessKey": self.secret_key,
                "SessionToken": self.caller.session_token,
                "Expiration": self.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "AssumedRoleUser": {"AssumedRoleId": self.caller.user_id, "Arn": self.caller.arn},
        }


class Callers:
    """Every valid access key."""

    def __init__(self, root_key: str, management_account_id: str, clock: Callable[[], float], partition: str) -> None:
        self._clock = clock
        self._partition = partition
        self._by_key: dict[str, Caller] = {}
        self.add_user(root_key, management_account_id, "operator")

    def add_user(self, access_key: str, account_id: str, name: str) -> None:
        """Registers a long-lived key of an IAM user."""
        arn = f"arn:{self._partition}:iam::{account_id}:user/{name}"
        self._by_key[access_key] = Caller(account_id, arn, f"AIDASANDBOX{name.upper()}1")

    def find(self, access_key: str) -> Caller | None:
        """The holder of an access key, expired or not."""
        return self._by_key.get(access_key)

    def assume(
        self,
        role_arn: str,
        role_id: str,
        session_name: str,
        seconds: int,
        session_policy: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> Session:
        """Creates temporary credentials for a role."""
        account_id, role_name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
        caller = Caller(
            account_id=account_id,
            arn=f"arn:{self._partition}:sts::{account_id}:assumed-role/{role_name}/{session_name}",
            user_id=f"{role_id}:{session_name}",
            role_arn=role_arn,
            session_token=secrets.token_urlsafe(120),
            session_policy=session_policy,
            expires_at=self._clock() + seconds,
            tags=tags or {},
        )
        access_key = "ASIA" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(16))
        self._forget_expired()
        self._by_key[access_key] = caller
        expiration = datetime.now(UTC) + timedelta(seconds=seconds)
        return Session(caller, access_key, secrets.token_urlsafe(30), expiration)

    def _forget_expired(self) -> None:
        """Drops keys an hour after their end: until then they cause ExpiredToken, as in AWS."""
        limit = self._clock() - 3600
        oldest = next((k for k, c in self._by_key.items() if c.expires_at is not None), None)
        while oldest and (self._by_key[oldest].expires_at or 0) < limit:
            del self._by_key[oldest]
            oldest = next((k for k, c in self._by_key.items() if c.expires_at is not None), None)
