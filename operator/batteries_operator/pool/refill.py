"""Whether a pool makes one more member now, and if not, why not and until when. Pure.

A pool must never replace in a loop what can't become ready. So it counts by intent: each member that it began to make,
and each that is there in whatever state, takes a place until it is claimed or gone. After a failure, which is a member
that broke or was deleted before it was ready, the next one is made an hour later and alone; after `maxBroken` in a row
none is made until somebody has looked. And no more are ever made in a day than the pool allows, whatever became of
them. All of this is in the pool's status, so that a restart forgets nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from batteries_crds.account_pool import FAILURE_LENGTH, AccountPoolSpec, AccountPoolStatus, PoolReason, Underway
from batteries_operator.pool.counts import Counts, MemberState

DAY = timedelta(days=1)

PAUSE = timedelta(hours=1)
"""Between a failure and the next member: what failed one would most likely fail the next."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a member under way was seen to be; `state` None: it was made, and is not there any more."""

    state: MemberState | None
    uid: str = ""
    why: str = ""
    """Why it is broken."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the pool has begun and what became of it: the part of its status that decides about the next member."""

    creations: tuple[datetime, ...] = ()
    underway: tuple[Underway, ...] = ()
    failures: int = 0
    failed_at: datetime | None = None
    last_failure: str | None = None

    @classmethod
    def of(cls, status: AccountPoolStatus, now: datetime) -> "Progress":
        """As it was written, without what is over.

        A time far ahead was written by a clock that was wrong, and counts from now: neither not at all nor for years.
        One that is a little ahead stays, in case the clock is wrong now.
        """
        creations = sorted(now if at > now + DAY else at for at in status.creations if at > now - DAY)
        failed_at = status.failed_at
        if failed_at is not None and failed_at > now + DAY:
            failed_at = now
        return cls(tuple(creations), tuple(status.underway), status.failures, failed_at, status.last_failure)

    def settled(self, seen: Mapping[str, Seen], now: datetime) -> "Progress":
        """With what became of those under way, by their names; each end is counted once.

        One that is not in `seen` is not known to have been made.
        """
        settled = replace(self, underway=())
        for each in self.underway:
            settled = settled._with(each, seen.get(each.name), now)
        return settled

    def _with(self, one: Underway, seen: Seen | None, now: datetime) -> "Progress":
        if seen is None:
            return self._still(one)
        match seen.state:
            case MemberState.READY | MemberState.STALE | MemberState.CLAIMED:
                return self.retried()
            case MemberState.PREPARING:
                return self._still(one, uid=seen.uid)
            case MemberState.BROKEN if one.broke:
                return self._still(one)
            case MemberState.BROKEN:
                return self.failed(f"{one.name} broke: {seen.why}", now)._still(one, uid=seen.uid, broke=True)
        if one.broke:  # counted when it broke; what broke it may last
            return replace(self, failed_at=now)
        return self.failed(f"{one.name} was deleted before it was ready.", now)

    def _still(self, one: Underway, **changes: object) -> "Progress":
        return replace(self, underway=(*self.underway, one.model_copy(update=changes)))

    def failed(self, what: str, now: datetime) -> "Progress":
        """With one more failure."""
        return replace(self, failures=self.failures + 1, failed_at=now, last_failure=what[:FAILURE_LENGTH])

    def retried(self) -> "Progress":
        """As if nothing had failed: one became ready, or somebody has looked. What broke is not followed any more."""
        going_on = tuple(each for each in self.underway if not each.broke)
        return replace(self, underway=going_on, failures=0, failed_at=None, last_failure=None)

    def let_down(self, now: datetime) -> "Progress":
        """A member was deleted that had been ready and was not any more: no failure of its making, but what was wrong
        with it may be wrong with the next.
        """
        return replace(self, failed_at=now)

    def without_unmade(self) -> "Progress":
        """Without those that were named and not made: fewer are wanted meanwhile."""
        return replace(self, underway=tuple(each for each in self.underway if each.uid is not None))

    def begun(self, name: str, now: datetime) -> "Progress":
        """With the intent to make one more."""
        one = Underway(name=name, at=now)
        return replace(self, creations=(*self.creations, now), underway=(*self.underway, one))


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about a pool, and why."""

    reason: PoolReason
    message: str
    until: datetime | None = None
    """When it is decided again, if nothing else happens; None if only something else can change it."""
    makes: bool = False

    @property
    def is_filled(self) -> bool:
        """Whether as many as wanted are ready."""
        return self.reason is PoolReason.FILLED

    @property
    def is_stalled(self) -> bool:
        """Whether no more are made until somebody has looked."""
        return self.reason is PoolReason.TOO_MANY_FAILURES


def decide(
    spec: AccountPoolSpec, counts: Counts, progress: Progress, now: datetime, *, customers_wait: bool
) -> Decision:
    """Whether one more is made, as far as the pool itself knows; AWS's quota is asked only after that."""
    ready = f"{counts[MemberState.READY]} of {spec.size} are ready"
    if counts[MemberState.READY] >= spec.size:
        return Decision(PoolReason.FILLED, _enough(counts[MemberState.READY], spec.size))
    if progress.failures >= spec.max_broken:
        return Decision(PoolReason.TOO_MANY_FAILURES, f"{ready}. {_failures(progress)}")
    at_once = 1 if progress.failures else spec.max_in_progress
    preparing = counts[MemberState.PREPARING]
    if counts.members >= spec.size or preparing >= at_once:
        return _taken(ready, counts)
    return _in_turn(spec, progress, now, ready, customers_wait=customers_wait)


