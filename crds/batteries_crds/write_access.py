"""The table of what each of the two programs may write to our resources. People may write all of it, within RBAC.

`admission` generates the chart's admission policies from this table. A resource, field, label or annotation that is not
listed here can't be written by a program at all: a new field of a model is closed until somebody opens it here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from batteries_crds.account_pool import AccountPool
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.names import ANNOTATION_REQUEST, ANNOTATION_RETRY, FINALIZER, GROUP, LABEL_CUSTOMER
from batteries_crds.notification import Notification
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.resource import Resource


class Program(StrEnum):
    """A program, by the suffix of its service account's name."""

    OPERATOR = "operator"
    API_SERVER = "apiserver"

    @property
    def subject(self) -> str:
        """The program as the subject of a sentence, after its first word."""
        return "operator" if self is Program.OPERATOR else "API server"


class Where(StrEnum):
    """The namespaces in which a program may do something."""

    HOME = "in the release's own namespace"
    EVERYWHERE = "in every namespace"


class When(StrEnum):
    """When a program may write a field of a spec."""

    AT_CREATION = "when it creates the object"
    AT_HOME = "when it creates the object, and later in the release's own namespace"
    EVERYWHERE = "when it creates the object, and later in every namespace"


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner reference that an object may have when a program creates it."""

    kind: str
    name: str
    """A CEL expression for the only allowed name."""


@dataclass(frozen=True, slots=True)
class Write:
    """What one program may write to one resource. By default it may write nothing.

    `spec` says for each open field when it may be written. `creates` and `deletes` say where objects may be created and
    deleted; `deletes_if` is a CEL expression over `oldObject` that must hold as well. `labels` and
    `annotations_at_creation` are the keys that a new object may have, `annotations` the ones that may change later.
    """

    spec: Mapping[str, When] = field(default_factory=dict)
    status: bool = False
    creates: Where | None = None
    deletes: Where | None = None
    deletes_if: str = ""
    labels: tuple[str, ...] = ()
    annotations_at_creation: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    finalizers: tuple[str, ...] = ()
    owner: Owner | None = None


_OF_KOPF = tuple(f"{GROUP}/{name}" for name in ("delete", "provision", "touch-dummy", "kopf-managed"))
"""The progress of kopf's handlers while they run; `handlers` names them."""

_ITS_CUSTOMER = Owner(Customer.definition.kind, "object.spec.?customerRef.?name.orValue('')")
_NOTIFICATION = dict.fromkeys(("kind", "customerRef", "to", "details"), When.AT_CREATION)

WRITES: Mapping[Program, Mapping[type[Resource], Write]] = {
    Program.OPERATOR: {
        AwsAccount: Write(status=True, annotations=_OF_KOPF, finalizers=(FINALIZER,)),
        Notification: Write(
            spec={**_NOTIFICATION, "accountRef": When.AT_CREATION},
            status=True,
            creates=Where.EVERYWHERE,
            deletes=Where.EVERYWHERE,
            owner=_ITS_CUSTOMER,
        ),
        PooledAccount: Write(
            spec=dict.fromkeys(("poolRef", "deletionPolicy"), When.AT_CREATION),
            status=True,
            creates=Where.EVERYWHERE,
            deletes=Where.EVERYWHERE,
            annotations=_OF_KOPF,
            finalizers=(FINALIZER,),
        ),
        AccountPool: Write(status=True, annotations=_OF_KOPF, finalizers=(FINALIZER,)),
    },
    Program.API_SERVER: {
        AwsAccount: Write(
            spec={
                "customerRef": When.AT_CREATION,
                "githubRepos": When.AT_HOME,
                "repositories": When.AT_HOME,
                "deployFrom": When.AT_HOME,
                "readOnlyFrom": When.AT_HOME,
                "expiresAt": When.AT_HOME,
                "expiryPolicy": When.AT_HOME,
                "suspendedByOwner": When.AT_HOME,
                "closeAt": When.AT_HOME,
                "suspended": When.EVERYWHERE,
            },
            creates=Where.HOME,
            labels=(LABEL_CUSTOMER,),
            annotations_at_creation=(ANNOTATION_REQUEST,),
            annotations=(ANNOTATION_RETRY,),
        ),
        Customer: Write(
            spec={
                "email": When.AT_CREATION,
                "stripeCustomerId": When.AT_CREATION,
                "accountLimit": When.AT_HOME,
                "confirmedEmail": When.AT_HOME,
                "blocked": When.AT_HOME,
                "blockedReason": When.AT_HOME,
            },
            status=True,
            creates=Where.HOME,
        ),
        ApiKey: Write(
            spec={
                "customerRef": When.AT_CREATION,
                "role": When.AT_CREATION,
                "name": When.AT_CREATION,
                "keyPrefix": When.AT_CREATION,
                "keyHash": When.AT_CREATION,
                "scope": When.AT_CREATION,
                "expiresAt": When.AT_CREATION,
                "revokedAt": When.AT_HOME,
            },
            status=True,
            creates=Where.HOME,
            deletes=Where.HOME,
            deletes_if="has(oldObject.spec.customerRef) && (has(oldObject.spec.revokedAt) || "
            "has(oldObject.spec.expiresAt))",
            labels=(LABEL_CUSTOMER,),
            owner=_ITS_CUSTOMER,
        ),
        Notification: Write(
            spec=_NOTIFICATION,
            creates=Where.HOME,
            deletes=Where.HOME,
            deletes_if="oldObject.spec.kind == 'ConfirmEmail'",
            owner=_ITS_CUSTOMER,
        ),
    },
}
