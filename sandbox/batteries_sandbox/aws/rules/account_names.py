"""Account Management: an account's name, changed by the account itself or by the management account.

moto knows alternate contacts only. Parameters and errors are those of botocore's account model and its documentation.
"""

from __future__ import annotations

import re
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_NAME = re.compile(r"[ -;=?-~]{1,50}")
_SERVICE = "account.amazonaws.com"


def put(call: Call, world: World, proceed: Proceed) -> Answer:
    """PutAccountName: the same name again is no error."""
    name = call.text("AccountName")
    if _NAME.fullmatch(name) is None:
        raise _invalid("accountName", "must be 1 to 50 characters of ASCII without < and >")
    account = _concerned(call, world)
    world.account_names.give(account, name, world.clock() + world.settings.account_name_seconds)
    return answer(call)


def get(call: Call, world: World, proceed: Proceed) -> Answer:
    """GetAccountInformation: the newest name."""
    account = _concerned(call, world)
    found = {"AccountId": account.id, "AccountName": world.account_names.name_of(account)}
    return answer(call, found | {"AccountState": account.state})


def _concerned(call: Call, world: World) -> Any:
    """The account that a call is about: the caller's own, or the one that the management account names."""
    named, management = call.text("AccountId"), world.settings.management_account_id
    if not named:
        return world.account(call.account_id)
    if re.fullmatch(r"\d{12}", named) is None:
        raise _invalid("accountId", "must have twelve digits")
    if call.account_id != management:
        raise _denied("You are not the management account or a delegated administrator.")
    if named == management:
        raise _denied("The management account can't be named: leave accountId out.")
    if _SERVICE not in world.trusted_services:
        # As AWS says it of ListRegions: github.com/awslabs/aws-deployment-framework/issues/764.
        who = call.caller.arn if call.caller is not None else "anonymous"
        first = "Your organization must first enable trusted access with AWS Account Management."
        raise _denied(f"User: {who} is not authorized to perform: account:{call.operation} ({first})")
    account = world.account(named)
    if account is None or account.state != "ACTIVE":
        raise _denied("The account is not an active member of the organization.")
    return account


def _denied(message: str) -> AwsError:
    return AwsError("AccessDeniedException", message, status=403)  # wording is ours


def _invalid(field: str, what: str) -> AwsError:
    message = f"1 validation error detected: Value at '{field}' failed to satisfy constraint: it {what}"
    return AwsError("ValidationException", message, reason="fieldValidationFailed")
