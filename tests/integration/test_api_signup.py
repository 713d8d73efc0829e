"""Sign-up on a real kube-apiserver and the stateful Stripe stand-in: from an e-mail address to a key, once."""

import asyncio
from typing import Any

import aiohttp
import pytest
import structlog
from fakes.lost_answers import LOST, losing

from batteries_apiserver.billing.customers import Customers, name_of
from batteries_apiserver.billing.standing import Standing
from batteries_apiserver.kube import lost_responses
from batteries_apiserver.kube.clients import KUBE
from batteries_crds.customer import Customer, PaymentMethod, PaymentReason
from batteries_crds.kube.client import Resources
from batteries_crds.notification import Notification, NotificationKind

EMAIL = "owner@example.com"


async def test_a_completed_checkout_earns_a_key_that_may_ask_for_an_account(world: Any) -> None:
    session_id = await world.setup()
    await world.complete(session_id)
    response = await world.fetch(session_id)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    answer = await response.json()
    assert answer.keys() == {"customerId", "email", "apiKey", "message"}
    assert answer["email"] == EMAIL
    [customer] = await world.customers()
    assert customer.metadata.name == answer["customerId"]
    assert customer.status.payment_method is PaymentMethod.VALID
    assert await world.ask_for_an_account(answer["apiKey"]) == 202


async def test_stripes_page_says_who_gets_the_key_and_who_paid_is_mailed_when_it_is_handed_over(world: Any) -> None:
    session_id = await world.setup()
    async with world.http.get(f"{world.stripe_url}/c/pay/{session_id}") as page:
        assert "Whoever started this checkout gets an API key" in await page.text()
    await world.complete(session_id)
    assert (await world.fetch(session_id)).status == 200
    assert (await world.fetch(session_id)).status == 404
    told = [one async for one in Resources(world.api, Notification, "test").all(world.namespace)]
    [handed] = [one for one in told if one.spec.kind is NotificationKind.KEY_HANDED_OVER]
    [customer], [key] = await world.customers(), await world.keys()
    assert (handed.spec.to, handed.customer) == (EMAIL, customer.metadata.name)
    assert handed.spec.details == {"keyPrefix": key.spec.key_prefix}


async def test_nothing_is_stored_before_a_checkout_completes(world: Any) -> None:
    session_id = await world.setup()
    assert (await world.fetch(session_id)).status == 404
    assert await world.customers() == []
    assert await world.keys() == []


async def test_of_twenty_who_ask_at_once_one_gets_the_key(world: Any) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    session_id = await world.setup()
    await world.complete(session_id)
    answers = await asyncio.gather(*(world.fetch(session_id) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 19
    assert len(await world.keys()) == 1
    assert len(await world.customers()) == 1
    assert (await world.fetch(session_id)).status == 404


@pytest.mark.parametrize("stripe_customer", [None, "cus_another"])
async def test_a_customer_of_the_right_name_that_no_checkout_made_gets_no_key_and_no_payment(
    world: Any, stripe_customer: str | None
) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    session_id = await world.setup()
    name = name_of(await world.complete(session_id))
    spec = {"email": "planted@example.com", **({"stripeCustomerId": stripe_customer} if stripe_customer else {})}
    customers = Resources(world.api, Customer, "test")
    await customers.create(world.namespace, {"metadata": {"name": name}, "spec": spec})
    answer = await world.fetch(session_id)
    assert (answer.status, (await answer.json())["code"]) == (409, "customer_name_taken")
    assert await world.keys() == []
    [planted] = await world.customers()
    assert planted.status.payment_method is None
    await customers.delete(world.namespace, name)
    assert (await world.fetch(session_id)).status == 200, "the same request works once it is gone"


# --- answers that get lost


@pytest.mark.parametrize("error", LOST, ids=repr)
@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (1, 1)])
async def test_a_key_whose_making_was_not_answered_is_handed_over_all_the_same(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, before: int, after: int
) -> None:
    keys = world.app[KUBE].keys
    monkeypatch.setattr(keys, "create", losing(keys.create, error, before=before, after=after))
    session_id = await world.setup()
    await world.complete(session_id)
    response = await world.fetch(session_id)
    assert response.status == 200, await response.text()
    assert await world.ask_for_an_account((await response.json())["apiKey"]) == 202
    assert len(await world.keys()) == 1
    assert (await world.fetch(session_id)).status == 404


