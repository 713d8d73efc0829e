"""What people are told to do is done here, in the state that it is for, and it helps.

The tables in fakes/remedies.py are held against the words of the runbook, the alerts, the messages and the doctor.
"""

import ast
import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import remedies
from fakes.deletion import delete, released
from fakes.factory import NAMESPACE, SHARED, Factory, Process, as_session, settings
from fakes.stages import ADOPT, CHANGE, CLOSE, MAKE, REPOSITORIES, Stage, walked
from fakes.strangers import IN_STAGE, SOFT, THEIRS, member

import batteries_operator
from batteries_crds import agent_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import find, is_true
from batteries_crds.github.trust_policy import READ_ONLY_ROLE_NAME, ROLE_NAME
from batteries_crds.names import ANNOTATION_RETRY, TAG_ACCOUNT_ID, TAG_OWNER, TAG_RESOURCE
from batteries_crds.reasons import Reason
from batteries_operator.aws.guardrails import DENY_ALL
from batteries_operator.aws.mutations import is_mutation
from batteries_operator.cli import bootstrap, checks, doctor, findings, policy_checks
from batteries_operator.status import reasons
from batteries_operator.status.reasons.failures import FAILURES
from batteries_operator.steps.creation_failures import FAILURES as FAILED_CREATIONS
from batteries_sandbox.paths import CHECKOUT

PACKAGE = Path(str(batteries_operator.__file__)).parent
NO_REMEDY = re.compile(
    r"Nothing\b|Other holds|AWS's words|After a restore|Do not retry|it may take|then `kubectl annotate|report it|"
    r"(it|the account) (goes on|is opened) by itself"
)

# How the words are held to the table.


def sentences(text: str) -> list[str]:
    """The parts of a remedy that stand by themselves."""
    return [part for part in re.split(r"(?<=[.;])\s", text) if part]


@pytest.mark.parametrize("reason", reasons.REASONS)
def test_every_remedy_of_the_runbook_has_a_test(reason: Reason) -> None:
    remedy, rows = reasons.REASONS[reason].remedy, remedies.REASONS.get(reason, {})
    assert [says for says in rows if says not in remedy] == [], "said no more"
    untried = [
        part for part in sentences(remedy) if not NO_REMEDY.match(part) and not any(says in part for says in rows)
    ]
    assert untried == []


@pytest.mark.parametrize("reason", FAILURES)
def test_what_failed_for_good_is_tried_again_by_a_retry_and_says_so(reason: Reason) -> None:
    """Mended or not: a step that was given up is left alone until the spec changes or somebody asks."""
    for_good = {"WrongIdentity": "Do not retry", "ManagementAccountRefused": "can only be deleted"}
    assert for_good.get(reason, ANNOTATION_RETRY) in reasons.REASONS[reason].remedy


SAYS_WHAT_TO_DO = re.compile(
    r"platform team|[Rr]un `|run bootstrap|annotation|set spec\.|Make this|Delete th|Set it to|Create it|Create one|"
    r"Mend it|Take it out|Move it|Rename that|Enable it|ask for a new|[Gg]rant |AWS Support"
)


def told() -> Iterator[str]:
    """Every text in the operator's code that tells somebody to do something."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "reasons" in path.parts or path.name == "settings.py":
            continue
        tree = ast.parse(path.read_text())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        prose |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if id(node) not in prose and (text := _text(node)) and " " in text and SAYS_WHAT_TO_DO.search(text):
                yield text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_message_that_tells_what_to_do_has_a_test() -> None:
    assert [text for text in told() if not any(says in text for says in remedies.MESSAGES)] == []


def test_the_doctors_prescriptions_have_tests() -> None:
    """The third argument of each finding, or its constant."""
    nodes = [
        node for each in (checks, policy_checks) for node in ast.walk(ast.parse(Path(str(each.__file__)).read_text()))
    ]
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "finding"]
    written = [_text(node.args[2]) for node in calls]
    prescribed = [text for text in written if text] + [findings.BOOTSTRAP]
    assert len(calls) > 12
    assert [text for text in prescribed if not any(says in text for says in remedies.MESSAGES)] == []


CHANGES = re.compile(
    r"[Dd]elete (the|its) pod|[Rr]emove|helm upgrade|Upgrade|kubectl (edit|scale|apply)|Ask AWS|Lower|[Rr]aise `|set `|"
    r"Put the|Fix that"
)


def alerts() -> dict[str, list[str]]:
    """The bullets of each alert's section that change something."""
    sections = re.split(r"^## ", (CHECKOUT / "docs" / "alerts.md").read_text(), flags=re.MULTILINE)[1:]
    bullets = {each.split("\n", 1)[0]: re.split(r"^- ", each, flags=re.MULTILINE)[1:] for each in sections}
    return {name: [each for each in found if CHANGES.search(each)] for name, found in bullets.items()}


