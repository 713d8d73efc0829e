"""The first poll follows from recent durations."""

import asyncio

import pytest
from fakes.factory import Factory, refusal, settings

from batteries_crds.conditions import is_true
from batteries_operator.limits.duration_estimate import CLOSE_SECONDS, EARLY, NEAR, REMEMBERED, DurationEstimate


async def lasts(expected: DurationEstimate, key: str, seconds: float, answer: float = 0.0) -> float | None:
    """Work that is seen to have ended by a look after so many seconds; when its first look was to be."""
    first = expected.first_poll_delay(key, 60)
    await asyncio.sleep(seconds)
    expected.polled(key)
    await asyncio.sleep(answer)
    expected.ended(key)
    return first


async def test_nothing_is_expected_until_one_was_seen_to_end() -> None:
    expected = DurationEstimate()
    assert expected.first_poll_delay("a", 60) is None
    assert expected.first_poll_delay("a", 60) is None
    expected.ended("b")
    assert expected.first_poll_delay("b", 60) is None


async def test_the_first_look_comes_a_little_before_the_shortest_of_late() -> None:
    expected = DurationEstimate()
    await lasts(expected, "a", 0.1)
    await lasts(expected, "b", 0.05, answer=0.1)
    first = expected.first_poll_delay("c", 60)
    assert first == pytest.approx(0.05 * EARLY, abs=0.001), "how long the answer took is not AWS's work"
    assert expected.first_poll_delay("c", 60) is None, "only the first"


async def test_what_is_long_ago_or_was_not_followed_to_its_end_counts_no_more() -> None:
    expected = DurationEstimate()
    await lasts(expected, "short", 0.0)
    for number in range(REMEMBERED):
        await lasts(expected, str(number), 0.01)
    expected.first_poll_delay("failed", 60)
    expected.forget("failed")
    expected.ended("failed")
    assert expected.first_poll_delay("new", 60) == pytest.approx(0.01 * EARLY, abs=0.001)


async def test_an_outage_does_not_put_off_the_first_look_for_as_long() -> None:
    expected = DurationEstimate()
    await lasts(expected, "a", 0.2)
    assert expected.first_poll_delay("b", 0.05) == 0.05


async def test_around_the_end_of_a_recent_one_the_polls_are_close() -> None:
    expected = DurationEstimate()
    await lasts(expected, "a", 1.0)
    assert expected.next_poll_delay("b", 0.5, 60) is None, "it is not measured"
    expected.first_poll_delay("b", 60)
    assert expected.next_poll_delay("b", 0.5, 60) == pytest.approx(0.5, abs=0.02), "far from the end as always"
    assert not expected.is_near_end("b")
    assert expected.next_poll_delay("b", 5, 60) == pytest.approx(1 - NEAR, abs=0.03), "but not past the end"
    await asyncio.sleep(0.96)
    expected.polled("b")
    assert expected.is_near_end("b")
    delay = expected.next_poll_delay("b", 0.5, 60)
    assert delay is not None
    assert delay <= CLOSE_SECONDS + 0.01
    await asyncio.sleep(0.15)
    assert not expected.is_near_end("b")
    assert expected.next_poll_delay("b", 0.5, 60) == pytest.approx(0.5, abs=0.02), "late: as always"


async def test_a_close_poll_comes_at_the_moment_at_which_a_recent_one_had_ended() -> None:
    expected = DurationEstimate()
    first = await ended_after(expected, "a", 3.0)
    expected._begun["b"] = expected._looked["b"] = asyncio.get_running_loop().time() - (first - 0.12)
    expected.polled("b")
    assert expected.next_poll_delay("b", 0.5, 60) == pytest.approx(0.12, abs=0.02), "and not a moment before"


async def test_many_at_one_time_are_not_polled_closely() -> None:
    """Identity Center takes twenty calls a second."""
    expected = DurationEstimate()
    await ended_after(expected, "a", 3.0)
    for number in range(8):
        expected._begun[str(number)] = expected._looked[str(number)] = asyncio.get_running_loop().time() - 2.9
    expected.polled("0")
    assert expected.next_poll_delay("0", 0.5, 60) == pytest.approx(0.5, abs=0.02)


async def ended_after(expected: DurationEstimate, key: str, seconds: float) -> float:
    """As if it had been begun so long ago, without the wait."""
    expected.first_poll_delay(key, 60)
    expected._begun[key] -= seconds
    expected.polled(key)
    expected.ended(key)
    return expected._lasted[-1]


@pytest.mark.parametrize("standin_settings", [{"role_seconds": 0.6, "assignment_seconds": 0.6}])
@pytest.mark.parametrize("operator_settings", [settings(poll_seconds=0.05)])
async def test_what_was_seen_once_spares_looks_at_the_accounts_after_it(factory: Factory) -> None:
    process = await factory.start()
    looks = []
    for name in ("first", "second"):
        process.calls.clear()
        await process.drive_until_active(await factory.add(name))
        assigned = process.calls.count("sso:DescribeAccountAssignmentCreationStatus")
        looks.append((process.calls.count("sts:AssumeRole"), assigned))
    # Beside the looks, an account is entered once for the console and once for the deploy role.
    (first_role, first_assignment), (role, assignment) = [(roles - 2, assignments) for roles, assignments in looks]
    assert (first_role, first_assignment) > (6, 6)
    assert role <= first_role / 2
    assert assignment <= first_assignment / 2


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling"])
async def test_a_role_that_aws_would_not_tell_of_teaches_nothing_of_how_long_roles_take(
    factory: Factory, code: str
) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("sts:AssumeRole", "AccessDenied")
    await process.until("acme", lambda each: is_true(each.status.conditions, "InCustomersOU"))
    process.before_call = refusal("sts:AssumeRole", code, times=3)
    await process.until("acme")
    learnt = process.deps.role_duration.first_poll_delay("next", 60)
    assert (learnt is None) == (code == "Throttling")


async def test_after_an_outage_amid_the_wait_the_whole_of_it_is_not_waited_for_again(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    expected, asked = process.deps.role_duration, list[str]()
    first_look = expected.first_poll_delay

    def noted(key: str, longest: float) -> float | None:
        asked.append(key)
        return first_look(key, longest)

    expected.first_poll_delay = noted  # type: ignore[method-assign]
    for code in ("AccessDenied", "Throttling", "AccessDenied"):
        process.calls.clear()
        process.before_call = refusal("sts:AssumeRole", code)
        await process.until("acme", lambda _: "sts:AssumeRole" in process.calls)
    assert len(asked) == 1


@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 0.3}])
@pytest.mark.parametrize("operator_settings", [settings(retained_access="remove")])
async def test_an_assignment_that_is_taken_back_teaches_nothing_of_how_long_one_takes(factory: Factory) -> None:
    account = await factory.add()
    process = await factory.start()
    await process.until("acme", lambda each: each.status.sso_assignment_request_id is not None)
    await factory.change(suspended=True)
    assert (await process.until("acme")).status.phase == "suspended"
    process.deps.assignment_duration.ended(account.metadata.uid)
    assert process.deps.assignment_duration.first_poll_delay("next", 60) is None
