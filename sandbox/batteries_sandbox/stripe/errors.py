"""All errors, in the form of https://docs.stripe.com/api/errors.

Callers raise `StripeError`; the API middleware turns it into a response. Codes and types are Stripe's, because clients
branch on them; sentences are as close to Stripe's as known, because people read them.
"""

from batteries_sandbox.stripe.objects import JsonObject

INVALID_REQUEST = "invalid_request_error"


class StripeError(Exception):
    """An error response: its HTTP status, and the fields of Stripe's error object."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID_REQUEST,
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        fields = {"type": kind, "code": code, "message": message, "param": param, "decline_code": decline_code}
        # Stripe leaves out what is null in errors (the library fills it in again: stripe/_error_object.py).
        self.fields: JsonObject = {name: value for name, value in fields.items() if value is not None}
        if code is not None:
            self.fields["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def resource_missing(kind: str, wanted: str, *, param: str = "id", status: int = 404) -> StripeError:
    """No such object: 404 if the path names it, 400 if a parameter does."""
    return StripeError(f"No such {kind}: '{wanted}'", status=status, code="resource_missing", param=param)


def parameter_missing(param: str) -> StripeError:
    return StripeError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown_parameters(names: list[str]) -> StripeError:
    plural = "s" if len(names) > 1 else ""
    return StripeError(
        f"Received unknown parameter{plural}: {', '.join(names)}", code="parameter_unknown", param=names[0]
    )


def exclusive_parameters(*names: str) -> StripeError:
    return StripeError(f"You may only specify one of these parameters: {', '.join(names)}.", param=names[0])


def not_implemented(what: str, *, param: str | None = None) -> StripeError:
    """Stripe can do this and the stand-in can't: refused, since ignoring it would prove nothing."""
    return StripeError(
        f"The stand-in does not implement {what}; Stripe does.", code="standin_not_implemented", param=param
    )


def unrecognized_url(method: str, path: str) -> StripeError:
    return StripeError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at"
        " https://support.stripe.com/.",
        status=404,
    )
