"""The operator's command line: which settings a command needs, how it logs, and how it ends."""

import asyncio
from typing import Any

import pytest

from batteries_crds.kube.command import ExitStatus
from batteries_operator.aws.errors import AwsError
from batteries_operator.cli import main as command
from batteries_operator.cli import orphans, run
from batteries_operator.runtime import logs


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The style and level that logs were set up with."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(logs, "configure", lambda style, level: found.append((style, level)))
    for name in ("BATTERIES_LOG_LEVEL", "BATTERIES_ACCOUNT_EMAIL_TEMPLATE"):
        monkeypatch.delenv(name, raising=False)
    return found


def main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["batteries-operator", *words])
    return command.main()


@pytest.mark.parametrize(
    ("name", "level", "wanted"),
    [
        ("orphans", "info", "warning"),
        ("orphans", "debug", "debug"),
        ("orphans", "error", "error"),
        ("run", "info", "info"),
        ("run", "debug", "debug"),
    ],
)
def test_commands_for_people_print_no_line_for_each_call(
    monkeypatch: pytest.MonkeyPatch, logged: list[tuple[str, str]], name: str, level: str, wanted: str
) -> None:
    async def nothing(settings: Any) -> int:
        return 0

    monkeypatch.setattr(orphans, "orphans", nothing)
    monkeypatch.setattr(run, "main", lambda settings: None)
    monkeypatch.setenv("BATTERIES_LOG_LEVEL", level)
    monkeypatch.setenv("BATTERIES_ACCOUNT_EMAIL_TEMPLATE", "aws+{id}@example.com")
    assert main(monkeypatch, name) == ExitStatus.OK
    assert logged == [("json", wanted)]


def test_only_run_needs_a_root_email_address(
    monkeypatch: pytest.MonkeyPatch, logged: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    async def nothing(settings: Any) -> int:
        return 1

    monkeypatch.setattr(orphans, "orphans", nothing)
    assert main(monkeypatch, "orphans") == ExitStatus.FAILED, "its own status"
    assert main(monkeypatch, "run") == ExitStatus.USAGE
    assert "BATTERIES_ACCOUNT_EMAIL_TEMPLATE" in capsys.readouterr().err


@pytest.mark.parametrize(("message", "said"), [("not you", "not you"), ("", "AccessDenied")])
def test_a_refusal_of_aws_is_a_sentence_and_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    logged: list[tuple[str, str]],
    capsys: pytest.CaptureFixture[str],
    message: str,
    said: str,
) -> None:
    async def refused(settings: Any) -> int:
        await asyncio.sleep(0)
        raise AwsError("sts:AssumeRole", "AccessDenied", message, http_status=403)

    monkeypatch.setattr(orphans, "orphans", refused)
    assert main(monkeypatch, "orphans") == ExitStatus.FAILED
    assert capsys.readouterr().err == f"AWS refused sts:AssumeRole: {said}\n"


@pytest.mark.parametrize("words", [[], ["unknown"], ["orphans", "--yes"], ["run", "--from-aws"]])
def test_a_wrong_command_line_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(monkeypatch, *words)
    assert ended.value.code == ExitStatus.USAGE


@pytest.mark.parametrize(("words", "field"), [(["release", "--yes"], "yes"), (["policy", "--from-aws"], "from_aws")])
def test_each_command_has_its_own_arguments(words: list[str], field: str) -> None:
    assert getattr(command._parser().parse_args(words), field) is True
