"""What people do in AWS behind the operator's back, and what AWS does by itself."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from crash.lane import Lane
from weather.strangers import TEAM
from weather.walk import Act, Turn

from batteries_crds import agent_access
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, ROLE_NAME
from batteries_crds.names import TAG_RESOURCE
from batteries_operator.aws.floor.place import place_of
from batteries_operator.aws.guardrails import DENY_ALL, FLOOR, KEEP_ACCESS, LIMITS

OURS = (DENY_ALL, KEEP_ACCESS, FLOOR, LIMITS)
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READS = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SCP = "SERVICE_CONTROL_POLICY"
OWN = "owners-own"
"""A user and a role that an owner makes for themselves: nobody else's business."""


class Center:
    """Identity Center, asked as the administrator."""

    def __init__(self, admin: Any, store: Any) -> None:
        self.admin, self.store = admin, store
        instance = admin.list_instances()["Instances"][0]
        self.where = {"InstanceArn": instance["InstanceArn"]}
        self.directory = {"IdentityStoreId": instance["IdentityStoreId"]}

    @classmethod
    async def of(cls, lane: Lane) -> "Center":
        """Of the lane's AWS."""
        return cls(await lane.client("sso-admin"), await lane.client("identitystore"))

    def sets(self) -> dict[str, str]:
        """Permission sets, name by ARN."""
        arns = self.admin.list_permission_sets(**self.where)["PermissionSets"]
        describe = self.admin.describe_permission_set
        return {arn: describe(**self.where, PermissionSetArn=arn)["PermissionSet"]["Name"] for arn in arns}

    def assigned(self, account: str, arn: str) -> list[str]:
        """Ids of the users with that permission set in that account."""
        listed = self.admin.list_account_assignments(**self.where, AccountId=account, PermissionSetArn=arn)
        return [each["PrincipalId"] for each in listed["AccountAssignments"]]

    def unassign(self, account: str, arn: str, user: str) -> None:
        """Takes one away; AWS does it later."""
        who = {"PrincipalType": "USER", "PrincipalId": user, "TargetType": "AWS_ACCOUNT", "TargetId": account}
        self.admin.delete_account_assignment(**self.where, PermissionSetArn=arn, **who)

    def people(self) -> dict[str, Any]:
        """Users by id."""
        pages = self.store.get_paginator("list_users").paginate(**self.directory)
        return {each["UserId"]: each for page in pages for each in page["Users"]}


async def in_thread(function: Callable[[], str]) -> str:
    return await asyncio.to_thread(function)


async def delete_user(turn: Turn) -> str:
    center, user = await Center.of(turn.lane), (await turn.account()).status.sso_user_id
    if user is None:
        raise LookupError("nobody is assigned")
    await asyncio.to_thread(lambda: center.store.delete_user(**center.directory, UserId=user))
    return user


async def rename_user(turn: Turn) -> str:
    await delete_user(turn)
    center, owner = await Center.of(turn.lane), (await turn.account()).status.owner
    name = f"user-{turn.draw.randrange(10**6)}"
    person = {"UserName": name, "DisplayName": name, "Name": {"GivenName": "A", "FamilyName": "B"}}
    emails = [{"Value": owner, "Type": "work", "Primary": True}]
    await asyncio.to_thread(lambda: center.store.create_user(**center.directory, Emails=emails, **person))
    return f"{owner} signs in as {name}"


async def unassign(turn: Turn) -> str:
    center, account = await Center.of(turn.lane), await turn.aws_id()

    def all_of_them() -> str:
        found = [(arn, user) for arn in center.sets() for user in center.assigned(account, arn)]
        for arn, user in found:
            center.unassign(account, arn, user)
        return f"{len(found)} taken away"

    return await in_thread(all_of_them)


async def delete_permission_set(turn: Turn) -> str:
    center, name = await Center.of(turn.lane), turn.lane.settings.permission_set_name
    members = [each["id"] for each in (await turn.lane.standin("accounts"))["accounts"]]
    arn = await asyncio.to_thread(lambda: next((arn for arn, each in center.sets().items() if each == name), None))
    if arn is None:
        raise LookupError("it is gone already")
    for _ in range(40):  # while the operator makes assignments
        done = await asyncio.to_thread(_deleted, center, arn, members)
        if done:
            return arn
        await asyncio.sleep(0.2)
    return "the operator was faster; it stays"


