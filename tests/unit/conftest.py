"""What unit tests share; the stand-ins and fakes themselves are in tests/fakes."""

import asyncio
import gc
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import trustme
from fakes.factory import ENVIRONMENT, SHARED, Factory, settings
from fakes.in_process import Calls
from fakes.prepared import prepared
from fakes.virtual_time import CLOCK, VirtualDatetime, VirtualTimeLoop

from batteries_crds import base
from batteries_crds.runtime.environment import CA_FILES
from batteries_operator.aws import caller
from batteries_operator.runtime.settings import Settings
from batteries_sandbox.aws import Clocks, StandinSettings, serve_in_thread

# As in the programs, and not structlog's default: what commands print for people is not mixed with log lines. A line
# that goes nowhere is not made, and rich tracebacks take longer than most of the tests that log an error.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
)

OPERATOR = Path(__file__).parent / "operator"


@pytest.fixture(scope="session", autouse=True)
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every TLS client trusts one certificate authority, whatever this machine's environment names.

    A client reads the machine's hundred and forty each time it is made, which takes 20 ms: half the time of a request
    to the API server of a test, which has four such clients.
    """
    trustme.CA().cert_pem.write_to_path(file := tmp_path_factory.mktemp("trusted") / "ca.pem")
    with pytest.MonkeyPatch.context() as patched:
        for name in (*CA_FILES, "SSL_CERT_DIR"):
            patched.delenv(name, raising=False)
        patched.setenv("SSL_CERT_FILE", str(file))
        yield


def pytest_collection_finish() -> None:
    """pytest's own hook: the modules and the thousands of tests stay to the end, so nobody looks through them again.

    Otherwise a tenth of the tests' time goes into that.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


def _is_virtual(item: Any) -> bool:
    """Whether a test waits in virtual time (fakes/virtual_time.py): the operator's do, unless marked otherwise."""
    if not inspect.iscoroutinefunction(item.obj) or item.get_closest_marker("real_time") is not None:
        return False
    return item.get_closest_marker("virtual_time") is not None or item.path.is_relative_to(OPERATOR)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """pytest-asyncio's own hook."""
    return {"virtual": VirtualTimeLoop} if _is_virtual(item) else {"real": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _time_of_day(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on with the clock that the test waits by."""
    if _is_virtual(request.node):
        CLOCK.begin()
        monkeypatch.setattr(base, "datetime", VirtualDatetime)
    if (
        request.node.get_closest_marker("virtual_time") is not None
    ):  # there is no stand-in beside with a loop of its own
        monkeypatch.setattr(time, "monotonic", CLOCK)


@pytest.fixture
def standin_settings() -> dict[str, Any]:
    """What the AWS stand-in of this test does otherwise; a test parametrizes it."""
    return {}


@pytest.fixture
def operator_settings() -> Settings:
    """The operator's settings in this test; a test parametrizes them."""
    return settings()


@pytest.fixture
def aws_url(
    standin_settings: dict[str, Any], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A fresh AWS organization in which nothing takes long."""
    quick = {"creation_seconds": 0.02, "role_seconds": 0.02, "assignment_seconds": 0.02}
    # Off, so that tests can say which calls are made; test_aws_errors turns all of them on.
    quick |= {"iam_seconds": 0, "identity_center_seconds": 0, "organization_write_seconds": 0}
    chosen = StandinSettings(**quick | standin_settings)
    clocks = Clocks(CLOCK, CLOCK.wall, CLOCK.sleep) if _is_virtual(request.node) else Clocks()
    with serve_in_thread(chosen, clocks) as url:
        for name, value in {**ENVIRONMENT, "AWS_REGION": chosen.region, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(caller, "boto3", SimpleNamespace(Session=lambda: SHARED))
        monkeypatch.setattr(caller, "ThreadPoolExecutor", Calls)
        yield url


@pytest.fixture
def bare_factory(aws_url: str, operator_settings: Settings) -> Iterator[Factory]:
    """An account factory whose organization nobody has prepared."""
    factory = Factory(aws_url, operator_settings)
    yield factory
    factory.close()


@pytest.fixture
async def factory(bare_factory: Factory) -> Factory:
    """An account factory, ready to make accounts."""
    await prepared(bare_factory.url, bare_factory.settings.model_dump_json(), bare_factory.prepare)
    return bare_factory
