"""AWS's refusals, and what becomes of the account: waits that end by themselves, and failures that say what to do."""

import asyncio
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory, refusal, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError
from batteries_operator.reconcile.reconciler import QUIET_TRIES
from batteries_operator.reconcile.step_schedule import StepSchedule

PARTITION = "sts:GetCallerIdentity"
"""Tells the partition of AWS, once a process."""


def reason(account: AwsAccount, condition: str) -> str:
    found = find(account.status.conditions, condition)
    assert found is not None
    return found.reason


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("TooManyRequestsException", ""),
        ("ConcurrentModificationException", ""),
        ("ConstraintViolationException", "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"),
        ("AccessDeniedException", ""),
        ("NobodyKnowsThisException", ""),
    ],
)
async def test_a_definite_refusal_clears_the_intent_and_is_tried_again(factory: Factory, code: str, why: str) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:CreateAccount", code, reason=why, times=5)
    result = await process.reconciler.reconcile(NAMESPACE, "acme")
    assert result.requeue_after is not None
    refused = await factory.account()
    assert refused.status.create_request is None, "AWS certainly made nothing: no looking, just asking"
    asked = await process.until("acme", lambda each: each.status.create_request is not None)
    assert asked.status.create_request is not None
    assert asked.status.create_request.request_id is not None
    last = len(process.calls) - process.calls[::-1].index("organizations:CreateAccount")
    assert set(process.calls[:last]) == {PARTITION, "organizations:CreateAccount"}, "asked again without looking"


