"""Which member is handed out next, and who is told that there is one."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.filling import condition

from batteries_crds.account_pool import AccountPool
from batteries_crds.base import to_rfc3339
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.pool.counts import MemberState, state_of, what_broke
from batteries_operator.pool.index import PoolIndex, PoolKey

START = datetime(2026, 1, 1, tzinfo=UTC)
READY = [condition("Ready"), condition("Provisioned")]
CLAIMED = {"name": "acme", "uid": "acme-uid", "accountId": "a", "at": to_rfc3339(START)}


def member(
    name: str,
    version: int = 1,
    age: int = 0,
    pool: str = "p",
    *,
    namespace: str = "n",
    deleted: bool = False,
    **status: Any,
) -> PooledAccount:
    meta: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"{namespace}-{name}", "generation": 1}
    meta |= {"resourceVersion": str(version), "creationTimestamp": to_rfc3339(START - timedelta(seconds=age))}
    meta |= {"deletionTimestamp": to_rfc3339(START)} if deleted else {}
    whole = {"observedGeneration": 1, **status}
    return PooledAccount.model_validate({"metadata": meta, "spec": {"poolRef": {"name": pool}}, "status": whole})


def ready(name: str, **more: Any) -> PooledAccount:
    return member(name, **{"conditions": READY, **more})


class World:
    """An index, accounts that wait, and those that were woken."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.woken: list[str] = []
        self.changed: list[str] = []
        self.outdated: set[str] = set()
        self.index = PoolIndex(self._is_current, self._queued, self.woken.append)
        self.index.on_change = lambda key: self.changed.append(str(key))

    def _is_current(self, each: PooledAccount) -> bool:
        return each.metadata.name not in self.outdated

    def _queued(self, namespace: str) -> Iterable[str]:
        return iter(self.waiting if namespace == "n" else [])

    def add(self, *members: PooledAccount) -> None:
        for each in members:
            self.index.seen(each)

    def next(self, uid: str, *tried: str, namespace: str = "n") -> str | None:
        found = self.index.reserve(namespace, uid, tried)
        return None if found is None else found.metadata.name


@pytest.fixture
def world() -> World:
    return World()


STATES: dict[str, tuple[PooledAccount, MemberState]] = {
    "new": (member("m"), MemberState.PREPARING),
    "ready": (ready("m"), MemberState.READY),
    "ready for an earlier spec": (ready("m", observedGeneration=0), MemberState.STALE),
    "not ready any more": (member("m", conditions=[condition("Ready", "False"), READY[1]]), MemberState.STALE),
    "never ready, and failed": (member("m", conditions=[condition("Stalled")]), MemberState.BROKEN),
    "ready, and failed": (ready("m", conditions=[*READY, condition("Stalled")]), MemberState.BROKEN),
    "deleted": (ready("m", deleted=True), MemberState.DELETING),
    "claimed": (ready("m", claimedBy=CLAIMED), MemberState.CLAIMED),
    "claimed and deleted": (ready("m", claimedBy=CLAIMED, deleted=True), MemberState.CLAIMED),
}


@pytest.mark.parametrize("case", STATES)
def test_a_member_is_handed_out_only_when_it_is_ready(world: World, case: str) -> None:
    each, state = STATES[case]
    world.add(each)
    assert world.index.of(PoolKey("n", "p"))["n-m"].state is state
    is_free = state is MemberState.READY
    assert (world.next("a"), world.index.is_ready(each)) == ("m" if is_free else None, is_free)


def test_a_member_with_a_pending_step_is_not_handed_out(world: World) -> None:
    world.outdated.add("m")
    world.add(ready("m"))
    assert (world.next("a"), world.index.is_ready(ready("m"))) == (None, False)
    assert state_of(ready("m"), lambda each: False) is MemberState.STALE


def test_the_oldest_is_handed_out_first_whichever_pool_it_is_in(world: World) -> None:
    world.add(ready("young", age=1), ready("old", age=9, pool="q"), ready("middle", age=5))
    assert [world.next(uid) for uid in ("a", "b", "c", "d")] == ["old", "middle", "young", None]


def test_who_asks_again_gets_the_same_one_and_may_try_another(world: World) -> None:
    world.add(ready("1", age=2), ready("2", age=1))
    assert [world.next("a"), world.next("a"), world.next("b")] == ["1", "1", "2"]
    assert world.next("a", "n-1") is None, "the other one is somebody else's"
    world.index.unreserve("b")
    assert [world.next("a", "n-1"), world.next("b")] == ["2", "1"]


def test_a_member_of_another_namespace_is_nobodys_here(world: World) -> None:
    world.add(ready("1", namespace="other"))
    assert (world.next("a"), world.next("b", namespace="other")) == (None, "1")


