"""What is kept of an account in memory answers as the whole account would."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from batteries_apiserver.cache.trimmed import trimmed_account
from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.admin_account_views import for_admins
from batteries_apiserver.projections.event_log import EventLog
from batteries_apiserver.projections.serialized import SerializedAccount, SerializedAccounts
from batteries_crds.aws_account import AwsAccount

NAME = "5b8a54a8-1111-4c11-8a11-0123456789ab"
EVENTS = [
    {"timestamp": "2026-11-24T08:00:01Z", "step": "create_account", "status": "started"},
    {"timestamp": "2026-11-24T08:00:02.5Z", "step": "create_account", "status": "succeeded", "detail": "Asked."},
    {"timestamp": "2026-11-24T08:00:03Z", "step": "check_status", "status": "failed", "error": 'A "quoted" é.'},
]
CONDITIONS = [
    {
        "type": kind,
        "status": "True",
        "reason": "Done",
        "message": "It is.",
        "lastTransitionTime": f"2026-11-24T08:00:0{number}Z",
        "observedGeneration": 1,
    }
    for number, kind in enumerate(("Ready", "Provisioned"))
]


def account(name: str = NAME, version: int = 7, **status: Any) -> AwsAccount:
    metadata = {
        "name": name,
        "namespace": "n",
        "uid": f"uid-of-{name}",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": "2026-11-24T08:00:00Z",
        "annotations": {"big": "x" * 1000},
    }
    spec = {"customerRef": {"name": "c"}, "githubRepos": ["o/r"]}
    whole = {"observedGeneration": 1, "history": EVENTS, "conditions": CONDITIONS, **status}
    return AwsAccount.model_validate({"metadata": metadata, "spec": spec, "status": whole})


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "active", "provisioningStep": "complete", "awsAccountId": "123456789012", "owner": "a@example.com"},
        {"phase": "creating", "provisioningStep": "create_account"},
        {"phase": "failed", "error": 'Ask "AWS" for more.'},
        {"history": [], "conditions": []},
    ],
    ids=["active", "creating", "failed", "new"],
)
def test_it_is_shown_as_the_whole_would_be(status: dict[str, Any]) -> None:
    whole, shown = account(**status), SerializedAccount(trimmed_account(account(**status)))
    assert orjson.loads(shown.summary) == account_views.summary(whole)
    assert orjson.loads(shown.detail()) == account_views.detail(whole)
    assert orjson.loads(shown.admin_detail()) == {**account_views.detail(whole), **for_admins(whole)}
    assert list(orjson.loads(shown.detail())) == list(account_views.detail(whole))


def test_its_events_and_conditions_read_as_lists_and_its_annotations_are_gone() -> None:
    whole, small = account(), trimmed_account(account())
    history = small.status.history
    assert list(history) == whole.status.history
    assert [*history[1:]] == whole.status.history[1:]
    assert (history[-1], len(history), next(iter(reversed(history)))) == (EVENTS_LAST, 3, EVENTS_LAST)
    assert [each.last_transition_time for each in small.status.conditions] == [
        datetime(2026, 11, 24, 8, 0, second, tzinfo=UTC) for second in (0, 1)
    ]
    assert small.metadata.annotations == {}
    assert whole.metadata.annotations, "the object that was given is left as it is"


EVENTS_LAST = account().status.history[-1]


def test_another_version_than_the_cache_has_is_shown_as_itself() -> None:
    accounts, old = SerializedAccounts(), trimmed_account(account(phase="creating"))
    accounts.observe(None, old)
    assert accounts.of(old) is accounts.of(old)
    new = account(version=8, phase="active")
    assert orjson.loads(accounts.of(new).detail())["status"] == "active"
    accounts.observe(old, new)
    assert orjson.loads(next(accounts.after(None)).detail())["status"] == "active"


def test_a_customers_list_is_made_anew_when_one_of_its_accounts_changes_comes_or_goes() -> None:
    held: dict[str, AwsAccount] = {}
    accounts, made = SerializedAccounts(), 0

    def change(after: AwsAccount | None, name: str = NAME) -> None:
        before = held.pop(name, None)
        if after is not None:
            held[name] = after
        accounts.observe(before, after)

    def find() -> list[AwsAccount]:
        nonlocal made
        made += 1
        return list(held.values())

    def listed() -> list[tuple[str, str]]:
        _, body = accounts.whole_list("c", find)
        assert accounts.whole_list("c", find) == accounts.whole_list("c", find)
        return [(one["accountId"], one["status"]) for one in orjson.loads(body)["accounts"]]

    other, tags = NAME.replace("5", "4"), set()
    for after, name in ((account(phase="creating"), NAME), (account(version=8, phase="active"), NAME)):
        change(trimmed_account(after), name)
        assert listed() == [(NAME, after.status.phase)]
        tags.add(accounts.whole_list("c", find)[0])
    change(trimmed_account(account(other, phase="failed")), other)
    assert listed() == [(other, "failed"), (NAME, "active")]
    change(None)
    assert listed() == [(other, "failed")]
    assert (made, len(tags)) == (4, 2)


def test_what_goes_while_a_long_list_is_sent_is_left_out() -> None:
    accounts, events = SerializedAccounts(), EventLog()
    one, other = (trimmed_account(account(name)) for name in (NAME, NAME.replace("5", "6")))
    for listener in (accounts, events):
        listener.observe(None, one)
        listener.observe(None, other)
    shown, found = accounts.after(None), events.find()
    accounts.observe(one, None)
    events.observe(one, None)
    assert [each.account.key for each in shown] == [other.key]
    assert [entry.event["accountId"] for entry in found] == [str(other.account_id)] * 3