def test_what_on_call_does_for_an_alert_has_a_test() -> None:
    found = alerts()
    assert len(found) > 15
    untried = {
        (name, bullet)
        for name, bullets in found.items()
        for bullet in bullets
        if not any(says in bullet for says in remedies.ALERTS.get(name, {}))
    }
    assert untried == set()
    for name, rows in remedies.ALERTS.items():
        assert [says for says in rows if not any(says in bullet for bullet in found[name])] == [], "said no more"


def test_every_row_names_a_test_that_is_there() -> None:
    tables = (*remedies.REASONS.values(), *remedies.ALERTS.values(), remedies.MESSAGES)
    rows = {where for table in tables for where in table.values()}
    there = {name for path in (CHECKOUT / "tests").rglob("test_*.py") for name in TESTS.findall(path.read_text())}
    assert {each for each in rows if not each.startswith(remedies.OUTSIDE)} - there == set()


TESTS = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)


# The remedies that have no other test, each in its state.


def reason(account: AwsAccount, condition: str) -> str | None:
    found = find(account.status.conditions, condition)
    return found.reason if found else None


def says(expected: str) -> Callable[[AwsAccount], bool]:
    return lambda account: expected in {each.reason for each in account.status.conditions}


async def retry(factory: Factory) -> None:
    """`kubectl annotate awsaccount NAME aibatteriesincluded.com/retry=…`."""
    annotations = {"metadata": {"annotations": {ANNOTATION_RETRY: to_rfc3339(utc_now())}}}
    await factory.accounts.merge(NAMESPACE, "acme", annotations)


async def lasted(factory: Factory) -> None:
    """The troubles are older than any patience."""
    steps = (await factory.account()).status.steps
    since = {"troubledSince": to_rfc3339(utc_now() - timedelta(days=2))}
    troubled = {name: since for name, record in steps.items() if record.troubled_since is not None}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"steps": troubled}})


FOR_GOOD = {aws: words.reason for aws, words in FAILED_CREATIONS.items() if words.retry_seconds is None}


@pytest.mark.parametrize("failure", [*FOR_GOOD, "InvalidInputException"])
async def test_a_retry_after_it_is_mended(factory: Factory, failure: str) -> None:
    await MAKE.prepare(factory)
    where = {"service": "organizations", "operation": "CreateAccount"}
    how = {"kind": "fail_later", "reason": failure} if failure in FOR_GOOD else {"kind": "error", "code": failure}
    assert await factory.standin("faults", where | how)
    process = await factory.start()
    expected = FOR_GOOD.get(failure, "RefusedByAws")
    account = await walked(process)
    assert (account.status.phase, reason(account, "Stalled")) == ("failed", expected)
    await retry(factory)
    await MAKE.is_right(factory, await walked(process))


MENDED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "LimitReached": ("iam", "CreateUser", {"code": "LimitExceeded"}),
    "ExistsInAws": (
        "identitystore",
        "CreateUser",
        {"code": "ConflictException", "reason": "UNIQUENESS_CONSTRAINT_VIOLATION"},
    ),
    "CredentialsRefused": ("iam", "GetUser", {"code": "InvalidClientTokenId"}),
    "AccessDenied": ("sso-admin", "CreateAccountAssignment", {"code": "AccessDeniedException"}),
    "MailRefused": ("sesv2", "SendEmail", {"code": "MessageRejected"}),
}


