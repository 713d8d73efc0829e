"""The watch's events: which accounts need a reconcile, and which are woken."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.cluster import Json
from fakes.factory import NAMESPACE, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ANNOTATION_RETRY, FINALIZER
from batteries_operator.controller.event_handler import EventHandler
from batteries_operator.controller.resync import Resync

Change = Callable[[Json], Any]


def watched_by(process: Process, *others: Callable[[AwsAccount], None]) -> EventHandler:
    return EventHandler(process.controller, Resync(3600, process.controller.resync), *others)


@pytest.mark.parametrize(
    ("change", "wakes"),
    [
        (lambda body: body["metadata"].update(finalizers=[FINALIZER]), True),
        (lambda body: body["metadata"].update(generation=body["metadata"]["generation"] + 1), True),
        (lambda body: body["metadata"].update(annotations={ANNOTATION_RETRY: "now"}), True),
        (lambda body: body.update(status={"hold": "PaymentMethodMissing"}), True),
        (lambda body: body.update(status={"phase": "creating"}), False),
        (lambda body: body["metadata"].update(annotations={"other": "x"}), False),
    ],
    ids=["our finalizer", "its spec", "a retry", "a hold", "its status", "another annotation"],
)
async def test_an_account_is_woken_by_what_it_may_wait_for(factory: Factory, change: Change, wakes: bool) -> None:
    await factory.add()
    process, body = await factory.start(), factory.cluster.get("AwsAccount", NAMESPACE, "acme")
    body["metadata"]["finalizers"] = []
    handler, wakeup = watched_by(process), process.wakeups.of(body["metadata"]["uid"])
    handler.updated(AwsAccount.model_validate(body), body)
    assert wakeup.is_set(), "the first time it is seen"
    wakeup.clear()
    change(body)
    handler.updated(AwsAccount.model_validate(body), body)
    assert wakeup.is_set() == wakes


async def test_whether_an_account_is_pending_is_known_until_it_is_gone(factory: Factory) -> None:
    process, seen = await factory.active(), list[AwsAccount]()
    handler, body = watched_by(process, seen.append), factory.cluster.get("AwsAccount", NAMESPACE, "acme")
    uid = body["metadata"]["uid"]
    assert not handler.is_pending(uid), "never seen"
    handler.updated(AwsAccount.model_validate(body), body)
    assert not handler.is_pending(uid), "settled"
    body["metadata"]["generation"] += 1
    body["spec"]["githubRepos"] = ["octo-org/new"]
    handler.updated(AwsAccount.model_validate(body), body)
    assert handler.is_pending(uid)
    process.deps.registries.forget(uid)
    assert not handler.is_pending(uid)
    assert len(seen) == 2
