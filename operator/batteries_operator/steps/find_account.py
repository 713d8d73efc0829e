"""find_account: looks in AWS for the account of an AwsAccount that is not wanted and remembers none.

Usually nothing was ever asked of AWS, so there is none. But a status can be lost: by a restore without it, or by hand.
The account would then stay open in AWS while its AwsAccount says suspended. create_account finds the account of one
that is wanted, because AWS takes each root e-mail address once. One that came from a pool has another address and is
found by its tag.
"""

from batteries_crds.reasons import Reason
from batteries_operator.aws.account_tags import AccountTags
from batteries_operator.aws.ownership import NotOurAccountError
from batteries_operator.runtime.naming import account_email
from batteries_operator.steps import found_by_tag
from batteries_operator.steps.create_account import owner_address
from batteries_operator.steps.outcome import Done, Fail, Outcome
from batteries_operator.steps.step import Scope

NONE = "No AWS account was made for it."


async def run(scope: Scope) -> Outcome:
    """Done once AWS was searched; the account that was found is this AwsAccount's from then on."""
    account, organizations = scope.account, scope.deps.aws.organizations
    address = account_email(scope.deps.settings.account_email_template, str(account.account_id))
    found = account.spec.aws_account_id or await organizations.find_account_by_email(address) or await _by_tag(scope)
    if found is None or (account.is_deleted and not await _is_its_own(scope, found)):
        return Done(NONE)
    owner = await owner_address(scope)
    try:
        owned = await scope.deps.aws.ownership.prove(account, found, owner)
    except NotOurAccountError as error:
        if error.holder is None:
            return Fail(Reason.NOT_OUR_ACCOUNT, str(error))
        message = f"{NONE} The AWS account {found} is another's, and was left as it is."
        return Done(message, cause=str(error), warns=True)
    return Done(
        f"Found the AWS account {owned.id}, which was made for it before.",
        {"aws_account_id": owned.id, "owner": owner, "account_id": str(account.account_id)},
    )


async def _by_tag(scope: Scope) -> str | None:
    """One that may be its own by its tag; of several the one that this very object had."""
    candidates = await found_by_tag.candidates(scope)
    for each in candidates:
        if await _is_its_own(scope, each):
            return each
    return candidates[0] if candidates else None


async def _is_its_own(scope: Scope, aws_account_id: str) -> bool:
    """Whether this very object had the AWS account: a closure can't be undone, so its name alone is not enough."""
    tags = await scope.deps.aws.organizations.tags_if_member(aws_account_id)
    return tags is not None and AccountTags.read(tags).uid == scope.account.metadata.uid