@pytest.mark.parametrize("trouble", MENDED)
async def test_it_goes_on_when_that_is_mended(factory: Factory, trouble: str) -> None:
    """By itself, nobody asks for another try."""
    await MAKE.prepare(factory)
    service, operation, more = MENDED[trouble]
    fault = {"kind": "error", "service": service, "operation": operation, "times": 10_000}
    assert await factory.standin("faults", fault | more)
    process = await factory.start()
    told_of = await walked(process, says(trouble))
    assert says(trouble)(told_of)
    factory.clear_faults()
    await MAKE.is_right(factory, await walked(process))


async def _tag_the_account(factory: Factory) -> None:
    account, organizations = await factory.account(), await factory.client("organizations")
    tag: Any = [{"Key": TAG_RESOURCE, "Value": account.key}]
    organizations.tag_resource(ResourceId=await member(factory), Tags=tag)


async def _tag_the_stranger(factory: Factory) -> None:
    account, organizations = await factory.account(), await factory.client("organizations")
    (payroll,) = [each["Id"] for each in organizations.list_accounts()["Accounts"] if each["Name"] == "Payroll"]
    organizations.tag_resource(ResourceId=payroll, Tags=[{"Key": TAG_RESOURCE, "Value": account.key}])


async def _another_template(factory: Factory) -> None:
    factory.settings = settings(account_email_template="other+{id}@sandbox.internal")


async def _another_user_name(factory: Factory) -> None:
    factory.settings = settings(iam_user_name="batteries-admin")


def _in_the_account(does: Callable[[Any, Any], None]) -> Callable[[Factory], Awaitable[None]]:
    """`does` gets IAM of the account, and the tag that the message names."""

    async def mend(factory: Factory) -> None:
        iam, account = await factory.client("iam", await member(factory)), await factory.account()
        tags = [{"Key": TAG_ACCOUNT_ID, "Value": str(account.account_id)}]
        await asyncio.to_thread(does, iam, tags)

    return mend


def _providers(iam: Any) -> list[str]:
    return [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]


def _add_the_audience(iam: Any, _: Any) -> None:
    for arn in _providers(iam):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")


def _delete_the_provider(iam: Any, _: Any) -> None:
    for arn in _providers(iam):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def _delete_the_role(iam: Any, _: Any) -> None:
    for name in (ROLE_NAME, READ_ONLY_ROLE_NAME, agent_access.ROLE_NAME):
        iam.delete_role(RoleName=name)


def _tag_the_role(iam: Any, tags: Any) -> None:
    for name in (ROLE_NAME, READ_ONLY_ROLE_NAME, agent_access.ROLE_NAME):
        iam.tag_role(RoleName=name, Tags=tags)


Mend = Callable[[Factory], Awaitable[None]]

HELPS: dict[str, tuple[Stage, str, Mend]] = {
    "tag the account": (ADOPT, "account", _tag_the_account),
    "delete the user": (ADOPT, "user", _in_the_account(lambda iam, _: iam.delete_user(UserName="admin"))),
    "rename the user": (
        ADOPT,
        "user",
        _in_the_account(lambda iam, _: iam.update_user(UserName="admin", NewUserName="theirs")),
    ),
    "tag the user": (ADOPT, "user", _in_the_account(lambda iam, tags: iam.tag_user(UserName="admin", Tags=tags))),
    "set BATTERIES_IAM_USER_NAME": (ADOPT, "user", _another_user_name),
    "delete the role": (ADOPT, "role", _in_the_account(_delete_the_role)),
    "tag the role": (ADOPT, "role", _in_the_account(_tag_the_role)),
    "add the audience": (CHANGE, "provider", _in_the_account(_add_the_audience)),
    "delete the provider": (CHANGE, "provider", _in_the_account(_delete_the_provider)),
    "tag the address's account": (MAKE, "address", _tag_the_stranger),
    "change BATTERIES_ACCOUNT_EMAIL_TEMPLATE": (MAKE, "address", _another_template),
}


