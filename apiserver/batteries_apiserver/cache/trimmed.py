"""Trims objects for the cache: keeps what handlers read, in as little memory as possible."""

import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from batteries_apiserver.cache.compressed import CompressedList
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import CustomerRef
from batteries_crds.base import Model
from batteries_crds.conditions import Condition
from batteries_crds.kube.client import R
from batteries_crds.step_records import HistoryEvent

M = TypeVar("M", bound=Model)

_NO_FIELDS: set[str] = set()


def trimmed(item: R) -> R:
    """The object without fields that no handler reads, such as annotations, in which tools store whole copies."""
    namespace = sys.intern(item.metadata.namespace)  # all objects of a namespace share one string
    meta = _copy(item.metadata, namespace=namespace, annotations={}, labels={}, finalizers=[])
    parts = {name: _copy(part) for name in ("spec", "status") if (part := getattr(item, name, None)) is not None}
    return _copy(item, metadata=meta, **parts)


def trimmed_account(account: AwsAccount) -> AwsAccount:
    """`trimmed`, and the status without the operator's internal records and with compressed lists."""
    small, status = trimmed(account), account.status
    lists: dict[str, Sequence[Model]] = {
        "conditions": CompressedList(Condition, status.conditions, without="message") if status.conditions else (),
        "history": CompressedList(HistoryEvent, status.history) if status.history else (),
    }
    owner = account.spec.customer_ref
    spec = small.spec if owner is None else _copy(small.spec, customer_ref=_owner(owner.name))
    return _copy(small, spec=spec, status=_copy(status, steps={}, create_request=None, **lists))


@lru_cache(maxsize=10_000)
def _owner(name: str) -> CustomerRef:
    """One object, shared by all accounts of a customer."""
    return CustomerRef(name=name)


def _copy(model: M, **changed: Any) -> M:
    """A copy without pydantic's record of which fields were set, which is as large as the model itself."""
    copied: M = model.model_copy(update=changed)
    object.__setattr__(copied, "__pydantic_fields_set__", _NO_FIELDS)
    return copied
