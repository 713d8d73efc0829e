"""The headers that make a request safe to repeat, cheap to poll and quick to answer."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from batteries_apiserver.accounts.bodies import NewAccount
from batteries_apiserver.accounts.prefer_wait import _preferred_seconds, is_settled
from batteries_apiserver.cache.changes import AccountChanges
from batteries_apiserver.http.cursors import cursor_of, sort_key_in
from batteries_apiserver.http.entity_tags import combined, not_modified, tag_of
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.idempotency import derived_name, fingerprint, idempotency_key
from batteries_apiserver.http.paging import PageQuery, links, page, sort_key, start_of
from batteries_apiserver.projections.account_views import own_sort_key, own_sort_key_of, sort_key_of
from batteries_apiserver.projections.message import message
from batteries_apiserver.settings import SETTINGS, Settings
from batteries_crds.aws_account import AwsAccount


def request(*headers: tuple[str, str], path: str = "/v1/accounts") -> Any:
    from multidict import CIMultiDict

    app = web.Application()
    app[SETTINGS] = Settings(namespace="n")
    return make_mocked_request("GET", path, headers=CIMultiDict(headers), app=app)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        ('"a \\"b\\" \\\\"', 'a "b" \\'),
        ("8e03978e-40d5", "8e03978e-40d5"),
        ("a" * 255,) * 2,
    ],
)
def test_an_idempotency_key_may_be_quoted_or_bare(given: str, key: str) -> None:
    assert idempotency_key(request(("Idempotency-Key", given))) == key


@pytest.mark.parametrize("given", ["", '""', '"', '"a', "ä", "a" * 256, '"a\\b"', "a\tb"])
def test_what_is_no_idempotency_key_is_refused(given: str) -> None:
    with pytest.raises(BadRequest):
        idempotency_key(request(("Idempotency-Key", given)))


def test_two_idempotency_keys_are_refused_and_none_is_none() -> None:
    with pytest.raises(BadRequest):
        idempotency_key(request(("Idempotency-Key", "a"), ("Idempotency-Key", "a")))
    assert idempotency_key(request()) is None


def test_names_differ_by_customer_key_and_kind_and_fingerprints_by_what_is_asked() -> None:
    names = {derived_name(k, c, i) for k in ("account", "key") for c in ("c", "d") for i in ("1", "2")}
    assert len(names) == 8
    assert fingerprint(NewAccount()) == fingerprint(NewAccount(github_repos=[]))
    assert fingerprint(NewAccount(github_repos=["o/r"])) != fingerprint(NewAccount())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("respond-async, wait=5", 5),
        ("WAIT = 7; foo", 7),
        ('wait="3"', 3),
        ("wait=0", 0),
        ("wait=1, wait=9", 1),
        ("wait=5;a=b, return=minimal", 5),
        ('odd="a, wait=1; \\" wait=2", wait=6', 6),
        ("", None),
        ("await=3", None),
        ("odd; wait=3", None),  # a parameter of another preference
        ('odd="wait=3', None),
    ],
)
def test_prefer_wait_is_read_as_rfc_7240_has_it(header: str, seconds: int | None) -> None:
    assert _preferred_seconds(request(("Prefer", header))) == seconds


@pytest.mark.parametrize(
    "header", ["wait", "wait=", "wait=abc", "wait=-1", "wait=1.5", "wait=٣", 'wait=""', "wait=abc, wait=5", "wait=5s"]
)
def test_a_wait_that_is_no_number_of_seconds_is_none_at_all_and_not_unsaid(header: str) -> None:
    assert _preferred_seconds(request(("Prefer", header))) == 0


def test_a_wait_in_several_headers_counts_once_and_the_longest_number_is_a_number() -> None:
    assert _preferred_seconds(request(("Prefer", "respond-async"), ("Prefer", "wait=4"), ("Prefer", "wait=9"))) == 4
    assert (_preferred_seconds(request(("Prefer", "wait=" + "9" * 400))) or 0) > 10**6


def account(generation: int = 1, observed: int = 1, **status: Any) -> AwsAccount:
    metadata = {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": generation}
    metadata["creationTimestamp"] = "2026-11-24T08:00:00Z"
    return AwsAccount.model_validate(
        {
            "metadata": metadata,
            "spec": {"email": "a@example.com"},
            "status": {"observedGeneration": observed, **status},
        }
    )


def condition(kind: str, status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": "R", "lastTransitionTime": "2026-11-24T08:01:00Z"}


@pytest.mark.parametrize(
    ("one", "settled"),
    [
        (account(phase="pending"), False),
        (account(phase="creating"), False),
        (account(phase="active"), True),
        (account(phase="failed"), True),
        (account(phase="suspended"), True),
        (account(2, 1, phase="active"), False),
        (account(phase="active", conditions=[condition("Reconciling")]), False),
    ],
)
def test_an_account_is_settled_once_the_operator_has_nothing_to_do(one: AwsAccount, settled: bool) -> None:
    assert is_settled(one) is settled


async def test_whoever_waits_is_woken_by_a_change_and_by_the_end() -> None:
    changes, one = AccountChanges(), account()
    with changes.of(one.key) as changed:
        changes.observe(None, account().model_copy(update={"metadata": one.metadata.model_copy(update={"name": "b"})}))
        assert not changed.is_set()
        changes.observe(one, None)
        assert changed.is_set()
        changed.clear()
        changes.stop()
        await asyncio.wait_for(changed.wait(), 1)
    with changes.of(one.key) as late:
        assert late.is_set(), "after the end nobody begins to wait"


def test_a_tag_names_a_state_and_is_compared_weakly() -> None:
    tag = tag_of(account())
    newer = account().model_copy(update={"metadata": account().metadata.model_copy(update={"resource_version": "8"})})
    assert tag != tag_of(newer)
    assert combined(tag) != combined(tag, tag)
    for header in (f'W/"{tag}"', f'"{tag}"', f'"x", W/"{tag}"', "*"):
        assert not_modified(request(("If-None-Match", header)), tag), header
    for header in ('"x"', "garbage", ""):
        assert not not_modified(request(("If-None-Match", header)), tag), header


def test_pages_hold_all_once_and_what_is_added_between_two_hides_nothing() -> None:
    items = [(f"{n:03d}", n) for n in range(7)]
    seen: list[int] = []
    query, following = PageQuery(limit=3), None
    while True:
        part, following = page(items, query, following)
        seen += [n for _, n in part]
        if following is None:
            break
        items.insert(0, ("000a", 99))  # before the cursor
        items.sort()
    assert seen == list(range(7))
    assert page(items, PageQuery(), None)[0] == items
    assert page(items, PageQuery(cursor="x"), "zzz") == ([], None)
    assert page([], PageQuery(limit=1), None) == ([], None)
    assert page(items[:3], PageQuery(limit=3), None)[1] is None, "a full last page has nothing after it"


def test_the_next_link_keeps_the_question_and_can_break_no_header() -> None:
    asked = request(path="/v1/admin/events?status=failed&cursor=old&x=%0d%0aSet-Cookie:1")
    [link] = links(asked, PageQuery(limit=2, cursor="old"), "0001~a").values()
    assert link.startswith("</v1/admin/events?status=failed&")
    assert link.endswith('>; rel="next"')
    cursor = URL(link[1:].partition(">")[0]).query["cursor"]
    assert start_of(asked, PageQuery(cursor=cursor)) == "0001~a"
    assert "old" not in link
    assert not {"\r", "\n"} & set(link)
    assert links(asked, PageQuery(limit=2), None) == {}


def test_a_cursor_shows_no_name_and_a_wrong_one_is_refused() -> None:
    key = sort_key(NOW, "our-namespace", "5b8a54a8")
    cursor = cursor_of(key, "/v1/accounts")
    assert "namespace" not in cursor
    assert re.fullmatch(r"[\w-]+", cursor), "it needs no escape in an address"
    assert sort_key_in(cursor, "/v1/accounts") == key
    wrong = [
        "",
        "x",
        "zzz",
        "é",
        "\udcff",
        cursor[:-1],
        cursor[1:],
        cursor + "A",
        cursor + "=",
        f" {cursor}",
        cursor.lower(),
    ]
    for given in (*wrong, cursor_of(key, "/v1/keys"), "!" * 1024):
        with pytest.raises(BadRequest) as error:
            sort_key_in(given, "/v1/accounts")
        assert error.value.code == "invalid_cursor"


@pytest.mark.parametrize("names", [("n", "5b8a54a8"), ("5b8a54a8",), ("n", "a.b", "000")])
def test_a_cursor_of_release_0_1_0_is_read(names: tuple[str, ...]) -> None:
    assert sort_key_in(sort_key(NOW, *names), "/v1/accounts") == sort_key(NOW, *names)


def test_a_customers_list_goes_on_from_a_cursor_with_and_without_the_namespace() -> None:
    assert own_sort_key(sort_key(NOW, "n", "5b8a54a8")) == own_sort_key(sort_key(NOW, "5b8a54a8"))
    assert own_sort_key_of(account()) == own_sort_key(sort_key_of(account()))


NOW = datetime(2026, 11, 24, 8, 3, tzinfo=UTC)
STARTED = {"timestamp": "2026-11-24T08:02:55Z", "step": "setup_oidc", "status": "started"}


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (account(observed=0), "Asking AWS for the account (3 minutes so far)."),
        (
            account(phase="creating", provisioningStep="setup_oidc", history=[STARTED]),
            "Setting up the role that GitHub Actions assume (5 seconds so far).",
        ),
        (
            account(phase="active", conditions=[condition("Provisioned")]),
            "The account has been ready to use for 2 minutes.",
        ),
        (
            account(2, 1, phase="active", conditions=[condition("Provisioned")]),
            "The account is ready to use; a change to it is being applied (2 minutes so far).",
        ),
        (
            account(phase="failed", conditions=[condition("Stalled")]),
            "The account could not be provisioned; error says why. It has been waiting for a change for 2 minutes.",
        ),
    ],
)
def test_the_message_says_what_is_going_on_and_for_how_long(one: AwsAccount, sentence: str) -> None:
    assert message(one, NOW) == sentence


def test_durations_are_in_their_largest_unit() -> None:
    for seconds, text in ((0, "0 seconds"), (1, "1 second"), (3600, "1 hour"), (172_800, "2 days")):
        one = account(observed=0)
        now = datetime(2026, 11, 24, 8, tzinfo=UTC) + timedelta(seconds=seconds)
        assert message(one, now).endswith(f"({text} so far).")
