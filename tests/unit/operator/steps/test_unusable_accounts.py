"""An AWS account that is closed, suspended by AWS or taken out of the organization, at any moment: told of as that.

What a call in such an account is refused with, a denial or invalid credentials, says nothing of it.
"""

from typing import Any

import pytest
from fakes.factory import Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import ACCOUNT_GONE, READY, SUSPENDED_BY_AWS, find
from batteries_crds.names import TAG_RESOURCE


def ready(account: AwsAccount) -> tuple[str, str]:
    said = find(account.status.conditions, READY)
    assert said is not None
    return str(said.status), said.reason


def put(factory: Factory, account: AwsAccount, state: str) -> bool:
    """Whether there is an AWS account, which is in that state now."""
    everyone = factory._request("accounts", None)["accounts"]
    ours = [each["id"] for each in everyone if str(account.account_id) in each["tags"].values()]
    return bool(ours) and factory._request(f"accounts/{ours[0]}", {"state": state}) is not None


def struck(factory: Factory, process: Process, account: AwsAccount, operation: str, state: str) -> None:
    """AWS, or people, do that right before the operator's first such call in the account."""

    def before(called: str, _: int) -> None:
        if called == operation and put(factory, account, state):
            process.before_call = lambda *_: None

    process.before_call = before


@pytest.mark.parametrize(
    ("operation", "state", "reason", "phase"),
    [
        ("sts:AssumeRole", "SUSPENDED", SUSPENDED_BY_AWS, "suspended"),
        ("iam:CreateUser", "SUSPENDED", SUSPENDED_BY_AWS, "suspended"),
        ("sso:CreateAccountAssignment", "SUSPENDED", SUSPENDED_BY_AWS, "suspended"),
        ("iam:CreateRole", "SUSPENDED", SUSPENDED_BY_AWS, "suspended"),
        ("sts:AssumeRole", "CLOSED", ACCOUNT_GONE, "failed"),
        ("iam:CreateRole", "LEFT", ACCOUNT_GONE, "failed"),
    ],
)
async def test_a_step_that_meets_it_tells_what_became_of_the_account(
    factory: Factory, operation: str, state: str, reason: str, phase: str
) -> None:
    account, process = await factory.add(), await factory.start()
    struck(factory, process, account, operation, state)
    after = await process.until("acme", lambda each: ready(each)[1] == reason or ready(each)[0] == "True")
    if ready(after)[0] == "True":  # it was the last call that could have met it
        await process.resync(await factory.account())
        after = await factory.account()
    assert (*ready(after), str(after.status.phase)) == ("False", reason, phase)


async def test_an_account_that_was_invited_back_and_tagged_goes_on_by_itself(factory: Factory) -> None:
    """AWS deletes the tags of an account that leaves: the message says so, and what it says helps."""
    process = await factory.active()
    account = await factory.account()
    aws_id = account.status.aws_account_id
    assert put(factory, account, "LEFT")
    await process.resync(await factory.account())
    left = await factory.account()
    assert ready(left) == ("False", ACCOUNT_GONE)
    assert f"{TAG_RESOURCE}=customers/acme" in (left.status.error or "")
    await factory.standin(f"accounts/{aws_id}", {"state": "ACTIVE"})
    await process.resync(await factory.account())
    assert ready(await factory.account()) == ("False", "NotOurAccount"), "back, and nobody's by its tags"
    organizations: Any = await factory.client("organizations")
    organizations.tag_resource(ResourceId=aws_id, Tags=[{"Key": TAG_RESOURCE, "Value": "customers/acme"}])
    await process.resync(await factory.account())
    assert ready(await process.until("acme")) == ("True", "Active")


async def test_a_tag_that_is_taken_and_given_back_needs_nobody_to_ask_for_another_try(factory: Factory) -> None:
    process = await factory.active()
    aws_id, organizations = (await factory.account()).status.aws_account_id, await factory.client("organizations")
    for value, told in (("customers/other", ("False", "NotOurAccount")), ("customers/acme", ("True", "Active"))):
        organizations.tag_resource(ResourceId=aws_id, Tags=[{"Key": TAG_RESOURCE, "Value": value}])
        await process.resync(await factory.account())
        assert ready(await process.until("acme")) == told
