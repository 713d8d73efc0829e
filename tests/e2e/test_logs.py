"""What the two programs logged while the other tests used them: JSON, each line, and every act named by AWS's id."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from batteries_operator.aws.mutations import is_mutation


def lines(sandbox: Any, name: str) -> list[dict[str, Any]]:
    """Each line, which must be an object with what every line has."""
    text, _, _ = (Path(sandbox.env["LOG_DIR"]) / name).read_text().rpartition("\n")  # the rest is being written
    found: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    assert not [line for line in found if not {"timestamp", "level", "event", "logger"} <= line.keys()]
    return found


@pytest.mark.last
def test_the_operator_names_account_step_and_request_of_each_act(sandbox: Any) -> None:
    said = lines(sandbox, "operator.log")
    acts = [line for line in said if line["event"] == "aws_call" and line["level"] == "info"]
    assert "organizations:CreateAccount" in {line["operation"] for line in acts}
    for line in acts:
        assert is_mutation(line["operation"])
        assert line["aws_request_id"] or line["outcome"] in ("transient", "broken_off"), line
        if "notification" in line:  # a mail about a customer, of no account
            assert (line["operation"], "account" in line) == ("ses:SendEmail", False), line
            assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", line["notification"]), line
            continue
        if line["resource"].startswith("pooledaccounts/"):  # a pool's member has no owner yet, and no id for owners
            assert re.fullmatch(r"pooledaccounts/[a-z0-9-]+/[0-9a-f-]{36}", line["resource"]), line
        else:
            assert line.get("account"), line
            assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", line["resource"]), line
        assert line["step"], line
    known = {item["status"]["accountId"] for item in json.loads(sandbox.kubectl("get", "aa", "-o", "json"))["items"]}
    assert known & {line.get("account") for line in acts}


@pytest.mark.last
def test_the_api_server_names_request_and_account(sandbox: Any) -> None:
    requests = [line for line in lines(sandbox, "apiserver.log") if line["event"] == "request"]
    assert len({line["request_id"] for line in requests}) > 10
    shown = [line for line in requests if line["route"] == "/v1/accounts/{id}" and line["status"] == 200]
    assert shown
    assert all(line["account"] for line in shown)
    assert not [line for line in requests if line["route"] in ("/healthz", "/v1/stripe/setup") and "account" in line]
