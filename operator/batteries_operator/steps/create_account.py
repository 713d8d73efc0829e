"""create_account: asks Organizations for the member account, once and never twice.

CreateAccount has no idempotency token. So the intent is written to the status before the call, and the request's id
right after it. An intent without an id means that we don't know whether AWS was asked: then we look for the account,
and ask again only if nothing is found. Even then AWS accepts each root e-mail address only once, and an account's
address never changes.
"""

import contextlib

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest, Hold
from batteries_crds.base import seconds_since, utc_now, utc_now_exactly
from batteries_crds.customer import Customer
from batteries_crds.github.trust_policy import PolicyTooLargeError, check_size
from batteries_crds.reasons import Reason
from batteries_operator.aws.account_tags import tags_for
from batteries_operator.aws.caller import CALL_SECONDS
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.ownership import NotOurAccountError
from batteries_operator.customers.payments import due_holds
from batteries_operator.runtime.metrics import POOL_CLAIMS, POOL_FALL_THROUGHS
from batteries_operator.runtime.naming import account_email, account_name
from batteries_operator.steps import claim, from_pool
from batteries_operator.steps.doors import too_large
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope

LINE_SECONDS = 3600
"""Queued accounts are woken; this is only the safety net."""

LIMIT_SECONDS = 300
"""Until one account asks a full organization again, for all: a higher quota or a closed account makes room."""


def has_request(account: AwsAccount) -> bool:
    """Whether the request or the account itself is known, and the owner too if the account is wanted."""
    if account.status.owner is None and account.is_wanted:
        return False  # adopted while suspended, or by an earlier release, which did not wait for the Customer
    return is_asked_for(account)


def is_asked_for(account: AwsAccount) -> bool:
    """Whether the request or the account itself is known; no owner has to be."""
    status, request = account.status, account.status.create_request
    return status.aws_account_id is not None or (request is not None and request.request_id is not None)


async def run(scope: Scope) -> Outcome:
    """Done once the request's id or the account is known."""
    account = scope.account
    known = account.status.aws_account_id
    if known is not None and has_request(account):
        owned = await scope.owned_account()
        return Done(f"There is an AWS account already: {owned.id}.")
    customer = await _customer(scope)
    if account.is_wanted and customer is not None and (held := _held(scope, customer)) is not None:
        return await claim.withdrawn(scope, held)
    owner = _owner(account, customer)
    if account.status.claim is not None and (outcome := await from_pool.follow_wish(scope, owner)) is not None:
        return outcome
    return await _adopt_or_get(scope, owner)


async def _adopt_or_get(scope: Scope, owner: str | None) -> Outcome:
    """Takes over the AWS account that is named, or else gets one that a pool prepared, or asks AWS."""
    account = scope.account
    existing = account.status.aws_account_id or account.spec.aws_account_id
    if existing is not None and not account.is_wanted:
        return await _adopt(scope, existing, owner)  # closing it needs no owner
    if owner is None:
        return _no_customer(scope)
    if account.is_wanted and (unfit := await _too_large(scope)) is not None:
        return unfit
    if existing is not None:
        return await _adopt(scope, existing, owner)
    got = await from_pool.get(scope, owner)
    return got if isinstance(got, Done) else await in_turn(scope, owner, got)


async def _too_large(scope: Scope) -> Outcome | None:
    """Fails early for a list that setup_oidc would refuse, before there is a half-made account."""
    partition = await scope.deps.aws.sts.partition()
    limit = scope.deps.settings.trust_policy_limit
    try:
        for admitted in (scope.account.spec.deploying, scope.account.spec.reading):
            check_size(admitted, limit=limit, partition=partition.name, audience=partition.audience)
    except PolicyTooLargeError as error:
        return too_large(error)
    return None


def _no_customer(scope: Scope) -> Wait:
    account = scope.account
    scope.deps.creations.release(account.metadata.uid)  # other accounts need not wait for that Customer
    return Wait.blocked(
        30,
        Reason.CUSTOMER_NOT_FOUND,
        f"There is no Customer '{scope.customer_ref.name}' in namespace '{account.metadata.namespace}'. "
        "Create it; the account follows by itself.",
    )


