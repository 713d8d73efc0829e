"""ApiKey: a bearer key's hash and owner. The raw key is shown once to its owner and stored nowhere."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from batteries_crds.aws_account import CustomerRef, uuid_of
from batteries_crds.base import Model, Timestamp
from batteries_crds.cel import rule, rules
from batteries_crds.resource import Column, Definition, Resource


class ApiKeySpec(Model):
    """Whose key it is and how to recognise it."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
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
                "!has(oldSelf.revokedAt) || has(self.revokedAt)",
                "A revoked key stays revoked; make another.",
                reason="FieldValueForbidden",
            ),
        ),
    )

    customer_ref: Annotated[CustomerRef | None, Field(description="The customer whose key it is.")] = None
    role: Annotated[Literal["admin"] | None, Field(description="admin: may use the /admin paths.")] = None
    name: Annotated[str | None, Field(max_length=100, description="What its owner calls it.")] = None
    key_prefix: Annotated[
        str,
        Field(pattern="^[0-9a-f]{8}$", max_length=8, description="The part of the key that may be shown."),
    ]
    key_hash: Annotated[
        str,
        Field(pattern="^[0-9a-f]{64}$", max_length=64, description="SHA-256 of the whole key, in hexadecimal."),
    ]
    revoked_at: Annotated[Timestamp | None, Field(description="Since when it is refused.")] = None


class ApiKeyStatus(Model):
    """Use. Written by the API server, in batches."""

    last_used_at: Annotated[Timestamp | None, Field(description="When it was last used.")] = None


class ApiKey(Resource):
    """A bearer key for the HTTP API."""

    definition: ClassVar[Definition] = Definition(
        kind="ApiKey",
        plural="apikeys",
        short_names=("ak",),
        columns=(
            Column("Prefix", ".spec.keyPrefix"),
            Column("Customer", ".spec.customerRef.name"),
            Column("Role", ".spec.role"),
            Column("Revoked", ".spec.revokedAt", "date"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Last used", ".status.lastUsedAt", "date", wide=True),
        ),
        selectable=(".spec.keyHash", ".spec.customerRef.name"),
    )

    spec: Annotated[ApiKeySpec, Field(description="Whose key it is.")]
    status: Annotated[ApiKeyStatus, Field(description="Its use.")] = ApiKeyStatus()

    @property
    def key_id(self) -> UUID:
        """Our id of it."""
        return uuid_of(self)
