"""How permissions and denials become an IAM policy; and that the end of a process waits for the last AWS call."""

import asyncio
import threading

import pytest

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.partition import of_region
from batteries_operator.aws.permissions import Denial, Permission, policy

ONLY_OURS = {"StringEquals": {"aws:RequestTag/a": "b"}}


def test_permissions_with_the_same_resources_and_condition_share_a_statement_in_order_of_their_actions() -> None:
    made = policy(
        [
            Permission("x:B", "why"),
            Permission("x:C", "why", ("arn:aws:x",)),
            Permission("x:A", "why"),
            Permission("x:D", "why", condition=ONLY_OURS),
        ]
    )
    assert made == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["x:A", "x:B"], "Resource": ["*"]},
            {"Effect": "Allow", "Action": ["x:C"], "Resource": ["arn:aws:x"]},
            {"Effect": "Allow", "Action": ["x:D"], "Resource": ["*"], "Condition": ONLY_OURS},
        ],
    }


def test_a_denial_keeps_its_name_its_actions_and_its_condition() -> None:
    denials = [
        Denial("Plain", "why", ("x:B", "x:A"), ("*",)),
        Denial("Bound", "why", ("x:C",), ("arn:aws:x", "arn:aws:y"), ONLY_OURS),
    ]
    assert policy([], denied=denials)["Statement"] == [
        {"Sid": "Plain", "Effect": "Deny", "Action": ["x:B", "x:A"], "Resource": ["*"]},
        {
            "Sid": "Bound",
            "Effect": "Deny",
            "Action": ["x:C"],
            "Resource": ["arn:aws:x", "arn:aws:y"],
            "Condition": ONLY_OURS,
        },
    ]


def test_resources_are_of_the_partition() -> None:
    china = of_region("cn-north-1")
    made = policy([Permission("x:A", "why", ("arn:aws:x",))], china, [Denial("D", "why", ("x:B",), ("arn:aws:y",))])
    assert [each["Resource"] for each in made["Statement"]] == [["arn:aws-cn:x"], ["arn:aws-cn:y"]]


@pytest.mark.real_time
async def test_a_drain_ends_when_the_last_call_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    caller, begun, let_go = Caller(1), threading.Event(), threading.Event()
    order: list[str] = []

    def slow() -> None:
        begun.set()
        assert let_go.wait(10)
        order.append("the call")

    async def drained() -> None:
        await caller.drain()
        order.append("the drain")

    call = asyncio.create_task(caller.call("organizations:CreateAccount", slow))
    await asyncio.to_thread(begun.wait, 10)
    draining = asyncio.create_task(drained())
    for _ in range(10):  # a drain that waits for nothing is over by then
        await asyncio.to_thread(order.copy)
    let_go.set()
    await asyncio.gather(call, draining)
    assert order == ["the call", "the drain"]
