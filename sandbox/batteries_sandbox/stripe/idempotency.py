"""The `Idempotency-Key` of POSTs, as in https://docs.stripe.com/api/idempotent_requests.

The same key with the same request gets the first response again and changes nothing; with another request it is an
error. A request that fails its checks is not saved, so the key can be used again. Stripe's third case, 409 while the
first request is still running, can't happen here: a request runs from lookup to save without awaiting.
"""

from dataclasses import dataclass

from batteries_sandbox.stripe.errors import StripeError

_MAX_KEY = 255
_KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Request:
    """What makes two requests the same."""

    method: str
    path: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """A first response, and its request."""

    request: Request
    body: str
    request_id: str
    saved_at: int


class SavedAnswers:
    """The responses that a key repeats."""

    def __init__(self) -> None:
        self._answers: dict[str, SavedAnswer] = {}

    def find(self, key: str, request: Request, now: int) -> SavedAnswer | None:
        """The saved response, None for a new key, or the error for a key that was used for something else."""
        if len(key) > _MAX_KEY:
            raise _misused(f"Idempotency keys can have up to {_MAX_KEY} characters, got {len(key)}.")
        saved = self._answers.get(key)
        if saved is None or now - saved.saved_at > _KEPT_SECONDS:
            return None
        first = saved.request
        if (first.method, first.path) != (request.method, request.path):
            raise _misused(
                "Keys for idempotent requests can only be used for the same endpoint they were first used for"
                f" ('{first.method} {first.path}' vs '{request.method} {request.path}'). Try using a key other than"
                f" '{key}' if you meant to execute a different request."
            )
        if first.pairs != request.pairs:
            raise _misused(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try"
                f" using a key other than '{key}' if you meant to execute a different request."
            )
        return saved

    def save(self, key: str, answer: SavedAnswer) -> None:
        self._answers[key] = answer


def _misused(message: str) -> StripeError:
    return StripeError(message, kind="idempotency_error")
