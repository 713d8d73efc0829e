"""Whether a resource in a member account that has one of our names is ours or somebody else's. Pure.

An adopted account may contain an administrator of the same name, or a deploy role of an earlier pipeline; an account
that changed hands contains those of its first owner. A resource is ours if it carries our tags, or if the AwsAccount's
status says that we created it: its owner, who administers the account, may have removed the tags.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batteries_crds.github.trust_policy import PROVIDER_HOST
from batteries_crds.names import ANNOTATION_RETRY, TAG_ACCOUNT_ID, TAG_OWNER
from batteries_operator.aws.account_tags import is_same_owner
from batteries_operator.aws.errors import NotOursError
from batteries_operator.aws.ownership import OwnedAccount

if TYPE_CHECKING:
    from mypy_boto3_iam.type_defs import TagTypeDef


def member_resource_tags(account: OwnedAccount) -> "list[TagTypeDef]":
    """The tags of everything that we create in the account; while nobody owns it, they name no owner."""
    tags: list[TagTypeDef] = [{"Key": TAG_ACCOUNT_ID, "Value": account.account_id}]
    return [*tags, {"Key": TAG_OWNER, "Value": account.owner_tag}] if account.owner_tag else tags


def is_ours(account: OwnedAccount, tags: "Sequence[TagTypeDef]") -> bool:
    """Whether we tagged a resource like this for this account and its owner.

    Earlier releases named no owner, and a pool names none and the id that the account had then.
    """
    values = {tag["Key"]: tag["Value"] for tag in tags}
    owner = values.get(TAG_OWNER)
    is_theirs = owner is None or is_same_owner(owner, account.owner_mark, account.owner_tag)
    ids = {account.account_id} if account.pooled_id is None else {account.account_id, account.pooled_id}
    return values.get(TAG_ACCOUNT_ID) in ids and is_theirs


def user_not_ours(account: OwnedAccount, name: str) -> NotOursError:
    """Somebody else's IAM user has our user's name."""
    return NotOursError(
        "UserNotOurs",
        f"AWS account {account.id} has an IAM user {name} that is not ours: it does not carry our tag "
        f"{TAG_ACCOUNT_ID}={account.account_id}, or was made for another owner. It was left as it is. Have the "
        "platform team delete or rename it, tag it so if it may be taken over, or set BATTERIES_IAM_USER_NAME to "
        f"another name. {_AGAIN}",
    )


def role_not_ours(account: OwnedAccount, name: str) -> NotOursError:
    """Somebody else's role has our role's name."""
    return NotOursError(
        "RoleNotOurs",
        f"AWS account {account.id} has a role {name} that is not ours: it does not carry our tag "
        f"{TAG_ACCOUNT_ID}={account.account_id}, or was made for another owner. It was left as it is. Have the "
        f"platform team delete it, or tag it so if it may be taken over. {_AGAIN}",
    )


def provider_not_ours(account: OwnedAccount, host: str, arn: str, audience: str) -> NotOursError:
    """Somebody else created the provider of that issuer, of which an account has one, and it lacks our audience."""
    theirs, they = ("GitHub", "workflow") if host == PROVIDER_HOST else (f"https://{host}", "agent")
    return NotOursError(
        "ProviderNotOurs",
        f"AWS account {account.id} has an OIDC provider for {theirs} that is not ours and does not have the audience "
        f"{audience}, without which no {they} can sign in. It was left as it is. Have the platform team add the "
        f"audience (aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} --client-id "
        f"{audience}), or delete the provider if nothing uses it. {_AGAIN}",
    )


_AGAIN = f"Then set the annotation {ANNOTATION_RETRY} to a new value."