def test_a_member_that_is_claimed_or_gone_is_not_handed_out_again(world: World) -> None:
    world.add(ready("1", age=2), ready("2", age=1))
    assert world.next("a") == "1"
    world.add(ready("1", version=2, claimedBy=CLAIMED))
    assert world.next("a") == "2"
    taken = world.index.taken_by("acme-uid")
    assert taken is not None
    assert taken.metadata.name == "1"
    world.index.forget("n-1")
    world.index.forget("n-2")
    assert (world.next("a"), world.index.taken_by("acme-uid"), world.index.is_used) == (None, None, False)


def test_an_event_that_comes_late_changes_nothing(world: World) -> None:
    world.add(ready("1", version=7, claimedBy=CLAIMED), ready("1", version=6))
    assert world.next("a") is None


def test_as_many_are_woken_as_there_are_ready_members(world: World) -> None:
    world.waiting = ["a", "b", "c"]
    world.add(ready("1"))
    assert world.woken == ["a"]
    world.woken.clear()
    world.add(ready("2"))
    assert world.woken == ["a", "b"], "the first may not have come yet"
    world.woken.clear()
    world.add(ready("2", version=2), ready("3", namespace="other"), member("4"))
    assert world.woken == [], "nothing has become ready here"


def test_who_does_not_want_its_member_leaves_it_to_the_next(world: World) -> None:
    world.add(ready("1"))
    assert world.next("a") == "1"
    world.waiting = ["a", "b"]
    world.index.unreserve("a")
    assert world.woken == ["b"]
    assert world.next("b") == "1"
    world.index.unreserve("nobody")
    world.index.reservations.forget("b")
    assert world.next("c") == "1"


def test_what_was_given_back_is_tried_last_until_it_is_seen_again(world: World) -> None:
    """Most often it was claimed, and the watch has not shown it yet."""
    world.add(ready("1", age=3), ready("2", age=2), ready("3", age=1))
    world.next("a")
    world.index.unreserve("a")
    assert [world.next(uid) for uid in ("b", "c", "d", "e")] == ["2", "3", "1", None]
    world.add(ready("1", age=3, version=2))
    for uid in ("b", "c", "d"):
        world.index.reservations.forget(uid)
    assert world.next("f") == "1"


def test_a_pool_alone_makes_pools_used(world: World) -> None:
    assert not world.index.is_used
    pool = AccountPool.model_validate({"metadata": {"name": "p", "uid": "u"}, "spec": {"size": 0}})
    world.index.pool_seen(pool)
    assert world.index.is_used
    world.index.forget("u")
    assert not world.index.is_used


def test_a_list_shows_what_a_watch_has_missed(world: World) -> None:
    world.add(ready("1"), ready("2"))
    before = set(world.index.of(PoolKey("n", "p")))
    world.add(ready("3"))  # made while the list was read
    world.index.listed(before, [ready("2", version=9, claimedBy=CLAIMED), ready("4")])
    states = {uid: each.state.value for uid, each in world.index.of(PoolKey("n", "p")).items()}
    assert states == {"n-2": "claimed", "n-3": "ready", "n-4": "ready"}


def test_a_change_of_state_is_told_once(world: World) -> None:
    world.add(member("1"), member("1", version=2), ready("1", version=3), ready("1", version=4))
    assert world.changed == ["n/p", "n/p"]
    world.index.forget("n-1")
    world.index.forget("n-1")
    assert len(world.changed) == 3


LET_DOWN: dict[str, tuple[PooledAccount, bool]] = {
    "broken": (ready("1", conditions=[*READY, condition("Stalled")]), True),
    "stale": (ready("1", observedGeneration=0), True),
    "ready": (ready("1"), False),
    "preparing": (member("1"), False),
}


@pytest.mark.parametrize("case", LET_DOWN)
def test_the_pool_learns_that_a_member_was_deleted_that_was_not_ready_any_more(world: World, case: str) -> None:
    before, expected = LET_DOWN[case]
    world.add(before, ready("1", version=2, deleted=True))
    assert (PoolKey("n", "p") in world.index.let_down) is expected


def test_members_without_an_aws_account_are_counted_while_they_are_wanted(world: World) -> None:
    world.add(member("1"), member("2", awsAccountId="123456789012"), member("3", deleted=True))
    assert world.index.without_account() == 1


def test_two_thousand_members_are_taken_in_and_handed_out_quickly(world: World) -> None:
    world.waiting = [str(number) for number in range(50)]
    looks = [0]

    def queued(namespace: str) -> Iterable[str]:
        looks[0] += 1
        return iter(world.waiting)

    world.index._queued = queued
    world.add(*(ready(str(number), age=number) for number in range(2000)))
    assert [world.next(f"a-{number}") for number in range(3)] == ["1999", "1998", "1997"]
    assert looks[0] == 2000, "one look at the queue for each"


def test_of_a_member_only_a_part_is_kept_and_why_it_broke(world: World) -> None:
    world.add(ready("1"), ready("2", conditions=[*READY, condition("Stalled", message="Somebody was in it.")]))
    kept = {uid: each.member for uid, each in world.index.of(PoolKey("n", "p")).items()}
    assert kept["n-1"].status.conditions == []
    assert what_broke(kept["n-2"]) == "Somebody was in it."
