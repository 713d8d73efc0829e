"""The command that changes the issuer's keys: what it writes, and what it says."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes.api_world import NAMESPACE, World, settings

from batteries_apiserver.tokens import rotate
from batteries_apiserver.tokens.keys import OUTLIVES, IssuerKey, KeySet, new_key
from batteries_apiserver.tokens.rotation import ForeignSecretError
from batteries_apiserver.tokens.stored_keys import FIELD, from_data, to_data
from batteries_crds.base import utc_now_exactly
from batteries_crds.names import LABEL_ISSUER_KEYS

SECRET = "issuer-keys"
PAIR = [new_key(timedelta(0), utc_now_exactly) for _ in range(2)]
"""Made once, as that takes a while."""


@pytest.fixture(autouse=True)
def _made_before(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter([PAIR[1].private] * 10)
    monkeypatch.setattr(rsa, "generate_private_key", lambda **_: next(made))


@pytest.fixture
def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield world.api

    async def connect(kubeconfig: Any) -> Any:
        return opened()

    monkeypatch.setattr(rotate, "connect", connect)
    return world


def add(world: World, data: dict[str, str], **labels: str) -> None:
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    meta = {"name": SECRET, "labels": labels or {LABEL_ISSUER_KEYS: "true"}}
    world.api.cluster.put("Secret", NAMESPACE, {"metadata": meta, "type": "Opaque", "data": encoded})


def old(*, days: float = 3) -> IssuerKey:
    made = utc_now_exactly() - timedelta(days=days)
    return IssuerKey(PAIR[0].private, made, made)


async def kept(world: World) -> KeySet:
    return from_data((await world.kube.secrets.get(NAMESPACE, SECRET)).data, utc_now_exactly())


async def run(*, emergency: bool = False, **changes: Any) -> str:
    return await rotate.rotate(settings(issuer_keys_secret=SECRET, **changes), emergency=emergency)


async def test_the_next_key_is_published_beside_the_one_that_signs(world: World) -> None:
    add(world, to_data(KeySet((old(),))))
    said = await run(issuer_key_ahead_seconds=86_400)
    found = await kept(world)
    assert [key.kid for key in found.keys] == [PAIR[0].kid, PAIR[1].kid]
    assert timedelta(hours=23) < found.keys[1].signs_from - utc_now_exactly() <= timedelta(days=1)
    assert f"The next key {PAIR[1].kid} is published now and signs from" in said
    assert f"{found.keys[1].signs_from:%Y-%m-%d %H:%M:%S} UTC" in said
    assert f"for {OUTLIVES.total_seconds() / 60:g} minutes more" in said


async def test_a_next_key_that_waits_already_is_told_of_and_no_other_made(world: World) -> None:
    waiting = IssuerKey(PAIR[1].private, utc_now_exactly(), utc_now_exactly() + timedelta(hours=5))
    add(world, to_data(KeySet((old(), waiting))))
    before = (await world.kube.secrets.get(NAMESPACE, SECRET)).resource_version
    said = await run()
    assert f"The next key {PAIR[1].kid} was published before" in said
    assert (await world.kube.secrets.get(NAMESPACE, SECRET)).resource_version == before


@pytest.mark.parametrize("emergency", [False, True])
async def test_where_there_are_no_keys_the_first_is_made(world: World, emergency: bool) -> None:
    said = await run(emergency=emergency)
    assert [key.kid for key in (await kept(world)).keys] == [PAIR[1].kid]
    assert ("All keys were dropped" if emergency else "There were no keys") in said


async def test_in_an_emergency_only_the_new_key_is_left(world: World) -> None:
    add(world, to_data(KeySet((old(),))))
    said = await run(emergency=True, issuer_poll_seconds=5)
    [key] = (await kept(world)).keys
    assert key.kid == PAIR[1].kid
    assert timedelta(0) < key.signs_from - utc_now_exactly() <= timedelta(seconds=15)
    assert "signs in 15 seconds" in said


@pytest.mark.parametrize(
    ("data", "words"),
    [({FIELD: "nonsense"}, "Replace the keys with --emergency"), ({FIELD: '{"version": 2}'}, "a later release")],
)
async def test_keys_that_can_not_be_read_are_left_and_the_way_out_is_said(
    world: World, data: dict[str, str], words: str
) -> None:
    add(world, data)
    with pytest.raises(rotate.NotRotatedError, match=words):
        await run()
    assert (await world.kube.secrets.get(NAMESPACE, SECRET)).data == data
    assert "All keys were dropped" in await run(emergency=True)


async def test_a_secret_of_somebody_else_is_left_alone(world: World) -> None:
    add(world, {"mine": "data"}, other="label")
    for emergency in (False, True):
        with pytest.raises(ForeignSecretError):
            await run(emergency=emergency)
    assert (await world.kube.secrets.get(NAMESPACE, SECRET)).data == {"mine": "data"}


async def test_without_a_secrets_name_there_is_nothing_to_change(world: World) -> None:
    with pytest.raises(rotate.NotRotatedError, match="BATTERIES_ISSUER_KEYS_SECRET is empty"):
        await rotate.rotate(settings(issuer_keys_secret=""), emergency=False)


@pytest.mark.parametrize("emergency", [False, True])
@pytest.mark.parametrize(("conflicts", "done"), [(4, True), (5, False)])
async def test_replicas_that_change_the_keys_meanwhile_are_tried_against_five_times(
    world: World, emergency: bool, conflicts: int, done: bool
) -> None:
    add(world, to_data(KeySet((old(),))))
    writes = 0

    def change(request: Any) -> None:
        nonlocal writes
        if request.method == "PATCH":
            writes += 1
            if writes <= conflicts:
                world.api.cluster.patch("Secret", NAMESPACE, SECRET, {"metadata": {"annotations": {"n": str(writes)}}})

    world.api.before = change
    if done:
        assert await run(emergency=emergency)
    else:
        with pytest.raises(rotate.NotRotatedError, match="Run the command again"):
            await run(emergency=emergency)
    assert writes == 5