def _deleted(center: Center, arn: str, members: list[str]) -> bool:
    left = [(member, user) for member in members for user in center.assigned(member, arn)]
    for member, user in left[:5]:
        try:
            center.unassign(member, arn, user)
        except center.admin.exceptions.ConflictException:
            return False
    if left:
        return False
    try:
        center.admin.delete_permission_set(**center.where, PermissionSetArn=arn)
    except center.admin.exceptions.ConflictException:
        return False
    return True


async def bootstrap(turn: Turn) -> str:
    code, out, err = await turn.scene.command("bootstrap")
    return f"exit {code}" if code == 0 else f"exit {code}: {(out + err)[-300:]!r}"


async def delete_unit(turn: Turn) -> str:
    organizations, settings = await turn.lane.client("organizations"), turn.lane.settings
    name = turn.draw.choice([place_of(settings, None).name, settings.suspended_ou_name])

    def emptied_and_deleted() -> str:
        root, unit = _units(organizations, name)
        for _ in range(20):
            for each in organizations.list_accounts_for_parent(ParentId=unit)["Accounts"]:
                organizations.move_account(AccountId=each["Id"], SourceParentId=unit, DestinationParentId=root)
            try:
                organizations.delete_organizational_unit(OrganizationalUnitId=unit)
            except organizations.exceptions.OrganizationalUnitNotEmptyException:
                continue
            return name
        return f"{name} is never empty; it stays"

    return await in_thread(emptied_and_deleted)


def _units(organizations: Any, name: str) -> tuple[str, str]:
    """The root's id, and that of the OU of that name under it or one floor further down."""
    root = organizations.list_roots()["Roots"][0]["Id"]

    def under(parent: str) -> list[Any]:
        return list(organizations.list_organizational_units_for_parent(ParentId=parent)["OrganizationalUnits"])

    units = under(root)
    units += [below for each in units for below in under(each["Id"])]
    unit = next((each["Id"] for each in units if each["Name"] == name), None)
    if unit is None:
        raise LookupError(f"there is no OU {name}")
    return root, unit


async def move(turn: Turn) -> str:
    account, settings = await turn.aws_id(), turn.lane.settings
    name = turn.draw.choice([TEAM, place_of(settings, None).name, settings.suspended_ou_name])
    return await move_to(turn.lane, account, name)


async def move_to(lane: Lane, account: str, name: str) -> str:
    """Moves the AWS account to the OU of that name."""
    organizations = await lane.client("organizations")

    def moved() -> str:
        source = organizations.list_parents(ChildId=account)["Parents"][0]["Id"]
        target = _units(organizations, name)[1]
        organizations.move_account(AccountId=account, SourceParentId=source, DestinationParentId=target)
        return name

    return await in_thread(moved)


def _guard(organizations: Any, draw: Any) -> Any:
    name = draw.choice(OURS)
    policies = organizations.list_policies(Filter=SCP)["Policies"]
    found = next((each for each in policies if each["Name"] == name), None)
    if found is None:
        raise LookupError(f"there is no policy {name}")
    return found


async def detach_policy(turn: Turn) -> str:
    organizations = await turn.lane.client("organizations")

    def detached() -> str:
        guard = _guard(organizations, turn.draw)
        for target in organizations.list_targets_for_policy(PolicyId=guard["Id"])["Targets"]:
            organizations.detach_policy(PolicyId=guard["Id"], TargetId=target["TargetId"])
        return str(guard["Name"])

    return await in_thread(detached)


async def edit_policy(turn: Turn) -> str:
    organizations = await turn.lane.client("organizations")
    content = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})

    def edited() -> str:
        guard = _guard(organizations, turn.draw)
        organizations.update_policy(PolicyId=guard["Id"], Content=content)
        return str(guard["Name"])

    return await in_thread(edited)


