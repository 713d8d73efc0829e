"""The format of an API key: `aib_<8 hex prefix>_<30 random base62><6 base62 of CRC32>`.

Secret scanners find a leaked key by `aib_`. The prefix may be shown, to tell keys apart. The checksum detects mistyped
and made-up keys without a lookup. 30 base62 characters are 178 bits, so a plain SHA-256 is safe to store.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_LENGTH, _CHECKSUM_LENGTH = 30, 6
_FORM = re.compile(r"aib_[0-9a-f]{8}_[0-9A-Za-z]{36}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key; only its owner may see `raw`."""

    raw: str
    prefix: str

    def __repr__(self) -> str:
        return f"NewKey({self.prefix})"

    @property
    def digest(self) -> str:
        """The hash that is stored."""
        return digest(self.raw)


def mint() -> NewKey:
    """Makes a new key."""
    prefix = secrets.token_hex(4)
    secret = "".join(secrets.choice(_DIGITS) for _ in range(_SECRET_LENGTH))
    start = f"aib_{prefix}_{secret}"
    return NewKey(start + _checksum(start), prefix)


def is_well_formed(raw: str) -> bool:
    """Whether the text has the form and checksum of a key."""
    if not _FORM.fullmatch(raw):
        return False
    return _checksum(raw[:-_CHECKSUM_LENGTH]) == raw[-_CHECKSUM_LENGTH:]


def digest(raw: str) -> str:
    """SHA-256 of the whole key, in hexadecimal, as in spec.keyHash.

    It hashes the bytes as received: aiohttp keeps bytes that are not UTF-8 as surrogates, and such a text is not a key
    but must not raise.
    """
    return hashlib.sha256(raw.encode(errors="surrogateescape")).hexdigest()


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    out = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        out = _DIGITS[digit] + out
    return out