@pytest.mark.parametrize("remedy", HELPS)
async def test_what_was_not_ours_goes_on_when_it_is(factory: Factory, remedy: str) -> None:
    stage, thing, mend = HELPS[remedy]
    theirs = IN_STAGE.get((stage, thing), THEIRS[thing])
    await stage.prepare(factory)
    process = await factory.start()
    await theirs.deed(factory, process)
    account = await walked(process)
    assert reason(account, "Stalled") == theirs.reason
    await mend(factory)
    await retry(factory)
    account = await walked(await factory.start())
    assert (account.status.phase, account.status.error, reason(account, "Stalled")) == ("active", None, None)


async def test_an_account_changes_hands_when_the_owner_s_tag_is_taken_away(factory: Factory) -> None:
    """As the message has it: the first owner's access ends, the tag goes, and a retry is asked for."""
    process = await factory.active(githubRepos=REPOSITORIES, email="first@example.com")
    first = await factory.account()
    delete(factory)
    await released(process, seconds=60)
    factory.cluster.delete("AwsAccount", NAMESPACE, "acme")
    await factory.add(email="second@example.com", awsAccountId=first.status.aws_account_id)
    refused = await walked(await factory.start())
    assert reason(refused, "Stalled") == "NotOurAccount"
    await asyncio.to_thread(_end_the_access, factory, await factory.client("iam", first.status.aws_account_id), first)
    await asyncio.sleep(60)  # AWS takes its time over it
    await retry(factory)
    account = await walked(await factory.start())
    assert (account.status.phase, account.status.error) == ("active", None)
    assert account.status.owner == "second@example.com"


def _end_the_access(factory: Factory, iam: Any, first: AwsAccount) -> None:
    """Single sign-on, IAM users, access keys, the roles of GitHub Actions, the agents' role; then the tag."""
    region, account = "us-east-1", first.status.aws_account_id
    admin, organizations = (SHARED.client(each, region_name=region) for each in ("sso-admin", "organizations"))
    instance = admin.list_instances()["Instances"][0]["InstanceArn"]
    for arn in admin.list_permission_sets(InstanceArn=instance)["PermissionSets"]:
        where = {"InstanceArn": instance, "PermissionSetArn": arn}
        target: Any = {"TargetId": account, "TargetType": "AWS_ACCOUNT", "PrincipalType": "USER"}
        admin.delete_account_assignment(**where, **target, PrincipalId=first.status.sso_user_id)
    managed = factory.settings.managed_policy_arn
    iam.delete_login_profile(UserName="admin")
    iam.detach_user_policy(UserName="admin", PolicyArn=managed)
    iam.delete_user(UserName="admin")
    for name in (ROLE_NAME, agent_access.ROLE_NAME):
        iam.detach_role_policy(RoleName=name, PolicyArn=managed)
        iam.delete_role(RoleName=name)
    organizations.untag_resource(ResourceId=account, TagKeys=[TAG_OWNER])


@pytest.mark.parametrize("remedy", ["fewer", "raised"])
async def test_a_list_that_is_too_long_is_mended(factory: Factory, remedy: str) -> None:
    await factory.add(githubRepos=[f"octo-org/repository-with-a-long-name-{number}" for number in range(20)])
    account = await walked(await factory.start())
    assert reason(account, "Stalled") == "TrustPolicyTooLarge"
    if remedy == "fewer":
        await factory.change(githubRepos=REPOSITORIES)
    else:
        assert await factory.standin("limits", {"trust_policy_size": 8192})
        factory.settings = settings(trust_policy_limit=8192)
        await retry(factory)
    account = await walked(await factory.start())
    assert (account.status.phase, account.status.error) == ("active", None)


