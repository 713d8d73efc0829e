"""A process of the operator: when it leads and works, and what it does when the Lease is lost or it is stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.factory import settings

from batteries_operator.cli import run
from batteries_operator.cli.run import DRAIN_SECONDS, UndrainedError
from batteries_operator.runtime.health import Health
from batteries_operator.runtime.leader_election import NotLeadingError


class Lease:
    """A Lease that is had at once, or never, and is lost when the test says so."""

    def __init__(self, *, free: bool = True) -> None:
        self.lost, self.is_free, self.releases = asyncio.Event(), free, 0

    async def acquire(self) -> None:
        await asyncio.sleep(0 if self.is_free else 1e6)

    async def hold(self) -> None:
        await self.lost.wait()

    async def release(self) -> None:
        self.releases += 1

    def require(self) -> None:
        """Nothing is refused here."""


def working(monkeypatch: pytest.MonkeyPatch, work: Callable[[asyncio.Event], Awaitable[None]]) -> list[float | None]:
    """In the place of the work; the seconds within which the process was to be ended."""
    deadlines: list[float | None] = []
    monkeypatch.setattr(run, "_work", lambda settings, health, require, stop: work(stop))
    monkeypatch.setattr(run, "end_within", deadlines.append)
    return deadlines


async def lead(lease: Lease, stop: asyncio.Event) -> None:
    await run._lead(cast(Any, lease), settings(), Health(), stop)


async def test_work_that_ends_releases_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(stop: asyncio.Event) -> None:
        await stop.wait()

    deadlines, lease, stop = working(monkeypatch, work), Lease(), asyncio.Event()
    leading = asyncio.create_task(lead(lease, stop))
    await asyncio.sleep(100)
    assert (leading.done(), lease.releases) == (False, 0)
    stop.set()
    await leading
    assert (lease.releases, deadlines) == (1, [])


@pytest.mark.parametrize(("error", "releases"), [(LookupError(), 1), (UndrainedError(), 0)])
async def test_work_that_fails_is_told_and_keeps_the_lease_only_while_aws_may_be_at_work(
    monkeypatch: pytest.MonkeyPatch, error: Exception, releases: int
) -> None:
    async def work(stop: asyncio.Event) -> None:
        raise error

    working(monkeypatch, work)
    lease = Lease()
    with pytest.raises(type(error)):
        await lead(lease, asyncio.Event())
    assert lease.releases == releases


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_lost_lease_cancels_the_work_releases_nothing_and_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    cancelled: list[float] = []
    clock = asyncio.get_running_loop().time

    async def work(stop: asyncio.Event) -> None:
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            cancelled.append(clock())
            if hangs:
                await asyncio.sleep(1e6)
            raise

    deadlines, lease = working(monkeypatch, work), Lease()
    leading = asyncio.create_task(lead(lease, asyncio.Event()))
    await asyncio.sleep(100)
    lease.lost.set()
    with pytest.raises(NotLeadingError, match="was lost; another operator may lead"):
        await leading
    assert len(cancelled) == 1
    assert lease.releases == 0
    assert deadlines == [run.STOP_SECONDS + DRAIN_SECONDS]
    waited = clock() - cancelled[0]
    assert (waited == pytest.approx(run.STOP_SECONDS, abs=0.1)) if hangs else (waited < 0.1)


async def test_who_is_stopped_while_it_stands_by_works_never_and_releases_what_it_may_have_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work(stop: asyncio.Event) -> None:
        raise AssertionError("it never led")

    working(monkeypatch, work)
    lease, stop = Lease(free=False), asyncio.Event()
    leading = asyncio.create_task(lead(lease, stop))
    await asyncio.sleep(100)
    assert not leading.done()
    stop.set()
    await leading
    assert lease.releases == 1


class Controller:
    """What `_work` opens and closes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, closes_in: float = 0, recovers_in: float = 0) -> None:
        self.closed, self.served, self.closes_in = 0, 0, closes_in
        self.accounts, self.deps, self.recovered = "accounts", None, list[str]()

        async def opened(*_: Any) -> "Controller":
            return self

        async def recovered(whose: str, *_: Any) -> None:
            await asyncio.sleep(recovers_in)
            self.recovered.append(whose)

        async def served(*_: Any) -> None:
            self.served += 1

        monkeypatch.setattr(run, "Controller", SimpleNamespace(open=opened))

        async def primed(*_: Any) -> None:
            self.recovered.append("pools")

        monkeypatch.setattr(run, "recover_slots", recovered)
        monkeypatch.setattr(run, "prime", primed)
        monkeypatch.setattr(run, "members_in", lambda _: "members")
        monkeypatch.setattr(run, "_serve", served)

    async def close(self) -> None:
        await asyncio.sleep(self.closes_in)
        self.closed += 1


async def test_the_slots_are_recovered_before_the_first_account_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    made, stop = Controller(monkeypatch, recovers_in=50, closes_in=DRAIN_SECONDS - 1), asyncio.Event()
    work = asyncio.create_task(run._work(settings(), Health(), None, stop))
    await asyncio.sleep(99)
    assert made.served == 0
    await work
    assert made.recovered == ["accounts", "members", "pools"]
    assert (made.served, made.closed) == (1, 1)


async def test_who_is_stopped_before_serves_nothing_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    made, stop = Controller(monkeypatch, recovers_in=50), asyncio.Event()
    stop.set()
    await run._work(settings(), Health(), None, stop)
    assert (made.served, made.closed) == (0, 1)


async def test_aws_calls_that_do_not_end_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Controller(monkeypatch, closes_in=DRAIN_SECONDS + 1)
    with pytest.raises(UndrainedError, match="the Lease was not released; it expires by itself"):
        await run._work(settings(), Health(), None, asyncio.Event())
    assert (made.served, made.closed) == (1, 0)


def test_the_lease_is_the_one_of_the_settings_and_each_process_has_a_name_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    named = run._lease(
        settings(lease_namespace="ns", lease_name="the-lease", lease_identity="me", lease_seconds=9), cast(Any, None)
    )
    assert (named._namespace, named._name, named._identity, named._seconds) == ("ns", "the-lease", "me", 9)
    monkeypatch.setattr(run, "_POD_NAMESPACE", tmp_path / "namespace")
    one, other = (run._lease(settings(), cast(Any, None)) for _ in range(2))
    assert one._identity != other._identity
    assert one._namespace == "default"
    (tmp_path / "namespace").write_text("of-the-pod")
    assert run._lease(settings(), cast(Any, None))._namespace == "of-the-pod"
