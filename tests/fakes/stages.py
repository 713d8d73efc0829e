"""The stages of an account's life in which AWS is called, and the commands; each is set up just before it begins.

A stage is walked to its end whatever AWS answered on the way. Then `is_right` asks AWS, and not the operator.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fakes.aws_world import assert_exactly_right
from fakes.deletion import delete
from fakes.factory import NAMESPACE, Factory, Process, settings
from fakes.pool import pooled

from batteries_crds import agent_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, nobody
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.steps.name_account import name_of

REPOSITORIES = ["octo-org/web"]
READERS = {"pullRequests": True}
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
WORKFLOW = "repo:octo-org/web:ref:refs/heads/main"

Prepare = Callable[[Factory], Awaitable[None]]
IsRight = Callable[[Factory, AwsAccount], Awaitable[None]]


@dataclass(frozen=True)
class Stage:
    """One stage: what comes before it, and how AWS looks after it."""

    name: str
    prepare: Prepare
    is_right: IsRight


async def _ask(factory: Factory) -> None:
    await factory.add(githubRepos=REPOSITORIES, readOnlyFrom=READERS)


async def _ask_with_a_pool(factory: Factory) -> None:
    """An account that a pool prepared is ready."""
    await pooled(factory)
    await _ask(factory)


async def _ask_to_be_named(factory: Factory) -> None:
    """The same, where accounts from pools are named."""
    factory.settings = settings(pool_rename=True)
    organizations = await factory.client("organizations")
    organizations.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
    await _ask_with_a_pool(factory)


async def _invite(factory: Factory) -> None:
    """An account that is there, tagged for this AwsAccount by the platform team, who named no owner."""
    spec = {"email": "acme@example.com"}
    named = AwsAccount.model_validate({"metadata": {"namespace": NAMESPACE, "name": "acme"}, "spec": spec})
    tags = {TAG_RESOURCE: named.key, TAG_ACCOUNT_ID: str(named.account_id)}
    organizations = await factory.client("organizations")
    request = organizations.create_account(
        Email="made@example.com",
        AccountName="made",
        RoleName=factory.settings.access_role_name,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )["CreateAccountStatus"]["Id"]
    async with asyncio.timeout(60):
        while True:
            seen = organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
            if seen["State"] == "SUCCEEDED":
                break
            await asyncio.sleep(0.01)
    await asyncio.sleep(60)  # it was made long before, and its role is known everywhere
    await factory.add(awsAccountId=seen["AccountId"], githubRepos=REPOSITORIES, readOnlyFrom=READERS)


async def walked(
    process: Process,
    reached: Callable[[AwsAccount], bool] | None = None,
    look: Callable[[AwsAccount], None] = lambda _: None,
) -> AwsAccount:
    """As `Process.until`; the deadline is for a machine that is busy."""
    return await process.until("acme", reached, look, seconds=60)


async def _make(factory: Factory, **spec: Any) -> None:
    await factory.add(githubRepos=REPOSITORIES, readOnlyFrom=READERS, **spec)
    account = await walked(await factory.start())
    assert account.status.phase == "active", account.status


async def _suspend(factory: Factory) -> None:
    await _make(factory)
    await factory.change(suspended=True)


async def _resume(factory: Factory) -> None:
    await _suspend(factory)
    account = await walked(await factory.start())
    assert account.status.phase == "suspended"
    await factory.change(suspended=False)


async def _delete_to_close(factory: Factory) -> None:
    await _make(factory, deletionPolicy="Close")
    delete(factory)


async def _delete_without_access(factory: Factory) -> None:
    factory.settings = settings(retained_access="remove")
    await _make(factory)
    delete(factory)


async def _change(factory: Factory) -> None:
    """Another list of repositories and of runs, and permissions boundaries; and somebody took our audience out of the
    providers, and gave the agents' role long sessions.
    """
    await _make(factory)
    account = await factory.account()
    iam = await factory.client("iam", account.status.aws_account_id)
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.remove_client_id_from_open_id_connect_provider(
            OpenIDConnectProviderArn=provider["Arn"], ClientID="sts.amazonaws.com"
        )
    iam.update_role(RoleName=agent_access.ROLE_NAME, MaxSessionDuration=43_200)
    factory.settings = settings(agent_boundary_arn=BOUNDARY, deploy_boundary_arn=BOUNDARY)
    api = {"repository": "octo-org@1/api@2", "deployFrom": {"tags": ["v*"]}}
    await factory.change(repositories=[api], deployFrom={"branches": ["main"]})


async def _change_profile(factory: Factory) -> None:
    """Another profile of policies."""
    factory.settings = settings(policy_profiles='{"gpu": {"purchases": "allow"}}')
    await factory.prepare_policies()
    await _make(factory)
    await factory.change(policyProfile="gpu")


async def _is_active(factory: Factory, account: AwsAccount) -> None:
    await assert_exactly_right(factory, account, mails=0)
    assert await factory.admits(account, WORKFLOW)


async def name_in_aws(factory: Factory, account: AwsAccount) -> str:
    """The AWS account's name, as its own service tells it."""
    names = await factory.client("account", account.status.aws_account_id)
    return str(names.get_account_information()["AccountName"])