async def delete_policy(turn: Turn) -> str:
    await detach_policy(Turn(turn.walk, turn.draw, turn.key))
    organizations = await turn.lane.client("organizations")

    def deleted() -> str:
        for each in organizations.list_policies(Filter=SCP)["Policies"]:
            targets = organizations.list_targets_for_policy(PolicyId=each["Id"])["Targets"]
            if each["Name"] in OURS and not targets:
                organizations.delete_policy(PolicyId=each["Id"])
                return str(each["Name"])
        return "none was free"

    return await in_thread(deleted)


async def close(turn: Turn) -> str:
    organizations, account = await turn.lane.client("organizations"), await turn.aws_id()
    await asyncio.to_thread(lambda: organizations.close_account(AccountId=account))
    turn.walk.taken.add(turn.key)
    return account


async def _put(turn: Turn, state: str) -> str:
    account = await turn.aws_id()
    await turn.lane.standin(f"accounts/{account}", {"state": state})
    turn.walk.taken.add(turn.key)
    if state == "LEFT":
        turn.walk.untagged.add(turn.key)
    return f"{account} is {state}"


async def suspend_by_aws(turn: Turn) -> str:
    return await _put(turn, "SUSPENDED")


async def leave(turn: Turn) -> str:
    return await _put(turn, "LEFT")


async def reopen(turn: Turn) -> str:
    came = await _put(turn, "ACTIVE")
    turn.walk.taken.discard(turn.key)
    return came


async def take_tag(turn: Turn) -> str:
    organizations, account = await turn.lane.client("organizations"), await turn.aws_id()
    await asyncio.to_thread(lambda: organizations.untag_resource(ResourceId=account, TagKeys=[TAG_RESOURCE]))
    turn.walk.untagged.add(turn.key)
    return account


async def tag_for_another(turn: Turn) -> str:
    other = turn.draw.choice(sorted(turn.walk.wishes))
    turn.walk.untagged.add(turn.key)
    return await _tag(turn, other if turn.draw.random() < 0.5 else "elsewhere/somebody")


async def give_tag(turn: Turn) -> str:
    came = await _tag(turn, turn.key)
    turn.walk.untagged.discard(turn.key)
    return came


async def _tag(turn: Turn, value: str) -> str:
    organizations, account = await turn.lane.client("organizations"), await turn.aws_id()
    tags = [{"Key": TAG_RESOURCE, "Value": value}]
    await asyncio.to_thread(lambda: organizations.tag_resource(ResourceId=account, Tags=tags))
    return f"{account} is {value}'s by its tag"


async def _inside(turn: Turn, do: Callable[[Any, str], str]) -> str:
    account = await turn.aws_id()
    iam = await turn.lane.client("iam", account)
    return await in_thread(lambda: do(iam, account))


def _trusts(account: str) -> str:
    who = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _one_of_ours(turn: Turn) -> str:
    """One of GitHub's roles, if the account has it, or the agents'."""
    return turn.draw.choice([ROLE_NAME, READ_ONLY_ROLE_NAME, agent_access.ROLE_NAME])


async def delete_role(turn: Turn) -> str:
    role = _one_of_ours(turn)

    def do(iam: Any, account: str) -> str:
        for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=each["PolicyArn"])
        iam.delete_role(RoleName=role)
        return f"{role} in {account}"

    return await _inside(turn, do)


async def edit_trust(turn: Turn) -> str:
    role = _one_of_ours(turn)

    def do(iam: Any, account: str) -> str:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=_trusts(account))
        return f"{role} in {account}"

    return await _inside(turn, do)


async def detach_role_policy(turn: Turn) -> str:
    role = _one_of_ours(turn)

    def do(iam: Any, account: str) -> str:
        iam.detach_role_policy(RoleName=role, PolicyArn=READS if role == READ_ONLY_ROLE_NAME else ADMINISTRATOR)
        return f"{role} in {account}"

    return await _inside(turn, do)


async def lengthen_sessions(turn: Turn) -> str:
    def do(iam: Any, account: str) -> str:
        iam.update_role(RoleName=agent_access.ROLE_NAME, MaxSessionDuration=43_200)
        return account

    return await _inside(turn, do)


async def delete_provider(turn: Turn) -> str:
    def do(iam: Any, account: str) -> str:
        for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"])
        return account

    return await _inside(turn, do)


