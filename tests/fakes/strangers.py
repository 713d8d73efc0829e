"""What makes a thing in AWS somebody else's: each thing that `aws_calls` names, before a stage meets it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from fakes.aws_calls import OURS
from fakes.factory import ISSUER, NAMESPACE, Factory, Process
from fakes.stages import CHANGE, MAKE

from batteries_crds import agent_access
from batteries_crds.github.trust_policy import PROVIDER_HOST, READ_ONLY_ROLE_NAME, ROLE_NAME
from batteries_crds.names import TAG_RESOURCE
from batteries_operator.aws.guardrails import DENY_ALL
from batteries_operator.runtime.naming import account_email

NOBODY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}'
SOFT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:PutBucketAcl", "Resource": "*"}]}'

Deed = Callable[[Factory, Process], Awaitable[None]]


async def member(factory: Factory) -> str:
    """The id of the AWS account that the stage is about."""
    account = await factory.account()
    return str(account.status.aws_account_id or account.spec.aws_account_id)


async def _retag(factory: Factory, account: str) -> None:
    organizations = await factory.client("organizations")
    tag: Any = [{"Key": TAG_RESOURCE, "Value": "somebody/else"}]
    await asyncio.to_thread(lambda: organizations.tag_resource(ResourceId=account, Tags=tag))


async def account(factory: Factory, _: Process) -> None:
    await _retag(factory, await member(factory))


async def account_just_made(factory: Factory, process: Process) -> None:
    """As soon as there is one its tag is another's, before we have read it."""
    organizations = await factory.client("organizations")
    tag: Any = [{"Key": TAG_RESOURCE, "Value": "somebody/else"}]

    def retag(operation: str, _: int) -> None:
        if operation == "organizations:ListTagsForResource":
            made = [each["Id"] for each in organizations.list_accounts()["Accounts"] if "batteries" in each["Name"]]
            organizations.tag_resource(ResourceId=made[0], Tags=tag)

    process.before_call = retag


async def address(factory: Factory, _: Process) -> None:
    identity = str((await factory.account()).account_id)
    email = account_email(factory.settings.account_email_template, identity)
    (await factory.client("organizations")).create_account(Email=email, AccountName="Payroll")


async def user(factory: Factory, _: Process) -> None:
    iam = await factory.client("iam", await member(factory))
    await asyncio.to_thread(lambda: iam.create_user(UserName="admin"))


async def role(factory: Factory, _: Process) -> None:
    iam = await factory.client("iam", await member(factory))
    for name in (ROLE_NAME, READ_ONLY_ROLE_NAME, agent_access.ROLE_NAME):
        await asyncio.to_thread(iam.create_role, RoleName=name, AssumeRolePolicyDocument=NOBODY)


async def provider(factory: Factory, _: Process) -> None:
    iam = await factory.client("iam", await member(factory))
    for url in (f"https://{PROVIDER_HOST}", ISSUER):
        await asyncio.to_thread(iam.create_open_id_connect_provider, Url=url, ClientIDList=["theirs"])


async def provider_made_theirs(factory: Factory, _: Process) -> None:
    iam = await factory.client("iam", await member(factory))

    def untag() -> None:
        for found in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            tags = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=found["Arn"])["Tags"]
            keys = [tag["Key"] for tag in tags]
            iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=found["Arn"], TagKeys=keys)

    await asyncio.to_thread(untag)


async def person(factory: Factory, _: Process) -> None:
    """A user with the address was there before, and the Customer that typed it has confirmed nothing."""
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    customer = {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}}
    await factory.customers.create(NAMESPACE, customer)
    await factory.add(email=None, customerRef={"name": "c-1"}, githubRepos=["octo-org/web"])
    store, admin = await factory.client("identitystore"), await factory.client("sso-admin")
    store_id = admin.list_instances()["Instances"][0]["IdentityStoreId"]
    named: Any = {"UserName": "boss@example.com", "DisplayName": "B", "Name": {"GivenName": "B", "FamilyName": "B"}}
    await asyncio.to_thread(lambda: store.create_user(IdentityStoreId=store_id, **named))


async def guard(factory: Factory, _: Process) -> None:
    organizations = await factory.client("organizations")
    listed = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    (found,) = [each["Id"] for each in listed if each["Name"] == DENY_ALL]
    organizations.update_policy(PolicyId=found, Content=SOFT)


@dataclass(frozen=True)
class Theirs:
    """What makes a thing somebody else's, what is said then, and which calls (with * in them) are not made."""

    deed: Deed
    reason: str
    never: tuple[str, ...]


THEIRS = {
    OURS: Theirs(account, "NotOurAccount", ("*",)),
    "address": Theirs(address, "EmailAlreadyExists", ("organizations:[!C]*", "iam:*", "sso:*", "identitystore:*")),
    "user": Theirs(user, "UserNotOurs", ("iam:CreateUser", "iam:AttachUserPolicy", "iam:*LoginProfile")),
    "role": Theirs(role, "RoleNotOurs", ("iam:CreateRole", "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy")),
    "provider": Theirs(provider, "ProviderNotOurs", ("iam:*OpenIDConnectProvider",)),
    "person": Theirs(person, "EmailNotConfirmed", ("sso:CreateAccountAssignment", "identitystore:CreateUser")),
    "guard": Theirs(guard, "OrganizationNotPrepared", ("organizations:MoveAccount",)),
}
IN_STAGE = {
    (MAKE, OURS): Theirs(account_just_made, "AccountIdTaken", ("organizations:[!C]*", "iam:*", "sso:*")),
    (CHANGE, "provider"): replace(THEIRS["provider"], deed=provider_made_theirs),
}
"""The same where the thing is not there before the stage, or was ours."""
