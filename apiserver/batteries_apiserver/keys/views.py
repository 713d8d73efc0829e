"""ApiKeys as the contract shows them: without the key itself."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.auth.key_format import NewKey
from batteries_apiserver.http.paging import sort_key
from batteries_apiserver.projections.account_views import Moment
from batteries_crds.api_key import ApiKey, Scope
from batteries_crds.base import EPOCH, to_rfc3339

KeyId = Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="The key's id.")]
Prefix = Annotated[
    str, Field(description="The part of the key after aib_, by which you can identify it.", examples=["a4f9ab2b"])
]
Name = Annotated[str, Field(description="What its owner calls it.")]


KeyScope = Annotated[
    Scope,
    Field(
        description="full: all that you may do; read: only GET, and it reveals no password; aws: as read, and it gets "
        "tokens for AWS."
    ),
]
Expires = Annotated[Moment, Field(description="When it stops working. Absent: it does not expire.")]


class KeyView(TypedDict):
    """A key in a list."""

    id: KeyId
    keyPrefix: Prefix
    name: NotRequired[Name]
    scope: KeyScope
    createdAt: Moment
    expiresAt: NotRequired[Expires]
    lastUsedAt: NotRequired[Annotated[Moment, Field(description="When it was last used, to ten minutes.")]]
    revokedAt: NotRequired[Annotated[Moment, Field(description="When it was revoked.")]]


class KeyList(TypedDict):
    """The response to GET /keys."""

    keys: list[KeyView]


class KeyCreated(TypedDict):
    """The response to POST /keys."""

    id: KeyId
    key: Annotated[str, Field(description="The key itself. Only this response shows it; it is not stored.")]
    keyPrefix: Prefix
    name: Name
    scope: KeyScope
    createdAt: Moment
    expiresAt: NotRequired[Expires]


def sort_key_of(key: ApiKey) -> str:
    """Its sort key in a list: oldest first."""
    return sort_key(key.metadata.creation_timestamp, key.metadata.name)


def key_view(key: ApiKey) -> KeyView:
    """ApiKey."""
    view: KeyView = {
        "id": str(key.key_id),
        "keyPrefix": key.spec.key_prefix,
        "scope": key.spec.scope,
        "createdAt": _created_at(key),
    }
    if key.spec.name is not None:
        view["name"] = key.spec.name
    if key.spec.expires_at is not None:
        view["expiresAt"] = to_rfc3339(key.spec.expires_at)
    if key.status.last_used_at is not None:
        view["lastUsedAt"] = to_rfc3339(key.status.last_used_at)
    if key.spec.revoked_at is not None:
        view["revokedAt"] = to_rfc3339(key.spec.revoked_at)
    return view


def created(key: ApiKey, minted: NewKey) -> KeyCreated:
    """ApiKeyCreated."""
    view: KeyCreated = {
        "id": str(key.key_id),
        "key": minted.raw,
        "keyPrefix": minted.prefix,
        "name": key.spec.name or "",
        "scope": key.spec.scope,
        "createdAt": _created_at(key),
    }
    if key.spec.expires_at is not None:
        view["expiresAt"] = to_rfc3339(key.spec.expires_at)
    return view


def _created_at(key: ApiKey) -> str:
    return to_rfc3339(key.metadata.creation_timestamp or EPOCH)
