"""Log lines of reconciles: each AWS call that changes something or fails, with account, step and AWS's request id."""

import asyncio
import json
from typing import Any

import structlog
from fakes.factory import LONG_CREATION, Factory, acts
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from batteries_crds.github.trust_policy import ROLE_NAME, nobody


async def driven(factory: Factory) -> tuple[Any, list[Any]]:
    """The lines of an account's whole provisioning."""
    account = await factory.add()
    process = await factory.start()
    with capture_logs([merge_contextvars]) as lines:
        await process.drive_until_active(account)
    return process, lines


@LONG_CREATION
async def test_every_call_says_which_account_which_step_and_which_request(factory: Factory) -> None:
    process, lines = await driven(factory)
    calls = [line for line in lines if line["event"] == "aws_call"]
    # Steps run side by side: a call may begin before another and end after it.
    assert sorted(line["operation"] for line in calls) == sorted(process.calls)
    steps = {"organizations:CreateAccount": "create_account", "iam:CreateUser": "create_iam_user"}
    for_all = {line["operation"] for line in calls if "account" not in line}
    assert for_all == {"organizations:DescribeCreateAccountStatus"}, "creations are followed for all accounts"
    for line in [line for line in calls if "account" in line]:
        assert line["account"] == str((await factory.account()).account_id)
        assert line["resource"] == "customers/acme"
        assert line["log_level"] == ("info" if acts(line["operation"]) else "debug")
        assert line["step"] == steps.get(line["operation"], line["step"])
    ids = [line["aws_request_id"] for line in calls if line["outcome"] == "ok"]
    assert len(set(ids)) == len(ids) > len(steps), "each answer has its own"


async def test_a_failing_call_is_said_with_awss_id_of_it(factory: Factory) -> None:
    await factory.standin("faults", {"kind": "throttle", "operation": "MoveAccount", "times": 1})
    _, lines = await driven(factory)
    (failed,) = [line for line in lines if line["event"] == "aws_call_failed" and line["step"] == "move_to_ou"]
    (call,) = [line for line in lines if line.get("outcome") == "throttled"]
    assert failed["account"] == call["account"] == str((await factory.account()).account_id)
    assert failed["aws_request_id"] == call["aws_request_id"]
    assert len(call["aws_request_id"]) >= 32
    assert (failed["kind"], call["code"]) == ("transient", "TooManyRequestsException")


async def test_a_lost_answer_has_no_id(factory: Factory) -> None:
    await factory.standin("faults", {"kind": "answer_lost", "operation": "MoveAccount", "times": 1})
    _, lines = await driven(factory)
    (failed,) = [line for line in lines if line["event"] == "aws_call_failed" and line["step"] == "move_to_ou"]
    assert failed["aws_request_id"] is None


async def test_no_line_holds_the_first_password(factory: Factory) -> None:
    process, lines = await driven(factory)
    stored = await process.deps.passwords.find(await factory.account())
    assert stored is not None
    assert stored.password not in str(lines)


async def test_a_comparison_with_aws_names_the_account_and_no_line_after_it_does(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=ROLE_NAME, PolicyDocument=json.dumps(nobody()))
    with capture_logs([merge_contextvars]) as lines:
        assert await process.resync(await factory.account())
        structlog.get_logger().info("after")
    (mended,) = [line for line in lines if line["event"] == "aws_call" and acts(line["operation"])]
    assert (mended["resource"], mended["step"]) == ("customers/acme", "setup_oidc")
    assert "account" not in lines[-1]
    assert "step" not in lines[-1]
