"""Exit statuses and sentences of both programs' commands."""

import json
from collections.abc import Callable
from typing import NoReturn

import aiohttp
import pytest
from kubernetes.aio.client import ApiException

from batteries_apiserver import main as api
from batteries_crds.kube.client import NoClusterError
from batteries_crds.kube.command import ExitStatus, run_command
from batteries_crds.runtime.environment import WrongEnvironmentError
from batteries_crds.runtime.listening import NotListeningError
from batteries_operator.cli import main as operator


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def command() -> NoReturn:
        raise error

    return command


def refusal() -> ApiException:
    error = ApiException(status=403, reason="Forbidden")
    error.body = json.dumps({"kind": "Status", "message": 'leases "l" is forbidden'})
    return error


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1), (2, 2)])
def test_a_commands_own_status_is_kept(returned: int | None, status: int) -> None:
    assert run_command(lambda: returned) == status


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (WrongEnvironmentError(["X must be set."]), ExitStatus.USAGE, "  X must be set.\nSee docs/settings.md."),
        (NoClusterError("No cluster."), ExitStatus.FAILED, "No cluster."),
        (NotListeningError("Port taken."), ExitStatus.FAILED, "Port taken."),
        (refusal(), ExitStatus.FAILED, 'Kubernetes refused (403): leases "l" is forbidden'),
        (aiohttp.ClientError("no route"), ExitStatus.FAILED, "Kubernetes did not respond: no route. Check"),
        (TimeoutError(), ExitStatus.FAILED, "Kubernetes did not respond: TimeoutError. Check"),
        (LookupError("A sentence."), ExitStatus.FAILED, "A sentence."),
        (KeyboardInterrupt(), ExitStatus.INTERRUPTED, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_becomes_a_status_and_a_sentence(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: ExitStatus, sentence: str
) -> None:
    assert run_command(raising(error), LookupError) == status
    assert sentence in capsys.readouterr().err


def test_an_unexpected_error_keeps_its_traceback() -> None:
    with pytest.raises(LookupError):
        run_command(raising(LookupError()))


@pytest.mark.parametrize("program", [api, operator])
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("BATTERIES_TRUST_POLICY_LIMIT", "70000", "must be less than or equal to 8192."),
        ("BATTERIES_BREAKER_CUSTOMERS", "many", "must be a valid integer, unable to parse string as an integer."),
        ("BATTERIES_LOG_FORMAT", "xml", "must be 'json' or 'console'."),
        ("BATTERIES_PUBLIC_URL", "never.shown", "must "),
    ],
)
def test_both_programs_name_a_wrong_setting_in_the_same_form(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: object,
    name: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["batteries", "run"])
    assert program.main() == ExitStatus.USAGE  # type: ignore[attr-defined]
    first, wrong, where = capsys.readouterr().err.splitlines()
    assert (first, where) == ("These environment variables are wrong:", "See docs/settings.md.")
    assert wrong.startswith(f"  {name} {sentence}")
    assert "shown" not in wrong
