"""Long lists are answered whole, and hold nobody else up."""

import asyncio
import time

import orjson
import pytest

from batteries_apiserver.http.responses import list_response


@pytest.mark.parametrize("count", [0, 1, 200, 201, 1000])
async def test_a_list_is_whole_whatever_its_length(count: int) -> None:
    answer = await list_response("things", iter(range(count)), lambda n: {"n": n}, {"X": "y"})
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {"things": [{"n": n} for n in range(count)]}
    assert (answer.content_type, answer.headers["X"]) == ("application/json", "y")


async def test_others_get_their_turn_while_a_long_list_is_made() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slowly(n: int) -> int:
        time.sleep(0.0001)
        return n

    task = asyncio.create_task(others())
    await list_response("things", range(2000), slowly, {})
    task.cancel()
    assert turns >= 10
