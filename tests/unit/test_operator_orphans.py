"""What AWS holds and Kubernetes doesn't is found, and the YAML that is printed brings it back and makes nothing."""

from typing import Any

import pytest
import yaml
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_RESOURCE
from batteries_operator.orphans import find


async def accounts(factory: Factory) -> list[AwsAccount]:
    return [account async for account in factory.accounts.all(None)]


async def test_an_account_whose_object_is_gone_is_adopted_by_the_yaml(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    before = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    orphans, lost = await find(process.tools.aws, factory.settings, await accounts(factory))
    assert lost == []
    (orphan,) = orphans
    manifest = yaml.safe_load(orphan.manifest())
    assert manifest["spec"] == {"email": "acme@example.com", "awsAccountId": before.status.aws_account_id}
    assert manifest["metadata"] == {"namespace": NAMESPACE, "name": "acme"}
    await factory.accounts.create(
        NAMESPACE, {**manifest, "spec": {**manifest["spec"], "githubRepos": ["octo-org/web"]}}
    )
    adopted = await process.until("acme")
    assert (adopted.account_id, adopted.status.aws_account_id) == (before.account_id, before.status.aws_account_id)
    assert await factory.requests(adopted) == 1, "nothing was made"
    # The owner took the first password before, or its Secret went with the object: there is a new one.
    await assert_exactly_right(factory, adopted, mails=0)
    assert await find(process.tools.aws, factory.settings, await accounts(factory)) == ([], [])


async def test_those_of_namespaces_that_are_not_watched_are_anothers_business(factory: Factory) -> None:
    process = await factory.active()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    assert len((await find(process.tools.aws, settings(namespaces=f"a,{NAMESPACE}"), []))[0]) == 1
    assert await find(process.tools.aws, settings(namespaces="a,b"), []) == ([], [])


async def test_a_quarantined_one_stays_closed(factory: Factory) -> None:
    process = await factory.active()
    await factory.change(suspended=True)
    await process.until("acme")
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    (orphan,), _ = await find(process.tools.aws, factory.settings, [])
    spec = yaml.safe_load(orphan.manifest())["spec"]
    assert spec["suspended"] is True
    assert orphan.owner is None
    assert "the owner is not known" in orphan.manifest()


async def test_strangers_and_accounts_that_kubernetes_knows_are_no_orphans(factory: Factory) -> None:
    process = await factory.active()
    organizations = await factory.client("organizations")
    for tags in ([], [{"Key": TAG_RESOURCE, "Value": "somebody-elses-idea"}]):
        asked: Any = {"Email": f"s{len(tags)}@example.com", "AccountName": "stranger", "Tags": tags}
        organizations.create_account(**asked)
    assert await find(process.tools.aws, factory.settings, await accounts(factory)) == ([], [])


@pytest.mark.parametrize("how", ["closed", "not a member"])
async def test_an_account_that_is_gone_from_aws_is_told(factory: Factory, how: str) -> None:
    process = await factory.active()
    account = await factory.account()
    if how == "closed":
        (await factory.client("organizations")).close_account(AccountId=account.status.aws_account_id)
    else:
        status = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]
        status["awsAccountId"] = "999999999999"
    _, (lost,) = await find(process.tools.aws, factory.settings, await accounts(factory))
    assert ("PENDING_CLOSURE" if how == "closed" else "no member of the organization") in str(lost)
