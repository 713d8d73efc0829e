"""ApiKey: a bearer key's hash and owner. The raw key is shown once to its owner and stored nowhere."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from batteries_crds.aws_account_spec import CustomerRef
from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rule, rules
from batteries_crds.identity import uuid_of
from batteries_crds.resource import Column, Definition, Resource


class Scope(StrEnum):
    """What a key may do."""

    FULL = "full"
    READ = "read"
    AWS = "aws"


class ApiKeySpec(Model):
    """Whose key it is, and how to recognize it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.customerRef) != has(self.role)",
                "A key belongs to a customer (spec.customerRef.name) or is an administrator's (spec.role: admin): "
                "set exactly one.",
            ),
            rule(
                "self.keyHash == oldSelf.keyHash && self.keyPrefix == oldSelf.keyPrefix",
                "A key can't be changed; revoke it by spec.revokedAt and make another.",
                reason="FieldValueForbidden",
            ),
            rule(
                # On the spec, because a rule on a field is not evaluated when the field is added or removed.
                "has(self.customerRef) == has(oldSelf.customerRef) && has(self.role) == has(oldSelf.role) && "
                "(!has(self.customerRef) || self.customerRef.name == oldSelf.customerRef.name)",
                "Whose key it is can't be changed; revoke it by spec.revokedAt and make another.",
                reason="FieldValueForbidden",
            ),
            rule(
                "self.scope == oldSelf.scope",
                "A key's scope can't be changed; make another key, and revoke this one by spec.revokedAt.",
                reason="FieldValueForbidden",
            ),
            rule(
                "!has(oldSelf.expiresAt) || (has(self.expiresAt) && self.expiresAt <= oldSelf.expiresAt)",
                "A key's life can be made shorter (an earlier spec.expiresAt), never longer; make another key.",
                reason="FieldValueForbidden",
            ),
            rule(
                "!has(oldSelf.revokedAt) || (has(self.revokedAt) && self.revokedAt == oldSelf.revokedAt)",
                "A revoked key stays revoked; make another.",
                reason="FieldValueForbidden",
            ),
        ),
    )

    customer_ref: Annotated[
        CustomerRef | None,
        Field(
            description="The Customer whose key it is. The key may do what that customer may. Set this or "
            "role, not both. Immutable."
        ),
    ] = None
    role: Annotated[
        Literal["admin"] | None,
        Field(
            description="admin: an administrator's key, for the /v1/admin paths only. Set this or "
            "customerRef. Immutable."
        ),
    ] = None
    name: Annotated[
        str | None, Field(max_length=100, description="The name that its owner gave it, such as ci or laptop.")
    ] = None
    key_prefix: Annotated[
        str,
        Field(
            max_length=8,
            description="The eight characters of the key after aib_. They may be shown, to recognize the key by.",
            json_schema_extra=rules(
                rule(
                    "self.matches('^[0-9a-f]{8}$')",
                    "spec.keyPrefix must be the eight characters of the key after aib_: digits and a to f.",
                )
            ),
        ),
    ]
    key_hash: Annotated[
        str,
        Field(
            max_length=64,
            description="The SHA-256 of the whole key, in hexadecimal. The key itself is not stored.",
            json_schema_extra=rules(
                rule(
                    "self.matches('^[0-9a-f]{64}$')",
                    "spec.keyHash must be the SHA-256 of the whole key, never the key: 64 digits and letters a to f, "
                    "as `printf %s KEY | sha256sum` prints it.",
                )
            ),
        ),
    ]
    scope: Annotated[
        Scope,
        Field(
            description="What the key may do. full: everything that its owner may. read: only GET; it creates "
            "no keys, changes nothing and reveals no password. aws: as read, and it gets tokens for AWS."
        ),
    ] = Scope.FULL
    expires_at: Annotated[
        Timestamp | None,
        Field(description="When the key expires, such as 2027-01-01T00:00:00Z. Absent: never."),
    ] = None
    revoked_at: Annotated[
        Timestamp | None,
        Field(
            description="When the key was revoked, such as 2026-11-24T08:00:00Z. Setting it revokes the key for good."
        ),
    ] = None


class ApiKeyStatus(Model):
    """When the key was used. Only the API server writes it, in batches."""

    last_used_at: Annotated[
        Timestamp | None, Field(description="When the key was last used, to within some minutes.")
    ] = None
    revocation_asked_at: Annotated[
        Timestamp | None,
        Field(
            description="When somebody last began to revoke it over HTTP. For a minute after that the key "
            "does not count as one that its owner keeps, so that two simultaneous requests can't "
            "revoke the last two keys."
        ),
    ] = None


class ApiKey(Resource):
    """A key to the HTTP API: its hash and owner, never the key itself. The API server makes one for each sign-up, and
    others when asked.
    """

    definition: ClassVar[Definition] = Definition(
        kind="ApiKey",
        plural="apikeys",
        short_names=("ak",),
        columns=(
            Column("Prefix", ".spec.keyPrefix", description="The part of the key that may be shown"),
            Column("Called", ".spec.name", description="The name that its owner gave it"),
            Column("Customer", ".spec.customerRef.name", description="Whose key it is"),
            Column("Role", ".spec.role", description="admin: an administrator's key"),
            Column("Scope", ".spec.scope", description="full; read: only GET; aws: also tokens for AWS", wide=True),
            Column("Expires", ".spec.expiresAt", description="When it expires; empty: never", wide=True),
            Column("Last used", ".status.lastUsedAt", "date", description="How long ago it was used"),
            Column("Revoked", ".spec.revokedAt", "date", description="How long ago it was revoked; empty: not revoked"),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
        selectable=(".spec.keyHash", ".spec.customerRef.name"),
    )

    spec: ApiKeySpec
    status: Annotated[ApiKeyStatus, Field(description="When the key was used. Only the API server writes it.")] = (
        ApiKeyStatus()
    )

    def works_at(self, moment: datetime) -> bool:
        """Whether it is valid at that time: neither revoked nor expired."""
        spec = self.spec
        return spec.revoked_at is None and (spec.expires_at is None or moment < spec.expires_at)

    @property
    def key_id(self) -> UUID:
        """Our id of it."""
        return uuid_of(self)