def _enough(ready: int, size: int) -> str:
    """As many as wanted are ready, or more: a size was lowered, which deletes none."""
    if ready > size:
        are = "is" if ready == 1 else "are"
        return f"{ready} {are} ready, and spec.size is {size}: all are handed out, and no more are made."
    return f"{ready} of {size} are ready." if size else "None are wanted."


def _in_turn(spec: AccountPoolSpec, progress: Progress, now: datetime, ready: str, *, customers_wait: bool) -> Decision:
    """One is missing, and could be made if it is its turn."""
    made, most = progress.creations, spec.max_creations_per_day
    if len(made) >= most:
        until = made[len(made) - most] + DAY
        message = f"{ready}. {len(made)} were made in the last 24 hours, and spec.maxCreationsPerDay allows {most}."
        return Decision(PoolReason.DAILY_LIMIT_REACHED, message, until)
    if progress.failed_at is not None and now < progress.failed_at + PAUSE:
        until = progress.failed_at + PAUSE
        said = progress.last_failure or "A member was deleted while it was not ready."
        message = f"{ready}. The next is made an hour after the last failure, in case it would fail too. {said}"
        return Decision(PoolReason.PAUSED_AFTER_FAILURE, message, until)
    if customers_wait:
        message = f"{ready}. Customers wait for AWS to create their accounts, and come first."
        return Decision(PoolReason.CUSTOMERS_FIRST, message)
    return Decision(PoolReason.PREPARING, f"{ready}; more are being made.", makes=True)


def _taken(ready: str, counts: Counts) -> Decision:
    """None is missing, or enough are being made."""
    others = [
        f"{counts[state]} {word}"
        for state, word in (
            (MemberState.PREPARING, "being made"),
            (MemberState.STALE, "being brought up to date"),
            (MemberState.BROKEN, "broken"),
            (MemberState.DELETING, "being deleted"),
        )
        if counts[state]
    ]
    message = f"{ready}, {', '.join(others)}."
    if counts[MemberState.PREPARING]:
        return Decision(PoolReason.PREPARING, message)
    if counts[MemberState.BROKEN]:
        message += " A broken one keeps its place until you delete it: `kubectl get pooled -o wide` says what is wrong."
    return Decision(PoolReason.MEMBERS_NOT_READY, message)


def _failures(progress: Progress) -> str:
    number = progress.failures
    failed = (
        "The last member broke or was deleted before it was ready"
        if number == 1
        else f"The last {number} members in a row broke or were deleted before they were ready"
    )
    return (
        f"{failed}, so no more are made. The last: {progress.last_failure} "
        "Find out why, and then give the AccountPool's annotation aibatteriesincluded.com/retry a new value."
    )
