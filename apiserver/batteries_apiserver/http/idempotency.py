"""The Idempotency-Key header (an IETF draft): the same request sent again does nothing again.

There is no table. The name of what is made is derived from the caller and the key, and creating it or failing is the
lock; so a key holds for as long as what it made is there, on every replica.
"""

import hashlib
import re
from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.route import Parameter
from batteries_crds.identity import derived_uuid

HEADER = "Idempotency-Key"
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')  # RFC 8941, String
_BARE = re.compile(r"[\x21\x23-\x7e][\x20-\x7e]*")
_LONGEST = 255

_SHOWN = r"""^(?:[!#-~](?:[ -~]{0,253}[!-~])?|"(?:[ !#-\[\]-~]|\\["\\]){1,255}")$"""
IDEMPOTENCY_KEY = Parameter(
    name=HEADER,
    where="header",
    type=Annotated[str, Field(pattern=_SHOWN)],
    description="Any text of 1 to 255 printable ASCII characters, bare or in double quotes (RFC 8941). If an answer "
    "was lost, repeat the request with the same text: it is not carried out twice.",
)


def idempotency_key(request: web.Request) -> str | None:
    """What the caller gave, without quotes; None where there is no such header.

    Raises:
        BadRequest: it is neither a quoted string nor plain text, is empty or too long, or was given twice.
    """
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    text = given[0].strip()
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if len(given) > 1 or not 0 < len(key) <= _LONGEST or not (quoted or _BARE.fullmatch(text)):
        raise BadRequest(
            "invalid_idempotency_key",
            f"Give one {HEADER} of 1 to {_LONGEST} printable ASCII characters, such as a UUID, plain or in double "
            "quotes.",
        )
    return key


def derived_name(kind: str, customer: str, key: str) -> str:
    """The name of what that customer asks for under that key. Customers don't meet each other's."""
    return str(derived_uuid(f"idempotency-key/{kind}/{customer}/{key}"))


def fingerprint(body: Body) -> str:
    """Tells one body from another, whatever its spaces and order."""
    text = orjson.dumps(body.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
