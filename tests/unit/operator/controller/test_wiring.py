"""The wiring of one process: here, what no fake of it shows."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import REGISTRY

from batteries_operator.aws.creations import CreationStatus
from batteries_operator.controller.wiring import make_dependencies
from batteries_operator.runtime.settings import Settings


async def _ended(request_id: str) -> CreationStatus:
    return CreationStatus(request_id, "SUCCEEDED", "111122223333", None)


async def test_the_end_of_a_creation_gives_its_slot_to_the_next_before_its_own_reconcile() -> None:
    creations = SimpleNamespace(status=_ended, in_progress=None)
    unused = SimpleNamespace(ownership=None, organizations=None)
    woken: list[str] = []
    aws, api = cast(Any, SimpleNamespace(creations=creations, **vars(unused))), cast(Any, None)
    deps = make_dependencies(Settings(creations_in_flight=1), api, aws, woken.append, lambda *_: None)
    now = datetime.now(UTC)
    assert deps.creations.acquire("first", "boss", now)
    assert not deps.creations.acquire("second", "boss", now)
    assert REGISTRY.get_sample_value("batteries_slots_waiting", {"limit": "creations"}) == 1
    deps.creation_poller.note("car-1", "first")
    while not woken:
        await deps.creation_poller.poll()
        await asyncio.sleep(0.01)
    assert woken == ["second", "first"]
    assert deps.creations.acquire("second", "boss", now)
