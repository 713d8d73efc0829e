"""check_status: polls the creation until there is an account, and says in words why a creation failed.

The creation poller asks AWS which creations are in progress, for all accounts together; the result of one is read here
if the poller does not know it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.base import utc_now
from batteries_crds.names import TAG_RESOURCE, ProvisioningStep
from batteries_crds.reasons import Reason
from batteries_operator.aws.creations import CreationStatus
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.ownership import NotOurAccountError
from batteries_operator.steps.create_account import refused
from batteries_operator.steps.creation_failures import FAILURES, PLATFORM, CreationFailure
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope

WORKING = Wait.queued(60, Reason.CREATING_ACCOUNT, "AWS is creating the account.")
"""While AWS creates the account. The poller wakes it at the end; the pause is only the safety net."""

NOT_WANTED = "The e-mail address is in use elsewhere: AWS made no account, and none is wanted any more."
AGAIN_SECONDS = 0.1

FORGOTTEN = "CreateAccountStatusNotFoundException"
FORGOTTEN_AFTER = timedelta(minutes=15)
"""For so long an unknown request counts as one that AWS does not know everywhere yet."""


_ANY_ROLE: dict[str, Any] = {"access_role_name": None}
"""For an account that an earlier request made: which role it has is found out when we enter it."""


async def run(scope: Scope) -> Outcome:
    """Done once AWS says SUCCEEDED and the account's id is known."""
    status = scope.account.status
    if status.aws_account_id is not None:
        scope.deps.creations.release(scope.account.metadata.uid)
        owned = await scope.owned_account()
        return Done(f"The AWS account is {owned.id}.")
    request, request_id = scope.create_request, scope.request_id
    working = replace(WORKING, seconds=scope.deps.settings.poll_max_seconds)
    if scope.deps.creation_poller.has(request_id):
        return working
    creation = scope.deps.creation_poller.outcome(request_id)
    if creation is None:
        creation = await _status(scope, request, request_id)
    if creation is None:
        return _forgotten(request)
    if creation.state == "IN_PROGRESS":
        scope.deps.creation_poller.note(request_id, scope.account.metadata.uid)
        return working
    return await _ended(scope, request, creation)


async def _ended(scope: Scope, request: CreateRequest, creation: CreationStatus) -> Outcome:
    """AWS has made the account, or will not."""
    if not _is_full(scope, creation):  # `refused` frees the slot, and lets nobody ask AWS until there is room
        # The next account need not wait for our write.
        scope.deps.creations.release(scope.account.metadata.uid)
    if creation.state == "SUCCEEDED" and creation.account_id:
        scope.deps.creations.proved()
        if creation.seconds is not None:
            scope.deps.creation_poller.lasted(creation.seconds)
        return await _made(scope, creation.account_id, request)
    return await _failed(scope, creation, request)


async def _status(scope: Scope, request: CreateRequest, request_id: str) -> CreationStatus | None:
    """The creation's status; None if AWS has not known the request for longer than is usual.

    A request that was found in AWS's list never counts as unknown: looking again would only find it again.
    """
    try:
        return await scope.deps.aws.creations.status(request_id)
    except AwsError as error:
        record = scope.account.status.steps.get(ProvisioningStep.CHECK_STATUS)
        since = record.troubled_since if record is not None else None
        late = since is not None and utc_now() - since >= FORGOTTEN_AFTER
        if error.code != FORGOTTEN or request.found or not late:
            raise
        return None


def _forgotten(request: CreateRequest) -> Wait:
    """AWS keeps requests only for a while. We find out what became of it as after a lost response."""
    return Wait.polling(
        AGAIN_SECONDS,
        Reason.RESOLVING_INTENT,
        "AWS does not know the request for the account any more; looking for the account.",
        facts={"create_request": request.model_copy(update={"request_id": None})},
    )


async def _made(scope: Scope, made: str, request: CreateRequest) -> Outcome:
    """AWS has named the account; its tag says whether the request was ours."""
    try:
        owned = await scope.deps.aws.ownership.prove(scope.account, made)
    except NotOurAccountError as error:
        if error.holder is None and not request.found:
            return Wait.settling(
                None, Reason.WAITING_FOR_TAGS, f"AWS made the account {made}; its tags do not show yet."
            )
        return _refused(scope, request, error)
    return Done(f"AWS made the account {owned.id}.", {"aws_account_id": owned.id})


