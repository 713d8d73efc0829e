"""Builds the YAML of an AwsAccount that adopts an AWS account: restores from AWS what a deleted AwsAccount said.

What AWS does not tell is left out, and a comment says so, so that nobody applies a guess. Each part is read separately:
a deleted user, or an account that can't be entered, costs only its part of the YAML.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from batteries_crds.aws_account import AwsAccount
from batteries_crds.github.adopted import spec_of
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, ROLE_NAME, read
from batteries_crds.names import API_VERSION
from batteries_operator.aws.account_tags import AccountTags, email_mark
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.iam import Iam
from batteries_operator.aws.organizations import ManagementAccountError, Member, NotPreparedError
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.runtime.naming import MAX_ACCOUNT_NAME, names_account, short_id
from batteries_operator.runtime.settings import Settings

T = TypeVar("T")


class _Dumper(yaml.SafeDumper):
    """Quotes every text that could be read as another type.

    PyYAML follows YAML 1.1, in which 089012345678 is not a number; for kubectl it is one.
    """


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text[:1].isalpha() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)

_NOT_READ = (AwsError, NotOursError, NotPreparedError, ManagementAccountError)


@dataclass(slots=True)
class Orphan:
    """A member account that carries our tag and belongs to no AwsAccount."""

    member: Member
    namespace: str
    name: str
    spec: dict[str, Any] = field(default_factory=dict)
    """What is known about the AwsAccount that it had."""
    notes: list[str] = field(default_factory=list)
    """One sentence for each fact that is not known."""

    def manifest(self) -> str:
        """The AwsAccount that adopts it, with its former namespace and name, so that it gets the same id."""
        member = self.member
        body = {
            "apiVersion": API_VERSION,
            "kind": "AwsAccount",
            "metadata": {"namespace": self.namespace, "name": self.name},
            "spec": self.spec | {"awsAccountId": member.id},
        }
        lines = ["---", f"# AWS account {member.id}, {member.name!r}, root e-mail {member.email!r}"]
        lines += [f"# {' '.join(note.split())}" for note in self.notes]
        text = yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
        return "\n".join([*lines, text.rstrip()])

    async def ask(self, what: str, call: Awaitable[T]) -> T | None:
        """Awaits the AWS call; returns None, and adds a note, where AWS refused it."""
        try:
            return await call
        except _NOT_READ as error:
            self.notes.append(f"{what} could not be read: {error}")
            return None


async def described(
    aws: Aws, settings: Settings, member: Member, tags: AccountTags, customer: str | None, namespace: str, name: str
) -> Orphan:
    """Reads from AWS all that it tells about the former AwsAccount; `customer` is the one that its tags name, if it
    exists.
    """
    orphan = Orphan(member, namespace, name)
    await _owner(orphan, aws, settings, tags, customer)
    suspended = await orphan.ask(
        "Whether it is suspended", aws.organizations.is_in(settings.suspended_ou_name, member.id)
    )
    account_id = str(_account_id(namespace, name))
    _display_name(orphan, settings, account_id)
    await _repositories(orphan, aws, settings, account_id, bool(suspended))
    if suspended:
        orphan.spec["suspended"] = True
    orphan.notes.append("deletionPolicy is not known; without it the AWS account stays when the AwsAccount is deleted.")
    return orphan


def _account_id(namespace: str, name: str) -> object:
    body = {"metadata": {"namespace": namespace, "name": name}, "spec": {"email": "unknown@example.com"}}
    return AwsAccount.model_validate(body).account_id


async def _owner(orphan: Orphan, aws: Aws, settings: Settings, tags: AccountTags, customer: str | None) -> None:
    """Puts the owner into the spec, or notes what is known. An owner can't be changed later, so it is never guessed."""
    if customer is not None:
        orphan.spec["customerRef"] = {"name": customer}
        return
    users = await orphan.ask("Who has single sign-on", _users(orphan, aws, settings)) or []
    if tags.owner is not None and tags.owner.startswith("customer:"):
        orphan.notes.append(
            "The owner was a Customer of this namespace that does not exist now. Create it again and repeat this "
            "command, or add spec.customerRef. With spec.email the customer would lose the account in the API. "
            f"Users with single sign-on: {', '.join(users) or 'none'}."
        )
        return
    named = [user for user in users if tags.names(email_mark(user))]
    candidates = named or ([] if tags.owner is not None else users)
    if len(candidates) == 1 and "@" in candidates[0]:
        orphan.spec["email"] = candidates[0]
        return
    orphan.notes.append(
        "The owner is not known; add spec.customerRef or spec.email as it was, which can't be changed later. "
        f"Users with single sign-on: {', '.join(users) or 'none'}."
    )


