"""`batteries-operator orphans`: what AWS holds and Kubernetes doesn't, and the other way round.

Member accounts with our tag and no AwsAccount (an AwsAccount that was deleted with Retain, an etcd put back to
yesterday) are printed on stdout as YAML that adopts them, for `kubectl apply -f -`. Their tags say the namespace, the
name and the Customer that they had; those of namespaces that this operator does not watch are others' business.
AwsAccounts whose AWS account is closed or left the organization are told on stderr. The exit status is 1 where there is
any of either.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import Resources, connect
from batteries_crds.customer import Customer
from batteries_crds.names import API_VERSION
from batteries_operator.aws.account_tags import AccountTags, customer_mark
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.organizations import Member
from batteries_operator.kube import FIELD_MANAGER
from batteries_operator.settings import Settings

ACTIVE = "ACTIVE"
_KEY = re.compile(r"([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)")
"""Namespace and name, as Kubernetes takes them; the tag may hold anything."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A member account that carries our tag, and that no AwsAccount stands for."""

    member: Member
    namespace: str
    name: str
    owner: str | None
    """The owner's e-mail address."""
    customer: str | None
    """The Customer of that namespace whom the account's tag names, which goes before the address."""
    suspended: bool

    def manifest(self) -> str:
        """The AwsAccount that adopts it: with the namespace and name of before, so that it has its id again."""
        if self.customer is not None:
            owner = f"  customerRef: {{name: {self.customer}}}"
        elif self.owner is not None:
            owner = f"  email: {self.owner}"
        else:
            owner = f"  email: {self.member.email}  # the owner is not known; put the address of before here"
        lines = [
            "---",
            f"# AWS account {self.member.id}, {self.member.name!r}, root e-mail {self.member.email}",
            f"apiVersion: {API_VERSION}",
            "kind: AwsAccount",
            "metadata:",
            f"  namespace: {self.namespace}",
            f"  name: {self.name}",
            "spec:",
            owner,
            f'  awsAccountId: "{self.member.id}"',
        ]
        return "\n".join([*lines, "  suspended: true"] if self.suspended else lines)


@dataclass(frozen=True, slots=True)
class Lost:
    """An AwsAccount whose AWS account can't be used any more; `state` None: it is no member."""

    account: AwsAccount
    state: str | None

    def __str__(self) -> str:
        what = "is no member of the organization" if self.state is None else f"is {self.state} in AWS"
        return (
            f"{self.account.key}: AWS account {self.account.status.aws_account_id} {what}. Delete the AwsAccount, or "
            "have AWS Support reopen the account within 90 days."
        )


async def find(
    aws: Aws, settings: Settings, accounts: list[AwsAccount], customers: Sequence[Customer] = ()
) -> tuple[list[Orphan], list[Lost]]:
    """Both kinds, told by the tags and by status.awsAccountId; `customers` are those that an orphan could be of.

    Raises:
        AwsError: AWS refused.
    """
    members = {member.id: member async for member in aws.organizations.members()}
    by_aws = {account.status.aws_account_id or account.spec.aws_account_id for account in accounts}
    ours = {account.key for account in accounts}
    orphans = []
    for member in members.values():
        if member.id in by_aws or member.state != ACTIVE:
            continue
        # Tags cost a call for each account, so only those of strangers to Kubernetes are read.
        tags = AccountTags.read(await aws.organizations.tags(member.id))
        held = _KEY.fullmatch(tags.resource or "")
        if held is None or held[0] in ours or (settings.namespace_list and held[1] not in settings.namespace_list):
            continue
        names = (each.metadata.name for each in customers if each.metadata.namespace == held[1])
        customer = next((name for name in names if tags.names(customer_mark(name))), None)
        orphans.append(await _described(aws, settings, member, customer, *held.groups()))
    return orphans, [
        Lost(account, member.state if member else None)
        for account in accounts
        if account.status.aws_account_id is not None
        for member in [members.get(account.status.aws_account_id)]
        if member is None or member.state != ACTIVE
    ]


async def _described(
    aws: Aws, settings: Settings, member: Member, customer: str | None, namespace: str, name: str
) -> Orphan:
    """With its owner, where single sign-on knows one, and whether it is quarantined."""
    permission_set = await aws.identity_center.find_permission_set(settings.permission_set_name)
    user = None
    if permission_set is not None:  # of several, the first that is listed
        user = await anext(aws.identity_center.assigned_users(member.id, permission_set), None)
    owner = await aws.directory.user_name(user) if user is not None else None
    quarantine = await aws.organizations.find_ou(settings.suspended_ou_name)
    suspended = await aws.organizations.parent(member.id) == quarantine
    return Orphan(member, namespace, name, owner, customer, suspended)


async def orphans(settings: Settings) -> int:
    """Prints what was found; 1 where anything was, else 0."""
    async with await connect(settings.kubeconfig) as api:
        resources = Resources(api, AwsAccount, FIELD_MANAGER)
        accounts = [account for namespace in settings.listed_namespaces async for account in resources.all(namespace)]
        owners = Resources(api, Customer, FIELD_MANAGER)
        customers = [each for namespace in settings.listed_namespaces async for each in owners.all(namespace)]
    aws = await Aws.open(settings)
    try:
        found, lost = await find(aws, settings, accounts, customers)
    finally:
        aws.close()
    for orphan in found:
        key = f"{orphan.namespace}/{orphan.name}"
        print(f"{orphan.member.id}: is AwsAccount {key}'s by its tag, and there is none.", file=sys.stderr)
        print(orphan.manifest())
    for each in lost:
        print(each, file=sys.stderr)
    if not found and not lost:
        print(f"No orphans: {len(accounts)} AwsAccounts and AWS agree.", file=sys.stderr)
    elif found:
        print("To adopt them: batteries-operator orphans | kubectl apply -f -", file=sys.stderr)
    return 1 if found or lost else 0
