"""Proves that an AWS account belongs to an AwsAccount, before anything in AWS is changed for it.

A status can be forged, restored from elsewhere, or written by hand: the id in it proves nothing. The account's tags in
Organizations do (`account_tags`), because only the management account writes them. So every gateway method that changes
a member account, or enters it, takes an `OwnedAccount`, and only `Ownership.prove` creates those. A new step can't skip
the proof: mypy refuses a plain id.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import ACCOUNT_GONE, is_true
from batteries_crds.names import TAG_RESOURCE, ConditionType, ProvisioningStep
from batteries_operator.aws import not_ours
from batteries_operator.aws.account_tags import AccountTags, is_nobodys, own_mark, owner_tag, tags_for
from batteries_operator.aws.directory import Directory
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.identity_center import IdentityCenter
from batteries_operator.aws.mutations import unrecorded_mutations
from batteries_operator.aws.organizations import Organizations
from batteries_operator.runtime.watchdog import acquired

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

REMEMBERED = 16_384
"""Proofs kept in memory, the most recently used; one that was dropped costs one call when it is needed again."""

NOT_OURS = "NotOurAccount"


def no_member(key: str) -> str:
    """The message about the AWS account of the AwsAccount `key` that left; AWS deletes the tags of an account that
    leaves.
    """
    return (
        "is not a member of the organization. Delete this AwsAccount to release it, or have the platform team invite "
        f"it back and tag it {TAG_RESOURCE}={key} in Organizations, which lost its tags. It then continues by itself."
    )


_PROVED: Final = object()


@dataclass(frozen=True, slots=True)
class OwnedAccount:
    """An AWS account that was proved to belong to one AwsAccount."""

    id: str
    """AWS's twelve digits."""
    account_id: str
    """Our id of the account, for the tags of what is created in it."""
    owner_mark: str
    """The owner, as the spec names them; `owner_tag` holds all of the owner's names."""
    owner_tag: str
    pooled_id: str | None
    """Our id of the PooledAccount that it was prepared as, for what was created in it then; None if it was not."""
    proof: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.proof is not _PROVED:
            raise TypeError("Only Ownership.prove makes an OwnedAccount.")


class NotOurAccountError(NotOursError):
    """The AWS account is not this AwsAccount's.

    `holder` is the AwsAccount that its tag names, None if it names none. That may be this one's name, which had another
    owner before.
    """

    def __init__(self, message: str, holder: str | None) -> None:
        super().__init__(NOT_OURS, message)
        self.holder = holder


class AccountGoneError(NotOurAccountError):
    """The AWS account was this AwsAccount's, and is not in the organization now. It may come back."""

    def __init__(self, aws_account_id: str, key: str) -> None:
        super().__init__(f"AWS account {aws_account_id} {no_member(key)}", None)
        self.reason = ACCOUNT_GONE