async def _is_named(factory: Factory, account: AwsAccount) -> None:
    await _is_active(factory, account)
    assert await name_in_aws(factory, account) == name_of(factory.settings, account)


async def _doors(factory: Factory, account: AwsAccount) -> tuple[bool, bool, bool, bool, list[str]]:
    """Whether the deploy role, the readers', the agents' and the console let anybody in, and who has single sign-on."""
    iam = await factory.client("iam", account.status.aws_account_id)
    admin, store = await factory.client("sso-admin"), await factory.client("identitystore")
    instance = admin.list_instances()["Instances"][0]
    where = {"InstanceArn": instance["InstanceArn"], "AccountId": account.status.aws_account_id}

    def console() -> bool:
        try:
            iam.get_login_profile(UserName="admin")
        except iam.exceptions.NoSuchEntityException:
            return False
        return True

    users = {each["UserId"] for each in store.list_users(IdentityStoreId=instance["IdentityStoreId"])["Users"]}
    sets = admin.list_permission_sets(InstanceArn=instance["InstanceArn"])["PermissionSets"]
    lists = [admin.list_account_assignments(**where, PermissionSetArn=arn)["AccountAssignments"] for arn in sets]
    assigned = [each["PrincipalId"] for listed in lists for each in listed if each["PrincipalId"] in users]
    trusts = {role["RoleName"]: role["AssumeRolePolicyDocument"] for role in iam.list_roles()["Roles"]}
    readers = trusts[READ_ONLY_ROLE_NAME] != nobody()
    agents = trusts[agent_access.ROLE_NAME] != agent_access.nobody()
    return await factory.admits(account, WORKFLOW), readers, agents, await asyncio.to_thread(console), assigned


async def _parent(factory: Factory, account: AwsAccount) -> str:
    (member,) = await factory.members(account)
    unit = (await factory.client("organizations")).describe_organizational_unit(OrganizationalUnitId=member["parentId"])
    return str(unit["OrganizationalUnit"]["Name"])


async def _is_suspended(factory: Factory, account: AwsAccount) -> None:
    assert (account.status.phase, account.status.error) == ("suspended", None)
    assert await _parent(factory, account) == factory.settings.suspended_ou_name
    assert await _doors(factory, account) == (False, False, False, False, [])


async def _is_closed(factory: Factory, account: AwsAccount) -> None:
    (member,) = await factory.members(account)
    assert member["state"] == "CLOSED"


async def _has_no_access(factory: Factory, account: AwsAccount) -> None:
    (member,) = await factory.members(account)
    assert member["state"] == "ACTIVE"
    assert await _doors(factory, account) == (False, False, False, False, [])


MAKE = Stage("make", _ask, _is_active)
CLAIM = Stage("claim", _ask_with_a_pool, _is_active)
NAME = Stage("claim and name", _ask_to_be_named, _is_named)
ADOPT = Stage("adopt", _invite, _is_active)
CHANGE = Stage("change", _change, _is_active)
SUSPEND = Stage("suspend", _suspend, _is_suspended)
RESUME = Stage("resume", _resume, _is_active)
PROFILE = Stage("profile", _change_profile, _is_active)
CLOSE = Stage("close", _delete_to_close, _is_closed)
LET_GO = Stage("let go", _delete_without_access, _has_no_access)

STAGES = (MAKE, CLAIM, NAME, ADOPT, CHANGE, PROFILE, SUSPEND, RESUME, CLOSE, LET_GO)
