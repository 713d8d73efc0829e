"""The logs of both programs: JSON or text, libraries' lines like ours, and never the variables of a failing frame."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

CONFIGURED = """
import logging, structlog
from batteries_crds.runtime import logs
logs.configure({style!r}, "info")
log = structlog.get_logger("ours")
structlog.contextvars.bind_contextvars(account="a-1", step="create_account")
"""

FAILING = """
def fail():
    password = "sw0rdfish"
    raise KeyError("account")
try:
    fail()
except KeyError:
    log.exception("step_raised")
"""


LEVELS = """
import logging, structlog
from batteries_crds.runtime import logs
logs.configure("json", {level!r}, quiet={{"chatty": logging.WARNING}})
for logger in (logging.getLogger("theirs"), logging.getLogger("chatty"), structlog.get_logger("ours")):
    for each in ("debug", "info", "warning", "error"):
        getattr(logger, each)(each)
"""


def said(program: str) -> list[str]:
    """The lines that a separate process writes, because logging is set up once for a whole process."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
    return done.stderr.splitlines()


def as_json(program: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(program)]


def test_for_machines_each_line_is_one_object_with_what_it_is_about() -> None:
    ours, theirs = as_json(
        CONFIGURED.format(style="json")
        + 'log.info("aws_call", aws_request_id="r-1"); logging.getLogger("library").warning("slow %s", "disk")'
    )
    assert list(ours)[:3] == ["timestamp", "level", "event"]
    about = {"account": "a-1", "step": "create_account"}
    assert ours.pop("timestamp") <= theirs.pop("timestamp")
    assert ours == about | {"event": "aws_call", "level": "info", "logger": "ours", "aws_request_id": "r-1"}
    assert theirs == about | {"event": "slow disk", "level": "warning", "logger": "library"}


def test_an_exception_is_one_line_for_machines() -> None:
    (line,) = as_json(CONFIGURED.format(style="json") + FAILING)
    assert "KeyError: 'account'" in line["exception"]
    assert "sw0rdfish" not in line["exception"].replace('password = "sw0rdfish"', "")


def test_for_people_it_is_text_with_a_traceback_and_no_values_of_variables() -> None:
    lines = said(CONFIGURED.format(style="console") + FAILING)
    assert lines[0].split()[1:4] == ["[error", "]", "step_raised"]
    assert "account=a-1" in lines[0]
    assert "step=create_account" in lines[0]
    assert lines[-1] == "KeyError: 'account'"
    assert not [line for line in lines if "sw0rdfish" in line]


def test_kopfs_lines_name_the_account_as_ours_do() -> None:
    (line,) = as_json(
        """
import kopf
from kopf._core.actions.loggers import ObjectLogger
from batteries_crds.aws_account import AwsAccount
from batteries_operator.runtime import logs
logs.configure("json", "info")
metadata = {"namespace": "customers", "name": "acme", "uid": "u"}
account = AwsAccount.model_validate({"metadata": metadata, "spec": {"email": "a@example.com"}})
body = kopf.Body({**account.to_wire(), "kind": "AwsAccount"})
logger = ObjectLogger(body=body, settings=kopf.OperatorSettings())
logger.info("a handler has begun")
logger.error("a handler failed for %s", account.account_id)
"""
    )
    assert line["event"] == f"a handler failed for {line['account']}"
    assert (line["logger"], line["level"], line["resource"]) == ("kopf.objects", "error", "customers/acme")
    assert "k8s_ref" not in line


@pytest.mark.parametrize(
    ("level", "shown", "of_the_chatty"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["warning", "error"]),
        ("info", ["info", "warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_what_is_below_the_level_is_left_out_whoever_says_it(
    level: str, shown: list[str], of_the_chatty: list[str]
) -> None:
    lines = as_json(LEVELS.format(level=level))
    names = "theirs", "chatty", "ours"
    by_logger = {name: [line["event"] for line in lines if line["logger"] == name] for name in names}
    assert by_logger == {"theirs": shown, "chatty": of_the_chatty, "ours": shown}


FREQUENT = """
from batteries_crds.runtime import logs
often = logs.FrequentEvent("mine", "request")
logs.configure({style!r}, {level!r})
often(status=200)
"""


@pytest.mark.parametrize(("level", "count"), [("debug", 1), ("info", 1), ("warning", 0)])
def test_an_event_that_is_logged_often_has_the_line_of_any_other(level: str, count: int) -> None:
    lines = as_json(FREQUENT.format(style="json", level=level))
    assert [{name: line[name] for name in ("level", "event", "status", "logger")} for line in lines] == [
        {"level": "info", "event": "request", "status": 200, "logger": "mine"}
    ] * count
    assert len([line for line in said(FREQUENT.format(style="console", level=level)) if "request" in line]) == count


IN_TOKYO = """
import os, time
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
"""


def test_the_time_is_utc_wherever_the_program_runs() -> None:
    lines = as_json(IN_TOKYO + CONFIGURED.format(style="json") + 'log.info("x"); logging.getLogger("y").info("y")')
    for line in lines:
        assert line["timestamp"].endswith("Z")
        age = datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])
        assert timedelta(0) <= age < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("method", "level"), [("exception", "error"), ("error", "error"), ("warn", "warning"), ("critical", "critical")]
)
def test_a_line_has_the_level_of_its_method(method: str, level: str) -> None:
    [line] = as_json(CONFIGURED.format(style="json") + f'log.{method}("x")')
    assert line["level"] == level
