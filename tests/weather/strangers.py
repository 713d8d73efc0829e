"""What is in the organization and none of ours: it must be the same to the byte when the walk is over."""

import asyncio
from typing import Any

from crash.lane import Lane

MEMBERS = ("payroll", "lake", "legacy")
ACCESS_ROLE = "OrganizationAccountAccessRole"
TEAM = "Elsewhere"
"""An OU of theirs, which one of their accounts is in."""


async def make(lane: Lane) -> None:
    """Accounts with users and roles of their own, an OU, a policy, a permission set and people."""
    organizations, admin = await lane.client("organizations"), await lane.client("sso-admin")
    store = await lane.client("identitystore")

    def in_organization() -> None:
        for name in MEMBERS:
            organizations.create_account(Email=f"{name}@strangers.example", AccountName=name, RoleName=ACCESS_ROLE)
        root = organizations.list_roots()["Roots"][0]["Id"]
        organizations.create_organizational_unit(ParentId=root, Name=TEAM)
        content = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
        more = {"Name": "Theirs", "Description": "Not ours.", "Type": "SERVICE_CONTROL_POLICY", "Content": content}
        organizations.create_policy(**more)
        instance = admin.list_instances()["Instances"][0]
        admin.create_permission_set(InstanceArn=instance["InstanceArn"], Name="Theirs")
        person = {"UserName": "stranger", "DisplayName": "S", "Name": {"GivenName": "S", "FamilyName": "T"}}
        email = [{"Value": "stranger@strangers.example", "Type": "work", "Primary": True}]
        store.create_user(IdentityStoreId=instance["IdentityStoreId"], Emails=email, **person)

    await asyncio.to_thread(in_organization)
    async with asyncio.timeout(30):
        while len(found := await _theirs(lane)) < len(MEMBERS):
            await asyncio.sleep(0.1)
    async with asyncio.timeout(30):
        for each in found:
            iam = await _inside(lane, each["id"])
            await asyncio.to_thread(_furnish, iam)


def _furnish(iam: Any) -> None:
    statement = '{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}'
    trust = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    iam.create_user(UserName="admin")  # the name that ours has, too
    iam.create_role(RoleName="GitHubActionsDeployRole", AssumeRolePolicyDocument=trust)


async def _inside(lane: Lane, account: str) -> Any:
    """IAM of one of theirs; its role answers after a moment."""
    while True:
        try:
            return await lane.client("iam", account, role=ACCESS_ROLE)
        except Exception as error:
            if "AccessDenied" not in str(error):
                raise
            await asyncio.sleep(0.1)


async def _theirs(lane: Lane) -> list[Any]:
    """Members of the addresses that `make` gave."""
    everyone = (await lane.standin("accounts"))["accounts"]
    return [each for each in everyone if each["email"].endswith("@strangers.example")]


async def snapshot(lane: Lane) -> dict[str, Any]:
    """All that is theirs, as AWS tells it."""
    organizations, admin = await lane.client("organizations"), await lane.client("sso-admin")
    store = await lane.client("identitystore")

    def theirs() -> dict[str, Any]:
        scp = "SERVICE_CONTROL_POLICY"
        policies = [each for each in organizations.list_policies(Filter=scp)["Policies"] if each["Name"] == "Theirs"]
        instance = admin.list_instances()["Instances"][0]
        where = {"InstanceArn": instance["InstanceArn"]}
        sets = [
            admin.describe_permission_set(**where, PermissionSetArn=arn)["PermissionSet"]
            for arn in admin.list_permission_sets(**where)["PermissionSets"]
        ]
        pages = store.get_paginator("list_users").paginate(IdentityStoreId=instance["IdentityStoreId"])
        return {
            "policies": [
                (each, organizations.describe_policy(PolicyId=each["Id"])["Policy"]["Content"]) for each in policies
            ],
            "sets": [each for each in sets if each["Name"] == "Theirs"],
            "people": [one for page in pages for one in page["Users"] if one["UserName"] == "stranger"],
        }

    found: dict[str, Any] = {"members": await _theirs(lane), **await asyncio.to_thread(theirs)}
    for each in found["members"]:
        iam = await _inside(lane, each["id"])
        found[each["id"]] = await asyncio.to_thread(_inventory, iam)
    return found


def _inventory(iam: Any) -> dict[str, Any]:
    return {
        "users": [user["Arn"] for user in iam.list_users()["Users"]],
        "roles": [(role["Arn"], role["AssumeRolePolicyDocument"]) for role in iam.list_roles()["Roles"]],
        "providers": iam.list_open_id_connect_providers()["OpenIDConnectProviderList"],
    }
