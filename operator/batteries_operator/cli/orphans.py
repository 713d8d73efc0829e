"""`batteries-operator orphans`: lists what AWS has and Kubernetes lacks, and the reverse.

Member accounts with our tag and no AwsAccount (it was deleted with Retain, or etcd was restored from yesterday's
backup) are printed on stdout as YAML that adopts them (`adoption`). Their tags name the namespace, name and owner that
they had; accounts of namespaces that this operator does not watch are skipped. AwsAccounts whose AWS account is closed
or left the organization are reported on stderr, and so is what could not be read, which keeps nothing else from being
printed. The exit status is 1 if there is any of these.

Accounts of a pool that nobody has had and whose PooledAccount is gone are reported on stderr too. One that somebody
had is an orphan like any other: its tags name that AwsAccount, and its address and name in AWS are the pool's.
"""

import re
import sys
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.client import Resources, UnreadableError, connect
from batteries_crds.names import MEMBERS
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.account_tags import AccountTags, customer_mark
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.organizations import Member
from batteries_operator.cli.adoption import Orphan, described
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.settings import Settings

ACTIVE = "ACTIVE"
_KEY = re.compile(r"([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)")
"""Namespace and name, as Kubernetes accepts them; the tag may hold anything."""

_MEMBER = re.compile(rf"{MEMBERS}/([^/]+)/([^/]+)")
"""The same of a pool's member."""

ADOPT = (
    "To adopt them: batteries-operator orphans > orphans.yaml, read it, add what its comments say is not known, "
    "then kubectl apply -f orphans.yaml. What an account has and the YAML does not say, such as repositories, is taken "
    "away by the adoption."
)


@dataclass(frozen=True, slots=True)
class Lost:
    """An AwsAccount whose AWS account can't be used any more; `state` None: it is not a member."""

    account: AwsAccount
    state: str | None

    def __str__(self) -> str:
        what = "is not a member of the organization" if self.state is None else f"is {self.state} in AWS"
        return (
            f"{self.account.key}: AWS account {self.account.status.aws_account_id} {what}. Delete the AwsAccount, or "
            "have AWS Support reopen the account within 90 days."
        )


@dataclass(slots=True)
class Found:
    """Every difference between AWS and Kubernetes, and what could not be read."""

    orphans: list[Orphan] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    """What pools prepared for members that are gone, and second accounts of an AwsAccount; a sentence each."""
    unread: list[str] = field(default_factory=list)


async def find(
    aws: Aws,
    settings: Settings,
    accounts: list[AwsAccount],
    customers: Sequence[Customer] = (),
    pooled: Sequence[PooledAccount] = (),
) -> Found:
    """Compares the tags with status.awsAccountId; `customers` are the possible owners of orphans, `pooled` all members
    of pools.

    Raises:
        AwsError: AWS does not list the members.
    """
    members = {member.id: member async for member in aws.organizations.members()}
    by_aws = {account.status.aws_account_id or account.spec.aws_account_id for account in accounts}
    ours = {account.key: account for account in accounts if not _was_never_made(account)}
    found = Found()
    for member in members.values():
        if member.id in by_aws or member.state != ACTIVE:
            continue
        try:
            # Tags cost one call for each account, so only those of accounts that Kubernetes does not know are read.
            tags = AccountTags.read(await aws.organizations.tags(member.id))
        except AwsError as error:
            found.unread.append(f"{member.id}: its tags could not be read, so it is left out ({error}).")
            continue
        if (sentence := _left_over(settings, member, tags, {each.holder for each in pooled})) is not None:
            found.left_over.append(sentence)
        held = _KEY.fullmatch(tags.resource or "")
        if held is not None and (sentence := _second(member, ours.get(held[0]))) is not None:
            found.left_over.append(sentence)
        if held is None or held[0] in ours or (settings.namespace_list and held[1] not in settings.namespace_list):
            continue
        names = (each.metadata.name for each in customers if each.metadata.namespace == held[1])
        customer = next((name for name in names if tags.names(customer_mark(name))), None)
        found.orphans.append(await described(aws, settings, member, tags, customer, held[1], held[2]))
    found.lost = [
        Lost(account, member.state if member else None)
        for account in accounts
        if account.status.aws_account_id is not None and not account.is_closed  # that one says so itself
        for member in [members.get(account.status.aws_account_id)]
        if member is None or member.state != ACTIVE
    ]
    return found


def _second(member: Member, account: AwsAccount | None) -> str | None:
    """What is said of an account whose AwsAccount has another one."""
    if account is None or account.status.aws_account_id in (None, member.id):
        return None
    return (
        f"{member.id}: is AwsAccount {account.key}'s by its tag, which has AWS account "
        f"{account.status.aws_account_id}. Nothing manages it. Look what is in it, then close it, or give it "
        "to another AwsAccount by its tags."
    )


def _left_over(settings: Settings, member: Member, tags: AccountTags, holders: Set[str]) -> str | None:
    """What is said of an account that a pool prepared and nobody has, if its PooledAccount is gone."""
    prepared = _MEMBER.fullmatch(tags.resource or "")
    if prepared is None or prepared[0] in holders:
        return None
    if settings.namespace_list and prepared[1] not in settings.namespace_list:
        return None
    return (
        f"{member.id}: a pool prepared it, its PooledAccount {prepared[1]}/{prepared[2]} is gone, and nobody has had "
        "it. It costs nothing but counts towards the organization's quota, and can't be adopted. To let it go, close "
        f"it: aws organizations close-account --account-id {member.id}"
    )


def _was_never_made(account: AwsAccount) -> bool:
    """Whether it was suspended before AWS was asked for an account.

    It then takes over only an AWS account of its own owner (`find_account`). One that another owner's AwsAccount of
    this name left is open and must be reported.
    """
    status = account.status
    has_none = status.aws_account_id is None and status.create_request is None and status.claim is None
    return has_none and account.is_suspended and account.spec.aws_account_id is None


async def orphans(settings: Settings) -> int:
    """Prints what was found; returns 1 if there was anything, else 0."""
    unread: list[str] = []

    def leave_out(error: UnreadableError) -> None:
        unread.append(f"{error} It may belong to an account that is printed as an orphan.")

    async with await connect(settings.kubeconfig) as api:
        resources, owners = Resources(api, AwsAccount, FIELD_MANAGER), Resources(api, Customer, FIELD_MANAGER)
        pools = Resources(api, PooledAccount, FIELD_MANAGER)
        places = settings.listed_namespaces
        accounts = [each for place in places async for each in resources.all(place, unreadable=leave_out)]
        customers = [each for place in places async for each in owners.all(place, unreadable=leave_out)]
        pooled = [each for place in places async for each in pools.all(place, unreadable=leave_out)]
    aws = await Aws.open(settings)
    try:
        found = await find(aws, settings, accounts, customers, pooled)
    finally:
        aws.close()
    for orphan in found.orphans:
        key = f"{orphan.namespace}/{orphan.name}"
        there = any(account.key == key for account in accounts)
        why = "that was suspended before it took it" if there else "there is none"
        print(f"{orphan.member.id}: is AwsAccount {key}'s by its tag, and {why}.", file=sys.stderr)
        print(orphan.manifest())
    for each in (*found.lost, *found.left_over, *unread, *found.unread):
        print(each, file=sys.stderr)
    if found.orphans:
        print(ADOPT, file=sys.stderr)
    disagree = bool(found.orphans or found.lost or found.left_over or unread or found.unread)
    if not disagree:
        print(f"No orphans: {len(accounts)} AwsAccounts and AWS agree.", file=sys.stderr)
    return 1 if disagree else 0
