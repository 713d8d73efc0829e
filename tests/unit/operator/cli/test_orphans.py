"""Orphans are found, and the printed YAML adopts them and creates nothing."""

import json
from typing import Any

import pytest
import yaml
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, settings
from fakes.pool import pooled

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_RESOURCE
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import Member
from batteries_operator.cli.adoption import Orphan
from batteries_operator.cli.orphans import ADOPT, Found, find

REPOSITORIES = ["octo-org/api", "octo-org@123/web@456"]


async def accounts(factory: Factory) -> list[AwsAccount]:
    return [account async for account in factory.accounts.all(None)]


async def test_an_account_whose_object_is_gone_is_adopted_by_the_yaml(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES, displayName="Web team")
    before = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    found = await find(process.deps.aws, factory.settings, await accounts(factory))
    assert (found.lost, found.unread) == ([], [])
    (orphan,) = found.orphans
    manifest = yaml.safe_load(orphan.manifest())
    assert manifest["spec"] == {
        "email": "acme@example.com",
        "displayName": "Web team",
        "githubRepos": REPOSITORIES,
        "awsAccountId": before.status.aws_account_id,
    }
    assert manifest["metadata"] == {"namespace": NAMESPACE, "name": "acme"}
    assert "# deletionPolicy is not known" in orphan.manifest()
    await factory.accounts.create(NAMESPACE, manifest)
    adopted = await process.until("acme")
    assert (adopted.account_id, adopted.status.aws_account_id) == (before.account_id, before.status.aws_account_id)
    assert await factory.requests(adopted) == 1, "nothing was made"
    # The owner took the first password before, or its Secret went with the object: there is a new one.
    await assert_exactly_right(factory, adopted, mails=0)
    assert await find(process.deps.aws, factory.settings, await accounts(factory)) == Found()


async def test_the_yaml_admits_the_runs_that_the_roles_admit_and_no_others(factory: Factory) -> None:
    """Whoever adopts an account must not open it to every branch."""
    infra = {"repository": "octo-org@1/infra@2", "readOnlyFrom": {}}
    wanted: dict[str, Any] = {
        "githubRepos": ["octo-org/web"],
        "repositories": [infra],
        "readOnlyFrom": {"pullRequests": True},
    }
    process = await factory.active(**wanted, deployFrom={"branches": ["main"], "tags": ["v*"]})
    before = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    (orphan,) = (await find(process.deps.aws, factory.settings, [])).orphans
    spec = yaml.safe_load(orphan.manifest())["spec"]
    main = {"branches": ["main"], "tags": ["v*"]}
    assert "githubRepos" not in spec
    assert spec["repositories"] == [
        {"repository": "octo-org/web", "deployFrom": main, "readOnlyFrom": {"pullRequests": True}},
        {"repository": "octo-org@1/infra@2", "deployFrom": main},
    ]
    await factory.accounts.create(NAMESPACE, yaml.safe_load(orphan.manifest()))
    adopted = await process.until("acme")
    assert (adopted.spec.deploying, adopted.spec.reading) == (before.spec.deploying, before.spec.reading)
    await assert_exactly_right(factory, adopted, mails=0)


async def test_a_read_only_role_whose_trust_somebody_changed_is_told(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"], readOnlyFrom={"pullRequests": True})
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    name = "GitHubActionsReadOnlyRole"
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Sid"] = "Mine"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    (orphan,) = (await find(process.deps.aws, factory.settings, [])).orphans
    assert orphan.spec["githubRepos"] == ["octo-org/web"]
    assert (
        "# readOnlyFrom is not known: somebody changed the trust policy of GitHubActionsReadOnlyRole"
        in orphan.manifest()
    )


async def test_those_of_namespaces_that_are_not_watched_are_anothers_business(factory: Factory) -> None:
    process = await factory.active()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    assert len((await find(process.deps.aws, settings(namespaces=f"a,{NAMESPACE}"), [])).orphans) == 1
    assert await find(process.deps.aws, settings(namespaces="a,b"), []) == Found()


async def test_a_quarantined_one_stays_closed(factory: Factory) -> None:
    process = await factory.active()
    await factory.change(suspended=True)
    await process.until("acme")
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    (orphan,) = (await find(process.deps.aws, factory.settings, [])).orphans
    spec = yaml.safe_load(orphan.manifest())["spec"]
    assert spec["suspended"] is True
    assert spec.keys() == {"suspended", "awsAccountId"}, "nothing is guessed"
    assert "# The owner is not known" in orphan.manifest()
    assert "# githubRepos is not known: the deploy role of a suspended account admits nobody." in orphan.manifest()


async def test_an_orphan_is_reported_though_a_suspended_account_reused_its_name(factory: Factory) -> None:
    """The new account is another owner's, so it leaves the old one as it is: open."""
    process = await factory.active()
    before = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await factory.add(suspended=True, email="another@example.com")
    assert (await process.until("acme")).status.aws_account_id is None
    (orphan,) = (await find(process.deps.aws, factory.settings, await accounts(factory))).orphans
    assert orphan.member.id == before.status.aws_account_id


async def test_a_suspended_account_closes_the_orphan_of_its_owner_and_name(factory: Factory) -> None:
    process = await factory.active()
    before = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await factory.add(suspended=True)
    closed = await process.until("acme")
    assert (closed.status.aws_account_id, closed.status.phase) == (before.status.aws_account_id, "suspended")
    assert await find(process.deps.aws, factory.settings, await accounts(factory)) == Found()


async def test_strangers_and_accounts_that_kubernetes_knows_are_no_orphans(factory: Factory) -> None:
    process = await factory.active()
    organizations = await factory.client("organizations")
    for tags in ([], [{"Key": TAG_RESOURCE, "Value": "somebody-elses-idea"}]):
        asked: Any = {"Email": f"s{len(tags)}@example.com", "AccountName": "stranger", "Tags": tags}
        organizations.create_account(**asked)
    assert await find(process.deps.aws, factory.settings, await accounts(factory)) == Found()


@pytest.mark.parametrize("how", ["closed", "not a member"])
async def test_an_account_that_is_gone_from_aws_is_told(factory: Factory, how: str) -> None:
    process = await factory.active()
    account = await factory.account()
    if how == "closed":
        (await factory.client("organizations")).close_account(AccountId=account.status.aws_account_id)
    else:
        status = factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]
        status["awsAccountId"] = "999999999999"
    (lost,) = (await find(process.deps.aws, factory.settings, await accounts(factory))).lost
    assert ("PENDING_CLOSURE" if how == "closed" else "not a member of the organization") in str(lost)


