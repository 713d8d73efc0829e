"""What becomes of a CreateAccount request that AWS took, and of an address that is taken."""

import asyncio
from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import LONG_CREATION, NAMESPACE, CrashError, Factory, Process, settings
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.conditions import find, is_true
from batteries_crds.kube.client import UnreadableError
from batteries_operator.aws.creations import CreationStatus
from batteries_operator.controller import slot_recovery
from batteries_operator.controller.slot_recovery import recover_slots
from batteries_operator.runtime.naming import account_email
from batteries_operator.steps.creation_failures import FAILURES


def reason(account: AwsAccount, condition: str) -> str:
    found = find(account.status.conditions, condition)
    assert found is not None
    return found.reason


async def occupy(factory: Factory, account: AwsAccount, **tags: str) -> str:
    """An AWS account with this account's root e-mail address, made by somebody else."""
    organizations = await factory.client("organizations")
    email = account_email(factory.settings.account_email_template, str(account.account_id))
    organizations.create_account(
        Email=email, AccountName="Somebody", Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    async with asyncio.timeout(5):
        while True:
            for each in (await factory.standin("accounts"))["accounts"]:
                if each["email"] == email:
                    return str(each["id"])
            await asyncio.sleep(0.01)


async def test_an_address_that_a_stranger_has_fails_with_a_sentence_and_one_request(factory: Factory) -> None:
    account = await factory.add()
    await occupy(factory, account)
    process = await factory.start()
    account = await process.until("acme")
    assert (account.status.phase, account.status.provisioning_step) == ("failed", "failed")
    assert reason(account, "AccountCreated") == "EmailAlreadyExists"
    assert "belongs to an AWS account that is not ours" in (account.status.error or "")
    assert account.status.aws_account_id is None
    assert process.calls.count("organizations:CreateAccount") == 1
    assert process.deps.creations.held == 0, "its place is another's"


async def test_what_failed_for_good_asks_aws_again_after_a_changed_spec(factory: Factory) -> None:
    account = await factory.add()
    stranger = await occupy(factory, account)
    process = await factory.start()
    await process.until("acme")
    organizations = await factory.client("organizations")
    tag = {"Key": "aibatteriesincluded.com/resource", "Value": account.key}
    organizations.tag_resource(ResourceId=stranger, Tags=[tag])
    await factory.change(displayName="please")
    account = await process.until("acme")
    assert (account.status.phase, account.status.aws_account_id) == ("active", stranger)


async def test_what_the_platform_team_mended_is_asked_for_anew_after_a_changed_spec(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    answering(process, ["MISSING_PAYMENT_INSTRUMENT"])
    assert (await process.until("acme")).status.phase == "failed"
    await factory.change(displayName="please")
    account = await process.until("acme")
    assert (account.status.phase, account.status.error) == ("active", None)
    assert process.calls.count("organizations:CreateAccount") == 2


async def test_an_address_that_our_own_account_has_is_adopted(factory: Factory) -> None:
    account = await factory.add()
    ours = await occupy(
        factory,
        account,
        **{
            "aibatteriesincluded.com/resource": account.key,
            "aibatteriesincluded.com/account-id": str(account.account_id),
        },
    )
    account = await (await factory.start()).until("acme")
    assert account.status.aws_account_id == ours
    await assert_exactly_right(factory, account)


@LONG_CREATION
async def test_an_earlier_request_still_in_progress_is_followed(factory: Factory) -> None:
    """The status was restored from a moment before the request: AWS says that the address is taken, by ourselves."""
    process = await factory.start()
    await factory.add()
    await process.until("acme", lambda account: bool(account.status.create_request))
    factory.cluster.objects["AwsAccount", NAMESPACE, "acme"].pop("status")
    real = process.deps.aws.organizations.find_account_by_email
    looks: list[str] = []

    async def not_at_first(email: str) -> str | None:
        looks.append(email)
        return None if len(looks) == 1 else await real(email)

    process = await factory.start()
    process.deps.aws.organizations.find_account_by_email = not_at_first  # type: ignore[method-assign]
    account = await process.until("acme")
    await assert_exactly_right(factory, account)
    assert process.calls.count("organizations:CreateAccount") <= 1


def answering(process: Process, failures: list[str], *, age: float = 0) -> None:
    """AWS says these failure reasons first, one a request, so many seconds after the request was over."""
    creations = process.deps.aws.creations
    real = creations.status
    failed: dict[str, CreationStatus] = {}

    async def status(request_id: str) -> CreationStatus:
        if failures:
            over = utc_now() - timedelta(seconds=age)
            failed[request_id] = CreationStatus(request_id, "FAILED", None, failures.pop(0), completed=over)
        return failed.get(request_id) or await real(request_id)

    creations.status = status  # type: ignore[method-assign]


@pytest.mark.parametrize("failure", [reason for reason, words in FAILURES.items() if words.retry_seconds is None])
async def test_a_creation_that_fails_for_good_stalls_and_holds_no_slot(factory: Factory, failure: str) -> None:
    await factory.add()
    process = await factory.start()
    answering(process, [failure])
    account = await process.until("acme")
    words = FAILURES[failure]
    assert (account.status.phase, account.status.error) == ("failed", words.message)
    assert is_true(account.status.conditions, "Stalled")
    assert process.calls.count("organizations:CreateAccount") == 1
    assert process.deps.creations.held == 0
    assert [kind for kind, _ in process.events] == ["Normal", "Warning"]


@pytest.mark.parametrize("failure", [reason for reason, words in FAILURES.items() if words.retry_seconds] + ["NEW"])
async def test_a_creation_that_fails_for_now_is_asked_for_again_when_its_time_has_come(
    factory: Factory, failure: str
) -> None:
    await factory.add()
    process = await factory.start()
    answering(process, [failure])
    account = await process.until("acme", lambda each: bool(each.status.error))
    assert account.status.phase == "creating"
    result = await process.reconciler.reconcile(NAMESPACE, "acme")
    assert (result.requeue_after or 0) > 20, "an early reconcile asks nothing"
    assert process.calls.count("organizations:CreateAccount") == 1
    later = await factory.start()
    answering(later, [failure], age=1000)
    asked_before = account.status.create_request
    account = await later.until("acme", lambda each: each.status.create_request != asked_before)
    assert account.status.error is not None
    await later.until("acme", lambda each: each.status.create_request is not None)
    assert later.calls.count("organizations:CreateAccount") == 1


def test_every_failure_reason_of_botocores_model_has_its_words() -> None:
    model = botocore.session.get_session().get_service_model("organizations")
    shape: Any = model.shape_for("CreateAccountFailureReason")
    reasons = set(shape.enum)
    assert reasons == {*FAILURES, "EMAIL_ALREADY_EXISTS", "ACCOUNT_LIMIT_EXCEEDED"}


async def test_the_intent_is_on_record_before_aws_is_asked(factory: Factory) -> None:
    await factory.add()
    process = await factory.start()
    stored: list[Any] = []

    def look(operation: str, _: int) -> None:
        if operation == "organizations:CreateAccount":
            stored.append(factory.cluster.objects["AwsAccount", NAMESPACE, "acme"]["status"]["createRequest"])

    process.before_call = look
    account = await process.until("acme", lambda each: bool(stored))
    [intent] = stored
    assert account.status.create_request is not None
    assert (intent["email"], intent.get("requestId")) == (account.status.create_request.email, None)


# Long enough for one to hear AWS's answer; where the other's note made it lose that, both look after this time.
@pytest.mark.parametrize("operator_settings", [settings(intent_grace_seconds=2.5)])
async def test_of_two_operators_one_asks_and_both_end_well(factory: Factory) -> None:
    """The lease should keep them apart; the fence on the intent has to."""
    account = await factory.add()
    processes = [await factory.start(), await factory.start()]
    await asyncio.gather(*(process.until("acme") for process in processes))
    asked = sum(process.calls.count("organizations:CreateAccount") for process in processes)
    assert (asked, await factory.requests(account)) == (1, 1)
    # They tread on each other's feet in the harmless rest: IAM users, roles, mail.
    await assert_exactly_right(factory, await factory.account(), mails=0)


@pytest.mark.parametrize("operator_settings", [settings(intent_grace_seconds=60)])
async def test_an_intent_without_an_answer_is_left_alone_for_a_while(factory: Factory) -> None:
    """Whoever wrote it may be asking this moment."""
    await factory.add()
    first = await factory.start()

    def crash(operation: str, _: int) -> None:
        if operation == "organizations:CreateAccount":
            raise CrashError

    first.before_call = crash
    with pytest.raises(CrashError):
        await first.until("acme")
    second = await factory.start()
    writes = len(factory.cluster.writes)
    result = await second.reconciler.reconcile(NAMESPACE, "acme")
    assert 50 < (result.requeue_after or 0) <= 60
    assert second.calls == ["sts:GetCallerIdentity"], "its partition, and nothing of the account"
    assert len(factory.cluster.writes) == writes, "a write would make the other lose its request's id"


async def test_slots_of_what_is_under_way_survive_a_restart_and_no_others(factory: Factory) -> None:
    intent = {"email": "a@b.co", "accountName": "a", "recordedAt": "2026-11-24T00:00:00Z", "requestId": "car-1"}
    accounts: dict[str, dict[str, Any]] = {
        "new": {},
        "creating": {"createRequest": intent, "phase": "creating"},
        "failed": {"createRequest": intent, "phase": "failed", "steps": {"check_status": {"gaveUpAt": 1}}},
        "assigning": {"createRequest": intent, "awsAccountId": "222222222222", "ssoAssignmentRequestId": "x"},
        "active": {"createRequest": intent, "awsAccountId": "222222222222", "phase": "active"},
    }
    for name, status in accounts.items():
        await factory.add(name)
        await factory.accounts.merge_status(NAMESPACE, name, {"status": status})
    process = await factory.start()
    creations, assignments = process.deps.creations, process.deps.assignments
    await recover_slots(process.accounts, [None], process.deps)
    uids = {name: (await factory.account(name)).metadata.uid for name in accounts}
    held = [[name for name in accounts if uids[name] in slots._held] for slots in (creations, assignments)]
    assert held == [["creating"], ["assigning"]]


async def test_an_account_that_cannot_be_read_keeps_no_operator_from_starting(factory: Factory) -> None:
    intent = {"email": "a@b.co", "accountName": "a", "recordedAt": "2026-11-24T00:00:00Z", "requestId": "car-1"}
    for name in ("later", "acme"):
        await factory.add(name)
        await factory.accounts.merge_status(NAMESPACE, name, {"status": {"createRequest": intent}})
    factory.cluster.objects["AwsAccount", NAMESPACE, "later"]["status"]["phase"] = "of a later release"
    process = await factory.start()
    await recover_slots(process.accounts, [None], process.deps)
    assert process.deps.creations.held == 1
    with pytest.raises(UnreadableError, match=f"awsaccount {NAMESPACE}/later can't be read: status.phase"):
        assert [account async for account in process.accounts.all(None)]


async def test_a_busy_kubernetes_is_asked_again(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after its own start it answers 429; an operator that ended then would only come back later."""
    process, answers = await factory.start(), [429, 504]
    everyone = process.accounts.all

    def busy(*arguments: Any, **options: Any) -> Any:
        if answers:
            raise ApiException(status=answers.pop())
        return everyone(*arguments, **options)

    monkeypatch.setattr(process.accounts, "all", busy)
    monkeypatch.setattr(slot_recovery, "AGAIN_SECONDS", 0.01)
    await recover_slots(process.accounts, [None], process.deps)
    assert answers == []
    answers.append(403)  # its namespace can't be read now: the others are served
    await recover_slots(process.accounts, [None], process.deps)
    answers.append(401)
    with pytest.raises(ApiException):
        await recover_slots(process.accounts, [None], process.deps)
