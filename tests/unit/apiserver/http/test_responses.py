"""Long lists are answered whole, and hold nobody else up."""

import asyncio

import orjson
import pytest

from batteries_apiserver.http.responses import list_response

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("count", [0, 1, 200, 201, 1000])
async def test_a_list_is_whole_whatever_its_length(count: int) -> None:
    answer = await list_response("things", iter(range(count)), lambda n: {"n": n}, {"X": "y"})
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {"things": [{"n": n} for n in range(count)]}
    assert (answer.content_type, answer.headers["X"]) == ("application/json", "y")


async def test_others_get_their_turn_while_a_long_list_is_made_and_no_time_is_lost() -> None:
    turns, loop = 0, asyncio.get_running_loop()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task, begun = asyncio.create_task(others()), loop.time()
    await list_response("things", range(2000), lambda n: n, {})
    assert loop.time() - begun < 0.01
    task.cancel()
    assert turns >= 10
