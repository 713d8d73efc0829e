"""Which key signs and which are published, at every moment of a rotation."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from batteries_apiserver.tokens.keys import KEY_BITS, MOST_KEYS, OUTLIVES, IssuerKey, KeySet, new_key
from batteries_apiserver.tokens.stored_keys import FIELD, DamagedKeysError, LaterFormError, from_data, to_data

START = datetime(2026, 12, 1, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PERIOD = 30 * DAY


@cache
def private(number: int) -> IssuerKey:
    """A key for each number, made once: it takes a while."""
    return new_key(timedelta(), lambda: START)


def key(number: int, created: timedelta, signs: timedelta) -> IssuerKey:
    return IssuerKey(private(number).private, START + created, START + signs)


FIRST = key(1, timedelta(), timedelta())
SECOND_KEY = key(2, PERIOD - DAY, PERIOD)
BOTH = KeySet((FIRST, SECOND_KEY))


def test_a_key_is_published_before_it_signs() -> None:
    now = START + PERIOD - SECOND
    assert BOTH.signing(now) == FIRST
    assert BOTH.waiting(now) == SECOND_KEY
    assert set(BOTH.published(now)) == {FIRST, SECOND_KEY}


def test_the_next_key_signs_from_its_time_on_and_the_last_one_stays_until_its_tokens_are_dead() -> None:
    now = START + PERIOD
    assert BOTH.signing(now) == SECOND_KEY
    assert BOTH.waiting(now) is None
    assert FIRST in BOTH.published(now + OUTLIVES - SECOND)
    assert BOTH.published(now + OUTLIVES) == (SECOND_KEY,)


def test_a_key_outlives_its_last_token_by_what_iam_and_our_own_clocks_may_differ() -> None:
    # Five minutes of a token's life, five of IAM's tolerance, and a replica whose clock is some minutes behind.
    assert timedelta(minutes=11) <= OUTLIVES <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "due"), [(timedelta(), False), (PERIOD - DAY - SECOND, False), (PERIOD - DAY, True), (3 * PERIOD, True)]
)
def test_the_next_key_is_due_so_long_ahead_that_it_signs_in_time(after: timedelta, due: bool) -> None:
    assert KeySet((FIRST,)).needs_next(START + after, PERIOD, DAY) is due


def test_a_key_that_waits_already_is_enough() -> None:
    assert not BOTH.needs_next(START + PERIOD - DAY, PERIOD, DAY)


def test_no_key_signs_before_its_time() -> None:
    assert KeySet((SECOND_KEY,)).signing(START) is None


def test_a_keys_id_is_made_of_the_key_so_that_it_names_no_other() -> None:
    again = IssuerKey(FIRST.private, START + DAY, START + 2 * DAY)
    assert again.kid == FIRST.kid != SECOND_KEY.kid


def test_the_public_half_has_nothing_of_the_private_one() -> None:
    shown = FIRST.public_jwk
    assert shown.keys() == {"kty", "n", "e", "kid", "use", "alg"}
    assert jwt.PyJWK(shown).key.public_numbers() == FIRST.private.public_key().public_numbers()


def test_a_key_is_never_shown() -> None:
    assert "private" not in repr(BOTH)


def test_what_was_stored_is_read_again() -> None:
    read = from_data(to_data(BOTH), START + PERIOD)
    assert [(one.kid, one.created_at, one.signs_from) for one in read.keys] == [
        (one.kid, one.created_at, one.signs_from) for one in BOTH.keys
    ]


def test_a_key_whose_last_token_is_dead_is_dropped_when_it_is_read() -> None:
    assert [one.kid for one in from_data(to_data(BOTH), START + PERIOD + OUTLIVES).keys] == [SECOND_KEY.kid]


PEM = to_data(BOTH)[FIELD]
KEPT = json.loads(PEM)["keys"][0]


def stored(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """As `to_data` would store it."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps({"version": 1, "keys": [KEPT | {"private_key": pem}]})


DAMAGED = {
    "no field": {},
    "empty": {FIELD: ""},
    "not JSON": {FIELD: PEM[:-20]},
    "no keys": {FIELD: '{"version": 1, "keys": []}'},
    "a key that is none": {FIELD: PEM.replace("MII", "XXX")},
    "no version": {FIELD: '{"keys": []}'},
    "a list": {FIELD: "[]"},
    "more than can be": {FIELD: json.dumps({"version": 1, "keys": [KEPT] * (MOST_KEYS + 1)})},
    "a field of somebody else": {FIELD: json.dumps({"version": 1, "keys": [KEPT | {"note": "x"}]})},
    "another kind of key": {FIELD: stored(ec.generate_private_key(ec.SECP256R1()))},
    "a key that is too short": {FIELD: stored(rsa.generate_private_key(65537, KEY_BITS - 1024))},
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged_keys_are_told_without_a_word_of_them(data: dict[str, str]) -> None:
    with pytest.raises(DamagedKeysError) as raised:
        from_data(data, START)
    assert "PRIVATE" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_as_many_keys_as_can_be_are_read() -> None:
    assert len(from_data({FIELD: json.dumps({"version": 1, "keys": [KEPT] * MOST_KEYS})}, START).keys) == MOST_KEYS


def test_keys_of_a_later_form_are_told_apart() -> None:
    with pytest.raises(LaterFormError):
        from_data({FIELD: '{"version": 2, "anything": true}'}, START)
