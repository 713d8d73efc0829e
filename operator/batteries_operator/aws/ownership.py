"""Proof that an AWS account is an AwsAccount's, before anything is done to it or inside it.

A status can be forged, restored from elsewhere, or written by hand: the id in it proves nothing. The account's tag in
Organizations does, because only the management account writes it. So every method of a gateway that changes a member
account, or enters it, takes an `OwnedAccount`, and only `Ownership.prove` makes those. A new step can't skip the proof:
mypy refuses the id alone.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ANNOTATION_RETRY, FINALIZER, TAG_RESOURCE
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.organizations import Organizations
from batteries_operator.visits import in_turn

REMEMBERED = 16_384
"""Proofs kept in memory, the latest used; one that is dropped costs one call when it is needed again."""

NOT_OURS = "NotOurAccount"

_PROVED: Final = object()


@dataclass(frozen=True, slots=True)
class OwnedAccount:
    """An AWS account that is proved to be one AwsAccount's."""

    id: str
    """AWS's twelve digits."""
    account_id: str
    """Our id of it, for the tags of what is made in it."""
    proof: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.proof is not _PROVED:
            raise TypeError("Only Ownership.prove makes an OwnedAccount.")


class NotOurAccountError(NotOursError):
    """The AWS account is not this AwsAccount's; `holder` is whose its tag says it is, None where it carries none."""

    def __init__(self, message: str, holder: str | None) -> None:
        super().__init__(NOT_OURS, message)
        self.holder = holder


class Ownership:
    """Proves once for each AwsAccount and AWS account, and remembers it for this process."""

    def __init__(self, organizations: Organizations) -> None:
        self._organizations = organizations
        self._proved: OrderedDict[tuple[str, str], OwnedAccount] = OrderedDict()
        # Steps that run side by side ask together.
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prove(self, account: AwsAccount, aws_account_id: str) -> OwnedAccount:
        """The AWS account of that id, as this AwsAccount's.

        Raises:
            NotOurAccountError: its tag does not name this AwsAccount.
            ManagementAccountError: it is the management account, whatever its tags say.
            AwsError: AWS did not tell.
        """
        uid, key = account.metadata.uid, (account.metadata.uid, aws_account_id)
        async with in_turn(self._asking.setdefault(uid, asyncio.Lock())):
            if key not in self._proved:
                await self._organizations.refuse_management(aws_account_id)
                self._proved[key] = await self._look(account, aws_account_id)
            self._proved.move_to_end(key)
            while len(self._proved) > REMEMBERED:
                self._proved.popitem(last=False)
            return self._proved[key]

    async def _look(self, account: AwsAccount, aws_account_id: str) -> OwnedAccount:
        try:
            holder = await self._organizations.holder(aws_account_id)
        except AwsError as error:
            if error.code != "TargetNotFoundException":
                raise
            message = f"AWS account {aws_account_id} is not a member of the organization, so nothing is done to it."
            raise NotOurAccountError(f"{message} {_ways_on(account)}", None) from error
        if holder != account.key:
            raise NotOurAccountError(_refused(account, aws_account_id, holder), holder)
        return OwnedAccount(aws_account_id, str(account.account_id), _PROVED)

    def forget(self, uid: str) -> None:
        """What was proved for this AwsAccount has to be proved again: what it rests on may have changed."""
        for key in [key for key in self._proved if key[0] == uid]:
            del self._proved[key]


def _refused(account: AwsAccount, aws_account_id: str, holder: str | None) -> str:
    """Says what was found, and each way on."""
    found = f"carries no tag {TAG_RESOURCE}" if holder is None else f"is tagged {TAG_RESOURCE}={holder}"
    sentence = f"AWS account {aws_account_id} {found}, so it is not this AwsAccount's and nothing is done to it."
    return f"{sentence} {_ways_on(account)}"


def _ways_on(account: AwsAccount) -> str:
    """What to do, as sentences."""
    mend = (
        f"If it is to be managed here, have the platform team tag it {TAG_RESOURCE}={account.key} in Organizations, "
        f"then set the annotation {ANNOTATION_RETRY} to a new value."
    )
    if not account.is_deleted:
        return mend
    return (
        f"{mend} To let this object go without touching the AWS account, set spec.deletionPolicy to Retain; where that "
        f"is not enough, take away its finalizer {FINALIZER}."
    )
