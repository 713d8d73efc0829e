"""How one AWS account is, asked of AWS itself as its administrator and not of the operator."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from crash.lane import Lane
from weather.aws_acts import OWN, Center

from batteries_crds import agent_access
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, ROLE_NAME


@dataclass
class Look:
    """What an administrator sees in one member account."""

    unit: str
    policies: list[str] = field(default_factory=list)
    """What our IAM user may do; empty where there is no such user, too."""
    has_user: bool = False
    has_login: bool = False
    access_keys: int = 0
    others: list[str] = field(default_factory=list)
    """Users and roles that are none of ours."""
    trust: Any = None
    readers_trust: Any = None
    agents_trust: Any = None
    agents_policies: list[str] = field(default_factory=list)
    agents_session: int = 0
    role_policies: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    assigned: list[str] = field(default_factory=list)
    """Users of Identity Center that are there, with any permission set that is ours."""
    own_role: bool | None = None
    """Whether the role that the owner made may do anything; None where there is none."""


async def look(lane: Lane, account: str, parent: str) -> Look:
    """Asks for everything in an account that is open in AWS."""
    iam, organizations, center = (
        await lane.client("iam", account),
        await lane.client("organizations"),
        await Center.of(lane),
    )
    name, user = lane.settings.permission_set_name, lane.settings.iam_user_name

    def asked() -> Look:
        seen = Look(_unit(organizations, parent))
        users = [each["UserName"] for each in iam.list_users()["Users"]]
        roles = {each["RoleName"]: each for each in iam.list_roles()["Roles"]}
        if user in users:
            attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
            seen.has_user, seen.policies = True, [each["PolicyArn"] for each in attached]
            seen.has_login = _has_login(iam, user)
            seen.access_keys = len(iam.list_access_keys(UserName=user)["AccessKeyMetadata"])
        if ROLE_NAME in roles:
            attached = iam.list_attached_role_policies(RoleName=ROLE_NAME)["AttachedPolicies"]
            seen.trust = roles[ROLE_NAME]["AssumeRolePolicyDocument"]
            seen.role_policies = [each["PolicyArn"] for each in attached]
        if READ_ONLY_ROLE_NAME in roles:
            seen.readers_trust = roles[READ_ONLY_ROLE_NAME]["AssumeRolePolicyDocument"]
        if agent_access.ROLE_NAME in roles:
            attached = iam.list_attached_role_policies(RoleName=agent_access.ROLE_NAME)["AttachedPolicies"]
            agents = roles[agent_access.ROLE_NAME]
            seen.agents_trust = agents["AssumeRolePolicyDocument"]
            seen.agents_session, seen.agents_policies = agents["MaxSessionDuration"], [p["PolicyArn"] for p in attached]
        for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            seen.audiences += iam.get_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])["ClientIDList"]
        known = {user, ROLE_NAME, READ_ONLY_ROLE_NAME, agent_access.ROLE_NAME, *lane.settings.access_role_names}
        seen.others = sorted({*users, *roles} - known)
        people = center.people()
        sets = [arn for arn, each in center.sets().items() if each == name]
        seen.assigned = [who for arn in sets for who in center.assigned(account, arn) if who in people]
        return seen

    seen = await asyncio.to_thread(asked)
    if OWN in seen.others:
        seen.own_role = await _may_anything(lane, account)
    return seen


def _unit(organizations: Any, parent: str) -> str:
    try:
        found = organizations.describe_organizational_unit(OrganizationalUnitId=parent)
    except ClientError:
        return "the root"
    return str(found["OrganizationalUnit"]["Name"])


def _has_login(iam: Any, user: str) -> bool:
    try:
        iam.get_login_profile(UserName=user)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


async def _may_anything(lane: Lane, account: str) -> bool:
    """Whether a session of the owner's own role is let do the least that there is."""
    iam = await lane.client("iam", account, role=OWN)
    try:
        await asyncio.to_thread(iam.list_users)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True
