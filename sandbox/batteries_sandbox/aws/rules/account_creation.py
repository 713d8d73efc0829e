"""CreateAccount and its status calls: asynchronous, limited, and never twice for an e-mail address.

Patterns and lengths are those of the Organizations API reference, CreateAccount; the reasons are the model's
InvalidInputExceptionReason and ConstraintViolationExceptionReason (botocore).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.paging import page
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_EMAIL = re.compile(
    r"""(?!\.)(?:(?!["'()<>\[\]:;,\\|%&@])[!-~])+  # the local part
        @(?=[^@]*\.)[A-Za-z0-9.-]+      # the domain has a dot""",
    re.VERBOSE | re.ASCII,
)
_NAME = re.compile(r"[\u0020-\u007E]+")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_REQUEST_ID = re.compile(r"car-[a-z0-9]{8,32}")
_STATES = frozenset({"IN_PROGRESS", "SUCCEEDED", "FAILED"})
_TAG_TEXT = re.compile(r"[\w\s.:/=+@-]*")
"""Letters, numbers and spaces of any language, and `_.:/=+-@` (Tag editor user guide, "Tag naming limits")."""
MAX_TAGS = 50


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateAccount: accepts the request, or reports that too many are in progress."""
    if world.settings.partition == "aws-us-gov":  # GovCloud user guide, "AWS Organizations": not supported from there
        raise AwsError("UnsupportedAPIEndpointException", "This action isn't available in the current AWS Region.")
    params = call.params
    _check_text(params, "Email", 6, 64, _EMAIL)
    _check_text(params, "AccountName", 1, 50, _NAME)
    if "RoleName" in params and not _ROLE_NAME.fullmatch(call.text("RoleName")):
        raise _invalid("INVALID_ROLE_NAME")
    if params.get("IamUserAccessToBilling", "ALLOW") not in ("ALLOW", "DENY"):
        raise _invalid("INVALID_ENUM")
    check_tags(params.get("Tags") or [])
    accounts = len(world.moto.organizations().accounts)
    if accounts + world.creations.in_progress >= world.settings.max_accounts:
        raise _constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
    if world.creations.in_progress >= world.settings.max_creations:
        message = "You have exceeded the number of accounts that can be in progress at a time."
        raise _constraint("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", message)
    creation = world.creations.add(params, world.clock(), world.wall(), call.fail_later)
    return answer(call, {"CreateAccountStatus": creation.describe()})


def describe(call: Call, world: World, proceed: Proceed) -> Answer:
    """DescribeCreateAccountStatus."""
    request_id = call.text("CreateAccountRequestId")
    if not _REQUEST_ID.fullmatch(request_id):
        raise _invalid("INVALID_PATTERN")
    creation = world.creations.find(request_id)
    if creation is None:
        message = "You specified a create account request that doesn't exist."
        raise AwsError("CreateAccountStatusNotFoundException", message)
    return answer(call, {"CreateAccountStatus": creation.describe()})


def list_all(call: Call, world: World, proceed: Proceed) -> Answer:
    """ListCreateAccountStatus."""
    states = call.params.get("States") or sorted(_STATES)
    if not _STATES.issuperset(states):
        raise _invalid("INVALID_ENUM")
    found, token = page(world.creations.all(), call.params, lambda creation: creation.state in states)
    result: dict[str, Any] = {"CreateAccountStatuses": [creation.describe() for creation in found]}
    return answer(call, result | ({"NextToken": token} if token else {}))


def _check_text(params: Mapping[str, Any], name: str, shortest: int, longest: int, pattern: re.Pattern[str]) -> None:
    value = params.get(name)
    if not isinstance(value, str):
        raise _invalid("INPUT_REQUIRED")
    if len(value) < shortest:
        raise _invalid("MIN_LENGTH_EXCEEDED")
    if len(value) > longest:
        raise _invalid("MAX_LENGTH_EXCEEDED")
    if not pattern.fullmatch(value):
        raise _invalid("INVALID_PATTERN")


def check_tags(tags: list[Mapping[str, str]]) -> None:
    """Refuses tags that no resource of an organization can have."""
    keys = [tag.get("Key", "") for tag in tags]
    if len(keys) > MAX_TAGS:
        raise _constraint("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed.")
    if len(set(keys)) != len(keys):
        raise _invalid("DUPLICATE_TAG_KEY")
    if any(key.lower().startswith("aws:") for key in keys):
        raise _invalid("INVALID_SYSTEM_TAGS_PARAMETER")
    if any(not 1 <= len(tag.get("Key", "")) <= 128 or len(tag.get("Value", "")) > 256 for tag in tags):
        raise _invalid("MAX_LENGTH_EXCEEDED")
    if any(not _TAG_TEXT.fullmatch(tag.get("Key", "") + tag.get("Value", "")) for tag in tags):
        raise _invalid("INVALID_PATTERN")


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidInputException", "You specified an invalid value.", Reason=reason)


def _constraint(reason: str, message: str) -> AwsError:
    return AwsError("ConstraintViolationException", message, Reason=reason)
