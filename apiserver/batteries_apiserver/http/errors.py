"""The API's errors: each has a status, a stable code for machines and a sentence for people.

Handlers raise them; `error_responses` turns these and all other exceptions into the one error shape.
"""

from collections.abc import Mapping


class ApiError(Exception):
    """An error that the caller sees: `{"error": sentence, "code": code}`."""

    status = 500

    def __init__(self, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.headers = dict(headers or {})


class BadRequest(ApiError):
    """The request can't be parsed, or breaks a rule; the sentence says which."""

    status = 400


CHALLENGE = 'Bearer realm="AI Batteries Included"'
"""RFC 6750, section 3: Bearer alone would be malformed, because a parameter must follow."""


class Unauthorized(ApiError):
    """The key is missing, or not where it is read."""

    status = 401

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence, {"WWW-Authenticate": CHALLENGE})


class InvalidKey(ApiError):
    """A key was sent, and it is not valid (any more)."""

    status = 401

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence, {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})


class PaymentRequired(ApiError):
    """The customer can't be charged."""

    status = 402


class Forbidden(ApiError):
    """The key is valid, but does not allow this."""

    status = 403


class WrongKey(ApiError):
    """The key is valid, but it is another kind of key that may do this."""

    status = 403

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence, {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope"'})


class WrongKeyInContract(ApiError):
    """As WrongKey, on a path for which the contract names 401 alone."""

    status = 401

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence, {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope"'})


class NotFound(ApiError):
    """It does not exist, or belongs to someone else; the caller can't tell which."""

    status = 404


class Conflict(ApiError):
    """The resource's state does not allow this."""

    status = 409


class RequestTimeout(ApiError):
    """The caller did not send the whole request in time."""

    status = 408


class UnsupportedMediaType(ApiError):
    """The server does not support the body's encoding."""

    status = 415


class Unprocessable(ApiError):
    """The request is well formed, but contradicts an earlier one."""

    status = 422


class TooManyRequests(ApiError):
    """The caller reached a limit; the same request may succeed later."""

    status = 429

    def __init__(self, code: str, sentence: str, *, retry_after: int = 5) -> None:
        super().__init__(code, sentence, {"Retry-After": str(retry_after)})


class Unavailable(ApiError):
    """A service that we depend on is down; the same request may succeed later."""

    status = 503

    def __init__(self, code: str, sentence: str, *, retry_after: int = 5) -> None:
        super().__init__(code, sentence, {"Retry-After": str(retry_after)})
