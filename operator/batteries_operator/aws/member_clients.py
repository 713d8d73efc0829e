"""Clients for member accounts: one of each service for all accounts, and each call signed with its account's keys.

boto3 binds a client to one account's keys, and making one costs more than all that it is then asked, connections
included. A client in here has no keys: it takes those that its thread has put down for the call under way. Where there
are none it sends nothing.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

T = TypeVar("T")

NOBODY = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), "none")
"""What boto3 is given in place of keys, so that it looks for none: it would find the management account's."""

_keys: ContextVar[Credentials] = ContextVar("keys")


def take_keys_of_the_call(client: Any) -> None:
    """Has `client`, a boto3 client of nobody, sign each call with the keys of the `MemberClient` that it came through.

    A call that came through none raises LookupError and is not sent.
    """
    client.meta.events.register("before-sign", _put_keys)


class MemberClient:
    """`client`, with all of its calls signed with one member account's keys."""

    def __init__(self, client: Any, keys: Credentials) -> None:
        self._client = client
        self._keys = keys

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return partial(_signed, self._keys, getattr(self._client, operation))


def keys_of(function: Callable[..., Any]) -> str | None:
    """The id of the keys that a `MemberClient`'s call is signed with; None of another client's."""
    if isinstance(function, partial) and function.func is _signed:
        keys: Credentials = function.args[0]
        return str(keys.access_key)
    return None


def _signed(keys: Credentials, function: Callable[..., T], **arguments: Any) -> T:
    token = _keys.set(keys)
    try:
        return function(**arguments)
    finally:
        _keys.reset(token)


def _put_keys(request: AWSRequest, **_: Any) -> None:
    # botocore signs with these instead of the client's, for this request.
    request.context["signing"] = {**request.context.get("signing", {}), "request_credentials": _keys.get()}