async def in_turn(scope: Scope, owner: str | None, missed: claim.Missed | None = None) -> Outcome:
    """Asks AWS when there is a slot, or finds out what became of an earlier request.

    `missed` says why no prepared account was to be had, where there are pools.
    """
    account, partition = scope.account, await scope.deps.aws.sts.partition()
    if not partition.creates_accounts:
        return Fail(
            Reason.ACCOUNTS_NOT_CREATED_HERE,
            f"{partition.label} creates no accounts by Organizations. Create one with CreateGovCloudAccount from your "
            "organization outside GovCloud, invite it to the organization in GovCloud, and set spec.awsAccountId of a "
            "new AwsAccount to its id.",
        )
    if not scope.deps.creations.acquire(account.metadata.uid, account.line, account.since):
        return in_line(scope)
    intent = account.status.create_request
    if intent is None:
        intent = _intent(scope)
        role = scope.deps.settings.access_role_name
        identity = str(account.account_id)
        await scope.record(create_request=intent, owner=owner, account_id=identity, access_role_name=role)
        if missed is not None:
            POOL_CLAIMS.labels("cold").inc()
            POOL_FALL_THROUGHS.labels(missed).inc()
        return await _ask(scope, intent)
    return await _resolve(scope, intent)


async def _customer(scope: Scope) -> Customer | None:
    """The owning Customer, read from Kubernetes; None if there is none, or it does not matter any more."""
    spec, status = scope.account.spec, scope.account.status
    if spec.customer_ref is None or (status.create_request is not None and status.owner is not None):
        return None  # the intent was written for this owner, and is followed without the Customer
    return await scope.deps.customers.find(scope.account.metadata.namespace, spec.customer_ref.name)


def _held(scope: Scope, customer: Customer) -> Wait | None:
    """The wait before AWS is asked, if the Customer is blocked or has not paid.

    The account's hold may not be written yet: a new account is reconciled first.
    """
    due = due_holds(customer, scope.deps.settings.payment_grace, utc_now())
    if not due:
        return None
    scope.deps.creations.release(scope.account.metadata.uid)
    if Hold.CUSTOMER_BLOCKED in due:
        message = f"The Customer '{customer.metadata.name}' is blocked, so AWS is not asked for the account; an "
        return Wait.blocked(30, Reason.CUSTOMER_BLOCKED, f"{message}administrator has to unblock it.")
    message = f"The Customer '{customer.metadata.name}' has no valid payment method, so AWS is not asked for the "
    return Wait.blocked(30, Reason.PAYMENT_METHOD_MISSING, f"{message}account; the owner has to give one.")


async def owner_address(scope: Scope) -> str | None:
    """The owner's e-mail address; None if the Customer is missing."""
    return _owner(scope.account, await _customer(scope))


def _owner(account: AwsAccount, customer: Customer | None) -> str | None:
    """The owner's e-mail address; None if the Customer is missing."""
    is_under_way = account.status.create_request is not None or account.status.claim is not None
    if is_under_way and account.status.owner is not None:
        return account.status.owner
    if account.spec.customer_ref is None:
        return account.spec.email
    return None if customer is None else customer.spec.email


def _intent(scope: Scope) -> CreateRequest:
    account, settings = scope.account, scope.deps.settings
    identity = str(account.account_id)
    return CreateRequest(
        email=account_email(settings.account_email_template, identity),
        account_name=account_name(settings.account_name_prefix, account.spec.display_name, identity),
        recorded_at=utc_now(),
    )


