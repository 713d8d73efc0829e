"""What `batteries-operator orphans` prints where, and how it ends."""

from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml
from fakes.cluster import FakeResources
from fakes.factory import NAMESPACE, Factory

from batteries_operator.cli import orphans as command
from batteries_operator.cli.orphans import ADOPT, orphans


@pytest.fixture
async def asked(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """The factory, whose cluster the command asks."""

    @asynccontextmanager
    async def opened() -> Any:
        yield None

    async def connect(kubeconfig: str | None) -> Any:
        return opened()

    monkeypatch.setattr(command, "connect", connect)
    monkeypatch.setattr(command, "Resources", lambda api, model, manager: FakeResources(factory.cluster, model))
    return factory


async def test_where_both_agree_it_says_so_and_prints_no_yaml(
    asked: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await asked.active()
    assert await orphans(asked.settings) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "No orphans: 1 AwsAccounts and AWS agree.\n")


async def test_an_orphan_is_yaml_on_stdout_and_told_on_stderr(
    asked: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await asked.active()
    account = await asked.account()
    asked.cluster.delete("AwsAccount", NAMESPACE, "acme")
    assert await orphans(asked.settings) == 1
    told = capsys.readouterr()
    assert yaml.safe_load(told.out)["spec"]["awsAccountId"] == account.status.aws_account_id
    lines = told.err.splitlines()
    assert lines == [
        f"{account.status.aws_account_id}: is AwsAccount {NAMESPACE}/acme's by its tag, and there is none.",
        ADOPT,
    ]


async def test_an_orphan_beside_a_suspended_namesake_is_told_as_that(
    asked: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await asked.active()
    asked.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await asked.add(suspended=True, email="another@example.com")
    assert await orphans(asked.settings) == 1
    assert "by its tag, and that was suspended before it took it." in capsys.readouterr().err


async def test_what_is_lost_or_cannot_be_read_is_told_and_adopts_nothing(
    asked: Factory, capsys: pytest.CaptureFixture[str]
) -> None:
    await asked.active()
    aws_account_id = (await asked.account()).status.aws_account_id
    (await asked.client("organizations")).close_account(AccountId=aws_account_id)
    await asked.add("broken")
    asked.cluster.objects["AwsAccount", NAMESPACE, "broken"]["spec"]["githubRepos"] = "of a later release"
    assert await orphans(asked.settings) == 1
    told = capsys.readouterr()
    assert told.out == ""
    lost, unread = told.err.splitlines()
    assert lost.startswith(f"{NAMESPACE}/acme: AWS account {aws_account_id} is PENDING_CLOSURE in AWS. Delete")
    assert unread.startswith(f"awsaccount {NAMESPACE}/broken can't be read: ")
    assert unread.endswith("It may belong to an account that is printed as an orphan.")