async def test_an_account_of_a_customer_goes_back_to_that_customer(factory: Factory) -> None:
    await factory.customers.create(NAMESPACE, {"metadata": {"name": "cus-1"}, "spec": {"email": "c@example.com"}})
    await factory.add(email=None, customerRef={"name": "cus-1"})
    process = await factory.start()
    await process.until("acme")
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    customers = [customer async for customer in factory.customers.all(None)]
    (orphan,) = (await find(process.deps.aws, factory.settings, [], customers)).orphans
    assert orphan.spec["customerRef"] == {"name": "cus-1"}
    assert "email" not in orphan.spec
    (orphan,) = (await find(process.deps.aws, factory.settings, [], [])).orphans
    assert not orphan.spec.keys() & {"customerRef", "email"}, "of a Customer that is not there no other owner is made"
    assert "# The owner was a Customer of this namespace that does not exist now." in orphan.manifest()


async def test_a_user_that_was_deleted_or_an_account_that_cant_be_entered_stops_no_other(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    await factory.add("other", githubRepos=["octo-org/api"])
    await process.until("other")
    one, other = await factory.account(), await factory.account("other")
    for name in ("acme", "other"):
        factory.cluster.delete("AwsAccount", NAMESPACE, name)
    store = await process.deps.aws.identity_center.instance()
    (await factory.client("identitystore")).delete_user(
        IdentityStoreId=store.identity_store_id, UserId=one.status.sso_user_id
    )
    fresh = await factory.start()
    assume = fresh.deps.aws.sts.assume

    async def refused(account: Any, *more: Any) -> Any:
        if account.id == one.status.aws_account_id:
            raise AwsError("sts:AssumeRole", "AccessDenied", "refused by the test.")
        return await assume(account, *more)

    fresh.deps.aws.sts.assume = refused  # type: ignore[assignment, method-assign]
    found = await find(fresh.deps.aws, factory.settings, [])
    first, second = sorted(found.orphans, key=lambda each: each.name)
    assert second.spec["email"] == "other@example.com"
    assert second.spec["githubRepos"] == ["octo-org/api"]
    assert other.status.aws_account_id == second.member.id
    assert not first.spec.keys() & {"email", "githubRepos"}
    assert "# githubRepos could not be read" in first.manifest()
    assert "# The owner is not known" in first.manifest()


async def test_an_account_whose_tags_cant_be_read_stops_no_other(factory: Factory) -> None:
    process = await factory.active()
    organizations = await factory.client("organizations")
    organizations.create_account(Email="s@example.com", AccountName="stranger")
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    tags, asked = process.deps.aws.organizations.tags, list[str]()

    async def unreadable_once(account: str) -> Any:
        asked.append(account)
        if len(asked) == 1:
            raise AwsError("organizations:ListTagsForResource", "ServiceException", "refused by the test.")
        return await tags(account)

    process.deps.aws.organizations.tags = unreadable_once  # type: ignore[method-assign]
    found = await find(process.deps.aws, factory.settings, [])
    assert len(found.unread) == 1
    assert asked[0] in found.unread[0]


async def test_a_trust_policy_that_somebody_changed_is_not_taken_for_ours(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    account = await factory.account()
    iam = await factory.client("iam", account.status.aws_account_id)
    trust = iam.get_role(RoleName="GitHubActionsDeployRole")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Condition"]["StringLike"]["token.actions.githubusercontent.com:sub"] = "repo:octo-org/*"
    iam.update_assume_role_policy(RoleName="GitHubActionsDeployRole", PolicyDocument=json.dumps(trust))
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    (orphan,) = (await find(process.deps.aws, factory.settings, [])).orphans
    assert "githubRepos" not in orphan.spec
    assert "somebody changed the trust policy" in orphan.manifest()


@pytest.mark.parametrize(
    "text", ["yes", "null", "123", "a: b", "# c", "- d", "'", '"', "é ü", "x" * 50, "{a}", "*a", "!b"]
)
def test_what_is_printed_is_read_back_as_it_was(text: str) -> None:
    orphan = Orphan(
        Member("123456789012", f"{text}\nspec: {{}}", text, "ACTIVE"), text, text, {"displayName": text}, [text]
    )
    read = yaml.safe_load(orphan.manifest())
    assert read["metadata"] == {"namespace": text, "name": text}
    assert read["spec"] == {"displayName": text, "awsAccountId": "123456789012"}


@pytest.mark.parametrize("number", ["089012345678", "012345678901", "123456789012"])
def test_an_id_that_kubectl_takes_for_a_number_is_quoted(number: str) -> None:
    # 089012345678 is text in YAML 1.1, which PyYAML goes by, and a number for kubectl.
    assert f'awsAccountId: "{number}"' in Orphan(Member(number, "n", "a@b.co", "ACTIVE"), "n", "a", {}, []).manifest()


def test_nobody_is_told_to_apply_what_they_have_not_read() -> None:
    assert "| kubectl" not in ADOPT
    assert "read it" in ADOPT


@pytest.mark.parametrize("spec", [{}, {"suspended": True, "awsAccountId": "THEIRS"}], ids=["to be made", "to be taken"])
async def test_what_an_account_of_its_name_is_about_to_take_is_no_orphan(
    factory: Factory, spec: dict[str, Any]
) -> None:
    process = await factory.active()
    before = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    number = str(before.status.aws_account_id)
    await factory.add(**{name: number if value == "THEIRS" else value for name, value in spec.items()})
    assert (await find(process.deps.aws, factory.settings, await accounts(factory))).orphans == []


async def test_an_orphan_that_came_from_a_pool_is_adopted_with_the_names_that_it_has(factory: Factory) -> None:
    """Its address and name in AWS do not follow from its id, and mislead nobody."""
    member = await pooled(factory)
    process = await factory.active(githubRepos=REPOSITORIES, displayName="Web team")
    before = await factory.account()
    assert before.status.aws_account_id == member.status.aws_account_id
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    found = await find(process.deps.aws, factory.settings, await accounts(factory), pooled=[member])
    assert (found.lost, found.left_over, found.unread) == ([], [], [])
    (orphan,) = found.orphans
    manifest = yaml.safe_load(orphan.manifest())
    spec = {"email": "acme@example.com", "githubRepos": REPOSITORIES, "awsAccountId": before.status.aws_account_id}
    assert manifest["spec"] == spec, "no displayName is guessed"
    await factory.accounts.create(NAMESPACE, manifest)
    adopted = await process.until("acme")
    await assert_exactly_right(factory, adopted, mails=0)
    assert await find(process.deps.aws, factory.settings, await accounts(factory)) == Found()


async def test_what_a_pool_prepared_for_a_member_that_is_gone_is_told(factory: Factory) -> None:
    member = await pooled(factory)
    process = await factory.start()
    assert await find(process.deps.aws, factory.settings, [], pooled=[member]) == Found()
    found = await find(process.deps.aws, factory.settings, [])
    (sentence,) = found.left_over
    assert sentence.startswith(f"{member.status.aws_account_id}: a pool prepared it, its PooledAccount customers/m-1")
    assert sentence.endswith(f"aws organizations close-account --account-id {member.status.aws_account_id}")
    assert not found.orphans
    elsewhere = factory.settings.model_copy(update={"namespaces": "another"})
    assert await find(process.deps.aws, elsewhere, []) == Found()


async def test_a_second_account_of_an_awsaccount_is_told(factory: Factory) -> None:
    process = await factory.active()
    account, organizations = await factory.account(), await factory.client("organizations")
    await factory.active("other")
    other = (await factory.account("other")).status.aws_account_id
    factory.cluster.delete("AwsAccount", NAMESPACE, "other")
    tags: Any = [{"Key": TAG_RESOURCE, "Value": account.key}]
    organizations.tag_resource(ResourceId=other, Tags=tags)
    found = await find(process.deps.aws, factory.settings, await accounts(factory))
    (sentence,) = found.left_over
    assert sentence.startswith(f"{other}: is AwsAccount {account.key}'s by its tag, which has AWS account")
    assert found.orphans == []
