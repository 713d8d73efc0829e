"""Gets an account that a pool prepared, where there are pools: the way of create_account before it asks AWS.

An AWS account that has been this AwsAccount's already comes first, and then the wish that is written.
"""

from batteries_crds.reasons import Reason
from batteries_operator.steps import claim, found_by_tag
from batteries_operator.steps.claim import Missed
from batteries_operator.steps.outcome import Done, Outcome, Wait
from batteries_operator.steps.step import Scope


async def follow_wish(scope: Scope, owner: str | None) -> Outcome | None:
    """What comes of the wish in the status; None if it was dropped, and AWS is asked as if it had never been.

    Raises:
        AwsError, LostRaceError, ApiException: it is followed at the next try.
    """
    if owner is not None:
        if (found := await found_by_tag.adopted(scope, owner)) is not None:
            return found
        if (done := await claim.follow(scope, owner)) is not None:
            return done
    if scope.account.is_wanted:
        return None
    message = "No prepared account was taken, and none is wanted any more."
    return Wait.polling(0, Reason.NOT_WANTED, message, facts={"claim": None})


async def get(scope: Scope, owner: str) -> Done | Missed | None:
    """Done once an account is this AwsAccount's; else why no prepared one was to be had, or None without pools.

    Raises:
        AwsError, LostRaceError, ApiException: it is tried again.
    """
    if not scope.deps.pool.is_used:
        return None
    if (found := await found_by_tag.adopted(scope, owner)) is not None:
        return found
    if scope.account.status.create_request is not None:
        return None  # AWS was asked, and may have made one
    return await claim.take(scope, owner)
