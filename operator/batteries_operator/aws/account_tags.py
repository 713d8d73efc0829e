"""The tags of an AWS account in Organizations that prove its owner. Pure.

`resource` names an AwsAccount by namespace and name, which another owner may use again once the object is deleted. So
two more tags name what nobody else can have: `uid`, the object's own, and `owner`, which also holds for an object that
was restored from a backup or applied again, because those get another uid. Owners are named by hashes: an e-mail
address may contain letters that tags can't, and does not concern everybody who reads tags.

What a pool prepared names its PooledAccount and no owner, and has `pooled`, the id of that PooledAccount, for ever: the
account's address and name in AWS, and what is in it, go by that id. The first owner's tags replace the others. An
account with an owner's tag has been somebody's, so no PooledAccount can have it any more.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_OWNER, TAG_POOLED, TAG_RESOURCE, TAG_UID
from batteries_crds.pooled_account import PooledAccount

_JOINED = "+"
_EMAIL = "email:"


def customer_mark(name: str) -> str:
    """Names a Customer of the account's namespace."""
    return _mark("customer", name)


def email_mark(address: str) -> str:
    """Names an e-mail address, however it is capitalized."""
    return _mark("email", address.lower())


def _mark(kind: str, text: str) -> str:
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def is_nobodys(account: AwsAccount) -> bool:
    """Whether it has no owner: it is a pool's member."""
    return isinstance(account, PooledAccount)


def own_mark(account: AwsAccount) -> str:
    """Names the owner as the spec does; empty for a pool's member."""
    if is_nobodys(account):
        return ""
    if account.spec.customer_ref is not None:
        return customer_mark(account.spec.customer_ref.name)
    return email_mark(account.spec.email or "")


def owner_tag(account: AwsAccount, address: str | None) -> str:
    """All names of the owner: the spec's, and the Customer's e-mail address if it is known.

    By the address an account is adopted again even if its Customer is lost, as after the loss of a whole cluster. Empty
    for a pool's member.
    """
    if is_nobodys(account):
        return ""
    return _JOINED.join(dict.fromkeys([own_mark(account), *([email_mark(address)] if address else [])]))


def tags_for(account: AwsAccount, address: str | None) -> dict[str, str]:
    """The tags of an AWS account made for this AwsAccount; `address` is its owner's."""
    named = {
        TAG_ACCOUNT_ID: str(account.account_id),
        TAG_RESOURCE: account.holder,
        TAG_UID: account.metadata.uid,
    }
    if is_nobodys(account):
        return named | {TAG_POOLED: str(account.account_id)}
    return named | {TAG_OWNER: owner_tag(account, address)}


def names_owner(owner_tag: str, mark: str) -> bool:
    """Whether the value of an owner's tag contains that name."""
    return mark in owner_tag.split(_JOINED)


def is_same_owner(owner_tag: str, mark: str, names: str) -> bool:
    """Whether an owner's tag names an owner: by `mark`, as the spec does, or by any of the known `names`.

    A Customer's name may be used again too: one with another address is another owner.
    """
    theirs, ours = (_addresses(each) for each in (owner_tag, names))
    return names_owner(owner_tag, mark) and (not (theirs and ours) or bool(theirs & ours))


def _addresses(owner_tag: str) -> set[str]:
    return {name for name in owner_tag.split(_JOINED) if name.startswith(_EMAIL)}


@dataclass(frozen=True, slots=True)
class AccountTags:
    """What an AWS account's tags say about its owner."""

    resource: str | None
    uid: str | None
    owner: str | None
    pooled: str | None = None

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> "AccountTags":
        """Our tags among all of them."""
        return cls(tags.get(TAG_RESOURCE), tags.get(TAG_UID), tags.get(TAG_OWNER), tags.get(TAG_POOLED))

    def names(self, mark: str) -> bool:
        """Whether the owner's tag has that name in it."""
        return self.owner is not None and names_owner(self.owner, mark)

    def is_of(self, account: AwsAccount, address: str | None) -> bool:
        """Whether the owner's tag names the owner of this AwsAccount, who has that e-mail address."""
        return self.owner is not None and is_same_owner(self.owner, own_mark(account), owner_tag(account, address))

    def lacking(self, account: AwsAccount, address: str | None) -> dict[str, str]:
        """The tags that are missing to name this object and an owner, if it has one; an owner that is named stays."""
        lacking = {} if self.uid == account.metadata.uid else {TAG_UID: account.metadata.uid}
        if self.owner or is_nobodys(account):
            return lacking
        return lacking | {TAG_OWNER: owner_tag(account, address)}
