"""What goes wrong on a connection before a handler has it: answered in the one shape, or told to nobody but the log."""

import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import structlog
from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.test_utils import make_mocked_request

from batteries_apiserver.http.malformed import Runner
from batteries_apiserver.http.request_log import HEADER


@pytest.fixture
async def connection() -> AsyncIterator[Any]:
    """A connection of the server, nobody at its other end."""
    runner = Runner(web.Application(), access_log=None)
    await runner.setup()
    assert runner.server is not None
    yield runner.server()
    await runner.cleanup()


def request(*, sent: int = 0) -> Any:
    return make_mocked_request("GET", "/", headers={HEADER: "mine"}, writer=SimpleNamespace(output_size=sent))


@pytest.mark.parametrize(
    ("status", "answered", "code", "fault"),
    [(400, 400, "malformed_request", "caller"), (499, 400, "malformed_request", "caller")]
    + [(status, 500, "internal_error", "ours") for status in (500, 503)],
)
async def test_an_error_outside_of_handlers_has_the_one_shape(
    connection: Any, status: int, answered: int, code: str, fault: str
) -> None:
    response = connection.handle_error(request(), status, BadHttpMessage("Authorization: Bearer aib_hunter2"))
    body = orjson.loads(response.body)
    assert (response.status, body["code"], response.headers[HEADER]) == (answered, code, "mine")
    assert ("our side" in body["error"]) == (fault == "ours")
    assert "hunter2" not in body["error"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.keep_alive is False, "what follows on the connection is not known"


async def test_no_second_answer_follows_one_that_has_begun(connection: Any) -> None:
    with pytest.raises(ConnectionError):
        connection.handle_error(request(sent=1), 500, RuntimeError())


@pytest.mark.parametrize(
    "error",
    [BadHttpMessage("x"), ClientPayloadError("x"), web.RequestPayloadError("x"), ConnectionResetError("x")],
)
def test_what_the_client_caused_is_logged_without_a_traceback(
    connection: Any, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with structlog.testing.capture_logs() as lines:
        connection.log_exception("Error handling request", exc_info=error)
    assert [(line["event"], line["log_level"], line["error"]) for line in lines] == [
        ("client_failed", "debug", type(error).__name__)
    ]
    assert not caplog.records


def test_what_we_caused_is_logged_as_an_error(connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    with structlog.testing.capture_logs() as lines:
        connection.log_exception("Error handling request", exc_info=RuntimeError("bug"))
    assert lines == []
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "Error handling request")
