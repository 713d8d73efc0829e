"""The removal of an owner's assignment: its request is kept while it is under way, and forgotten with its result."""

from typing import Any

import pytest
from fakes.factory import Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find
from batteries_operator.aws.identity_center import AssignmentStatus

UNDER_WAY = AssignmentStatus("request", "IN_PROGRESS", None)
RESULTS = {
    "Identity Center forgot the request": None,
    "Identity Center has revoked access; waiting to see it.": AssignmentStatus("request", "SUCCEEDED", None),
    "could not revoke access": AssignmentStatus("request", "FAILED", "the test wants it"),
}


def says(account: AwsAccount) -> str:
    said = find(account.status.conditions, "SSORevoked")
    return said.message if said is not None else ""


async def under_way(factory: Factory, answers: list[AssignmentStatus | None], begun: list[str]) -> Process:
    """A suspended account whose removal is under way; AWS lists the assignment all the time, and says `answers` of
    the removals that were begun, the last of them for ever.
    """
    process = await factory.active()
    account = await factory.account()
    center: Any = process.deps.aws.identity_center

    async def listed(*_: Any) -> Any:
        yield str(account.status.sso_user_id)

    async def status(_: str) -> AssignmentStatus | None:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def unassign(*_: Any) -> AssignmentStatus:
        begun.append(f"request-{len(begun)}")
        return AssignmentStatus(begun[-1], "IN_PROGRESS", None)

    center.unassign = unassign
    center.assigned_users = listed
    center.removal_status = status
    await factory.change(suspended=True)
    return process


async def test_while_it_is_under_way_its_request_and_its_slot_are_kept(factory: Factory) -> None:
    begun: list[str] = []
    process, seen = await under_way(factory, [UNDER_WAY], begun), list[AwsAccount]()
    await process.until("acme", lambda each: each.status.sso_revocation_request_id is not None)
    with pytest.raises(AssertionError, match="still"):
        await process.until("acme", look=seen.append, seconds=1)
    assert {each.status.sso_revocation_request_id for each in seen} == {"request-0"}
    assert begun == ["request-0"]
    assert process.deps.assignments.held == 1


@pytest.mark.parametrize("said", RESULTS)
async def test_with_its_result_its_request_is_forgotten_and_its_slot_is_free(factory: Factory, said: str) -> None:
    begun: list[str] = []
    process = await under_way(factory, [UNDER_WAY, RESULTS[said], UNDER_WAY], begun)
    ended = await process.until("acme", lambda each: said in says(each))
    assert ended.status.sso_revocation_request_id is None
    assert process.deps.assignments.held == 0
    again = await process.until("acme", lambda each: each.status.sso_revocation_request_id is not None)
    assert again.status.sso_revocation_request_id == "request-1", "the assignment is there: another removal is begun"
