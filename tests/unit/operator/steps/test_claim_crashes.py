"""kill -9 and lost answers at every point of a claim: always one account, one owner, and the prepared one.

Each test finds out by itself how many points there are: it goes on until a walk comes through unharmed.
"""

from fakes.claim_points import BESIDE, assert_whole, becomes_active, every_point
from fakes.factory import CrashError, Factory, Process

from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError


def crash(_: Process, what: str, number: int) -> None:
    raise CrashError


def lose(_: Process, what: str, number: int) -> None:
    if ":" in what:
        raise AwsError(what, NO_ANSWER, "lost by the test")
    raise CrashError


async def takes_the_member(factory: Factory, process: Process, name: str) -> None:
    await becomes_active(factory, process, name)
    account = await factory.account(name)
    assert account.status.claim is not None
    assert account.status.aws_account_id == account.status.claim.aws_account_id
    assert "organizations:CreateAccount" not in process.calls


async def test_a_crash_at_any_point_loses_nothing(factory: Factory) -> None:
    assert_whole(await every_point(factory, crash, takes_the_member))


async def test_a_lost_answer_at_any_point_loses_nothing(factory: Factory) -> None:
    assert_whole(await every_point(factory, lose, takes_the_member))


async def test_a_crash_at_any_point_of_what_runs_beside_loses_nothing(factory: Factory) -> None:
    assert {*await every_point(factory, crash, takes_the_member, beside=True)} >= BESIDE


async def test_a_lost_answer_at_any_point_of_what_runs_beside_loses_nothing(factory: Factory) -> None:
    assert {*await every_point(factory, lose, takes_the_member, beside=True)} >= BESIDE
