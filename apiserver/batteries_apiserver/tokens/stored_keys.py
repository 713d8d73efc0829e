"""The keys as they are in their Secret: one field with JSON, which says its own form."""

from datetime import datetime
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batteries_apiserver.tokens.keys import KEY_BITS, MOST_KEYS, IssuerKey, KeySet
from batteries_crds.base import Timestamp

FIELD = "keys.json"


class DamagedKeysError(Exception):
    """The Secret holds no keys that can be used; the text says why, without anything of its content."""


class LaterFormError(Exception):
    """A later release wrote the Secret in a form that this one does not know."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="ignore")

    version: int


class _Key(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    private_key: Annotated[str, Field(max_length=8192)]
    created_at: Timestamp
    signs_from: Timestamp


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1]
    keys: Annotated[list[_Key], Field(min_length=1, max_length=MOST_KEYS)]


def to_data(keys: KeySet) -> dict[str, str]:
    """The Secret's data."""
    stored = [
        _Key(private_key=_pem(key.private), created_at=key.created_at, signs_from=key.signs_from) for key in keys.keys
    ]
    return {FIELD: _Keys(version=1, keys=stored).model_dump_json()}


def from_data(data: dict[str, str], now: datetime) -> KeySet:
    """The keys in the Secret's data. It takes milliseconds for each key, in which other threads run.

    Raises:
        DamagedKeysError: there are none that can be used.
        LaterFormError: a later release wrote them.
    """
    text = data.get(FIELD, "")
    if not text:
        raise DamagedKeysError(f"the field {FIELD} is missing or empty")
    try:
        if _Form.model_validate_json(text).version > 1:
            raise LaterFormError
        stored = _Keys.model_validate_json(text)
        keys = [IssuerKey(_private(key.private_key), key.created_at, key.signs_from) for key in stored.keys]
    except (ValidationError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The text of none may be shown: it could quote a part of a key.
        raise DamagedKeysError(f"the field {FIELD} can't be read ({type(error).__name__})") from None
    return KeySet(tuple(sorted(keys, key=lambda key: key.signs_from))).pruned(now)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _private(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS:
        raise ValueError("not an RSA key of enough bits")
    return key
