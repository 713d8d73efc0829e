"""Where a request has its API key: `Authorization: Bearer <key>`, and what is said to those who put it elsewhere.

The sentences never repeat what was sent: it may be the key.
"""

from aiohttp import hdrs, web

from batteries_apiserver.http.errors import Unauthorized

_HOW = "Send your API key in the header 'Authorization: Bearer aib_…'."
_SCHEMES = {
    "basic": "Basic",
    "token": "Token",
    "apikey": "ApiKey",
    "api-key": "Api-Key",
    "key": "Key",
    "digest": "Digest",
    "negotiate": "Negotiate",
    "aws4-hmac-sha256": "AWS4-HMAC-SHA256",
}
"""What people send in place of Bearer, and how it is written; another word may be a part of a key."""
_HEADERS = ("X-Api-Key", "X-API-Token", "X-Auth-Token", "Api-Key", "ApiKey", "Proxy-Authorization")
_PARAMETERS = {"api_key", "apikey", "api-key", "key", "token", "access_token", "auth", "authorization", "bearer"}


def bearer(authorization: str | None) -> str:
    """Returns the key in the value of an Authorization header.

    Raises:
        Unauthorized: there is none; the sentence says how to send it.
    """
    scheme, _, raw = (authorization or "").strip().partition(" ")
    raw = raw.strip()
    if scheme.lower() == "bearer" and raw:
        return raw
    if not scheme:
        raise _missing()
    if scheme.lower() == "bearer":
        raise Unauthorized("missing_api_key", f"There is no key after Bearer. {_HOW}")
    if scheme.lower().startswith("aib_"):
        raise _misplaced("The Authorization header has a key without the word Bearer before it.")
    named = _SCHEMES.get(scheme.lower())
    what = "another scheme" if named is None else f"the scheme {named}"
    raise _misplaced(f"The Authorization header has {what} where this API takes Bearer only.")


def refusal_without(request: web.Request) -> Unauthorized:
    """The error for a request without an Authorization header, which may have its key elsewhere."""
    for name in _HEADERS:
        if name in request.headers:
            return _misplaced(f"The header {name} is not read.")
    if hdrs.COOKIE in request.headers and "aib_" in request.headers[hdrs.COOKIE]:
        return _misplaced("Cookies are not read.")
    if any(name.lower() in _PARAMETERS or value.startswith("aib_") for name, value in request.query.items()):
        return _misplaced(
            "A key in the address is not read, and may now be in the logs of servers on the way: if it is a real one, "
            "create another and revoke it."
        )
    return _missing()


def _missing() -> Unauthorized:
    return Unauthorized("missing_api_key", f"{_HOW} To get a key, sign up: POST /v1/stripe/setup.")


def _misplaced(sentence: str) -> Unauthorized:
    return Unauthorized("misplaced_api_key", f"{sentence} {_HOW}")