async def _ask(scope: Scope, intent: CreateRequest) -> Outcome:
    sent = utc_now_exactly()
    try:
        creation = await scope.deps.aws.creations.create(
            email=intent.email,
            name=intent.account_name,
            role=scope.deps.settings.access_role_name,
            tags=tags_for(scope.account, scope.account.status.owner),
        )
    except AwsError as error:
        if error.refused:
            # AWS certainly made nothing: without an intent the next reconcile asks at once instead of looking first.
            await scope.record(create_request=None)
        if error.reason == "ACCOUNT_NUMBER_LIMIT_EXCEEDED":
            return refused(scope)
        raise
    scope.deps.creation_poller.requested(creation, scope.account.metadata.uid, sent)
    return _requested(intent, creation.request_id)


def refused(scope: Scope) -> Wait:
    """The organization is full: the account goes back to the head of the queue, which is closed until there is room."""
    account = scope.account
    scope.deps.creations.refused(account.metadata.uid, account.line, account.since, LIMIT_SECONDS)
    return in_line(scope)


def in_line(scope: Scope) -> Wait:
    """The account's queue position, and what it waits for; written once, however the queue moves."""
    creations = scope.deps.creations
    place = f"Queue position {creations.position(scope.account.metadata.uid)}"
    if creations.is_shut_for(scope.account.line):
        return Wait.queue_closed(
            LINE_SECONDS,
            Reason.ACCOUNT_LIMIT_REACHED,
            f"{place}: the organization has as many AWS accounts as its quota allows. The platform team has to "
            "have the quota 'Maximum number of accounts' raised in Service Quotas. The account follows by itself.",
        )
    limit = scope.deps.settings.creations_in_flight
    return Wait.queued(LINE_SECONDS, Reason.WAITING_IN_LINE, f"{place}: AWS creates {limit} accounts at a time.")


def _requested(intent: CreateRequest, request_id: str) -> Outcome:
    return Done(
        "AWS was asked for the account.",
        {"create_request": intent.model_copy(update={"request_id": request_id})},
        cause=f"AWS's id of the request is {request_id}.",
    )


async def _resolve(scope: Scope, intent: CreateRequest) -> Outcome:
    """The result of the intent is unknown after a crash or a lost response: looks before it asks again."""
    age = seconds_since(intent.recorded_at)
    grace = scope.deps.settings.intent_grace_seconds
    if age < grace:
        return _unresolved(grace - age)
    organizations = scope.deps.aws.organizations
    found = await scope.deps.aws.creations.find(str(scope.account.account_id))
    if found is not None:
        return _requested(intent.model_copy(update={"found": True}), found.request_id)
    existing = await organizations.find_account_by_email(intent.email)
    if existing is not None:
        with contextlib.suppress(NotOurAccountError):  # AWS answers the next request that the address is taken
            owned = await scope.deps.aws.ownership.prove(scope.account, existing)
            return Done(f"Found the AWS account {owned.id}, made by an earlier request.", {"aws_account_id": owned.id})
    if not scope.account.is_wanted:
        if age < grace + CALL_SECONDS:
            # AWS may have accepted a call at its very end. Asking again would show it, but nothing is asked any more.
            return _unresolved(grace + CALL_SECONDS - age)
        # Nothing was made and nothing is wanted: without the intent nothing is pending.
        forgotten = {"create_request": None}
        return Wait.polling(0, Reason.NOT_WANTED, "AWS made no account, and none is wanted any more.", facts=forgotten)
    return await _ask(scope, intent)


def _unresolved(seconds: float) -> Wait:
    """Another operator's call may be under way at this moment, and AWS's lists lag behind a little.

    Nothing is written: a write would make the other operator lose the race for writing its request's id.
    """
    message = "Waiting to learn what became of the request for the account."
    return Wait.unwritten(seconds, Reason.RESOLVING_INTENT, message)


async def _adopt(scope: Scope, aws_account_id: str, owner: str | None) -> Outcome:
    """Adopts the existing account of spec.awsAccountId, if its tags say that it is this AwsAccount's."""
    owned = await scope.deps.aws.ownership.prove(scope.account, aws_account_id, owner)
    return Done(
        f"Adopted the AWS account {owned.id}.",
        {"aws_account_id": owned.id, "owner": owner, "account_id": str(scope.account.account_id)},
    )
