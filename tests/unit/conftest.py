"""What unit tests share; the stand-ins and fakes themselves are in tests/fakes."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from fakes.factory import ENVIRONMENT, SHARED, Factory, settings

from batteries_operator.aws import caller
from batteries_operator.runtime.settings import Settings
from batteries_sandbox.aws import StandinSettings, serve_in_thread

# As in the programs, and not structlog's default: what commands print for people is not mixed with log lines.
structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())


@pytest.fixture
def standin_settings() -> dict[str, Any]:
    """What the AWS stand-in of this test does otherwise; a test parametrizes it."""
    return {}


@pytest.fixture
def operator_settings() -> Settings:
    """The operator's settings in this test; a test parametrizes them."""
    return settings()


@pytest.fixture
def aws_url(standin_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A fresh AWS organization in which nothing takes long."""
    quick = {"creation_seconds": 0.02, "role_seconds": 0.02, "assignment_seconds": 0.02}
    # Off, so that tests can say which calls are made; test_aws_errors turns all of them on.
    quick |= {"iam_seconds": 0, "identity_center_seconds": 0, "organization_write_seconds": 0}
    chosen = StandinSettings(**quick | standin_settings)
    with serve_in_thread(chosen) as url:
        for name, value in {**ENVIRONMENT, "AWS_REGION": chosen.region, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(caller, "boto3", SimpleNamespace(Session=lambda: SHARED))
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
    await bare_factory.prepare()
    return bare_factory
