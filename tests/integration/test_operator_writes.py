"""The operator's pen against the real API server: the fence that keeps two of them from both making an account."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml
from kubernetes.aio.client import ApiClient

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.base import utc_now
from batteries_crds.kube.client import Resources, connect
from batteries_crds.kube.secrets import Secrets
from batteries_operator.controller.passwords import Passwords
from batteries_operator.status.status_writer import LostRaceError, StatusWriter


@pytest.fixture
async def api(cluster: Any) -> AsyncIterator[ApiClient]:
    client = await connect(str(cluster.kubeconfig))
    yield client
    await client.close()


@pytest.fixture
def namespace(cluster: Any) -> str:
    name: str = cluster.namespace()
    text = yaml.safe_dump(
        {
            "apiVersion": "aibatteriesincluded.com/v1",
            "kind": "AwsAccount",
            "metadata": {"name": "acme"},
            "spec": {"email": "a@example.com"},
        }
    )
    cluster.run("apply", f"--namespace={name}", "-f", "-", stdin=text)
    return name


def with_intent(account: AwsAccount, email: str) -> AwsAccount:
    intent = CreateRequest(email=email, account_name="acme", recorded_at=utc_now())
    return account.model_copy(update={"status": account.status.model_copy(update={"create_request": intent})})


async def test_of_two_operators_one_writes_the_intent_and_the_other_looks_again(api: ApiClient, namespace: str) -> None:
    accounts = Resources(api, AwsAccount, "test")
    seen = await accounts.get(namespace, "acme")
    pens = [StatusWriter(accounts, seen), StatusWriter(accounts, seen)]
    for number, pen in enumerate(pens):
        pen.account = with_intent(seen, f"aws+{number}@example.com")
    results = await asyncio.gather(*(pen.flush() for pen in pens), return_exceptions=True)
    assert [type(result) for result in results if isinstance(result, Exception)] == [LostRaceError]
    winner = results.index(True)
    written = (await accounts.get(namespace, "acme")).status.create_request
    assert written is not None
    assert written.email == f"aws+{winner}@example.com"


async def test_a_changed_spec_does_not_lose_the_operators_write(api: ApiClient, namespace: str) -> None:
    accounts = Resources(api, AwsAccount, "test")
    seen = await accounts.get(namespace, "acme")
    await accounts.merge(namespace, "acme", {"spec": {"githubRepos": ["org/repo"]}})
    pen = StatusWriter(accounts, seen)
    pen.account = with_intent(seen, "aws+1@example.com")
    assert await pen.flush()
    now = await accounts.get(namespace, "acme")
    assert now.status.create_request is not None
    assert now.spec.github_repos == ["org/repo"]


async def test_a_removed_fact_is_gone_from_the_status(api: ApiClient, namespace: str) -> None:
    accounts = Resources(api, AwsAccount, "test")
    pen = StatusWriter(accounts, await accounts.get(namespace, "acme"))
    pen.account = with_intent(pen.account, "aws+1@example.com")
    await pen.flush()
    pen.account = pen.account.model_copy(
        update={"status": pen.account.status.model_copy(update={"create_request": None})}
    )
    assert await pen.flush()
    assert (await accounts.get(namespace, "acme")).status.create_request is None
    assert not await pen.flush(), "nothing differs, nothing is written"


async def test_the_first_password_is_made_once_and_kept(api: ApiClient, namespace: str) -> None:
    account = await Resources(api, AwsAccount, "test").get(namespace, "acme")
    passwords = Passwords(Secrets(api, "test"))
    first, again = [await passwords.get_or_create(account, "admin") for _ in range(2)]
    assert first.password == again.password
    assert not again.set_in_aws
    await passwords.mark_set(account)
    assert (await passwords.get_or_create(account, "admin")).set_in_aws
