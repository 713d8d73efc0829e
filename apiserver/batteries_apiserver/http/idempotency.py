"""The Idempotency-Key header (an IETF draft): a repeated request is not carried out twice.

There is no table of keys. The name of the created object is derived from the caller and the key, and Kubernetes
refuses a second object of that name. So a key is valid on every replica, for as long as its object exists.
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
    type=Annotated[str, Field(pattern=_SHOWN, examples=["my-app-account"])],
    description="Any text of 1 to 255 printable ASCII characters, bare or in double quotes (RFC 8941). If a response "
    "was lost, repeat the request with the same text: it is not carried out twice.",
)


def idempotency_key(request: web.Request) -> str | None:
    """Returns the header's value without quotes, or None if there is no such header.

    Raises:
        BadRequest: the value is neither a quoted string nor plain text, is empty or too long, or was given twice.
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
            f"Send one {HEADER} of 1 to {_LONGEST} printable ASCII characters, such as a UUID, plain or in double "
            "quotes.",
        )
    return key


def derived_name(kind: str, customer: str, key: str) -> str:
    """The name of the object that this customer creates with this key. Two customers' keys never collide."""
    return str(derived_uuid(f"idempotency-key/{kind}/{customer}/{key}"))


def fingerprint(body: Body) -> str:
    """A hash of the body that does not depend on whitespace or the order of fields."""
    unknown_before = set(body.added - body.model_fields_set)
    text = orjson.dumps(body.model_dump(mode="json", exclude=unknown_before), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
