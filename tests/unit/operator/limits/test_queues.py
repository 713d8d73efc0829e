"""Each owner has a queue: whoever writes another person's address is not served in that person's turn."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_operator import steps
from batteries_operator.limits.slots import Slots

START = datetime(2026, 1, 1, tzinfo=UTC)
VICTIM = "victim@example.com"


def account(number: int, namespace: str = "customers", **spec: Any) -> AwsAccount:
    made = START + timedelta(seconds=number)
    meta = {"name": f"a-{number}", "uid": str(number), "namespace": namespace, "creationTimestamp": made}
    return AwsAccount.model_validate({"metadata": meta, "spec": spec})


def served(accounts: list[AwsAccount]) -> list[str]:
    """Names in the order in which they get the only slot."""
    turn: list[str] = []
    slots = Slots(1, turn.append, lambda seconds, function: None)
    slots.restore("before")
    for each in accounts:
        assert not slots.acquire(each.metadata.uid, each.line, each.since)
    slots.release("before")
    for _ in accounts[1:]:
        slots.release(turn[-1])
    return turn


ABUSERS: dict[str, dict[str, Any]] = {
    "another Customer, which signed up with the address": {"customerRef": {"name": "cus-mallory"}},
    "somebody with kubectl": {"email": VICTIM},
    "somebody in another namespace": {"email": VICTIM, "namespace": "another-team"},
    "a Customer of the same name in another namespace": {"customerRef": {"name": "cus-1"}, "namespace": "another-team"},
}


@pytest.mark.parametrize("who", ABUSERS)
def test_nobody_slows_a_customer_down_by_more_than_one_account(who: str) -> None:
    theirs = [account(number, **ABUSERS[who]) for number in range(50)]
    own = [account(100 + number, customerRef={"name": "cus-1"}) for number in range(3)]
    order = served([*theirs, *own])
    assert [order.index(each.metadata.uid) for each in own] == [1, 3, 5], "every other turn is the Customer's"


def test_an_address_in_another_namespace_slows_nobody_down_either() -> None:
    theirs = [account(number, "another-team", email=VICTIM) for number in range(50)]
    own = account(100, email=VICTIM)
    assert served([*theirs, own]).index("100") == 1


def test_accounts_of_one_owner_stand_in_one_line() -> None:
    assert account(1, email="A@example.com").line == account(2, email="a@example.com").line
    assert account(1, customerRef={"name": "x"}).line == account(2, customerRef={"name": "x"}).line
    assert account(1, customerRef={"name": "a@example.com"}).line != account(2, email="a@example.com").line


def test_every_step_stands_in_the_accounts_own_line() -> None:
    """The second argument of every call that enters or re-enters a queue."""
    found = [
        ast.unparse(node.args[1])
        for path in Path(str(steps.__path__[0])).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) > 2
        if node.func.attr in ("acquire", "refused")
    ]
    assert len(found) >= 6
    assert set(found) == {"account.line"}
