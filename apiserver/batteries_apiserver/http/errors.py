"""The refusals of the API, each a status, a stable code for machines and a sentence for people.

Handlers raise them; `error_responses` turns them, and everything else that goes wrong, into the one error shape.
"""

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal that the caller is told about: `{"error": sentence, "code": code}`."""

    status = 500

    def __init__(self, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.headers = dict(headers or {})


class BadRequest(ApiError):
    """The request can't be understood or breaks a rule; the sentence says which."""

    status = 400


class Unauthorized(ApiError):
    """No key, or none that counts."""

    status = 401

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence, {"WWW-Authenticate": "Bearer"})


class PaymentRequired(ApiError):
    """The customer can't be charged."""

    status = 402


class Forbidden(ApiError):
    """The key is good, but not for this."""

    status = 403


class NotFound(ApiError):
    """There is no such thing, or it is someone else's: the caller can't tell which."""

    status = 404


class Conflict(ApiError):
    """Not now, or not by this way: the state of the resource forbids it."""

    status = 409


class RequestTimeout(ApiError):
    """The caller began a request and did not send all of it."""

    status = 408


class UnsupportedMediaType(ApiError):
    """The body is written in a way that is not read here."""

    status = 415


class Unprocessable(ApiError):
    """It is well formed, and contradicts what was asked before."""

    status = 422


class TooManyRequests(ApiError):
    """The caller has enough of it already; the same request will do later."""

    status = 429

    def __init__(self, code: str, sentence: str, *, retry_after: int = 5) -> None:
        super().__init__(code, sentence, {"Retry-After": str(retry_after)})


class Unavailable(ApiError):
    """Something that we need is down; the same request will do later."""

    status = 503

    def __init__(self, code: str, sentence: str, *, retry_after: int = 5) -> None:
        super().__init__(code, sentence, {"Retry-After": str(retry_after)})
