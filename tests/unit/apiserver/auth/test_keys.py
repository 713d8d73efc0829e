"""API keys: their form, and the moment for which an unknown one is remembered."""

import re

import pytest

from batteries_apiserver.auth.key_format import digest, is_well_formed, mint
from batteries_apiserver.auth.negative_cache import NegativeCache
from batteries_apiserver.auth.presented_key import bearer
from batteries_apiserver.http.errors import Unauthorized


def test_a_minted_key_has_the_documented_form_and_is_well_formed() -> None:
    key = mint()
    assert re.fullmatch(r"aib_[0-9a-f]{8}_[0-9A-Za-z]{36}", key.raw)
    assert key.raw.split("_")[1] == key.prefix
    assert is_well_formed(key.raw)
    assert key.digest == digest(key.raw)


def test_keys_differ() -> None:
    assert len({mint().raw for _ in range(100)}) == 100


def test_a_key_does_not_show_itself_when_printed() -> None:
    key = mint()
    assert key.raw not in f"{key!r} {key}"


@pytest.mark.parametrize("position", [5, 15, 30, 48], ids=["prefix", "secret", "secret's end", "checksum"])
def test_one_wrong_character_fails_the_checksum(position: int) -> None:
    raw = mint().raw
    other = "0" if raw[position] != "0" else "1"
    assert not is_well_formed(raw[:position] + other + raw[position + 1 :])


@pytest.mark.parametrize("raw", ["", "aib_", "sk_test_1", "aib_é", "\udc80"])
def test_other_texts_are_not_keys(raw: str) -> None:
    assert not is_well_formed(raw)


def test_a_newline_after_a_key_is_not_part_of_one() -> None:
    assert not is_well_formed(mint().raw + "\n")


@pytest.mark.parametrize("header", ["Bearer x", "bearer x", "BEARER   x "])
def test_the_scheme_is_read_whatever_its_case(header: str) -> None:
    assert bearer(header) == "x"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic x", "aib_x"])
def test_without_a_bearer_key_the_answer_says_how_to_send_one(header: str | None) -> None:
    with pytest.raises(Unauthorized) as refusal:
        bearer(header)
    assert "Authorization: Bearer" in refusal.value.sentence
    assert refusal.value.headers["WWW-Authenticate"] == 'Bearer realm="AI Batteries Included"'


def test_an_unknown_key_is_forgotten_after_a_moment() -> None:
    now = [0.0]
    unknown = NegativeCache(seconds=3, size=10, clock=lambda: now[0])
    unknown.add("a")
    assert "a" in unknown
    now[0] = 3.1
    assert "a" not in unknown


def test_only_so_many_unknown_keys_are_remembered() -> None:
    unknown = NegativeCache(seconds=3, size=2, clock=lambda: 0.0)
    for value in "abc":
        unknown.add(value)
    assert ["a" in unknown, "b" in unknown, "c" in unknown] == [False, True, True]
