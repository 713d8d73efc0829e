"""The end of an account against the real API server: its clock, its fence, and two operators."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from kubernetes.aio.client import ApiClient

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.kube.client import Resources, connect
from batteries_crds.notification import Notification
from batteries_operator.controller.live_accounts import LiveAccounts
from batteries_operator.deadlines.deadlines import Deadlines

GRACE = timedelta(days=30)


@pytest.fixture
async def api(cluster: Any) -> AsyncIterator[ApiClient]:
    client = await connect(str(cluster.kubeconfig))
    yield client
    await client.close()


async def test_it_ends_once_and_not_before_and_opens_again_when_it_is_extended(cluster: Any, api: ApiClient) -> None:
    namespace, ends = cluster.namespace(), utc_now() + timedelta(seconds=4)
    spec = {"email": "a@example.com", "expiresAt": to_rfc3339(ends), "expiryPolicy": "Close"}
    body = {"apiVersion": "aibatteriesincluded.com/v1", "kind": "AwsAccount", "metadata": {"name": "acme"}}
    cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=yaml.safe_dump(body | {"spec": spec}))
    accounts, notifications = Resources(api, AwsAccount, "test"), Resources(api, Notification, "test")
    _, answered = await accounts.find_dated(namespace, "acme")
    assert answered is not None
    assert abs(answered - utc_now()) < timedelta(seconds=5)
    assert await accounts.find_dated(namespace, "nobody") == (None, None)
    told: list[str] = []
    operators = [
        Deadlines(accounts, LiveAccounts(accounts), notifications, GRACE, lambda *event: told.append(event[2]))
        for _ in range(2)
    ]
    tasks = [asyncio.create_task(each.run()) for each in operators]
    try:
        account = await accounts.get(namespace, "acme")
        async with asyncio.timeout(60):
            while not account.holds:
                for each in operators:
                    each.account_seen(account)
                await asyncio.sleep(0.2)
                account = await accounts.get(namespace, "acme")
        hold = account.status.holds["Expired"]
        assert hold.since >= ends
        assert hold.closes_at == ends + GRACE
        await asyncio.sleep(1)
        made = [each.spec.kind.value async for each in notifications.all(namespace)]
        assert sorted(made) == ["AccountExpired", "AccountExpires"]
        assert sorted(told) == ["AccountExpired", "AccountExpires"], "by one of the two"
        later = {"spec": {"expiresAt": to_rfc3339(ends + timedelta(days=30))}}
        account = await accounts.merge(namespace, "acme", later)
        async with asyncio.timeout(60):
            while account.holds:
                operators[0].account_seen(account)
                await asyncio.sleep(0.2)
                account = await accounts.get(namespace, "acme")
        assert [(each.step, each.status) for each in account.status.history] == [
            ("expiry", "started"),
            ("expiry", "succeeded"),
        ]
    finally:
        for task in tasks:
            task.cancel()
