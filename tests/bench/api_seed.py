"""Thousands of accounts within seconds: copies of a really provisioned one, written as etcd holds it.

Through kube-apiserver each would take two writes, of which it does a few hundred a second. What is copied is what
etcd has of an account that the operator made in the AWS stand-in, managedFields and all. Names, ids and times are each
copy's own, so kube-apiserver, and all that watch it, see what they would see in a system of that size.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from bench.etcd import Etcd

from batteries_apiserver.auth.key_format import digest, mint
from batteries_crds.base import to_rfc3339, utc_now

EVENTS = 20
"""Of each account: its making, and changes of its repositories since."""

OF_A_CUSTOMER = 10
_NEW = 5
"""So many accounts changed at the same moment, the last; the others are spread over a month."""
_A_MONTH = timedelta(days=30)
_TIME = re.compile(r'"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')

Raw = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Customer:
    """One of them, with the raw key that it sends, and its accounts' ids."""

    name: str
    key: str
    accounts: list[str]


@dataclass(frozen=True, slots=True)
class Templates:
    """One stored object of each kind, made by the programs themselves."""

    account: Raw
    customer: Raw
    key: Raw


async def seed(
    etcd: Etcd, templates: Templates, namespace: str, customers: int, *, late: bool = False
) -> list[Customer]:
    """So many more customers, each with a key and its accounts; `late` has some accounts made just now."""
    made = [Customer(str(uuid4()), mint().raw, [str(uuid4()) for _ in range(OF_A_CUSTOMER)]) for _ in range(customers)]
    await etcd.put("customers", [_customer(templates.customer, namespace, each) for each in made])
    await etcd.put("apikeys", [_key(templates.key, namespace, each) for each in made])
    source = _Source(templates.account, namespace)
    ages = _ages(len(made) * OF_A_CUSTOMER, _NEW if late else 0)
    for each in made:
        await etcd.put("awsaccounts", [source.copy(name, each.name, next(ages)) for name in each.accounts])
        await asyncio.sleep(0)
    return made


def _ages(count: int, late: int) -> Any:
    yield from [timedelta()] * late
    yield from (_A_MONTH * ((number + 1) / count) + timedelta(minutes=5) for number in range(count - late))


class _Source:
    """The account that is copied, as text in which only what differs is replaced."""

    def __init__(self, account: Raw, namespace: str) -> None:
        account = json.loads(json.dumps(account))
        _live_on(account["status"]["history"])
        account["metadata"]["namespace"] = namespace
        self._namespace = namespace
        self._text = json.dumps(account, separators=(",", ":"))
        meta = account["metadata"]
        self._name, self._uid = meta["name"], meta["uid"]
        self._customer = account["spec"]["customerRef"]["name"]
        self._aws_id = account["status"]["awsAccountId"]
        self._newest = max(_moment(text) for text in _TIME.findall(self._text))
        self._number = 10**11

    def copy(self, name: str, customer: str, age: timedelta) -> tuple[str, str, str]:
        """A copy of its own name, uid, owner, AWS account and times, last changed so long ago."""
        self._number += 1
        text = self._text
        for old, new in (
            (self._uid, str(uuid4())),
            (self._name, name),
            (self._customer, customer),
            (self._aws_id, str(self._number)),
        ):
            text = text.replace(old, new)
        later = utc_now() - age - self._newest
        return self._namespace, name, _TIME.sub(lambda found: f'"{to_rfc3339(_moment(found[1]) + later)}"', text)


def _live_on(history: list[Raw]) -> None:
    """Lengthens a history as changes of the repositories do, each a minute after the last."""
    change = [each for each in history if each["step"] == "setup_oidc"][-2:]
    while len(history) < EVENTS:
        last = _moment(history[-1]["timestamp"]) + timedelta(minutes=1)
        history += [{**each, "timestamp": to_rfc3339(last)} for each in change]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _customer(template: Raw, namespace: str, customer: Customer) -> tuple[str, str, str]:
    return _copied(template, namespace, customer.name, {"spec": {**template["spec"], "accountLimit": 100_000}})


def _key(template: Raw, namespace: str, customer: Customer) -> tuple[str, str, str]:
    spec = key_spec(customer.key, customerRef={"name": customer.name})
    # In use: a thousand keys that are all used for the first time would be a thousand writes that come only once.
    status = {"lastUsedAt": to_rfc3339(utc_now())}
    return _copied(template, namespace, str(uuid4()), {"spec": spec, "status": status})


def _copied(template: Raw, namespace: str, name: str, more: Raw) -> tuple[str, str, str]:
    meta = {**template["metadata"], "name": name, "namespace": namespace, "uid": str(uuid4())}
    return namespace, name, json.dumps({**template, **more, "metadata": meta})


def key_spec(raw: str, **whose: Any) -> Raw:
    """The spec of an ApiKey for that raw key."""
    return {**whose, "name": "bench", "keyPrefix": raw.split("_")[1], "keyHash": digest(raw)}


def accounts_of(customers: Sequence[Customer]) -> list[tuple[str, str]]:
    """Each account's id with the key that may read it."""
    return [(account, each.key) for each in customers for account in each.accounts]
