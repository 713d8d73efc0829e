"""How an API key looks: `aib_<8 hex prefix>_<30 random base62><6 base62 of CRC32>`.

The fixed beginning lets secret scanners find a leaked key, the prefix may be shown to tell keys apart, and the
checksum tells a mistyped or made-up key from a real one without asking anybody. 30 base62 characters are 178 bits,
so that a plain SHA-256 is a safe thing to store.
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
    """A key just made; `raw` is for its owner alone."""

    raw: str
    prefix: str

    def __repr__(self) -> str:
        return f"NewKey({self.prefix})"

    @property
    def digest(self) -> str:
        """What is stored of it."""
        return digest(self.raw)


def mint() -> NewKey:
    """A new key."""
    prefix = secrets.token_hex(4)
    secret = "".join(secrets.choice(_DIGITS) for _ in range(_SECRET_LENGTH))
    start = f"aib_{prefix}_{secret}"
    return NewKey(start + _checksum(start), prefix)


def is_well_formed(raw: str) -> bool:
    """Whether it can be a key at all: its form and checksum are right."""
    if not _FORM.fullmatch(raw):
        return False
    return _checksum(raw[:-_CHECKSUM_LENGTH]) == raw[-_CHECKSUM_LENGTH:]


def digest(raw: str) -> str:
    """SHA-256 of the whole key, in hexadecimal, as in spec.keyHash.

    Of the very bytes that came: what is no UTF-8 in a header aiohttp keeps as surrogates, and it is no key, but no bug.
    """
    return hashlib.sha256(raw.encode(errors="surrogateescape")).hexdigest()


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    out = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        out = _DIGITS[digit] + out
    return out
