"""From a sign-up to its API key, with the Stripe stand-in: who gets the key, once, and why somebody gets none."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from fakes.api_world import Client, World, error_of

from batteries_apiserver.billing import handlers
from batteries_apiserver.billing.key_claim import key_owner, minutes_of
from batteries_apiserver.billing.sessions import CompletedSession, Session
from batteries_apiserver.billing.standing import Standing
from batteries_apiserver.http.errors import ApiError, Unavailable
from batteries_apiserver.runtime.metrics import SESSIONS
from batteries_crds.customer import PaymentMethod, PaymentReason
from batteries_sandbox.stripe import StripeSettings, serve

CARD = {"cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}


@pytest.fixture
async def stripe_url() -> AsyncIterator[str]:
    async with serve(StripeSettings(secret_key="sk_test_unit")) as url:
        yield url


@pytest.fixture
async def app(world: World, stripe_url: str) -> web.Application:
    world.follow()
    return world.app(stripe_api_base=stripe_url)


async def begun(client: Client, **body: Any) -> dict[str, Any]:
    response = await client.post("/v1/stripe/setup", json={"email": "ada@example.com", **body})
    assert response.status == 200
    found: dict[str, Any] = await response.json()
    return found


async def pay(setup: dict[str, Any], email: str = "ada@example.com") -> None:
    form = {"email": email, **CARD}
    async with (
        aiohttp.ClientSession() as http,
        http.post(setup["url"], data=form, allow_redirects=False) as response,
    ):
        assert response.status == 303, await response.text()


async def fetched(client: Client, setup: dict[str, Any], **headers: str) -> tuple[int, Any]:
    response = await client.get(f"/v1/stripe/session/{setup['sessionId']}", headers=headers)
    return response.status, await response.json()


def count(event: str) -> float:
    return SESSIONS.labels(event)._value.get()


async def test_who_has_paid_gets_a_key_that_works_and_gets_it_once(client: Client, world: World) -> None:
    opened, given = count("opened"), count("fetched")
    setup = await begun(client)
    assert setup.keys() == {"sessionId", "url", "cost"}
    await pay(setup)
    status, answer = await fetched(client, setup)
    assert (status, answer["email"]) == (200, "ada@example.com")
    assert "can't be shown again" in answer["message"]
    assert (count("opened") - opened, count("fetched") - given) == (1, 1)
    [customer] = world.items("customers").values()
    assert (customer.metadata.name, customer.status.payment_method) == (answer["customerId"], PaymentMethod.VALID)
    used = await client.get("/v1/accounts", headers={"Authorization": f"Bearer {answer['apiKey']}"})
    assert used.status == 200
    again, refused = await fetched(client, setup)
    assert (again, refused["code"]) == (404, "key_already_fetched")
    assert count("fetched") - given == 1


async def test_the_key_belongs_to_its_customer_and_goes_with_them(client: Client, world: World) -> None:
    setup = await begun(client)
    await pay(setup)
    _, answer = await fetched(client, setup)
    [customer] = world.items("customers").values()
    [key] = [one for one in world.items("keys").values() if one.spec.name == "Sign-up"]
    assert key.metadata.labels["aibatteriesincluded.com/customer"] == answer["customerId"]
    owner = world.api.cluster.get("ApiKey", "n", key.metadata.name)["metadata"]["ownerReferences"]
    assert [(one["kind"], one["uid"]) for one in owner] == [("Customer", customer.metadata.uid)]
    assert answer["apiKey"].startswith("aib_" + key.spec.key_prefix)
    assert setup["sessionId"] not in key.metadata.name


async def test_the_owner_is_asked_to_confirm_and_the_payer_is_told_of_the_key(client: Client, world: World) -> None:
    setup = await begun(client)
    await pay(setup)
    _, answer = await fetched(client, setup)
    told = {one.spec.kind: one.spec for one in world.items("notifications").values()}
    assert told.keys() == {"ConfirmEmail", "KeyHandedOver"}
    assert {one.customer_ref.name for one in told.values()} == {answer["customerId"]}
    assert told["KeyHandedOver"].to == "ada@example.com"
    assert told["KeyHandedOver"].details["keyPrefix"] in answer["apiKey"]


async def test_a_known_claimed_key_is_refused_without_asking_stripe(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = await begun(client)
    await pay(setup)
    await fetched(client, setup)

    async def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("Stripe was asked")

    monkeypatch.setattr(handlers, "key_owner", asked)
    assert (await fetched(client, setup))[1]["code"] == "key_already_fetched"


async def test_another_replica_that_does_not_know_of_the_claim_gets_no_second_key(
    client: Client, world: World, stripe_url: str, aiohttp_client: Any
) -> None:
    other = world.replica()
    second = await aiohttp_client(other.app(stripe_api_base=stripe_url))
    setup = await begun(client)
    await pay(setup)
    assert (await fetched(client, setup))[0] == 200
    status, refused = await fetched(second, setup)
    assert (status, refused["code"]) == (404, "key_already_fetched")
    assert len([one for one in world.items("keys").values() if one.spec.name == "Sign-up"]) == 1


async def test_with_a_claim_secret_only_who_has_it_gets_the_key(client: Client) -> None:
    setup = await begun(client, claim=True)
    other = await begun(client, claim=True)
    assert setup["claimSecret"] != other["claimSecret"]
    assert len(setup["claimSecret"]) == len("aibclaim_") + 43
    assert (await fetched(client, setup))[1]["code"] == "claim_secret_required", "before anything else is said"
    await pay(setup)
    assert (await fetched(client, setup))[1]["code"] == "claim_secret_required"
    for wrong in (other["claimSecret"], setup["claimSecret"][:-1], setup["claimSecret"] + "a", "x"):
        status, refused = await fetched(client, setup, **{"Claim-Secret": wrong})
        assert (status, refused["code"]) == (403, "claim_secret_wrong")
    status, answer = await fetched(client, setup, **{"Claim-Secret": setup["claimSecret"]})
    assert (status, answer["email"]) == (200, "ada@example.com")


async def test_a_sign_up_without_a_claim_secret_needs_none(client: Client) -> None:
    setup = await begun(client)
    await pay(setup)
    assert (await fetched(client, setup, **{"Claim-Secret": "whatever"}))[0] == 200


@pytest.mark.parametrize(("body", "page"), [({}, "/checkout/complete"), ({"claim": True}, "/checkout/done")])
async def test_the_page_after_the_checkout_shows_the_key_only_where_no_secret_is_needed(
    client: Client, stripe_url: str, body: dict[str, Any], page: str
) -> None:
    setup = await begun(client, **body)
    form = {"email": "ada@example.com", **CARD}
    async with (
        aiohttp.ClientSession() as http,
        http.post(setup["url"], data=form, allow_redirects=False) as response,
    ):
        assert page in response.headers["Location"]


async def test_an_open_checkout_is_to_be_asked_for_again(client: Client) -> None:
    setup = await begun(client)
    response = await client.get(f"/v1/stripe/session/{setup['sessionId']}")
    assert (response.status, await error_of(response)) == (404, "session_not_completed")
    assert response.headers["Retry-After"] == "5"


async def test_a_checkout_that_stripe_does_not_know_is_not_found(client: Client) -> None:
    assert (await fetched(client, {"sessionId": "cs_test_" + "a" * 40}))[1]["code"] == "session_not_found"


async def test_a_card_of_somebody_who_is_blocked_completes_no_sign_up(client: Client, world: World) -> None:
    first = await begun(client)
    await pay(first)
    _, answer = await fetched(client, first)
    await world.kube.customers.merge("n", answer["customerId"], {"spec": {"blocked": True}})
    second = await begun(client)
    await pay(second)
    status, refused = await fetched(client, second)
    assert (status, refused["code"]) == (403, "sign_up_refused")


async def test_a_client_that_has_left_leaves_the_key_where_it_is(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = await begun(client)
    await pay(setup)
    for gone in (None, type("Closing", (), {"is_closing": lambda self: True})()):
        with monkeypatch.context() as patched:
            patched.setattr(web.Request, "transport", gone)
            patched.setattr(handlers, "lift_time_limit", lambda request: pytest.fail("it was claimed"))
            assert (await fetched(client, setup))[0] == 503
    assert (await fetched(client, setup))[0] == 200


# --- what is said of a session, by what Stripe says of it


class Gateway:
    """Knows one session, and a customer who can pay."""

    def __init__(self, session: Session | None) -> None:
        self._session = session

    async def session(self, session_id: str) -> Session | None:
        return self._session

    async def standing(self, customer_id: str) -> Standing:
        return Standing(PaymentReason.METHOD_ON_FILE)


def completed(ago: timedelta) -> Session:
    made = CompletedSession("cs_1", "cus_1", "ada@example.com", datetime.now(UTC) - ago)
    return Session(made, is_waiting=False, is_expired=False, claim_digest=None)


def unfinished(*, waiting: bool = False, expired: bool = False) -> Session:
    return Session(None, is_waiting=waiting, is_expired=expired, claim_digest=None)


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (None, "session_not_found"),
        (unfinished(waiting=True), "session_not_completed"),
        (unfinished(expired=True), "session_expired"),
        (unfinished(), "session_not_found"),
        (completed(timedelta(minutes=61)), "session_too_old"),
    ],
)
async def test_why_a_session_has_no_key_is_its_code(world: World, session: Session | None, code: str) -> None:
    gateway: Any = Gateway(session)
    with pytest.raises(ApiError) as refused:
        await key_owner(world.kube, gateway, "cs_1", None, within=timedelta(hours=1))
    assert (refused.value.status, refused.value.code) == (404, code)
    assert world.items("customers") == {}, "nobody is made a customer by it"
    if code == "session_too_old":
        assert "for 60 minutes" in str(refused.value)


async def test_until_the_time_is_up_the_key_is_its_owners(world: World) -> None:
    gateway: Any = Gateway(completed(timedelta(minutes=59)))
    found = await key_owner(world.kube, gateway, "cs_1", None, within=timedelta(hours=1))
    assert (found.payer, found.customer.spec.stripe_customer_id) == ("ada@example.com", "cus_1")


@pytest.mark.parametrize(("seconds", "minutes"), [(60, 1), (119, 1), (120, 2), (86_400, 1440)])
def test_minutes_are_whole_ones(seconds: int, minutes: int) -> None:
    assert minutes_of(timedelta(seconds=seconds)) == minutes


async def test_where_the_customer_can_not_be_written_the_key_is_not_given(world: World) -> None:
    world.fail("customers", Unavailable("unavailable", "Down."))
    gateway: Any = Gateway(completed(timedelta()))
    with pytest.raises(Unavailable):
        await key_owner(world.kube, gateway, "cs_1", None, within=timedelta(hours=1))
    assert [one for one in world.items("keys").values() if one.spec.name == "Sign-up"] == []