async def test_a_key_that_could_not_be_made_can_be_fetched_later(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = world.app[KUBE].keys
    monkeypatch.setattr(keys, "create", losing(keys.create, aiohttp.ServerDisconnectedError(), before=2))
    session_id = await world.setup()
    await world.complete(session_id)
    assert [(await world.fetch(session_id)).status for _ in range(3)] == [503, 200, 404]


async def test_a_key_that_is_made_slowly_is_not_lost_to_the_time_limit(
    open_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_world(api_request_seconds=2)
    keys = world.app[KUBE].keys
    await world.complete(first := await world.setup())
    await world.fetch(first)  # the first one imports parts of Stripe's library, which takes its time
    create = keys.create

    async def slow(*given: Any) -> Any:
        made = await create(*given)
        await asyncio.sleep(2.5)
        return made

    monkeypatch.setattr(keys, "create", slow)
    session_id = await world.setup()
    await world.complete(session_id)
    assert (await world.fetch(session_id)).status == 200
    # Nor where no answer ever comes.
    monkeypatch.setattr(lost_responses, "_SECONDS", 0.5)
    session_id = await world.setup()
    await world.complete(session_id)
    assert (await world.fetch(session_id)).status == 200


async def test_whoever_has_left_before_the_key_was_made_can_still_fetch_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, left = Customers.settle, asyncio.Event()
    settled: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def held(*given: Any, **named: Any) -> Any:
        customer = await settle(*given, **named)
        settled.set_result(asyncio.current_task())
        await left.wait()
        return customer

    # As the program serves: only aiohttp's test server breaks a handler off when its client leaves.
    world.client.server.runner.server.handler_cancellation = False
    await world.stripe("POST", "/_standin/deliveries/pause")
    session_id = await world.setup()
    await world.complete(session_id)
    with monkeypatch.context() as patched:
        patched.setattr(Customers, "settle", held)
        fetching = asyncio.create_task(world.fetch(session_id))
        connection = await settled
        fetching.cancel()
        await asyncio.sleep(0.2)  # the server hears of it
        left.set()
        await asyncio.wait([connection], timeout=10)
    assert await world.keys() == []
    assert (await world.fetch(session_id)).status == 200


async def test_the_key_comes_without_the_webhook_and_the_late_webhook_changes_nothing(world: Any) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    session_id = await world.setup()
    await world.complete(session_id)
    assert (await world.fetch(session_id)).status == 200
    [before] = await world.known()
    await world.stripe("POST", "/_standin/deliveries/resume")
    await world.until_all_delivered()
    assert await world.known() == [before]


async def test_the_webhook_alone_makes_the_customer_and_no_key(world: Any) -> None:
    await world.complete(await world.setup())
    await world.until_payment_is(PaymentMethod.VALID)
    assert await world.keys() == []


async def test_an_event_that_comes_twice_does_nothing_the_second_time(world: Any) -> None:
    await world.complete(await world.setup())
    await world.until_all_delivered()
    before = await world.known()
    events = (await world.stripe("GET", "/v1/events?type=checkout.session.completed"))["data"]
    await world.stripe("POST", f"/_standin/events/{events[0]['id']}/redeliver")
    await world.until_all_delivered()
    assert await world.known() == before


async def test_a_card_taken_away_means_402_until_there_is_another(world: Any) -> None:
    session_id = await world.setup()
    stripe_customer = await world.complete(session_id)
    key = (await (await world.fetch(session_id)).json())["apiKey"]
    cards = (await world.stripe("GET", f"/v1/customers/{stripe_customer}/payment_methods"))["data"]
    await world.stripe("POST", f"/v1/payment_methods/{cards[0]['id']}/detach")
    await world.until_payment_is(PaymentMethod.MISSING)

    async def refused() -> bool:
        return await world.ask_for_an_account(key) == 402

    await world.until(refused)


async def test_a_customer_deleted_in_stripe_can_pay_no_more(world: Any) -> None:
    stripe_customer = await world.complete(await world.setup())
    await world.until_payment_is(PaymentMethod.VALID)
    await world.stripe("DELETE", f"/v1/customers/{stripe_customer}")
    await world.until_payment_is(PaymentMethod.MISSING)


async def test_events_in_the_wrong_order_end_in_what_is_so(world: Any) -> None:
    await world.stripe("POST", "/_standin/deliveries/pause")
    stripe_customer = await world.complete(await world.setup())
    cards = (await world.stripe("GET", f"/v1/customers/{stripe_customer}/payment_methods"))["data"]
    await world.stripe("POST", f"/v1/payment_methods/{cards[0]['id']}/detach")
    # Both wait, and now race: the checkout's completion is told of last or first, and the card is gone all the same.
    await world.stripe("POST", "/_standin/deliveries/resume")
    await world.until_all_delivered()
    assert await world.payment_is(PaymentMethod.MISSING)


async def test_an_answer_of_stripe_that_was_overtaken_is_not_written(world: Any) -> None:
    kube = world.app[KUBE]
    live = Resources(world.api, Customer, "test")
    name = name_of("cus_1")
    await live.create(
        world.namespace, {"metadata": {"name": name}, "spec": {"email": EMAIL, "stripeCustomerId": "cus_1"}}
    )

    class Overtaken:
        """Says that there is a card, and while it says so another replica learns and writes that it is gone."""

        asked = 0

        async def standing(self, customer_id: str) -> Standing:
            self.asked += 1
            if self.asked > 1:
                return Standing(PaymentReason.NO_METHOD)
            await live.merge_status(world.namespace, name, {"status": {"paymentMethod": "missing"}})
            return Standing(PaymentReason.METHOD_ON_FILE)

    gateway = Overtaken()
    settled = await Customers(kube, gateway).settle("cus_1", email=None)  # type: ignore[arg-type]
    assert gateway.asked == 2
    assert settled is not None
    assert (await live.get(world.namespace, name)).status.payment_method is PaymentMethod.MISSING


async def test_a_session_that_is_not_young_earns_no_key(world: Any) -> None:
    session_id = await world.setup()
    await world.complete(session_id)
    settings = world.billing.settings.model_copy(update={"key_retrieval_seconds": -1})
    object.__setattr__(world.billing, "settings", settings)
    assert (await world.fetch(session_id)).status == 404
    assert await world.keys() == []


async def test_a_session_of_another_shop_earns_no_key(world: Any) -> None:
    foreign = await world.stripe(
        "POST",
        "/v1/checkout/sessions",
        mode="setup",
        customer_creation="always",
        success_url="https://shop.example.com",
        **{"allowed_payment_method_types[0]": "card"},
    )
    await world.complete(foreign["id"])
    assert (await world.fetch(foreign["id"])).status == 404
    await world.until_all_delivered()
    assert await world.customers() == []


async def test_why_there_is_no_key_is_said_in_the_code(world: Any) -> None:
    async def code(session_id: str) -> tuple[int, str, str | None]:
        answer = await world.fetch(session_id)
        return answer.status, (await answer.json())["code"], answer.headers.get("Retry-After")

    assert await code("cs_test_nobodyknowsthisone") == (404, "session_not_found", None)
    waiting = await world.setup()
    assert await code(waiting) == (404, "session_not_completed", "5")
    await world.stripe("POST", f"/v1/checkout/sessions/{waiting}/expire")
    assert await code(waiting) == (404, "session_expired", None)
    fetched = await world.setup()
    await world.complete(fetched)
    assert (await world.fetch(fetched)).status == 200
    assert await code(fetched) == (404, "key_already_fetched", None)
    old = await world.setup()
    await world.complete(old)
    settings = world.billing.settings.model_copy(update={"key_retrieval_seconds": -1})
    object.__setattr__(world.billing, "settings", settings)
    assert await code(old) == (404, "session_too_old", None)


async def test_the_url_alone_fetches_no_key_of_a_sign_up_with_a_claim_secret(world: Any) -> None:
    with structlog.testing.capture_logs() as lines:
        begun = await (await world.client.post("/v1/stripe/setup", json={"email": EMAIL, "claim": True})).json()
        session_id, secret = begun["sessionId"], begun["claimSecret"]
        path = f"/v1/stripe/session/{session_id}"
        session = await world.stripe("GET", f"/v1/checkout/sessions/{session_id}")
        assert secret not in str(session), "Stripe has only its hash"
        assert session["success_url"].endswith("/checkout/done"), "the page after the checkout has no session to fetch"
        # How far the checkout is, is said to nobody else either.
        for when in ("open", "complete"):
            if when == "complete":
                await world.complete(session_id)
            missing = await world.client.get(path)
            assert (missing.status, (await missing.json())["code"]) == (403, "claim_secret_required")
            for wrong in (secret[:-1] + ("A" if secret[-1] != "A" else "B"), "", "x", secret + " " + secret):
                refused = await world.client.get(path, headers={"Claim-Secret": wrong})
                assert (refused.status, (await refused.json())["code"]) == (403, "claim_secret_wrong")
        assert await world.keys() == []
        fetched = await world.client.get(path, headers={"Claim-Secret": secret})
        assert fetched.status == 200, "wrong ones used nothing up"
        again = await world.client.get(path, headers={"Claim-Secret": secret})
        assert (again.status, (await again.json())["code"]) == (404, "key_already_fetched")
    assert secret not in str(lines)
    assert "claim" not in str(await world.customers())


async def test_wrong_claim_secrets_count_towards_the_limit_of_their_address(open_world: Any) -> None:
    world = await open_world(rate_limit_sign_up=3)
    begun = await (await world.client.post("/v1/stripe/setup", json={"email": EMAIL, "claim": True})).json()
    path = f"/v1/stripe/session/{begun['sessionId']}"
    answers = [(await world.client.get(path, headers={"Claim-Secret": "x"})).status for _ in range(4)]
    assert answers == [403, 403, 403, 429]


async def test_a_client_of_the_contract_gets_no_secret_and_needs_none(world: Any) -> None:
    begun = await (await world.client.post("/v1/stripe/setup", json={"email": EMAIL})).json()
    assert "claimSecret" not in begun
    await world.complete(begun["sessionId"])
    fetched = await world.client.get(f"/v1/stripe/session/{begun['sessionId']}", headers={"Claim-Secret": "any"})
    assert fetched.status == 200
    wrong = await world.client.post("/v1/stripe/setup", json={"email": EMAIL, "claim": "yes"})
    assert (wrong.status, (await wrong.json())["code"]) == (400, "invalid_request")


async def test_a_session_id_never_reaches_the_log(world: Any) -> None:
    with structlog.testing.capture_logs() as lines:
        session_id = await world.setup()
        await world.complete(session_id)
        answer = await (await world.fetch(session_id)).json()
        await world.fetch(session_id)
        await world.until_all_delivered()
    assert any(line["event"] == "key_claimed" for line in lines)
    assert session_id not in str(lines)
    assert answer["apiKey"] not in str(lines)
