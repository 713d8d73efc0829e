"""Other people's resources with our names in an adopted account are left alone, and reported."""

import asyncio
import json
from typing import Any

import pytest
from fakes.deletion import delete, released
from fakes.factory import ISSUER, NAMESPACE, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find
from batteries_crds.github.trust_policy import PROVIDER_HOST, ROLE_NAME
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_OWNER, TAG_RESOURCE

OWNER = "acme@example.com"
THEIRS = "Their-own-password-7"
ADMIN = {"UserName": "admin"}
ROLE = {"RoleName": ROLE_NAME}
RETRY = {"metadata": {"annotations": {"aibatteriesincluded.com/retry": "1"}}}
CHANGES = ("Create", "Attach", "Update", "Add", "Delete", "Put", "Tag")


async def existing(factory: Factory) -> str:
    """A company's member account, which the platform team has tagged for the AwsAccount `acme`."""
    organizations = await factory.client("organizations")
    tag: Any = [{"Key": TAG_RESOURCE, "Value": f"{NAMESPACE}/acme"}]
    role = factory.settings.access_role_name
    organizations.create_account(Email="old@b.example", AccountName="Old", RoleName=role, Tags=tag)
    async with asyncio.timeout(5):
        while True:
            for each in (await factory.standin("accounts"))["accounts"]:
                if each["email"] == "old@b.example" and await _answers(factory, str(each["id"])):
                    return str(each["id"])
            await asyncio.sleep(0.01)


async def _answers(factory: Factory, aws_account_id: str) -> bool:
    try:
        await factory.client("iam", aws_account_id)
    except Exception:
        return False
    return True


async def a_user(iam: Any) -> None:
    iam.create_user(**ADMIN)
    iam.create_login_profile(**ADMIN, Password=THEIRS, PasswordResetRequired=False)


async def a_role(iam: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(**ROLE, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))


async def a_provider(iam: Any) -> None:
    iam.create_open_id_connect_provider(Url=f"https://{PROVIDER_HOST}", ClientIDList=["theirs"])


STRANGERS: dict[str, Any] = {"UserNotOurs": a_user, "RoleNotOurs": a_role, "ProviderNotOurs": a_provider}
CONDITIONS = {"UserNotOurs": "IAMUserReady", "RoleNotOurs": "OIDCConfigured", "ProviderNotOurs": "OIDCConfigured"}


async def held(factory: Factory, aws_account_id: str) -> Any:
    """Everything in IAM that can be somebody else's."""
    iam = await factory.client("iam", aws_account_id)

    def look() -> Any:
        users = [each["UserName"] for each in iam.list_users()["Users"]]
        roles = {each["RoleName"]: each["AssumeRolePolicyDocument"] for each in iam.list_roles()["Roles"]}
        providers = [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        return (
            [(user, iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]) for user in users],
            [(role, iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]) for role in roles],
            roles,
            [iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] for arn in providers],
        )

    return await asyncio.to_thread(look)


async def opens(factory: Factory, aws_account_id: str | None, password: str) -> bool:
    words = {"accountId": aws_account_id, "userName": "admin", "password": password}
    return await factory.standin("console-sign-in", words) is not None


def reason(account: AwsAccount, condition: str) -> str | None:
    found = find(account.status.conditions, condition)
    return found.reason if found else None


@pytest.mark.parametrize("refused", STRANGERS)
async def test_what_a_person_made_is_left_alone_and_named(factory: Factory, refused: str) -> None:
    found = await existing(factory)
    await STRANGERS[refused](await factory.client("iam", found))
    before, kind = await held(factory, found), CONDITIONS[refused]
    await factory.add(awsAccountId=found, githubRepos=["o/r"])
    process = await factory.start()
    account = await process.until("acme")
    assert reason(account, kind) == refused
    assert reason(account, "Stalled") == refused
    assert "It was left as it is." in (account.status.error or "")
    assert "annotation aibatteriesincluded.com/retry" in (account.status.error or "")
    await factory.change(suspended=True)
    await process.until("acme")
    after = await held(factory, found)
    for theirs, now in zip(before, after, strict=True):
        assert all(each in now for each in theirs), "what was there is there as it was"
    if refused == "UserNotOurs":
        assert await opens(factory, found, THEIRS)


async def test_when_it_is_out_of_the_way_the_account_goes_on(factory: Factory) -> None:
    found = await existing(factory)
    iam = await factory.client("iam", found)
    await a_user(iam)
    await factory.add(awsAccountId=found)
    process = await factory.start()
    assert (await process.until("acme")).status.phase == "failed"
    iam.delete_login_profile(**ADMIN)
    iam.delete_user(**ADMIN)
    await factory.accounts.merge(NAMESPACE, "acme", RETRY)
    assert (await process.until("acme")).status.phase == "active"


