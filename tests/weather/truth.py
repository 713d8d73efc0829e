"""Whether what the objects say is so in AWS: as the spec says, or truly why not."""

import base64
import contextlib
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from crash.lane import Lane
from fakes.aws_world import ADMINISTRATOR, GITHUB
from kubernetes.aio.client import ApiException, CoreV1Api
from weather.aws_acts import Center
from weather.look import Look, look
from weather.scene import Scene
from weather.walk import Walk

from batteries_crds import agent_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import Hold
from batteries_crds.conditions import ACCOUNT_GONE, READY, SUSPENDED, SUSPENDED_BY_AWS, find, is_true
from batteries_crds.customer import Customer
from batteries_crds.github.trust_policy import Admitted, PolicyTooLargeError, nobody, render
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.aws.account_tags import AccountTags
from batteries_operator.aws.floor.place import place_of

TRUE_OF = {"CLOSED": ACCOUNT_GONE, "PENDING_CLOSURE": ACCOUNT_GONE, "SUSPENDED": SUSPENDED_BY_AWS, None: ACCOUNT_GONE}
"""The reason that is true of an account in that state of AWS; None where it is no member."""

NOT_OURS = {"NotOurAccount", "AccountIdTaken"}


@dataclass(frozen=True)
class Facts:
    """What AWS and the cluster hold, at one moment."""

    members: dict[str, Any]
    customers: dict[str, Customer]

    @classmethod
    async def gather(cls, scene: Scene) -> "Facts":
        """Asks the stand-in's own tools, and Kubernetes as its administrator."""
        everyone = (await scene.lane.standin("accounts"))["accounts"]
        found = [each for name in scene.homes for each in [one async for one in scene.customers.all(name)]]
        return cls({each["id"]: each for each in everyone}, {each.key: each for each in found})


async def wrong_with(walk: Walk, account: AwsAccount, facts: Facts) -> list[str]:
    """What the object says and is not so, and what should be and isn't; empty where all is true."""
    if account.is_deleted:
        return ["it is being deleted, and nothing keeps it"]
    if account.status.observed_generation != account.metadata.generation:
        return ["its spec was not observed"]
    held = _wrong_holds(account, facts)
    return held or await _wrong_by_state(walk, account, facts)


def _wrong_holds(account: AwsAccount, facts: Facts) -> list[str]:
    if account.spec.customer_ref is None:
        return [f"it is held for {sorted(account.holds)} and has no Customer"] if account.holds else []
    customer = facts.customers.get(f"{account.metadata.namespace}/{account.spec.customer_ref.name}")
    if customer is None:
        return []
    due = {Hold.CUSTOMER_BLOCKED} if customer.spec.blocked else set()
    if customer.status.payment_method == "missing":
        due.add(Hold.PAYMENT_METHOD_MISSING)
    return [f"it is held for {sorted(account.holds)}, and should be for {sorted(due)}"] if account.holds != due else []


async def _wrong_by_state(walk: Walk, account: AwsAccount, facts: Facts) -> list[str]:
    status = account.status
    said = find(status.conditions, READY)
    if said is None:
        return ["it has no condition Ready"]
    ours = [each for each in facts.members.values() if each["tags"].get(TAG_ACCOUNT_ID) == str(account.account_id)]
    if len(ours) > 1:
        return [f"AWS has it twice: {ours}"]
    if status.aws_account_id is None:
        return _wrong_without(walk, account, said.reason, ours)
    member = facts.members.get(status.aws_account_id)
    state = member["state"] if member else None
    if state != "ACTIVE":
        wanted = TRUE_OF[state]
        right = said.reason == wanted and str(said.status) == "False"
        phase = "suspended" if wanted == SUSPENDED_BY_AWS else "failed"
        found = [] if right else [f"AWS says {state} and Ready {said.status} {said.reason}: {said.message}"]
        return found or ([] if str(status.phase) == phase else [f"its phase is {status.phase}, and not {phase}"])
    assert member is not None
    tags = AccountTags.read(member["tags"])
    if tags.resource != account.key or not (tags.uid == account.metadata.uid or tags.is_of(account, status.owner)):
        right = said.reason in NOT_OURS and str(said.status) == "False"
        return [] if right else [f"its tags are {member['tags']}, and Ready {said.status} {said.reason}"]
    if account.is_suspended:
        return await _wrong_closed(walk, account, member, said.reason)
    return await _wrong_open(walk, account, member, facts)


