"""What customers and administrators see of an account's errors.

Customers see only sentences of ours, whoever wrote the status (`customer_messages`). Administrators see the status as
it is, and the cause behind it.
"""

from collections.abc import Mapping
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import READY, find
from batteries_crds.customer_messages import is_for_customers, sentence_of
from batteries_crds.names import EventStatus


def error_for_customers(account: AwsAccount) -> str | None:
    """Why the account is not ready, or None."""
    error = account.status.error
    if error is None or is_for_customers(error, own_ids(account)):
        return error
    ready = find(account.status.conditions, READY)
    return sentence_of(ready.reason if ready is not None else None)


def cause_for_admins(account: AwsAccount) -> str | None:
    """The cause that the operator recorded, or the error itself if customers see another sentence."""
    status = account.status
    if status.cause is None and status.error != error_for_customers(account):
        return status.error
    return status.cause


def event_for_customers(event: Mapping[str, Any], ids: frozenset[str]) -> dict[str, Any]:
    """What customers see of an event of the history, in JSON form; `ids` are the account's own."""
    shown = {name: value for name, value in event.items() if name != "cause"}
    if not is_for_customers(shown.get("error", ""), ids):
        shown["error"] = sentence_of(shown.get("detail"))
    is_reason = shown["status"] == EventStatus.FAILED and shown.get("detail", "").isalnum()
    if not is_reason and not is_for_customers(shown.get("detail", ""), ids):
        del shown["detail"]  # for a success, the step's name says enough
    return shown


def own_ids(account: AwsAccount) -> frozenset[str]:
    """The ids that the customer may see."""
    mine = (str(account.account_id), account.status.aws_account_id, account.spec.aws_account_id)
    return frozenset(each.lower() for each in mine if each)