async def _users(orphan: Orphan, aws: Aws, settings: Settings) -> list[str]:
    """The names of the users who have our permission set in it; one that can't be read is left out with a note."""
    permission_set = await aws.identity_center.find_permission_set(settings.permission_set_name)
    if permission_set is None:
        return []
    ids = [user async for user in aws.identity_center.assigned_users(orphan.member.id, permission_set)]
    names = [await orphan.ask(f"The user {user} of Identity Center", aws.directory.user_name(user)) for user in ids]
    return [name for name in names if name]


def _display_name(orphan: Orphan, settings: Settings, account_id: str) -> None:
    """Restores displayName from the AWS account's name, which ends in our short id."""
    whole = orphan.member.name
    if not names_account(whole, account_id):
        return
    head = whole.removesuffix(short_id(account_id)).strip()
    if not head or head == settings.account_name_prefix:
        return
    orphan.spec["displayName"] = head
    if len(whole) >= MAX_ACCOUNT_NAME:
        orphan.notes.append("displayName fills the longest name that AWS allows, so its end may be missing.")


async def _repositories(orphan: Orphan, aws: Aws, settings: Settings, account_id: str, suspended: bool) -> None:
    """Restores the repositories and their runs from the roles' trust policies, which the adoption would replace."""
    trusts = await orphan.ask("githubRepos", _trusts(orphan, aws, settings, account_id))
    deploy, reader = trusts or (None, None)
    if deploy is None:
        orphan.notes.append("githubRepos is not known; without it the adoption lets no repository deploy.")
        return
    admitted, reading = read(deploy), [] if reader is None else read(reader)
    if reading is None:
        orphan.notes.append(_CHANGED.format(what="readOnlyFrom", role=READ_ONLY_ROLE_NAME))
    if admitted or reading:
        orphan.spec |= spec_of(admitted or [], reading or [])
    if admitted is None:
        orphan.notes.append(_CHANGED.format(what="githubRepos", role=ROLE_NAME))
    elif not admitted and suspended:
        orphan.notes.append("githubRepos is not known: the deploy role of a suspended account admits nobody.")
    elif not admitted:
        orphan.notes.append(f"githubRepos is empty: {ROLE_NAME} admits nobody.")


_CHANGED = "{what} is not known: somebody changed the trust policy of {role}, and the adoption replaces it."


async def _trusts(orphan: Orphan, aws: Aws, settings: Settings, account_id: str) -> tuple[Any, Any]:
    """The trust policies of the deploy role and of the read-only role; None for a role that is not there."""
    owned = await aws.ownership.found(orphan.member.id, f"{orphan.namespace}/{orphan.name}", account_id)
    *first, last = settings.access_role_names  # nothing says which one the account was created with
    for role in first:
        try:
            return await _both(await aws.iam(owned, Purpose.ROLES, role))
        except AwsError as error:
            if error.operation != "sts:AssumeRole":
                raise
    return await _both(await aws.iam(owned, Purpose.ROLES, last))


async def _both(iam: Iam) -> tuple[Any, Any]:
    return await iam.roles.trust_of(ROLE_NAME), await iam.roles.trust_of(READ_ONLY_ROLE_NAME)