async def test_a_provider_of_somebody_else_that_has_our_audience_is_used_unchanged(factory: Factory) -> None:
    found = await existing(factory)
    iam = await factory.client("iam", found)
    audiences = ["sts.amazonaws.com", "theirs"]
    for url in (f"https://{PROVIDER_HOST}", ISSUER):
        iam.create_open_id_connect_provider(Url=url, ClientIDList=audiences)
    await factory.add(awsAccountId=found, githubRepos=["o/r"])
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.phase == "active"
    assert (await held(factory, found))[3] == [audiences, audiences]
    assert await factory.admits(account, "repo:o/r:ref:refs/heads/main")


async def adopted_again(factory: Factory, process: Process, **spec: Any) -> AwsAccount:
    """Deletes it with Retain, and creates it again."""
    delete(factory)
    await released(process)
    account = await factory.account()
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    secret = ("Secret", NAMESPACE, "acme-credentials")
    factory.cluster.objects.pop(secret, None)  # the garbage collector, by its owner reference
    await factory.add(awsAccountId=account.status.aws_account_id, **spec)
    return await process.until("acme")


async def test_a_password_that_the_owner_has_chosen_outlives_a_second_adoption(factory: Factory) -> None:
    process = await factory.active()
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    iam.update_login_profile(**ADMIN, Password=THEIRS, PasswordResetRequired=False)
    calls = len(process.calls)
    account = await adopted_again(factory, process)
    assert account.status.phase == "active"
    assert await opens(factory, account.status.aws_account_id, THEIRS)
    assert account.status.credentials_secret_name is None
    assert ("Secret", NAMESPACE, "acme-credentials") not in factory.cluster.objects
    assert not [each for each in process.calls[calls:] if each.startswith("iam:") and each[4:].startswith(("Up", "Cr"))]
    await factory.change(suspended=True)
    await process.until("acme")
    assert not await opens(factory, account.status.aws_account_id, THEIRS), "a suspension closes it all the same"


async def test_a_first_password_that_nobody_has_used_is_replaced_by_one_that_somebody_knows(factory: Factory) -> None:
    process = await factory.active()
    account = await adopted_again(factory, process)
    assert account.status.credentials_secret_name == "acme-credentials"
    assert await factory.signs_in(account) == {"passwordResetRequired": True}


async def test_what_an_earlier_release_made_is_ours_and_what_lost_its_tags_as_well(factory: Factory) -> None:
    """Earlier releases tagged with our id alone; an owner, who is administrator, may take that tag away too."""
    process = await factory.active(githubRepos=["o/r"])
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    for keys in ([TAG_OWNER], [TAG_ACCOUNT_ID]):
        iam.untag_user(**ADMIN, TagKeys=keys)
        iam.untag_role(**ROLE, TagKeys=keys)
        await factory.change(suspended=True)
        assert (await process.until("acme")).status.phase == "suspended"
        assert not await factory.admits(await factory.account(), "repo:o/r:ref:refs/heads/main")
        await factory.change(suspended=False)
        account = await process.until("acme")
        assert (account.status.phase, account.status.error) == ("active", None)
        assert await factory.signs_in(account)


async def test_what_was_made_for_another_owner_is_not_the_next_ones(factory: Factory) -> None:
    """The platform team handed the AWS account over, and forgot the first owner's user."""
    factory.settings = factory.settings.model_copy(update={"retained_access": "remove"})
    process = await factory.active(email=OWNER)
    account = await factory.account()
    organizations = await factory.client("organizations")
    delete(factory)
    await released(process)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    organizations.untag_resource(ResourceId=account.status.aws_account_id, TagKeys=[TAG_OWNER])
    await factory.add(email="next@example.com", awsAccountId=account.status.aws_account_id)
    account = await process.until("acme")
    assert reason(account, "IAMUserReady") == "UserNotOurs"
    assert "was made for another owner" in find(account.status.conditions, "IAMUserReady").message  # type: ignore[union-attr]
    assert reason(account, "OIDCConfigured") == "RoleNotOurs"


async def test_nor_those_of_the_next_customer_of_the_same_name(factory: Factory) -> None:
    """Names of Customers are reused; a Customer with another address is another owner."""
    factory.settings = factory.settings.model_copy(update={"retained_access": "remove"})
    customer: dict[str, Any] = {"metadata": {"name": "team"}, "spec": {"email": OWNER}}
    await factory.customers.create(NAMESPACE, customer)
    process = await factory.active(email=None, customerRef={"name": "team"})
    account = await factory.account()
    organizations = await factory.client("organizations")
    delete(factory)
    await released(process)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    factory.cluster.delete("Customer", NAMESPACE, "team")
    await factory.customers.create(NAMESPACE, customer | {"spec": {"email": "next@example.com"}})
    organizations.untag_resource(ResourceId=account.status.aws_account_id, TagKeys=[TAG_OWNER])
    await factory.add(email=None, customerRef={"name": "team"}, awsAccountId=account.status.aws_account_id)
    account = await process.until("acme")
    assert reason(account, "IAMUserReady") == "UserNotOurs"
    assert reason(account, "OIDCConfigured") == "RoleNotOurs"