async def test_an_invited_account_goes_on_when_it_has_the_role(factory: Factory) -> None:
    organizations, sts = await factory.client("organizations"), await factory.client("sts")
    draft = AwsAccount.model_validate(
        {"metadata": {"namespace": NAMESPACE, "name": "acme"}, "spec": {"email": "a@b.example"}}
    )
    tags: Any = [{"Key": TAG_RESOURCE, "Value": draft.key}, {"Key": TAG_ACCOUNT_ID, "Value": str(draft.account_id)}]
    organizations.create_account(Email="old@b.example", AccountName="Old", RoleName="Theirs", Tags=tags)
    async with asyncio.timeout(60):
        while not (made := [each["Id"] for each in organizations.list_accounts()["Accounts"] if each["Name"] == "Old"]):
            await asyncio.sleep(0.01)
    await asyncio.sleep(60)  # it was made long before, and its role is known everywhere
    await factory.add(awsAccountId=made[0])
    process = await factory.start()
    await walked(process, says("RolePropagating"))
    await lasted(factory)
    stalled = await walked(process, lambda each: is_true(each.status.conditions, "Stalled"))
    assert reason(stalled, "Stalled") == "RoleDoesNotAnswer"
    # In the Customers OU nobody makes that role.
    root = organizations.list_roots()["Roots"][0]["Id"]
    source = organizations.list_parents(ChildId=made[0])["Parents"][0]["Id"]
    organizations.move_account(AccountId=made[0], SourceParentId=source, DestinationParentId=root)
    theirs = sts.assume_role(RoleArn=f"arn:aws:iam::{made[0]}:role/Theirs", RoleSessionName="test")
    iam = as_session("iam", theirs)
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    name = factory.settings.access_role_name
    await asyncio.to_thread(lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=document))
    await asyncio.to_thread(
        lambda: iam.attach_role_policy(RoleName=name, PolicyArn=factory.settings.managed_policy_arn)
    )
    account = await walked(process)
    assert (account.status.phase, account.status.error) == ("active", None)
    assert await process.resync(account), "moved back"
    assert organizations.list_parents(ChildId=made[0])["Parents"][0]["Id"] == source


async def _held(factory: Factory) -> Process:
    """Suspended for want of payment, and the Customer is gone."""
    process = await factory.active(githubRepos=REPOSITORIES)
    holds = {"PaymentMethodMissing": {"since": to_rfc3339(utc_now())}}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"holds": holds}})
    account = await walked(process)
    assert (account.status.phase, reason(account, "Suspended")) == ("suspended", "PaymentMethodMissing")
    return process


async def test_a_hold_whose_customer_is_gone_is_lifted_by_hand(factory: Factory) -> None:
    process = await _held(factory)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"holds": {"PaymentMethodMissing": None}}})
    account = await walked(process)
    assert account.status.phase == "active"
    await MAKE.is_right(factory, account)


async def test_an_account_that_is_held_can_be_deleted(factory: Factory) -> None:
    process = await _held(factory)
    delete(factory)
    await released(process, seconds=60)


@pytest.mark.parametrize("policy", ["Retain", "Close"])
@pytest.mark.parametrize(("state", "expected"), [("SUSPENDED", "SuspendedByAws"), ("CLOSED", "AccountGone")])
async def test_what_is_gone_in_aws_can_be_deleted(factory: Factory, state: str, expected: str, policy: str) -> None:
    """Also where access is to be removed, which nobody can any more."""
    factory.settings = settings(retained_access="remove")
    process = await factory.active(deletionPolicy=policy)
    assert await factory.standin("limits", {"closed_state": state, "closure_seconds": 0})
    (await factory.client("organizations")).close_account(AccountId=await member(factory))
    assert (await factory.standin("accounts"))["accounts"]
    await process.reconciler.resync(NAMESPACE, "acme")
    assert says(expected)(await factory.account())
    delete(factory)
    await released(process, seconds=60)


async def test_one_that_names_the_management_account_can_be_deleted(factory: Factory) -> None:
    organizations = await factory.client("organizations")
    management = organizations.describe_organization()["Organization"]["MasterAccountId"]
    await factory.add(awsAccountId=management, deletionPolicy="Close")
    process = await factory.start()
    assert reason(await walked(process), "Stalled") == "ManagementAccountRefused"
    delete(factory)
    await released(process, seconds=60)
    assert [each for each in process.calls if is_mutation(each)] == []


async def test_without_its_finalizer_an_object_is_let_go(factory: Factory) -> None:
    await CLOSE.prepare(factory)
    await THEIRS["account"].deed(factory, process := await factory.start())
    assert reason(await walked(process), "Stalled") == "NotOurAccount"
    await factory.accounts.merge(NAMESPACE, "acme", {"metadata": {"finalizers": []}})
    calls = len(process.calls)
    assert (await process.reconciler.reconcile(NAMESPACE, "acme")).requeue_after is None
    assert process.calls[calls:] == []


