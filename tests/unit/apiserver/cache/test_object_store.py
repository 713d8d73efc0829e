"""The objects in memory: what their indexes find after each change, and who is told of it."""

from typing import Any

import pytest

from batteries_apiserver.cache.object_store import ObjectStore
from batteries_crds.customer import Customer

Heard = list[tuple[Customer | None, Customer | None]]


def customer(name: str, version: int, email: str = "a@example.com", **metadata: Any) -> Customer:
    metadata = {"name": name, "namespace": "n", "resourceVersion": str(version), **metadata}
    return Customer.model_validate({"metadata": metadata, "spec": {"email": email}})


def email(item: Customer) -> tuple[str, ...]:
    return (item.spec.email,)


def parts(item: Customer) -> list[str]:
    """Several strings, the same one twice where the address has it twice."""
    return item.spec.email.split("@")


def at_work(item: Customer) -> tuple[str, ...]:
    """None for many."""
    return ("work",) if item.spec.email.endswith("@work") else ()


@pytest.fixture
def store() -> ObjectStore[Customer]:
    return ObjectStore({"email": email, "part": parts, "work": at_work})


@pytest.fixture
def heard(store: ObjectStore[Customer]) -> Heard:
    told: Heard = []
    store.listeners.append(lambda before, after: told.append((before, after)))
    return told


def test_an_object_is_found_by_its_name_and_by_all_that_it_is_indexed_by(store: ObjectStore[Customer]) -> None:
    one, other = customer("one", 1, "a@home"), customer("other", 2, "b@work")
    store.store(one)
    store.store(other)
    assert (store.get("n/one"), store.get("n/other"), store.get("n/nobody"), len(store)) == (one, other, None, 2)
    assert (store.find("part", "home"), store.find("part", "b"), store.find("part", "c")) == ([one], [other], [])
    assert store.find("work", "work") == [other]
    assert store.all() == [one, other]


def test_a_changed_object_is_found_by_what_it_has_now_and_no_more_by_what_it_had(store: ObjectStore[Customer]) -> None:
    store.store(customer("one", 1, "old@work"))
    now = customer("one", 2, "new@work")
    store.store(now)
    assert (store.find("email", "old@work"), store.find("part", "old")) == ([], [])
    assert [*store.find("email", "new@work"), *store.find("part", "new")] == [now, now]
    [shared] = store.find("part", "work")
    assert shared is now, "also where the value is the same, it finds the new object"
    gone_home = customer("one", 3, "new@home")
    store.store(gone_home)
    assert (store.find("work", "work"), store.find("part", "new"), len(store)) == ([], [gone_home], 1)


def test_a_removed_object_is_found_by_nothing_and_leaves_those_beside_it(store: ObjectStore[Customer]) -> None:
    one, other = customer("one", 1, "a@work"), customer("other", 2, "a@work")
    store.store(one)
    store.store(other)
    store.remove("n/one")
    assert (store.get("n/one"), store.all(), len(store)) == (None, [other], 1)
    assert [*store.find("email", "a@work"), *store.find("part", "a"), *store.find("work", "work")] == [other] * 3
    again = customer("one", 3, "a@home")
    store.store(again)
    assert (store.find("part", "a"), store.find("email", "a@work")) == ([other, again], [other])


def test_an_object_that_has_a_value_twice_is_found_once_and_goes_whole(store: ObjectStore[Customer]) -> None:
    twice = customer("one", 1, "a@a")
    store.store(twice)
    assert store.find("part", "a") == [twice]
    store.remove("n/one")
    assert store.find("part", "a") == []


@pytest.mark.parametrize("version", [8, 9], ids=["older", "the same"])
def test_what_is_not_newer_is_not_stored(store: ObjectStore[Customer], heard: Heard, version: int) -> None:
    newest = customer("one", 9, "new@work")
    store.store(newest)
    heard.clear()
    store.store(customer("one", version, "old@home"))
    assert (store.get("n/one"), store.find("part", "new"), store.find("part", "old")) == (newest, [newest], [])
    assert heard == []


def test_versions_are_compared_as_numbers(store: ObjectStore[Customer]) -> None:
    store.store(customer("one", 9, "old@work"))
    store.store(customer("one", 10, "new@work"))
    assert store.find("part", "old") == []


def test_replacing_takes_an_older_version_too(store: ObjectStore[Customer], heard: Heard) -> None:
    newer, older = customer("one", 9, "new@work"), customer("one", 3, "old@home")
    store.store(newer)
    store.replace(older)
    assert (store.get("n/one"), store.find("part", "new"), store.find("part", "old")) == (older, [], [older])
    assert heard == [(None, newer), (newer, older)]


def test_each_listener_hears_of_each_change_once_and_of_nothing_else(
    store: ObjectStore[Customer], heard: Heard
) -> None:
    also: Heard = []
    store.listeners.append(lambda before, after: also.append((before, after)))
    first, second = customer("one", 1, "a@a"), customer("one", 2, "b@work")
    store.store(first)
    store.store(second)
    store.remove("n/one")
    store.remove("n/one")
    store.remove("n/nobody")
    assert heard == also == [(None, first), (first, second), (second, None)]


def test_listeners_hear_of_a_change_after_it_is_done(store: ObjectStore[Customer]) -> None:
    seen: list[tuple[int, list[Customer], list[Customer]]] = []
    store.listeners.append(lambda *_: seen.append((len(store), store.find("part", "old"), store.find("part", "new"))))
    old, new = customer("one", 1, "old@work"), customer("one", 2, "new@work")
    store.store(old)
    store.store(new)
    store.remove("n/one")
    assert seen == [(1, [old], []), (1, [], [new]), (0, [], [])]


def test_the_same_name_in_another_namespace_is_another_object(store: ObjectStore[Customer]) -> None:
    here, there = customer("one", 5), customer("one", 3, namespace="o")
    store.store(here)
    store.store(there)
    assert (store.get("n/one"), store.get("o/one")) == (here, there)
    store.remove("n/one")
    assert store.find("email", "a@example.com") == [there]


def test_what_was_found_can_be_gone_through_while_it_changes(store: ObjectStore[Customer]) -> None:
    for number in range(3):
        store.store(customer(str(number), number))
    for found in (store.all(), store.find("email", "a@example.com")):
        for item in found:
            store.remove(item.key)
            store.store(customer(f"new-{item.metadata.name}", 9))
    assert len(store) == 3


def test_values_that_nobody_has_any_more_take_no_room(store: ObjectStore[Customer]) -> None:
    for number in range(1, 4):
        store.store(customer("one", number, f"{number}@work"))
    assert store._found["email"].keys() == {"3@work"}
    store.remove("n/one")
    assert not any(store._found.values())
