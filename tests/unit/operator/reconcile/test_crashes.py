"""kill -9 and lost answers, at every point there is: always one account, one of everything, and active in the end.

Each test finds out by itself how many points there are: it goes on until a walk comes through unharmed.
"""

from collections.abc import Callable

from fakes.aws_world import assert_exactly_right
from fakes.factory import CrashError, Factory, Process, acts

from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError

REPOSITORIES = ["octo-org/web"]


async def come_through(factory: Factory, name: str, harm: Callable[[Process], None]) -> int:
    """Walks an account with a harmed process, and with a new one where that dies; the number of lives."""
    await factory.add(name, githubRepos=REPOSITORIES)
    process = await factory.start()
    harm(process)
    lives = 1
    try:
        await process.until(name)
    except CrashError:
        lives = 2
        factory.cluster.after_write = lambda number: None
        await (await factory.start()).until(name)
    factory.cluster.after_write = lambda number: None
    account = await factory.account(name)
    await assert_exactly_right(factory, account, mails=0)
    assert await factory.requests(account) == 1, "AWS was asked for the account again, blindly"
    return lives


async def test_a_crash_after_any_write_loses_nothing(factory: Factory) -> None:
    walks, lives = 0, 2
    while lives == 2:
        walks += 1
        # The first write is this test's own: the AwsAccount.
        last = len(factory.cluster.writes) + 1 + walks

        def crash(number: int, last: int = last) -> None:
            if number == last:
                raise CrashError

        def harm(_: Process, crash: Callable[[int], None] = crash) -> None:
            factory.cluster.after_write = crash

        lives = await come_through(factory, f"write-{walks}", harm)
    assert walks > 7, "a walk writes its intent, its requests, what came of them, and the Secret"


async def lose_each(factory: Factory, concerns: Callable[[str], bool], error: Callable[[str], BaseException]) -> int:
    """Walks once for each AWS call that `concerns` says, which is done and then ends in `error`."""
    walks, harmed = 0, ["first"]
    while harmed:
        walks += 1
        harmed.clear()
        left = [walks]

        def lose(operation: str, _: int, left: list[int] = left) -> None:
            left[0] -= concerns(operation)
            if left[0] == 0 and concerns(operation):
                harmed.append(operation)
                raise error(operation)

        def harm(process: Process, lose: Callable[[str, int], None] = lose) -> None:
            process.after_call = lose

        try:
            await come_through(factory, f"call-{walks}", harm)
        except AssertionError as failure:
            raise AssertionError(f"after losing the answer of {harmed} (answer {walks})") from failure
    return walks


async def test_a_crash_after_anything_done_in_aws_loses_nothing(factory: Factory) -> None:
    """Not after a look: that is a crash after the write before it."""
    assert await lose_each(factory, acts, lambda _: CrashError()) > 9


async def test_a_lost_answer_of_any_call_loses_nothing(factory: Factory) -> None:
    lost = await lose_each(
        factory, lambda _: True, lambda operation: AwsError(operation, NO_ANSWER, "lost by the test")
    )
    assert lost > 20
