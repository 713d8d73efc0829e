"""What AWS holds for one account, asked of AWS itself and not of the operator."""

import asyncio
from dataclasses import dataclass
from typing import Any

from fakes.factory import Factory

from batteries_crds import agent_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, ROLE_NAME, render
from batteries_operator.aws.floor.place import place_of

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READS = "arn:aws:iam::aws:policy/ReadOnlyAccess"
GITHUB = "token.actions.githubusercontent.com"


@dataclass(frozen=True)
class AwsWorld:
    """Everything of which there must be exactly one, and what must not be there."""

    members: list[tuple[str, str]]
    """Ids and tags of the member accounts with this account's root e-mail address or tag."""
    parent: str
    users: dict[str, list[str]]
    access_keys: list[str]
    signs_in: Any
    providers: dict[str, list[str]]
    roles: dict[str, list[str]]
    trust: Any
    boundary: str | None
    readers_trust: Any
    agents_trust: Any
    agents_session: int | None
    agents_boundary: str | None
    sso_users: list[str]
    assignments: list[tuple[str, str]]
    mails: int


def expected(factory: Factory, account: AwsAccount, seen: AwsWorld, *, mails: int = 1) -> AwsWorld:
    """An account that is as it should be."""
    aws_account_id, owner = account.status.aws_account_id, account.status.owner
    has_readers = account.status.read_only_role_arn is not None or bool(account.spec.reading)
    provider, issuer = f"arn:aws:iam::{aws_account_id}:oidc-provider/{GITHUB}", factory.settings.issuer
    ours = {issuer.provider_arn(str(aws_account_id)): ["sts.amazonaws.com"]} if issuer else {}
    return AwsWorld(
        members=[(str(aws_account_id), str(account.account_id))],
        parent=place_of(factory.settings, account.spec.policy_profile).name,
        users={"admin": [ADMINISTRATOR]},
        access_keys=[],
        signs_in={"passwordResetRequired": True},
        providers={provider: ["sts.amazonaws.com"]} | ours,
        roles={"GitHubActionsDeployRole": [ADMINISTRATOR]}
        | ({READ_ONLY_ROLE_NAME: [READS]} if has_readers else {})
        | ({agent_access.ROLE_NAME: [ADMINISTRATOR]} if issuer else {}),
        trust=render(account.spec.deploying, provider, limit=8192),
        boundary=factory.settings.deploy_boundary_arn or None,
        readers_trust=render(account.spec.reading, provider, limit=8192) if has_readers else None,
        agents_trust=agent_access.trust_policy(issuer, account.account_id, str(aws_account_id)) if issuer else None,
        agents_session=agent_access.MAX_SESSION_SECONDS if issuer else None,
        agents_boundary=factory.settings.agent_boundary_arn or None,
        sso_users=[str(owner)],
        assignments=[(str(account.status.sso_user_id), factory.settings.permission_set_name)],
        mails=mails if mails == 1 else seen.mails,
    )


async def observe(factory: Factory, account: AwsAccount) -> AwsWorld:
    """Asks everything at one time."""
    status = account.status
    everyone = (await factory.standin("accounts"))["accounts"]
    email = status.create_request.email if status.create_request else ""
    ours = [each for each in everyone if each["email"] == email or str(account.account_id) in each["tags"].values()]
    iam = await factory.client("iam", status.aws_account_id)
    organizations, admin = await factory.client("organizations"), await factory.client("sso-admin")
    store = await factory.client("identitystore")
    mails = (await factory.standin("mails"))["mails"]
    signs_in = await factory.signs_in(account)

    def ask() -> AwsWorld:
        users = [user["UserName"] for user in iam.list_users()["Users"]]
        roles = [r for r in iam.list_roles()["Roles"] if r["RoleName"] not in factory.settings.access_role_names]
        trusts = {role["RoleName"]: role["AssumeRolePolicyDocument"] for role in roles}
        # A list of roles tells no boundary (IAM API reference, ListRoles).
        agents, deploys = (
            iam.get_role(RoleName=name)["Role"] if name in trusts else {}
            for name in (agent_access.ROLE_NAME, ROLE_NAME)
        )
        providers = [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        instance = admin.list_instances()["Instances"][0]
        where = {"InstanceArn": instance["InstanceArn"]}
        sets = {
            arn: admin.describe_permission_set(**where, PermissionSetArn=arn)["PermissionSet"]["Name"]
            for arn in admin.list_permission_sets(**where)["PermissionSets"]
        }
        target = {**where, "AccountId": status.aws_account_id}
        pages = store.get_paginator("list_users").paginate(IdentityStoreId=instance["IdentityStoreId"])
        people = [person for page in pages for person in page["Users"]]
        return AwsWorld(
            members=[(each["id"], each["tags"].get("aibatteriesincluded.com/account-id")) for each in ours],
            parent=organizations.describe_organizational_unit(OrganizationalUnitId=ours[0]["parentId"])[
                "OrganizationalUnit"
            ]["Name"],
            users={
                user: [p["PolicyArn"] for p in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
                for user in users
            },
            access_keys=[
                key["AccessKeyId"] for user in users for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
            ],
            signs_in=signs_in,
            providers={
                arn: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] for arn in providers
            },
            roles={
                role["RoleName"]: [
                    p["PolicyArn"]
                    for p in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
                ]
                for role in roles
            },
            trust=trusts.get(ROLE_NAME),
            boundary=deploys.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            readers_trust=trusts.get(READ_ONLY_ROLE_NAME),
            agents_trust=trusts.get(agent_access.ROLE_NAME),
            agents_session=agents.get("MaxSessionDuration"),
            agents_boundary=agents.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            sso_users=[person["UserName"] for person in people if person["UserName"] == status.owner],
            assignments=[
                (assignment["PrincipalId"], sets[arn])
                for arn in sets
                for assignment in admin.list_account_assignments(**target, PermissionSetArn=arn)["AccountAssignments"]
            ],
            mails=sum(status.owner in mail["to"] for mail in mails),
        )

    return await asyncio.to_thread(ask)


async def assigned_users(factory: Factory, account: AwsAccount) -> list[str]:
    """The ids of all who are assigned to the AWS account, by whatever permission set; it may be closed."""
    admin = await factory.client("sso-admin")

    def ask() -> list[str]:
        where = {"InstanceArn": admin.list_instances()["Instances"][0]["InstanceArn"]}
        target = {**where, "AccountId": account.status.aws_account_id}
        sets = admin.list_permission_sets(**where)["PermissionSets"]
        lists = [admin.list_account_assignments(**target, PermissionSetArn=arn)["AccountAssignments"] for arn in sets]
        return [each["PrincipalId"] for listed in lists for each in listed]

    return await asyncio.to_thread(ask)


async def assert_exactly_right(factory: Factory, account: AwsAccount, *, mails: int = 1) -> AwsWorld:
    """The account is active, and AWS holds exactly what it should; `mails` 0 is any number of them."""
    assert (account.status.phase, account.status.error) == ("active", None)
    seen = await observe(factory, account)
    assert seen == expected(factory, account, seen, mails=mails)
    assert seen.mails >= 1
    return seen
