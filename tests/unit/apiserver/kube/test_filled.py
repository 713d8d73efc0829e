"""The caches are kept current while the application runs, and no longer."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from batteries_apiserver.kube.clients import filled

pytestmark = pytest.mark.virtual_time


class Cache:
    def __init__(self, resource: str) -> None:
        self.resource, self.is_running = resource, False

    async def run(self) -> None:
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            self.is_running = False


async def test_each_cache_runs_in_a_task_of_its_name_until_the_block_ends() -> None:
    caches, pools = [Cache("customers"), Cache("apikeys")], Cache("accountpools")
    every: Any = SimpleNamespace(all=lambda: caches, prepared=SimpleNamespace(pools=pools))
    with suppress(KeyError):
        async with filled(every):
            await asyncio.sleep(1)
            assert [each.is_running for each in (*caches, pools)] == [True, True, True]
            names = {task.get_name() for task in asyncio.all_tasks()}
            assert {"watch customers", "watch apikeys", "watch accountpools"} <= names
            raise KeyError("of the block")
    assert [each.is_running for each in (*caches, pools)] == [False, False, False], "also what took a while to end"