async def _failed(scope: Scope, creation: CreationStatus, request: CreateRequest) -> Outcome:
    if creation.failure_reason == "EMAIL_ALREADY_EXISTS":
        return await _taken(scope, request)
    if not scope.account.is_wanted:
        return _ask_again(Reason.NOT_WANTED, "AWS made no account, and none is wanted any more.")
    if _is_full(scope, creation):
        # create_account is pending again, and reports the limit from then on.
        return replace(refused(scope), seconds=AGAIN_SECONDS, facts={"create_request": None})
    words = FAILURES.get(creation.failure_reason or "") or CreationFailure(
        Reason.CREATION_FAILED, "AWS could not create the account; asking again.", retry_seconds=120
    )
    cause = creation.failure_reason or "AWS gave no reason."
    if words.retry_seconds is None:
        return replace(_for_good(scope, words.reason, words.message), cause=cause)
    left = words.retry_seconds - (utc_now() - (creation.completed or request.recorded_at)).total_seconds()
    if left > 0:
        return Wait.blocked(left, words.reason, words.message, cause=cause)
    return replace(_ask_again(words.reason, words.message), cause=cause)


def _is_full(scope: Scope, creation: CreationStatus) -> bool:
    """Whether the organization has no room for an account that is still wanted."""
    return creation.failure_reason == "ACCOUNT_LIMIT_EXCEEDED" and scope.account.is_wanted


async def _taken(scope: Scope, request: CreateRequest) -> Outcome:
    """The address is in use: by our own account of an earlier, lost request, or by somebody else's."""
    organizations = scope.deps.aws.organizations
    existing = await organizations.find_account_by_email(request.email)
    if existing is not None:
        try:
            owned = await scope.deps.aws.ownership.prove(scope.account, existing)
        except NotOurAccountError as error:
            return _strangers(scope, request) if error.holder is None else _refused(scope, request, error)
        facts = {"aws_account_id": owned.id, **_ANY_ROLE}
        return Done(f"Found the AWS account {owned.id}, made by an earlier request.", facts)
    identity = str(scope.account.account_id)
    if (earlier := await scope.deps.aws.creations.find(identity)) is not None:
        return Wait.polling(
            None,
            Reason.RESOLVING_INTENT,
            "An earlier request for the same account is still in progress; following that one.",
            facts={
                "create_request": request.model_copy(update={"request_id": earlier.request_id, "found": True}),
                **_ANY_ROLE,
            },
        )
    return _strangers(scope, request)


def _strangers(scope: Scope, request: CreateRequest) -> Outcome:
    """The account has no tags of ours, or is in another organization, where we can't see it."""
    if not scope.account.is_wanted:
        return _ask_again(Reason.NOT_WANTED, NOT_WANTED)
    return _for_good(
        scope,
        Reason.EMAIL_ALREADY_EXISTS,
        f"The root e-mail address {request.email} belongs to an AWS account that is not ours. "
        f"{PLATFORM} change BATTERIES_ACCOUNT_EMAIL_TEMPLATE, or tag that account "
        f"{TAG_RESOURCE}={scope.account.holder} if it is this one.",
    )


def _refused(scope: Scope, request: CreateRequest, error: NotOurAccountError) -> Outcome:
    """By its tags the AWS account belongs to another AwsAccount, or to an earlier owner of the same name.

    The id follows from the name. Whoever may create AwsAccounts in another namespace could choose a name with the same
    id; that one must not get the AWS account, even if it asked first or lost AWS's response.
    """
    if not scope.account.is_wanted:
        return _ask_again(Reason.NOT_WANTED, NOT_WANTED)
    if error.holder == scope.account.holder:
        return _for_good(scope, error.reason, str(error))
    return _for_good(
        scope,
        Reason.ACCOUNT_ID_TAKEN,
        f"The AWS account with the id {scope.account.account_id} ({request.email}) is by its tag {TAG_RESOURCE} "
        f"another AwsAccount's. Make this AwsAccount again with another name. If that AWS account is this one's, the "
        "platform team has to correct its tag.",
    )


def _for_good(scope: Scope, reason: str, message: str) -> Wait | Fail:
    """Fails. If it has failed before, the spec has changed since, and AWS is asked again.

    The failed request stays on record until then; otherwise AWS would be asked again at once.
    """
    record = scope.account.status.steps.get(ProvisioningStep.CHECK_STATUS)
    if record is not None and record.gave_up_at is not None:
        return _ask_again(reason, message)
    return Fail(reason, message)


def _ask_again(reason: str, message: str) -> Wait:
    # Without the request create_account is pending again, with a new intent.
    return Wait.blocked(AGAIN_SECONDS, reason, message, facts={"create_request": None})