async def test_input_that_aws_never_takes_fails_the_account(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:CreateAccount", "InvalidInputException", reason="INVALID_PATTERN")
    account = await process.until("acme")
    assert (account.status.phase, reason(account, "AccountRequested")) == ("failed", "RefusedByAws")
    assert account.status.create_request is None
    assert process.deps.creations.held == 0


async def test_throttles_never_fail_an_account(factory: Factory) -> None:
    """Each operation of the walk is throttled three times in a row."""
    await factory.add()
    process = await factory.start()
    tries: dict[str, int] = {}
    phases: set[str] = set()

    def throttle(operation: str, number: int) -> None:
        tries[operation] = tries.get(operation, 0) + 1
        if tries[operation] <= 3:
            refusal(operation, "ThrottlingException")(operation, number)

    def note(account: AwsAccount) -> None:
        phases.add(account.status.phase)
        assert account.status.error is None, "a throttle is no error"

    process.before_call = throttle
    await assert_exactly_right(factory, await process.until("acme", look=note))
    assert len(tries) > 20
    assert "failed" not in phases


async def test_an_account_never_looks_settled_before_its_first_answer(factory: Factory) -> None:
    """kstatus takes an object without conditions for done; so does `kubectl wait`."""
    await factory.add(awsAccountId="222222222222")
    process = await factory.start()
    process.before_call = refusal("organizations:DescribeOrganization", "ThrottlingException")
    await process.reconciler.reconcile(NAMESPACE, "acme")
    account = await factory.account()
    assert account.status.observed_generation == 1
    assert is_true(account.status.conditions, "Reconciling")
    writes = len(factory.cluster.writes)
    await process.reconciler.reconcile(NAMESPACE, "acme")
    assert len(factory.cluster.writes) == writes, "said once"


async def test_a_throttle_is_not_written_and_one_that_lasts_is(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("organizations:CreateAccount", "ThrottlingException")
    schedule, said = StepSchedule(), []
    for _ in range(QUIET_TRIES + 1):
        schedule.make_all_due()
        await process.reconciler.reconcile(NAMESPACE, "acme", schedule)
        said.append(reason(await factory.account(), "AccountRequested") == "AwsUnavailable")
    assert said == [False] * QUIET_TRIES + [True]
    assert (await factory.account()).status.phase == "pending"


async def test_a_missing_customer_is_waited_for_and_found(factory: Factory) -> None:
    await factory.add(email=None, customerRef={"name": "c-1"})
    process = await factory.start()
    result = await process.reconciler.reconcile(NAMESPACE, "acme")
    account = await factory.account()
    assert result.requeue_after is not None
    assert (account.status.phase, reason(account, "AccountRequested")) == ("pending", "CustomerNotFound")
    assert "no Customer 'c-1' in namespace 'customers'" in (account.status.error or "")
    assert set(process.calls) <= {PARTITION}
    await factory.customers.create(NAMESPACE, {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
    account = await process.until("acme")
    assert account.status.owner == "boss@example.com"
    await assert_exactly_right(factory, account)


async def test_a_customer_who_goes_leaves_the_slot_to_others(factory: Factory) -> None:
    await factory.add(email=None, customerRef={"name": "c-1"})
    await factory.customers.create(NAMESPACE, {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
    process = await factory.start()
    process.before_call = refusal("organizations:CreateAccount", "ThrottlingException")
    await process.reconciler.reconcile(NAMESPACE, "acme")
    assert process.deps.creations.held == 1
    factory.cluster.delete("Customer", NAMESPACE, "c-1")
    await process.reconciler.reconcile(NAMESPACE, "acme")
    assert process.deps.creations.held == 0


async def test_a_customer_who_goes_after_aws_was_asked_keeps_no_account_in_the_air(factory: Factory) -> None:
    await factory.add(email=None, customerRef={"name": "c-1"})
    await factory.customers.create(NAMESPACE, {"metadata": {"name": "c-1"}, "spec": {"email": "boss@example.com"}})
    process = await factory.start()

    def lose(operation: str, _: int) -> None:
        if operation == "organizations:CreateAccount":
            factory.cluster.delete("Customer", NAMESPACE, "c-1")
            raise AwsError(operation, NO_ANSWER, "lost")

    process.after_call = lose
    account = await process.until("acme")
    assert (account.status.phase, reason(account, "SSOAssigned")) == ("active", "EmailNotConfirmed")
    assert [each["id"] for each in await factory.members(account)] == [account.status.aws_account_id]


@pytest.mark.parametrize("code", ["MessageRejected", "TooManyRequestsException", "AccountSuspendedException"])
async def test_a_mail_that_fails_keeps_no_account_from_being_active(factory: Factory, code: str) -> None:
    await factory.add()
    process = await factory.start()
    process.before_call = refusal("ses:SendEmail", code)
    account = await process.until("acme", lambda each: each.status.phase == "active")
    assert is_true(account.status.conditions, "Ready")
    mailed = find(account.status.conditions, "WelcomeEmailSent")
    assert mailed is not None
    assert (mailed.status, account.status.error) == ("False", None)
    if code != "AccountSuspendedException":
        process.before_call = lambda operation, number: None
        await assert_exactly_right(factory, await process.until("acme"))


@pytest.mark.parametrize("operator_settings", [settings(mail_sender="")])
async def test_without_a_sender_no_mail_is_sent(factory: Factory) -> None:
    process = await factory.active()
    assert "ses:SendEmail" not in process.calls


@pytest.mark.parametrize("operator_settings", [settings(creations_in_flight=5)])
@pytest.mark.parametrize("standin_settings", [{"max_creations": 100, "creation_seconds": 0.5}])
async def test_of_twelve_accounts_at_once_five_are_created_at_a_time(factory: Factory) -> None:
    names = [f"team-{number}" for number in range(12)]
    stop = asyncio.Event()
    process = await factory.start()
    accounts = [await factory.add(name, email=f"{name[-1]}@example.com") for name in names]
    drives = [asyncio.create_task(process.drive(account, stop)) for account in accounts]
    async with asyncio.timeout(20):
        while {(await factory.account(name)).status.phase for name in names} != {"active"}:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*drives)
    creations = await factory.standin("creations")
    assert creations["maxInProgress"] == 5, "never more, and no slower than it may be"
    assert len(creations["creations"]) == 12
    assert (process.deps.creations.held, process.deps.creations.waiting) == (0, 0)
    assert (process.deps.assignments.held, process.deps.assignments.waiting) == (0, 0)


async def test_an_organization_that_is_not_prepared_says_what_to_do_and_recovers(bare_factory: Factory) -> None:
    await bare_factory.add()
    process = await bare_factory.start()
    account = await process.until("acme", lambda each: bool(each.status.error))
    assert reason(account, "InCustomersOU") == "OrganizationNotPrepared"
    assert "Run `batteries-operator bootstrap`" in (account.status.error or "")
    assert account.status.phase == "creating"
    await bare_factory.bootstrap()
    await assert_exactly_right(bare_factory, await process.until("acme"))


async def test_a_user_that_is_there_by_its_address_is_taken(factory: Factory) -> None:
    """Whoever synchronises users from a directory may name them otherwise than by their e-mail address."""
    store, admin = await factory.client("identitystore"), await factory.client("sso-admin")
    store_id = admin.list_instances()["Instances"][0]["IdentityStoreId"]
    person: Any = {"UserName": "acme", "DisplayName": "A", "Name": {"GivenName": "A", "FamilyName": "B"}}
    emails = [{"Value": "acme@example.com", "Type": "work", "Primary": True}]
    made = store.create_user(IdentityStoreId=store_id, Emails=emails, **person)
    await factory.active()
    assert (await factory.account()).status.sso_user_id == made["UserId"]


async def test_an_assignment_that_was_undone_meanwhile_is_made_again(factory: Factory) -> None:
    process = await factory.active()
    account, center = await factory.account(), process.deps.aws.identity_center
    member, user = str(account.status.aws_account_id), str(account.status.sso_user_id)
    permission_set = await center.permission_set(factory.settings.permission_set_name)
    owned = await process.deps.aws.ownership.prove(account, member)
    started = await center.assign(owned, permission_set, user)
    async with asyncio.timeout(5):
        state = ""
        while state != "SUCCEEDED":
            await asyncio.sleep(0.01)
            status = await center.assignment_status(started.request_id)
            assert status is not None
            state = status.state
    admin = await factory.client("sso-admin")
    where = {"InstanceArn": (await center.instance()).arn, "PermissionSetArn": permission_set}
    target = {"TargetId": member, "TargetType": "AWS_ACCOUNT", "PrincipalType": "USER", "PrincipalId": user}
    admin.delete_account_assignment(**where, **target)
    async with asyncio.timeout(5):
        while await center.is_assigned(member, permission_set, user):
            await asyncio.sleep(0.01)
    facts = {"ssoAssignmentRequestId": started.request_id, "steps": {"setup_sso_access": None}}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": facts})
    await assert_exactly_right(factory, await process.until("acme"))


SLOW_AWS = {
    "iam_seconds": 0.2,
    "identity_center_seconds": 0.2,
    "organization_write_seconds": 0.02,
    "empty_page_every": 2,
}


@pytest.mark.parametrize("standin_settings", [SLOW_AWS])
async def test_what_aws_does_not_know_everywhere_at_once_is_waited_for_and_made_once(factory: Factory) -> None:
    """New users and roles, Identity Center's view of accounts, writes that exclude each other, empty pages."""
    process = await factory.active(githubRepos=["octo-org/web"])
    assert any(kind == "Normal" for kind, _ in process.events)
    await assert_exactly_right(factory, await factory.account(), mails=0)