def _wrong_without(walk: Walk, account: AwsAccount, reason: str, ours: list[Any]) -> list[str]:
    """No AWS account: never wanted, without a Customer, not fitting, or the one of its name is another owner's."""
    if account.is_suspended:
        # One of its name that an earlier AwsAccount left is told of by `orphans`, which `count` looks at; one that lost
        # its tag by the condition.
        told = is_true(account.status.conditions, SUSPENDED) or (reason in NOT_OURS and account.key in walk.untagged)
        return [] if told else [f"not Suspended: {reason}"]
    if reason in NOT_OURS or reason == "EmailAlreadyExists":
        wish = walk.wishes.get(account.key)
        return [] if wish is not None and wish.made > 1 else [f"{reason}, and nobody had the name before"]
    if reason == "TrustPolicyTooLarge":
        return [] if len(account.spec.github_repos) > 30 else [f"{reason}: {account.spec.github_repos}"]
    return [f"it has no AWS account, and Ready says {reason}"]


async def _wrong_closed(walk: Walk, account: AwsAccount, member: Any, reason: str) -> list[str]:
    lane = walk.scene.homes[account.metadata.namespace]
    seen = await look(lane, member["id"], member["parentId"])
    wished = {
        "Suspended": is_true(account.status.conditions, SUSPENDED),
        "phase": str(account.status.phase) == "suspended",
        "reason": reason in {"Suspended", *account.holds},
        "in the OU": seen.unit == lane.settings.suspended_ou_name,
        "denied everything": seen.own_role in (None, False),
        "no login": not seen.has_login,
        "nobody assigned": not seen.assigned,
        "the role admits nobody": seen.trust in (None, nobody()),
        "the read-only role admits nobody": seen.readers_trust in (None, nobody()),
        "the agents' role admits nobody": seen.agents_trust in (None, agent_access.nobody()),
        "no Secret": await _secret(lane, account) is None,
    }
    return [f"not so: {name} ({seen})" for name, holds in wished.items() if not holds]


async def _wrong_open(walk: Walk, account: AwsAccount, member: Any, facts: Facts) -> list[str]:
    lane, status = walk.scene.homes[account.metadata.namespace], account.status
    seen = await look(lane, member["id"], member["parentId"])
    unfit = _unfit(account, lane)
    ready = find(status.conditions, READY)
    assert ready is not None
    wished = {
        "Ready": (ready.reason == "TrustPolicyTooLarge") if unfit else str(ready.status) == "True",
        "phase": str(status.phase) == "active",
        "in the OU": seen.unit == place_of(lane.settings, account.spec.policy_profile).name,
        "not denied": seen.own_role in (None, True),
        "the user": seen.policies == [ADMINISTRATOR] or (not seen.has_user and member["id"] in walk.took_user),
        "no access keys": seen.access_keys == 0,
        "can sign in": member["id"] in walk.took_user or await _can_sign_in(lane, account, seen),
        "the providers": unfit or seen.audiences == ["sts.amazonaws.com"] * 2,
        "the agents' role's policy": unfit or (seen.agents_policies, seen.agents_session) == ([ADMINISTRATOR], 3600),
        "the agents' role admits": unfit or seen.agents_trust == _agents_trust(account, member["id"], lane),
        # A list that does not fit is refused before anything is done in the account.
        "the role's policy": unfit or seen.role_policies == [ADMINISTRATOR],
        "the role admits": unfit or seen.trust == _trust(account.spec.deploying, member["id"]),
        "the read-only role admits": unfit or _reads_rightly(account, seen, member["id"]),
        "single sign-on": await _single_sign_on(lane, account, seen, facts),
    }
    told = (status.owner, status.sso_user_name, status.sso_user_id, find(status.conditions, "SSOAssigned"))
    return [
        f"not so: {name} ({seen}; {ready.reason}: {ready.message}; {told})"
        for name, holds in wished.items()
        if not holds
    ]


