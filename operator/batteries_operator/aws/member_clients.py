"""Clients for member accounts: one for each service and all accounts, with each call signed by its account's keys.

boto3 binds a client to one account's keys, and creating one costs more than all of its calls, connections included. A
client here has no keys: it uses those that its thread has set for the current call. Without them it sends nothing.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

T = TypeVar("T")

NOBODY = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), "none")
"""Given to boto3 in place of keys, so that it does not search for any: it would find the management account's."""

_keys: ContextVar[Credentials] = ContextVar("keys")


def take_keys_of_the_call(client: Any) -> None:
    """Makes `client`, a boto3 client without keys, sign each call with the keys of the calling `MemberClient`.

    A call from elsewhere raises LookupError and is not sent.
    """
    client.meta.events.register("before-sign", _put_keys, unique_id="keys-of-the-call")  # once, however often asked


class MemberClient:
    """Wraps `client`: signs all of its calls with one member account's keys."""

    def __init__(self, client: Any, keys: Credentials) -> None:
        self._client = client
        self._keys = keys

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return partial(_signed, self._keys, getattr(self._client, operation))


def keys_of(function: Callable[..., Any]) -> str | None:
    """The id of the keys that sign a `MemberClient`'s call; None for another client's."""
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
