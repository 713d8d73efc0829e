"""What the visits of one process share is wired together: here, what no fake of it shows."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import REGISTRY

from batteries_operator.aws.creations import CreationStatus
from batteries_operator.controller.wiring import make_tools
from batteries_operator.runtime.settings import Settings


async def _ended(request_id: str) -> CreationStatus:
    return CreationStatus(request_id, "SUCCEEDED", "111122223333", None)


async def test_the_end_of_a_creation_gives_its_place_to_the_next_before_its_own_visit() -> None:
    creations = SimpleNamespace(status=_ended, in_progress=None)
    woken: list[str] = []
    aws, api = cast(Any, SimpleNamespace(creations=creations)), cast(Any, None)
    tools = make_tools(Settings(creations_in_flight=1), api, aws, woken.append)
    now = datetime.now(UTC)
    assert tools.creations.enter("first", "boss", now)
    assert not tools.creations.enter("second", "boss", now)
    assert REGISTRY.get_sample_value("batteries_places_waiting", {"limit": "creations"}) == 1
    tools.under_way.note("car-1", "first")
    while not woken:
        await tools.under_way.look()
        await asyncio.sleep(0.01)
    assert woken == ["second", "first"]
    assert tools.creations.enter("second", "boss", now)