def _unfit(account: AwsAccount, lane: Lane) -> bool:
    try:
        for admitted in (account.spec.deploying, account.spec.reading):
            _trust(admitted, "1" * 12, lane.settings.trust_policy_limit)
    except PolicyTooLargeError:
        return True
    return False


def _reads_rightly(account: AwsAccount, seen: Look, aws_id: str) -> bool:
    """Where nobody is to read, there may be no role, or one of before."""
    wanted = _trust(account.spec.reading, aws_id)
    return seen.readers_trust == wanted or (seen.readers_trust is None and not account.spec.reading)


def _trust(admitted: list[Admitted], aws_id: str, limit: int = 8192) -> Any:
    provider = f"arn:aws:iam::{aws_id}:oidc-provider/{GITHUB}"
    return render(admitted, provider, limit=limit)


def _agents_trust(account: AwsAccount, aws_id: str, lane: Lane) -> Any:
    issuer = lane.settings.issuer
    assert issuer is not None
    return agent_access.trust_policy(issuer, account.account_id, aws_id)


async def _secret(lane: Lane, account: AwsAccount) -> dict[str, str] | None:
    with contextlib.suppress(ApiException):
        core = CoreV1Api(lane.api)
        found = await core.read_namespaced_secret(f"{account.metadata.name}-credentials", account.metadata.namespace)
        return {name: base64.b64decode(value).decode() for name, value in (found.data or {}).items()}
    return None


async def _can_sign_in(lane: Lane, account: AwsAccount, seen: Look) -> bool:
    """By the password in the Secret; where its owner took that, by the one that is set."""
    if await _secret(lane, account) is None:
        return seen.has_login
    return await lane.signs_in(account) is not None


async def _single_sign_on(lane: Lane, account: AwsAccount, seen: Look, facts: Facts) -> bool:
    """The owner's user, and nobody else, by the name that the status says; or a confirmation is truly waited for."""
    said, status = find(account.status.conditions, "SSOAssigned"), account.status
    if said is not None and said.reason == "EmailNotConfirmed":
        reference = account.spec.customer_ref
        customer = facts.customers.get(f"{account.metadata.namespace}/{reference.name}") if reference else None
        told = not seen.assigned or "keeps it" in said.message
        return told and (customer is None or not customer.is_confirmed)
    people = (await Center.of(lane)).people()
    if seen.assigned != [status.sso_user_id]:
        return False
    user = people[seen.assigned[0]]
    addresses = {each["Value"] for each in user.get("Emails", [])} | {user["UserName"]}
    return user["UserName"] == status.sso_user_name and status.owner in addresses


async def settled(walk: Walk, account: AwsAccount, facts: Facts) -> list[str]:
    """`wrong_with`, where AWS may refuse to be looked at while the operator still works."""
    try:
        return await wrong_with(walk, account, facts)
    except (ClientError, KeyError) as error:
        return [f"{type(error).__name__}: {error}"]


def ours(facts: Facts, namespaces: object) -> dict[str, Any]:
    """Members whose tag names an AwsAccount in one of the namespaces."""
    assert isinstance(namespaces, dict)
    found = {}
    for number, each in facts.members.items():
        if each["tags"].get(TAG_RESOURCE, "").split("/")[0] in namespaces:
            found[number] = each
    return found
