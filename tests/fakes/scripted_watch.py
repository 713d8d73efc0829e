"""A Kubernetes whose lists and watches are scripted, and a watch cache that reads from it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson

from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Page

Raw = dict[str, Any]


def customer(name: str, version: int, email: str = "a@example.com", namespace: str = "n") -> Customer:
    metadata = {
        "name": name,
        "namespace": namespace,
        "resourceVersion": str(version),
        "annotations": {"big": "x" * 1000},
    }
    return Customer.model_validate({"metadata": metadata, "spec": {"email": email}})


def unreadable(name: str, version: int) -> Raw:
    """A customer as a later version might have it: the e-mail address is an object."""
    raw = customer(name, version).to_wire()
    return {**raw, "spec": {"email": {"address": "a@example.com"}}}


def event(kind: str, item: Customer | Raw) -> bytes:
    raw = item.to_wire() if isinstance(item, Customer) else item
    return orjson.dumps({"type": kind, "object": raw}) + b"\n"


EXPIRED = orjson.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}) + b"\n"
"""The event after which the cache must list anew."""


class Answer:
    """A watch's response: chunks as they come, ended by None."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.content = self

    async def iter_any(self) -> AsyncIterator[bytes]:
        while (chunk := await self.chunks.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self) -> None:
        pass


class Scripted:
    """Kubernetes: lists what it is told, and a watch that the test speaks through."""

    def __init__(self, *pages: Page[Any]) -> None:
        self.pages = list(pages)
        self.lists = 0
        self.watched_from: list[str] = []
        self.answer = Answer()
        self.refusals: list[Exception] = []

    async def raw_page(self, namespace: str, *, token: str | None = None) -> Page[Raw]:
        self.lists += token is None
        page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        items = [item.to_wire() if isinstance(item, Customer) else item for item in page.items]
        return Page(items, page.resource_version, page.next_token)

    async def watch_from(self, namespace: str, version: str, *, seconds: int) -> Any:
        self.watched_from.append(version)
        if self.refusals:
            raise self.refusals.pop(0)
        self.answer = Answer()
        return self.answer


def cache_of(kube: Scripted) -> WatchCache[Customer]:
    indexes = {"email": lambda item: (item.spec.email,)}
    return WatchCache(kube, Customer, "n", indexes=indexes, watch_seconds=10)  # type: ignore[arg-type]


@asynccontextmanager
async def running(cache: WatchCache[Any], *, within: float = 2) -> AsyncIterator[None]:
    task = asyncio.create_task(cache.run())
    try:
        await asyncio.wait_for(cache.synced.wait(), within)
        await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool], *, within: float = 2) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.001)