async def delete_iam_user(turn: Turn) -> str:
    user = turn.lane.settings.iam_user_name

    def do(iam: Any, account: str) -> str:
        for each in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
            iam.detach_user_policy(UserName=user, PolicyArn=each["PolicyArn"])
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_login_profile(UserName=user)
        iam.delete_user(UserName=user)
        return account

    account = await _inside(turn, do)
    turn.walk.took_user.add(account)
    return account


async def make_own(turn: Turn) -> str:
    management = turn.scene.world.lanes[0]
    identity = (await management.standin("health"))["managementAccountId"]

    def do(iam: Any, account: str) -> str:
        iam.create_role(RoleName=OWN, AssumeRolePolicyDocument=_trusts(identity))
        iam.create_user(UserName=OWN)
        return account

    return await _inside(turn, do)


async def trouble(turn: Turn) -> str:
    """AWS has a bad moment: each call of these is struck until so many were."""
    kinds: list[dict[str, Any]] = [
        {"kind": "throttle", "probability": 0.5, "seed": 1, "times": 100},
        {"kind": "answer_lost", "probability": 0.3, "seed": 2, "times": 10},
        {"kind": "request_lost", "probability": 0.3, "seed": 3, "times": 10},
        {"kind": "error", "code": "SomethingNew", "status": 503, "probability": 0.5, "seed": 4, "times": 40},
        {"kind": "error", "code": "AccessDeniedException", "operation": "MoveAccount", "times": 9},
        {"kind": "error", "code": "ExpiredToken", "service": "iam", "times": 6},
        {"kind": "fail_later", "reason": "INTERNAL_FAILURE", "operation": "CreateAccount", "times": 1},
        {"kind": "fail_later", "reason": "Whatever.", "operation": "CreateAccountAssignment", "times": 2},
    ]
    chosen = turn.draw.choice(kinds)
    await turn.lane.standin("faults", chosen)
    return str(chosen)


MENDED = "The comparison reverts it."
PREPARED = "The condition says what is missing; after bootstrap everything continues."
ACTS = (
    Act("the owner's user is deleted in Identity Center", "The owner can sign in.", delete_user, 3),
    Act("the owner's user gets another name", "The status says by which name.", rename_user, 1),
    Act("an assignment is taken away", MENDED, unassign, 2),
    Act("the permission set is deleted", PREPARED, delete_permission_set, 1),
    Act("bootstrap is run", "All is prepared.", bootstrap, 3),
    Act("an OU is deleted", PREPARED, delete_unit, 2),
    Act("an account is moved", MENDED, move, 3),
    Act("a policy is detached", PREPARED, detach_policy, 1),
    Act("a policy is edited", PREPARED, edit_policy, 1),
    Act("a policy is deleted", PREPARED, delete_policy, 1),
    Act("an account is closed in AWS", "AccountGone as long as it is.", close, 2),
    Act("AWS suspends an account", "SuspendedByAws as long as it is.", suspend_by_aws, 2),
    Act("an account leaves the organization", "AccountGone as long as it is no member.", leave, 1),
    Act(
        "an account is reopened, or invited back", "It continues automatically.", reopen, 4, of=lambda walk: walk.taken
    ),
    Act("an account loses its tag", "NotOurAccount as long as it does.", take_tag, 1),
    Act("an account is tagged as another's", "NotOurAccount as long as it is.", tag_for_another, 1),
    Act("an account gets its tag", "It continues automatically.", give_tag, 2, of=lambda walk: walk.untagged),
    Act("one of GitHub's roles or the agents' is deleted", MENDED, delete_role, 2),
    Act("the trust of one of GitHub's roles or the agents' is edited", MENDED, edit_trust, 2),
    Act("one of GitHub's roles or the agents' loses its policy", MENDED, detach_role_policy, 1),
    Act("the agents' role gets long sessions", MENDED, lengthen_sessions, 1),
    Act("the providers of GitHub and of our issuer are deleted", MENDED, delete_provider, 1),
    Act("the owner deletes the IAM user", "That is the owner's right.", delete_iam_user, 1),
    Act("the owner makes a user and a role", "They are the owner's, and left alone.", make_own, 2),
    Act("AWS has a bad moment", "Nothing is done twice.", trouble, 4),
)
