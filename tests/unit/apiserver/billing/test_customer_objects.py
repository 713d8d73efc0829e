"""How a Customer is made from a checkout, and what refuses it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fakes.api_world import World
from fakes.kube_api import Request
from kubernetes.aio.client import ApiException

from batteries_apiserver.billing.customers import Customers, name_of, remembered
from batteries_apiserver.billing.standing import Standing
from batteries_apiserver.http.errors import BadRequest, Conflict, Unavailable
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.customer import MAX_CARDS, PaymentReason

NAME = name_of("cus_1")


class Gateway:
    def __init__(self, reason: PaymentReason = PaymentReason.METHOD_ON_FILE, *cards: str) -> None:
        self.standing_now, self.asked = Standing(reason, cards), 0

    async def standing(self, customer_id: str) -> Standing:
        self.asked += 1
        return self.standing_now


def customers(world: World, gateway: Any = None) -> Customers:
    stripe: Any = gateway or Gateway()
    return Customers(world.kube, stripe)


async def test_a_customer_is_made_only_where_an_address_is_known(world: World) -> None:
    assert await customers(world).settle("cus_1", email=None) is None
    assert world.items("customers") == {}
    made = await customers(world).settle("cus_1", email="a@example.com")
    assert made is not None
    assert (made.metadata.name, made.spec.email, made.spec.stripe_customer_id) == (NAME, "a@example.com", "cus_1")
    assert world.kube.caches.customers.get(NAME) is not None


async def test_an_address_that_the_resource_refuses_is_said_to_whoever_signs_up(world: World) -> None:
    world.fail("customers", ApiException(status=422, reason="Invalid"), "POST")
    with pytest.raises(BadRequest) as refused:
        await customers(world).settle("cus_1", email="a@example.com")
    assert refused.value.code == "invalid_email"


async def test_any_other_refusal_is_kubernetes_own(world: World) -> None:
    world.fail("customers", ApiException(status=403), "POST")
    with pytest.raises(ApiException):
        await customers(world).settle("cus_1", email="a@example.com")


async def test_a_name_that_somebody_else_took_is_left_alone(world: World) -> None:
    world.add("customers", NAME, {"email": "b@example.com", "stripeCustomerId": "cus_2"}, {})
    gateway = Gateway()
    with pytest.raises(Conflict) as refused:
        await customers(world, gateway).settle("cus_1", email="a@example.com")
    assert (refused.value.code, gateway.asked) == ("customer_name_taken", 0)


async def test_a_conflict_asks_stripe_again_until_it_has_been_eight_times(world: World) -> None:
    world.add("customers", NAME, {"email": "a@example.com", "stripeCustomerId": "cus_1"}, {})
    gateway, refusals = Gateway(), 7

    def conflict(request: Request) -> None:
        nonlocal refusals
        if request.method == "PATCH" and refusals > 0:
            refusals -= 1
            raise ApiException(status=409)

    world.api.before = conflict
    settled = await customers(world, gateway).settle("cus_1", email=None)
    assert settled is not None
    assert gateway.asked == 8
    refusals = 8
    with pytest.raises(Unavailable) as refused:
        await customers(world, gateway).settle("cus_1", email=None)
    assert refused.value.code == "busy"


async def test_a_customer_without_a_stripe_customer_is_not_checked(world: World) -> None:
    customer = world.add("customers", "by-hand", {"email": "a@example.com"}, {})
    gateway = Gateway()
    await customers(world, gateway).recheck(customer)
    assert gateway.asked == 0


async def status_of(world: World, gateway: Gateway, **before: Any) -> Any:
    world.add("customers", NAME, {"email": "a@example.com", "stripeCustomerId": "cus_1"}, before)
    settled = await customers(world, gateway).settle("cus_1", email=None)
    assert settled is not None
    return settled.status


EARLIER = to_rfc3339(utc_now() - timedelta(days=3))


async def test_since_when_is_kept_as_long_as_nothing_changes(world: World) -> None:
    kept = await status_of(world, Gateway(), paymentMethod="valid", paymentMethodSince=EARLIER)
    assert to_rfc3339(kept.payment_method_since) == EARLIER
    changed = await status_of(world, Gateway(), paymentMethod="missing", paymentMethodSince=EARLIER)
    assert to_rfc3339(changed.payment_method_since) != EARLIER
    first = await status_of(world, Gateway(), paymentMethod="valid")
    assert first.payment_method_since is not None


async def test_the_grace_begins_with_the_loss_and_ends_with_a_payment(world: World) -> None:
    lost = Gateway(PaymentReason.NO_METHOD)
    begun = await status_of(world, lost, paymentMethod="valid", paymentGraceSince=EARLIER)
    assert to_rfc3339(begun.payment_grace_since) != EARLIER
    going_on = await status_of(world, lost, paymentMethod="missing", paymentGraceSince=EARLIER)
    assert to_rfc3339(going_on.payment_grace_since) == EARLIER
    from_before = await status_of(world, lost, paymentMethod="missing")
    assert from_before.payment_grace_since is not None, "of a release that knew no grace"
    paid = await status_of(world, Gateway(), paymentMethod="missing", paymentGraceSince=EARLIER)
    assert paid.payment_grace_since is None


async def test_where_nobody_is_suspended_for_not_paying_there_is_no_grace(world: World) -> None:
    world.kube = replace(world.kube, payment_terms=replace(world.kube.payment_terms, grace=None))
    lost = await status_of(world, Gateway(PaymentReason.NO_METHOD), paymentMethod="valid", paymentGraceSince=EARLIER)
    assert (lost.payment_method, lost.payment_grace_since) == ("missing", None)


async def test_cards_that_were_seen_are_remembered(world: World) -> None:
    found = await status_of(world, Gateway(PaymentReason.METHOD_ON_FILE, "new"), cardFingerprints=["old"])
    assert found.card_fingerprints == ["old", "new"]


def test_of_too_many_cards_the_oldest_are_forgotten() -> None:
    cards = [str(number) for number in range(MAX_CARDS)]
    assert remembered(cards, ["0", "new"]) == [*cards[2:], "0", "new"]
    assert remembered(cards[:-1], ["new"]) == [*cards[:-1], "new"]
