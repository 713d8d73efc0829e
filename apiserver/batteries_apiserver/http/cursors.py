"""Cursors: where a page of a list ended, in a form that callers need not read and can't get wrong unnoticed.

Inside is the sort key of the last item, with a hash of it and of the list's path. So a cursor that was cut off, made
up or taken from another list is refused: otherwise a caller would take a page from somewhere else for the next one.
The hash detects mistakes only. Whoever makes up a cursor with the right hash gets a page of their own list.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from batteries_apiserver.http.errors import BadRequest

_HASH_LENGTH = 6
_OF_0_1 = re.compile(r"\d{18}(~[a-z0-9.-]{1,253}){1,3}", re.ASCII)
"""Release 0.1.0 sent the sort key itself; while replicas of both releases serve, clients come with its cursors."""


def cursor_of(sort_key: str, path: str) -> str:
    """The cursor after the item with that sort key, in the list at that path."""
    data = sort_key.encode()
    return urlsafe_b64encode(_hash(data, path) + data).decode().rstrip("=")


def sort_key_in(cursor: str, path: str) -> str:
    """Returns the sort key after which the page begins.

    Raises:
        BadRequest: no response with that list contained this cursor.
    """
    if _OF_0_1.fullmatch(cursor):
        return cursor
    try:
        found = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        if cursor_of(sort_key := found[_HASH_LENGTH:].decode(), path) == cursor:
            return sort_key
    except (binascii.Error, ValueError):
        pass
    raise BadRequest(
        "invalid_cursor",
        "This cursor is not one of this list's. Take the whole address of the next page from the Link header, or leave "
        "cursor out to begin at the start.",
    )


def _hash(data: bytes, path: str) -> bytes:
    return blake2b(data, key=path.encode()[:64], digest_size=_HASH_LENGTH).digest()
