"""AwsAccounts and PooledAccounts that this release can't read: a later one wrote them, or somebody bypassed the schema.

They are left as they are, and an Event on the object says so. If one is deleted, it is released and its AWS account
stays as it is, because its deletion policy can't be read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import UnreadableError, read_object
from batteries_operator.status.events import Event

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MOST_WORDS = 700
"""An Event's message has 1024 characters at most."""

PostRawEvent = Callable[[Mapping[str, Any], Event], None]
"""Posts an Event on an object of which only the JSON is known."""


class Unreadable:
    """Knows the unreadable accounts that the watch has shown, by UID; posts one Event for each generation."""

    def __init__(self, post_event: PostRawEvent, model: type[AwsAccount] = AwsAccount) -> None:
        self._post_event = post_event
        self._model = model
        self._kind = model.definition.kind
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def __contains__(self, uid: object) -> bool:
        """Whether the watch has shown it as one."""
        return uid in self._known

    def read(self, body: Mapping[str, Any]) -> AwsAccount | None:
        """The account in that JSON; None if it can't be read, and then an Event is posted."""
        meta = body["metadata"]
        try:
            account = read_object(self._model, dict(body))
        except UnreadableError as error:
            if self._known.get(meta["uid"]) != meta.get("generation", 0):
                self._known[meta["uid"]] = meta.get("generation", 0)
                log.warning("object_unreadable", detail=str(error), meaning="The account is left as it is.")
                self._post_event(body, self._told(error))
            return None
        self.forget(meta["uid"])
        return account

    def forget(self, uid: str) -> None:
        """Drops the account: it can be read now, or is gone."""
        self._known.pop(uid, None)

    def post_released(self, body: Mapping[str, Any]) -> None:
        """Posts the Event that says what is left in AWS of a deleted one."""
        aws_account_id = _aws_account_id(body)
        left = f"AWS account {aws_account_id} stays" if aws_account_id else "its AWS account, if there is one, stays"
        message = (
            f"This {self._kind} could not be read, so it is let go and {left} as it is, whatever its deletionPolicy "
            "says. Nothing manages that account any more: `batteries-operator orphans` lists it."
        )
        log.warning("unreadable_account_released", aws_account=aws_account_id)
        self._post_event(body, Event("Warning", "Released", message))

    def _told(self, error: UnreadableError) -> Event:
        message = (
            f"This {self._kind} is stored in a form that this release of the operator does not know, and is left as it "
            f"is. Mend it, or go on to the release that wrote it. {error.reason}"
        )
        return Event("Warning", "Unreadable", message[:MOST_WORDS])


def _aws_account_id(body: Mapping[str, Any]) -> str | None:
    status = body.get("status")
    found = status.get("awsAccountId") if isinstance(status, Mapping) else None
    return found if isinstance(found, str) and re.fullmatch(r"\d{12}", found) else None
