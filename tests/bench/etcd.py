"""Thousands of accounts within seconds: copies of a really provisioned one, written as etcd holds it.

Through kube-apiserver each would take two writes, of which it does a few hundred a second. What is copied is what etcd
has of an account that the operator made, managedFields and finalizer and all; kube-apiserver, and whoever watches it,
sees what it would see in a system of that size.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import aiohttp

from batteries_crds.names import GROUP

_AT_ONCE = 50  # below etcd's limits for a transaction: 128 operations, 1.5 MiB


class Etcd:
    """etcd by its JSON gateway."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def get(self, plural: str, namespace: str, name: str) -> dict[str, Any]:
        """The stored object."""
        async with self._http.post(f"{self._url}/v3/kv/range", json={"key": _key(plural, namespace, name)}) as answer:
            answer.raise_for_status()
            (found,) = (await answer.json())["kvs"]
        stored: dict[str, Any] = json.loads(base64.b64decode(found["value"]))
        return stored

    async def versions(self, plural: str, namespace: str) -> dict[str, int]:
        """The revision at which each of the namespace's objects was last written, by key.

        From etcd, because kube-apiserver takes a while to list thousands that are there of a sudden.
        """
        found = (await self._range(f"{plural}/{namespace}", keys_only=True)).get("kvs", [])
        return {each["key"]: int(each["mod_revision"]) for each in found}

    async def count(self, plural: str) -> int:
        """How many objects there are of it in all namespaces."""
        return int((await self._range(plural, count_only=True))["count"])

    async def _range(self, below: str, **options: bool) -> dict[str, Any]:
        first, beyond = (_encoded(f"/registry/{GROUP}/{below}{end}".encode()) for end in "/0")  # 0 follows the slash
        body = {"key": first, "range_end": beyond, **options}
        async with self._http.post(f"{self._url}/v3/kv/range", json=body) as answer:
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
        return found

    async def put(self, plural: str, objects: Iterable[tuple[str, str, str]]) -> None:
        """Stores them, given as namespace, name and JSON.

        Raises:
            RuntimeError: etcd refused.
        """
        puts = [
            {"requestPut": {"key": _key(plural, space, name), "value": _encoded(text.encode())}}
            for space, name, text in objects
        ]
        for start in range(0, len(puts), _AT_ONCE):
            body = {"success": puts[start : start + _AT_ONCE]}
            async with self._http.post(f"{self._url}/v3/kv/txn", json=body) as answer:
                if answer.status != 200:
                    raise RuntimeError(f"etcd refused: {await answer.text()}")


def _key(plural: str, namespace: str, name: str) -> str:
    return _encoded(f"/registry/{GROUP}/{plural}/{namespace}/{name}".encode())


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def copies(account: dict[str, Any], start: int, count: int) -> Iterator[tuple[str, str, str]]:
    """So many accounts like this one, each with its own name, ids and repository; `start` are there already.

    The names are UUIDs, as the API gives them, so the account's id is the name and all derived from it is right. The
    fingerprints of the steps stay right too, as the repositories do: they are what the trust policy was made for.
    """
    meta, status = account["metadata"], account["status"]
    text = json.dumps(account, separators=(",", ":"))
    for number in range(start, start + count):
        name, copy = str(uuid4()), text
        for old, new in (
            (meta["uid"], str(uuid4())),
            (meta["name"], name),
            (status["awsAccountId"], f"{10**11 + number}"),
            (status["createRequest"]["requestId"], f"car-{uuid4().hex}"),
        ):
            copy = copy.replace(old, new)
        yield meta["namespace"], name, copy
