"""The sentences that say why an AWS account is not this AwsAccount's, and what to do. Pure."""

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ANNOTATION_RETRY, FINALIZER, TAG_OWNER, TAG_RESOURCE, TAG_UID


def not_named(account: AwsAccount, aws_account_id: str, holder: str | None) -> str:
    """Its tag names another one, or none."""
    found = f"carries no tag {TAG_RESOURCE}" if holder is None else f"is tagged {TAG_RESOURCE}={holder}"
    sentence = f"AWS account {aws_account_id} {found}, so it is not this AwsAccount's and is left as it is."
    return f"{sentence} {tag_it(account)}"


def had_an_owner(account: AwsAccount, aws_account_id: str) -> str:
    """A pool's member whose AWS account was handed out before."""
    return (
        f"AWS account {aws_account_id} has had an owner: its tag {TAG_OWNER} says so. It never becomes a pool's again "
        f"and is left as it is. Delete the PooledAccount {account.key}; it touches nothing in AWS."
    )


def an_earlier_members(aws_account_id: str) -> str:
    """Its tags name an earlier PooledAccount of this name, and it is not where nobody could use it."""
    return (
        f"AWS account {aws_account_id} was an earlier PooledAccount's of this name, by its tag {TAG_UID}, and may have "
        "been used since: it is not in the Pool OU. It is left as it is. Delete this PooledAccount."
    )


def another_owner(account: AwsAccount, aws_account_id: str) -> str:
    """Its tag names an object of this name, and another owner."""
    return (
        f"AWS account {aws_account_id} belongs to an earlier AwsAccount of this name, which had another owner, or one "
        f"with another e-mail address: its tag {TAG_OWNER} says so. It is left as it is. Create this AwsAccount again "
        "with another name. If the AWS account is to change hands, have the platform team end the first owner's access "
        "(single sign-on, IAM users, access keys, the roles of GitHub Actions, the agents' role) and then remove the "
        f"tag {TAG_OWNER} in Organizations. "
        f"{_again(account)}"
    )


def still_open(account: AwsAccount, aws_account_id: str, permission_set: str) -> str:
    """No owner is named, and somebody else has access."""
    return (
        f"AWS account {aws_account_id} is tagged {TAG_RESOURCE}={account.holder}, but somebody else than the owner has "
        f"the permission set {permission_set} in it, as an earlier owner would. It is left as it is. Create "
        "this AwsAccount again with another name; or, if the AWS account is to change hands, have the platform team "
        f"remove that assignment in Identity Center, and end all other access of that person. {_again(account)}"
    )


def owner_unknown(account: AwsAccount, aws_account_id: str, suspended_ou: str) -> str:
    """No owner is named, and nobody has access: it was suspended."""
    return (
        f"AWS account {aws_account_id} is tagged {TAG_RESOURCE}={account.holder} and is in the OU {suspended_ou}, "
        "where an earlier release moved it, and nothing shows whose it was. It is left as it is. If it was another "
        "owner's, create this AwsAccount again with another name. If it was this owner's, or all access of the first "
        "owner has ended (IAM users, access keys), have the platform team tag it "
        f"{TAG_UID}={account.metadata.uid} in Organizations. {_again(account)}"
    )


def tag_it(account: AwsAccount) -> str:
    """How it would become this AwsAccount's."""
    return (
        "If it is to be managed here, have the platform team tag it "
        f"{TAG_RESOURCE}={account.holder} in Organizations. {_again(account)}"
    )


def _again(account: AwsAccount) -> str:
    """How to continue after the fix, and how to release a deleted object without it."""
    if not account.is_deleted:
        return f"It then continues by itself; at once if the annotation {ANNOTATION_RETRY} gets a new value."
    again = f"Then set the annotation {ANNOTATION_RETRY} to a new value."
    return (
        f"{again} To release this object without touching the AWS account, set spec.deletionPolicy to Retain; if "
        f"that is not enough, remove its finalizer {FINALIZER}."
    )