class Ownership:
    """Proves once for each AwsAccount and AWS account, and caches the proof for this process."""

    def __init__(
        self,
        organizations: Organizations,
        center: IdentityCenter,
        directory: Directory,
        permission_set: str,
        suspended_ou: str,
        pool_ou: str,
    ) -> None:
        """`permission_set` is the name of the one that owners get, `suspended_ou` that of the OU of suspended
        accounts, `pool_ou` that of accounts that nobody has yet.
        """
        self._organizations = organizations
        self._center = center
        self._directory = directory
        self._permission_set = permission_set
        self._suspended_ou = suspended_ou
        self._pool_ou = pool_ou
        self._proved: OrderedDict[tuple[str, str], OwnedAccount] = OrderedDict()
        # Steps that run side by side share one call.
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prove(self, account: AwsAccount, aws_account_id: str, owner: str | None = None) -> OwnedAccount:
        """Proves that the AWS account of that id is this AwsAccount's, and adds the tags that it lacks.

        `owner` is the owner's e-mail address; by default the status's.

        Raises:
            NotOurAccountError: its tags do not name this AwsAccount, or name another owner.
            AccountGoneError: it was this AwsAccount's and has left the organization.
            ManagementAccountError: it is the management account, whatever its tags say.
            AwsError: AWS did not tell.
        """
        uid, key = account.metadata.uid, (account.metadata.uid, aws_account_id)
        address = owner or account.status.owner or account.spec.email
        async with acquired(self._asking.setdefault(uid, asyncio.Lock())):
            if (known := self._proved.get(key)) is not None:
                self._proved.move_to_end(key)
                return known
            await self._organizations.refuse_management(aws_account_id)
            tags = await self._tags(account, aws_account_id)
            await self._refuse_others(account, aws_account_id, tags, address)
            owned = _owned(account, aws_account_id, address, tags.pooled)
            if await self._brought_up_to_date(account, owned, tags, address):
                self._remember(key, owned)
            return owned

    async def found(self, aws_account_id: str, key: str, account_id: str) -> OwnedAccount:
        """An AWS account that the AwsAccount `key` held and that none holds now, to read what is in it.

        Raises:
            NotOurAccountError: its tags name another AwsAccount.
            ManagementAccountError: it is the management account, whatever its tags say.
            AwsError: AWS did not tell.
        """
        await self._organizations.refuse_management(aws_account_id)
        tags = AccountTags.read(await self._organizations.tags(aws_account_id))
        if tags.resource != key:
            raise NotOurAccountError(f"AWS account {aws_account_id} is not tagged {TAG_RESOURCE}={key}.", tags.resource)
        return OwnedAccount(aws_account_id, account_id, "", tags.owner or "", tags.pooled, _PROVED)

    async def hand_over(self, prepared: OwnedAccount, account: AwsAccount, address: str) -> OwnedAccount:
        """Makes an AWS account that a pool prepared this AwsAccount's: its tags are replaced in one call.

        `prepared` is a fresh proof that it is its PooledAccount's, and `address` the first owner's.

        Raises:
            TypeError: it has an owner.
            AwsError: AWS refused, or its answer was lost: then its tags tell.
        """
        if prepared.owner_tag or prepared.pooled_id is None:
            raise TypeError(f"AWS account {prepared.id} is not a pool's: it is never handed to a second owner.")
        await self._organizations.tag(prepared, tags_for(account, address))
        owned = _owned(account, prepared.id, address, prepared.pooled_id)
        self._remember((account.metadata.uid, prepared.id), owned)
        return owned

    def forget(self, uid: str) -> None:
        """Forgets the proof for this AwsAccount: the facts behind it may have changed."""
        for key in [key for key in self._proved if key[0] == uid]:
            del self._proved[key]

    def _remember(self, key: tuple[str, str], owned: OwnedAccount) -> None:
        self._proved[key] = owned
        while len(self._proved) > REMEMBERED:
            self._proved.popitem(last=False)

    async def _tags(self, account: AwsAccount, aws_account_id: str) -> AccountTags:
        tags = await self._organizations.tags_if_member(aws_account_id)
        if tags is not None:
            return AccountTags.read(tags)
        if _was_known(account, aws_account_id):
            raise AccountGoneError(aws_account_id, account.holder)
        message = f"AWS account {aws_account_id} is not a member of the organization, so it is left as it is."
        raise NotOurAccountError(f"{message} {not_ours.tag_it(account)}", None)

    async def _refuse_others(
        self, account: AwsAccount, aws_account_id: str, tags: AccountTags, address: str | None
    ) -> None:
        if tags.resource != account.holder:
            raise NotOurAccountError(not_ours.not_named(account, aws_account_id, tags.resource), tags.resource)
        if is_nobodys(account):
            return await self._refuse_used(account, aws_account_id, tags)
        if tags.uid == account.metadata.uid or tags.is_of(account, address):
            return
        if tags.owner is not None:
            raise NotOurAccountError(not_ours.another_owner(account, aws_account_id), tags.resource)
        # No owner is named: the tags are an earlier release's, or the platform team's for an adoption.
        if _was_known(account, aws_account_id):
            return
        if await self._has_others(aws_account_id, address):
            raise NotOurAccountError(not_ours.still_open(account, aws_account_id, self._permission_set), tags.resource)
        # A suspension removed what would show its owner. An account to be adopted is not suspended.
        if await self._organizations.is_in(self._suspended_ou, aws_account_id):
            raise NotOurAccountError(not_ours.owner_unknown(account, aws_account_id, self._suspended_ou), tags.resource)

    async def _refuse_used(self, member: AwsAccount, aws_account_id: str, tags: AccountTags) -> None:
        """Refuses an AWS account that somebody had, or may have had.

        The object may have been made again from a backup, with another uid. Then its AWS account is still sealed;
        what an earlier PooledAccount of this name let go, and somebody took out of the Pool OU, is not as good as new.
        """
        if tags.owner is not None:
            raise NotOurAccountError(not_ours.had_an_owner(member, aws_account_id), tags.resource)
        if tags.uid != member.metadata.uid and not await self._organizations.is_in(self._pool_ou, aws_account_id):
            raise NotOurAccountError(not_ours.an_earlier_members(aws_account_id), tags.resource)

    async def _has_others(self, aws_account_id: str, address: str | None) -> bool:
        """Whether anybody but the owner has our permission set in the account, as an earlier owner would."""
        permission_set = await self._center.find_permission_set(self._permission_set)
        if permission_set is None:
            return False
        users = {user async for user in self._center.assigned_users(aws_account_id, permission_set)}
        own = await self._directory.find_user(address) if users and address else None
        for other in users - {own}:
            if await self._directory.user_name(other) is not None:  # deleted users are still listed
                return True
        return False

    async def _brought_up_to_date(
        self, account: AwsAccount, owned: OwnedAccount, tags: AccountTags, address: str | None
    ) -> bool:
        """Whether the tags name this object and its owner now.

        For an account that was ours before, a tag that can't be written delays nothing, such as a suspension.
        """
        lacking = tags.lacking(account, address)
        if not lacking:
            return True
        try:
            with unrecorded_mutations():  # this is not drift that a resync found
                await self._organizations.tag(owned, lacking)
        except AwsError as error:
            if not _was_known(account, owned.id):
                raise
            log.warning("account_tags_not_written", error=str(error))
            return False
        return True


def _owned(account: AwsAccount, aws_account_id: str, address: str | None, pooled: str | None) -> OwnedAccount:
    names = own_mark(account), owner_tag(account, address)
    return OwnedAccount(aws_account_id, str(account.account_id), *names, pooled, _PROVED)


def _was_known(account: AwsAccount, aws_account_id: str) -> bool:
    """Whether the AWS account was found to be this very object's before, and is not about to be adopted."""
    status = account.status
    record = status.steps.get(ProvisioningStep.CHECK_STATUS)
    return (
        status.aws_account_id == aws_account_id
        and is_true(status.conditions, ConditionType.ACCOUNT_CREATED)
        and record is not None
        and record.inputs is not None
    )
