"""What is shown of accounts follows the objects in the cache: never what was there before under the same name."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from batteries_apiserver.cache.object_store import ObjectStore
from batteries_apiserver.projections.serialized import SerializedAccounts
from batteries_crds.aws_account import AwsAccount

NAME = "5b8a54a8-1111-4c11-8a11-0123456789ab"
OTHER = NAME.replace("5", "4")

Listed = Callable[..., list[tuple[str, str]]]


def account(version: int, phase: str, *, second: int = 1, owner: str = "c", **metadata: Any) -> AwsAccount:
    metadata = {"name": NAME, "namespace": "n", "uid": "first", "resourceVersion": str(version), **metadata}
    metadata["creationTimestamp"] = f"2026-11-24T08:00:{second:02d}Z"
    spec = {"customerRef": {"name": owner}}
    return AwsAccount.model_validate({"metadata": metadata, "spec": spec, "status": {"phase": phase}})


def owner_of(item: AwsAccount) -> tuple[str, ...]:
    return (item.spec.customer_ref.name,) if item.spec.customer_ref else ()


@pytest.fixture
def shown() -> SerializedAccounts:
    return SerializedAccounts()


@pytest.fixture
def store(shown: SerializedAccounts) -> ObjectStore[AwsAccount]:
    """The cache that it follows, as in the program."""
    store = ObjectStore({"owner": owner_of})
    store.listeners.append(shown.observe)
    return store


@pytest.fixture
def listed(shown: SerializedAccounts, store: ObjectStore[AwsAccount]) -> Listed:
    """Tag and status of each account in a customer's list."""

    def listed(owner: str = "c") -> list[tuple[str, str]]:
        tag, body = shown.whole_list(owner, lambda: store.find("owner", owner))
        return [(tag, one["status"]) for one in orjson.loads(body)["accounts"]]

    return listed


def in_order(shown: SerializedAccounts) -> list[tuple[str, str]]:
    """Uid and status of each account in the administrators' list."""
    return [(each.account.metadata.uid, orjson.loads(each.detail())["status"]) for each in shown.after(None)]


def is_kept(shown: SerializedAccounts, item: AwsAccount) -> bool:
    return shown.of(item) is shown.of(item)


@pytest.mark.parametrize("second", [1, 2], ids=["within the same second", "later"])
@pytest.mark.parametrize("deletion", ["seen", "missed"])
def test_an_account_made_again_under_its_name_is_shown_and_not_the_one_before(
    shown: SerializedAccounts, store: ObjectStore[AwsAccount], listed: Listed, second: int, deletion: str
) -> None:
    first, again = account(7, "active"), account(9, "pending", second=second, uid="second")
    store.store(first)
    [(tag, _)] = listed()
    if deletion == "seen":
        store.remove(first.key)
    store.store(again)
    assert in_order(shown) == [("second", "pending")]
    assert shown.of(again).account is again
    assert (is_kept(shown, again), is_kept(shown, first)) == (True, False)
    [(new_tag, status)] = listed()
    assert (status, new_tag != tag, shown.of(again).tag != shown.of(first).tag) == ("pending", True, True)


def test_another_object_is_shown_as_it_is_whatever_its_version_says(
    shown: SerializedAccounts, store: ObjectStore[AwsAccount]
) -> None:
    """As after a restore of etcd, when versions begin again lower."""
    store.store(account(7, "active"))
    assert orjson.loads(shown.of(account(7, "failed")).detail())["status"] == "failed"


def test_the_tag_tells_two_of_one_name_and_one_version_apart(shown: SerializedAccounts) -> None:
    assert shown.of(account(7, "active")).tag != shown.of(account(7, "active", uid="second")).tag


def test_a_changed_account_is_shown_changed(
    shown: SerializedAccounts, store: ObjectStore[AwsAccount], listed: Listed
) -> None:
    before, after = account(7, "creating"), account(8, "active")
    store.store(before)
    [(tag, _)], old = listed(), shown.of(before)
    store.store(after)
    assert [status for _, status in listed()] == ["active"]
    assert in_order(shown) == [("first", "active")]
    assert orjson.loads(shown.of(after).admin_detail())["status"] == "active"
    assert (is_kept(shown, after), is_kept(shown, before)) == (True, False)
    assert (shown.of(after).tag != old.tag, listed()[0][0] != tag) == (True, True)
    assert orjson.loads(shown.of(before).detail())["status"] == "creating", "who holds the old one is shown that"


def test_an_account_that_is_listed_again_unchanged_is_kept_as_the_new_object(
    shown: SerializedAccounts, store: ObjectStore[AwsAccount], listed: Listed
) -> None:
    store.store(account(7, "active"))
    before, again = listed(), account(7, "active")
    store.replace(again)
    assert is_kept(shown, again), "else each read after a new list would make it anew"
    assert (listed(), in_order(shown)) == (before, [("first", "active")])


def test_a_forgotten_account_is_dropped_and_those_beside_it_stay(
    shown: SerializedAccounts, store: ObjectStore[AwsAccount], listed: Listed
) -> None:
    one, other = account(7, "active"), account(8, "failed", name=OTHER, uid="other")
    store.store(one)
    store.store(other)
    assert len(listed()) == len(in_order(shown)) == 2
    store.remove(one.key)
    assert ([status for _, status in listed()], in_order(shown)) == (["failed"], [("other", "failed")])
    assert (is_kept(shown, one), is_kept(shown, other)) == (False, True)
    store.remove(other.key)
    assert (listed(), in_order(shown)) == ([], [])


def test_an_account_that_gets_another_owner_leaves_the_list_of_the_one_before(
    store: ObjectStore[AwsAccount], listed: Listed
) -> None:
    store.store(account(7, "active"))
    assert [len(listed(owner)) for owner in ("c", "d")] == [1, 0]
    store.store(account(8, "active", owner="d"))
    assert [len(listed(owner)) for owner in ("c", "d")] == [0, 1]


def test_the_place_of_an_account_made_again_is_that_of_its_new_age(
    shown: SerializedAccounts, store: ObjectStore[AwsAccount]
) -> None:
    store.store(account(7, "active", second=1))
    store.store(account(8, "active", second=2, name=OTHER, uid="other"))
    store.store(account(9, "pending", second=3, uid="second"))
    assert [uid for uid, _ in in_order(shown)] == ["other", "second"]
    [first, _] = shown.after(None)
    assert [each.account.metadata.uid for each in shown.after(first.sort_key)] == ["second"]
