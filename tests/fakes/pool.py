"""Members of a pool, prepared in AWS and in Kubernetes as their pipeline leaves them."""

import asyncio
from typing import Any

from fakes.cluster import FakeResources
from fakes.factory import NAMESPACE, Factory

from batteries_crds import agent_access
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.github.trust_policy import PROVIDER_HOST, ROLE_NAME, nobody
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.account_tags import tags_for
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.floor.place import Place
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import DENY_ALL
from batteries_operator.aws.iam_roles import WantedRole
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.aws.setup import Setup
from batteries_operator.runtime.naming import account_email, account_name

POOL_OU = "Pool"


def members(factory: Factory) -> FakeResources[PooledAccount]:
    return FakeResources(factory.cluster, PooledAccount)


async def pooled(factory: Factory, name: str = "m-1", namespace: str = NAMESPACE) -> PooledAccount:
    """A member that is ready, and its AWS account."""
    body = {"metadata": {"name": name}, "spec": {"poolRef": {"name": "pool"}}}
    member = await members(factory).create(namespace, body)
    aws = await Aws.open(factory.settings)
    try:
        found = await _made(factory, member)
        owned = await _proved(aws, member, found)
        await _moved(factory, aws, owned)
        baseline = await _prepared(factory, aws, owned)
    finally:
        aws.close()
    ready = {"type": "Ready", "status": "True", "reason": "Active", "message": "", "observedGeneration": 1}
    status = {
        "observedGeneration": 1,
        "accountId": str(member.account_id),
        "awsAccountId": found,
        "accessRoleName": factory.settings.access_role_name,
        "baseline": baseline,
        "conditions": [ready | {"lastTransitionTime": to_rfc3339(utc_now())}],
    }
    return await members(factory).merge_status(namespace, name, {"status": status})


async def _made(factory: Factory, member: PooledAccount) -> str:
    organizations, identity = await factory.client("organizations"), str(member.account_id)
    tags: Any = [{"Key": key, "Value": value} for key, value in tags_for(member, None).items()]
    email = account_email(factory.settings.account_email_template, identity)
    name = account_name(factory.settings.account_name_prefix, None, identity)
    made = {"Email": email, "AccountName": name, "RoleName": factory.settings.access_role_name, "Tags": tags}
    request = organizations.create_account(**made)["CreateAccountStatus"]["Id"]
    async with asyncio.timeout(60):
        while True:
            seen = organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
            if seen["State"] == "SUCCEEDED":
                return str(seen["AccountId"])
            await asyncio.sleep(0.01)


async def _proved(aws: Aws, member: PooledAccount, aws_account_id: str) -> OwnedAccount:
    """Once its role is known everywhere, too."""
    owned = await aws.ownership.prove(member, aws_account_id)
    async with asyncio.timeout(60):
        while True:
            try:
                await aws.sts.assume(owned)
            except AwsError:
                await asyncio.sleep(0.01)
            else:
                return owned


async def _moved(factory: Factory, aws: Aws, owned: OwnedAccount) -> None:
    """Into the OU of accounts that nobody has, which is under the policy of suspended ones."""
    await Setup(aws, factory.settings).ensure_ou(Place(POOL_OU))
    unit, organizations = await aws.organizations.ou(POOL_OU), await factory.client("organizations")
    listed = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    (closes,) = [each["Id"] for each in listed if each["Name"] == DENY_ALL]
    there = organizations.list_policies_for_target(TargetId=unit, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    if closes not in [each["Id"] for each in there]:
        organizations.attach_policy(PolicyId=closes, TargetId=unit)
    await aws.organizations.move(owned, source=await aws.organizations.parent(owned.id), destination=unit)


async def _prepared(factory: Factory, aws: Aws, owned: OwnedAccount) -> dict[str, int]:
    """Providers, and roles that admit nobody; returns what is in the account."""
    settings = factory.settings
    iam = await aws.iam(owned, Purpose.ROLES, settings.access_role_name)
    await iam.providers.ensure(PROVIDER_HOST)
    await iam.roles.ensure(WantedRole(ROLE_NAME, "", nobody(), settings.managed_policy_arn))
    if settings.issuer:
        await iam.providers.ensure(settings.issuer.host)
        agents = settings.agent_policy_arn or settings.managed_policy_arn
        wanted = WantedRole(agent_access.ROLE_NAME, "", agent_access.nobody(), agents, agent_access.MAX_SESSION_SECONDS)
        await iam.roles.ensure(wanted)
    return await aws.counts(owned, settings.access_role_name)
