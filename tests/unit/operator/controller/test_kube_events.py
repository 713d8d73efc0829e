"""Events of what runs beside kopf's handlers: kopf knows its queue only where it handles an object."""

import asyncio
from contextvars import Context
from typing import Any

import kopf
import pytest
from kopf._core.engines import posting

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_operator.controller.kube_events import EventsBeside, post_event, post_raw_event, warn
from batteries_operator.status.events import Event

ACCOUNT = AwsAccount.model_validate(
    {"metadata": {"name": "acme", "namespace": "team", "uid": "u1"}, "spec": {"email": "a@example.com"}}
)


def handled(queue: Any, *, then: Any) -> None:
    """As kopf handles an object: its variables are set there and nowhere else."""
    posting.settings_var.set(kopf.OperatorSettings())
    posting.event_queue_loop_var.set(asyncio.get_running_loop())
    posting.event_queue_var.set(queue)
    then()


async def test_an_event_is_posted_from_a_task_that_started_with_the_operator() -> None:
    first: asyncio.Queue[Any] = asyncio.Queue()
    events = EventsBeside()
    Context().run(handled, first, then=events.handling)
    Context().run(handled, asyncio.Queue(), then=events.handling)

    async def beside() -> None:
        for reason in ("AccountExpired", "NoticeMissed"):
            events.post(ACCOUNT, "Normal", reason, "It is over.")

    await asyncio.create_task(beside(), context=Context())
    posted = [first.get_nowait() for _ in range(first.qsize())]
    assert [(each.reason, each.message) for each in posted] == [
        ("AccountExpired", "It is over."),
        ("NoticeMissed", "It is over."),
    ]


async def test_outside_of_kopfs_handlers_kopf_itself_posts_nothing() -> None:
    with pytest.raises(LookupError):
        Context().run(post_event, ACCOUNT, "Normal", "AccountExpired", "It is over.")


@pytest.mark.parametrize("kind", ["Normal", "Warning"])
async def test_each_event_has_its_kind_reason_words_and_object(kind: str) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    raw = {"apiVersion": "aibatteriesincluded.com/v1", "kind": "AwsAccount", "metadata": {"name": "odd", "uid": "u2"}}
    customer = Customer.model_validate(
        {"metadata": {"name": "c-1", "namespace": "team", "uid": "u3"}, "spec": {"email": "a@example.com"}}
    )

    def post() -> None:
        post_event(ACCOUNT, kind, "One", "First.")
        post_raw_event(raw, Event(kind, "Two", "Second."))
        warn("Three", customer, "Third.")

    Context().run(handled, queue, then=post)
    await asyncio.sleep(0)
    posted = [queue.get_nowait() for _ in range(queue.qsize())]
    assert [(each.type, each.reason, each.message, each.ref["name"]) for each in posted] == [
        (kind, "One", "First.", "acme"),
        (kind, "Two", "Second.", "odd"),
        ("Warning", "Three", "Third.", "c-1"),
    ]