async def test_an_account_goes_on_when_identity_center_is_there(factory: Factory) -> None:
    await MAKE.prepare(factory)
    process = await factory.start()
    center, look = process.deps.aws.identity_center, process.deps.aws.identity_center._look_for_instance

    async def nothing() -> None:
        return None

    center._look_for_instance = nothing  # type: ignore[method-assign]
    account = await walked(process, says("OrganizationNotPrepared"))
    assert "Enable it for the organization" in (account.status.error or "")
    center._look_for_instance = look  # type: ignore[method-assign]
    await MAKE.is_right(factory, await walked(process))


def _rename_the_policy(organizations: Any, _: Any) -> None:
    listed = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    (policy,) = [each["Id"] for each in listed if each["Name"] == DENY_ALL]
    organizations.update_policy(PolicyId=policy, Name="Theirs")


def _a_policy(organizations: Any, _: Any) -> None:
    organizations.create_policy(Name=DENY_ALL, Description="Theirs", Type="SERVICE_CONTROL_POLICY", Content=SOFT)


def _an_ou_in_use(organizations: Any, _: Any) -> None:
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="Suspended")["OrganizationalUnit"]["Id"]
    organizations.create_organizational_unit(ParentId=unit, Name="Payroll")


def _empty_the_ou(organizations: Any, _: Any) -> None:
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    (unit,) = [each["Id"] for each in units if each["Name"] == "Suspended"]
    (below,) = organizations.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]
    organizations.delete_organizational_unit(OrganizationalUnitId=below["Id"])


def _permission_set(admin: Any) -> dict[str, str]:
    instance = admin.list_instances()["Instances"][0]["InstanceArn"]
    (arn,) = admin.list_permission_sets(InstanceArn=instance)["PermissionSets"]
    return {"InstanceArn": instance, "PermissionSetArn": arn}


def _a_permission_set(_: Any, admin: Any) -> None:
    instance = admin.list_instances()["Instances"][0]["InstanceArn"]
    admin.create_permission_set(InstanceArn=instance, Name=settings().permission_set_name, Description="Theirs")


def _delete_the_permission_set(_: Any, admin: Any) -> None:
    admin.delete_permission_set(**_permission_set(admin))


def _an_inline_policy(_: Any, admin: Any) -> None:
    admin.put_inline_policy_to_permission_set(**_permission_set(admin), InlinePolicy=SOFT)


def _take_it_out(_: Any, admin: Any) -> None:
    admin.delete_inline_policy_from_permission_set(**_permission_set(admin))


IN_THE_WAY: dict[str, tuple[bool, Callable[[Any, Any], None], Callable[[Any, Any], None]]] = {
    "Rename that policy": (False, _a_policy, _rename_the_policy),
    "move it elsewhere": (False, _an_ou_in_use, _empty_the_ou),
    "delete it, or set BATTERIES_PERMISSION_SET_NAME": (False, _a_permission_set, _delete_the_permission_set),
    "Take it out": (True, _an_inline_policy, _take_it_out),
}


@pytest.mark.parametrize("remedy", IN_THE_WAY)
async def test_what_keeps_bootstrap_from_its_end_is_mended(
    bare_factory: Factory, capsys: pytest.CaptureFixture[str], remedy: str
) -> None:
    """It says what is in the way; when that is gone it comes through, and the doctor finds nothing more."""
    prepared, spoil, mend = IN_THE_WAY[remedy]
    if prepared:
        await bare_factory.bootstrap()
    clients = await bare_factory.client("organizations"), await bare_factory.client("sso-admin")
    await asyncio.to_thread(spoil, *clients)
    assert await bootstrap.bootstrap(bare_factory.settings) == 1
    assert remedy in capsys.readouterr().out
    await asyncio.to_thread(mend, *clients)
    assert await bootstrap.bootstrap(bare_factory.settings) == 0
    await doctor.doctor(bare_factory.settings)
    assert "FAIL" not in capsys.readouterr().out
