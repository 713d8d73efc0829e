"""What customers are shown of an account's troubles, and what administrators are.

Customers get sentences of ours, whoever wrote the status (`customer_messages`); administrators get what is written, and
what lies behind it.
"""

from collections.abc import Mapping
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import READY, find
from batteries_crds.customer_messages import is_for_customers, sentence_of
from batteries_crds.names import EventStatus


def error_for_customers(account: AwsAccount) -> str | None:
    """What keeps the account from being ready; None where nothing does."""
    error = account.status.error
    if error is None or is_for_customers(error, own_ids(account)):
        return error
    ready = find(account.status.conditions, READY)
    return sentence_of(ready.reason if ready is not None else None)


def cause_for_admins(account: AwsAccount) -> str | None:
    """What lies behind the error: as the operator wrote it down, or the error itself where customers don't see it."""
    status = account.status
    if status.cause is None and status.error != error_for_customers(account):
        return status.error
    return status.cause


def event_for_customers(event: Mapping[str, Any], ids: frozenset[str]) -> dict[str, Any]:
    """An event of the history as JSON has it; `ids` are the account's own."""
    shown = {name: value for name, value in event.items() if name != "cause"}
    if not is_for_customers(shown.get("error", ""), ids):
        shown["error"] = sentence_of(shown.get("detail"))
    is_reason = shown["status"] == EventStatus.FAILED and shown.get("detail", "").isalnum()
    if not is_reason and not is_for_customers(shown.get("detail", ""), ids):
        del shown["detail"]  # of what went well the step's name says enough
    return shown


def own_ids(account: AwsAccount) -> frozenset[str]:
    """The ids that are the customer's to see."""
    mine = (str(account.account_id), account.status.aws_account_id, account.spec.aws_account_id)
    return frozenset(each.lower() for each in mine if each)
