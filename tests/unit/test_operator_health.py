"""Liveness: fails where a visit never ends, and only there."""

import aiohttp
import pytest

from batteries_operator.health import Health, serving
from batteries_operator.visits import Visits


def test_the_oldest_visit_decides() -> None:
    now = [0.0]
    visits = Visits(lambda: now[0])
    assert visits.standstill(10) is None
    with visits.visit("ns/old"):
        now[0] = 8
        with visits.visit("ns/young"):
            now[0] = 10
            assert visits.standstill(10) is None
            now[0] = 11
            told = visits.standstill(10)
            assert told is not None
            assert "ns/old has not ended for 11 s" in told
    now[0] = 100
    assert visits.standstill(10) is None, "none is under way"


def test_a_visit_that_raises_has_ended() -> None:
    now = [0.0]
    visits = Visits(lambda: now[0])
    with pytest.raises(KeyError), visits.visit("ns/a"):
        raise KeyError
    now[0] = 100
    assert visits.standstill(10) is None


async def test_it_is_told_over_http(unused_tcp_port: int) -> None:
    health, url = Health(), f"http://127.0.0.1:{unused_tcp_port}/healthz"
    async with serving(health, unused_tcp_port), aiohttp.ClientSession() as session:
        assert (await session.get(url)).status == 200
        health.trouble = lambda: "It stands still."
        answer = await session.get(url)
        assert (answer.status, await answer.json()) == (503, {"status": "It stands still."})
    async with serving(health, 0):
        pass
