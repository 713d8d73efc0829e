"""Faults of the stand-in that a test sets while it runs, as boto3 meets them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError
from fakes.hand_clock import HandClock
from fakes.until import until_true

from batteries_sandbox.aws import StandinSettings, serve_in_thread

SESSION: Any = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="s", region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=10)


class Standin:
    """A stand-in and its own endpoints."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, **config: Any) -> Any:
        return SESSION.client(service, endpoint_url=self.url, config=ONCE.merge(Config(**config)))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_standin/{path}", data, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def fault(self, kind: str, service: str = "*", operation: str = "*", **more: Any) -> str:
        body = {"kind": kind, "service": service, "operation": operation} | more
        return str(self.ask("POST", "faults", body)["id"])

    def show(self, fault_id: str, wait: float = 0) -> dict[str, Any]:
        return dict(self.ask("GET", f"faults/{fault_id}?wait={wait}"))

    def calls(self, operation: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"calls?operation={operation}")["calls"])

    def creations(self) -> list[Any]:
        return list(self.ask("GET", "creations")["creations"])


AT_ONCE = StandinSettings(
    creation_seconds=0, role_seconds=0, iam_seconds=0, identity_center_seconds=0, organization_write_seconds=0
)


@pytest.fixture
def standin() -> Iterator[Standin]:
    with serve_in_thread(AT_ONCE) as url:
        yield Standin(url)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def timed(clock: HandClock) -> Iterator[Standin]:
    """A stand-in that goes by that clock."""
    with serve_in_thread(AT_ONCE, clock.clocks) as url:
        yield Standin(url)


def create(organizations: Any, email: str = "one@example.com") -> Any:
    return organizations.create_account(Email=email, AccountName="One")["CreateAccountStatus"]


def refused(function: Callable[..., Any], **params: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        function(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status"),
    [
        ("organizations", "list_roots", {}, "ServiceException", 400),
        ("iam", "list_users", {}, "LimitExceeded", 409),
        ("iam", "get_user", {"UserName": "a"}, "NoSuchEntity", 404),
        ("sts", "get_caller_identity", {}, "ExpiredTokenException", 400),
        ("sso-admin", "list_instances", {}, "ConflictException", 400),
        ("identitystore", "list_users", {"IdentityStoreId": "d-1234567890"}, "ConflictException", 400),
        ("sesv2", "get_account", {}, "InternalFailure", 500),
        ("service-quotas", "list_services", {}, "ServiceUnavailable", 503),
    ],
)
def test_error_comes_in_the_form_and_with_the_status_of_its_service(
    standin: Standin, service: str, operation: str, params: dict[str, str], code: str, status: int
) -> None:
    standin.fault("error", service, code=code)
    client = standin.client(service)
    assert refused(getattr(client, operation), **params) == (code, status)
    standin.fault("error", service, code=code, message="As said.", status=418)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**params)
    assert caught.value.response["Error"]["Message"] == "As said."
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 418


@pytest.mark.parametrize("status", [503, 429, 599])
@pytest.mark.parametrize(("service", "operation"), [("organizations", "ListRoots"), ("sts", "GetCallerIdentity")])
def test_page_is_no_answer_of_the_service(standin: Standin, service: str, operation: str, status: int) -> None:
    fault = standin.fault("page", service, status=status)
    with pytest.raises((ClientError, ResponseParserError)) as caught:
        getattr(standin.client(service), xform_name(operation))()
    if isinstance(caught.value, ClientError):
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert standin.show(fault)["struck"] == 1
    (call,) = standin.calls(operation)
    assert (call["done"], call["httpStatus"]) == (False, status)


def test_error_is_raised_as_the_exception_of_the_model_with_its_reason(standin: Standin) -> None:
    organizations = standin.client("organizations")
    reason = "ACCOUNT_NUMBER_LIMIT_EXCEEDED"
    standin.fault("error", "organizations", "CreateAccount", code="ConstraintViolationException", reason=reason)
    with pytest.raises(organizations.exceptions.ConstraintViolationException) as caught:
        create(organizations)
    assert dict(caught.value.response)["Reason"] == reason
    assert standin.creations() == []
    assert create(organizations)["State"] == "IN_PROGRESS"  # it struck once


def test_fault_strikes_only_the_calls_that_it_is_for(standin: Standin) -> None:
    organizations = standin.client("organizations")
    first, second = create(organizations, "a@example.com"), create(organizations, "b@example.com")
    ids = [account["id"] for account in standin.ask("GET", "accounts")["accounts"]]
    by_account = standin.fault("error", "organizations", "Describe*", account=ids[0], times=9, code="ServiceException")
    organizations.describe_account(AccountId=ids[1])
    organizations.list_parents(ChildId=ids[0])
    assert refused(organizations.describe_account, AccountId=ids[0])[0] == "ServiceException"
    assert standin.show(by_account)["struck"] == 1
    standin.fault(
        "error",
        operation="DescribeCreateAccountStatus",
        params={"CreateAccountRequestId": second["Id"]},
        code="ServiceException",
    )
    organizations.describe_create_account_status(CreateAccountRequestId=first["Id"])
    assert refused(organizations.describe_create_account_status, CreateAccountRequestId=second["Id"])
    assert standin.client("sts").get_caller_identity()["Account"] == "111111111111"


def test_session_of_an_account_is_matched_by_its_account(standin: Standin) -> None:
    create(standin.client("organizations"))
    account = standin.ask("GET", "accounts")["accounts"][0]["id"]
    standin.fault("error", "sts", "AssumeRole", account=account, code="AccessDenied")
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    sts = standin.client("sts")
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="test") == ("AccessDenied", 403)
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    standin.fault("error", "iam", account=account, code="NoSuchEntity")
    assert standin.client("iam").list_users()["Users"] == []
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1")
    assert refused(session.client("iam", endpoint_url=standin.url, config=ONCE).list_users)[0] == "NoSuchEntity"


def test_fault_can_pass_over_some_calls_and_strike_several_times(standin: Standin) -> None:
    fault = standin.fault("error", "sts", skip=1, times=2, code="InternalFailure")
    sts = standin.client("sts")
    codes = []
    for _ in range(4):
        try:
            sts.get_caller_identity()
            codes.append("")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["", "InternalFailure", "InternalFailure", ""]
    shown = standin.show(fault)
    assert (shown["matched"], shown["struck"], shown["spent"]) == (3, 2, True)


def test_probability_strikes_the_same_calls_for_the_same_seed(standin: Standin) -> None:
    def pattern(seed: int) -> str:
        standin.ask("DELETE", "faults")
        standin.fault("throttle", "sts", probability=0.5, seed=seed)
        client, seen = standin.client("sts"), ""
        for _ in range(24):
            try:
                client.get_caller_identity()
                seen += "."
            except ClientError:
                seen += "x"
        return seen

    first = pattern(1)
    assert 4 < first.count("x") < 20
    assert pattern(1) == first
    assert pattern(2) != first


def test_answer_is_lost_and_the_call_is_done(standin: Standin) -> None:
    fault = standin.fault("answer_lost", "organizations", "CreateAccount")
    organizations = standin.client("organizations")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        create(organizations)
    assert len(standin.creations()) == 1
    assert standin.show(fault)["struck"] == 1
    (call,) = standin.calls("CreateAccount")
    assert (call["done"], call["fault"], call["httpStatus"]) == (True, "answer_lost", 200)
    assert len(organizations.list_create_account_status()["CreateAccountStatuses"]) == 1


def test_request_is_lost_and_the_call_is_not_done(standin: Standin) -> None:
    standin.fault("request_lost", "organizations", "CreateAccount")
    organizations = standin.client("organizations")
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        create(organizations)
    assert standin.creations() == []
    (call,) = standin.calls("CreateAccount")
    assert (call["done"], call["fault"], call["httpStatus"]) == (False, "request_lost", None)


@pytest.mark.parametrize("done", [False, True])
def test_hang_lasts_until_the_client_gives_up_and_holds_nobody_else(standin: Standin, done: bool) -> None:
    fault = standin.fault("hang", "organizations", "CreateAccount", done=done)
    impatient = standin.client("organizations", read_timeout=2)
    sts = standin.client("sts")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(create, impatient)
        until_true(lambda: standin.show(fault)["struck"])
        sts.get_caller_identity()
        with pytest.raises(ReadTimeoutError):
            hanging.result()
    assert len(standin.creations()) == int(done)


def test_hang_ends_after_its_seconds_with_the_connection_closed(timed: Standin, clock: HandClock) -> None:
    timed.fault("hang", "sts", seconds=60)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(timed.client("sts").get_caller_identity)
        clock.wait_for_held(1)
        clock.move(60)
        with pytest.raises((ConnectionClosedError, HTTPClientError)) as closed:
            hanging.result()
    assert not isinstance(closed.value, ReadTimeoutError), "the stand-in ended it, not the client"


def test_latency_is_added_to_every_call_until_it_is_taken_away(timed: Standin, clock: HandClock) -> None:
    fault = timed.fault("latency", "sts", seconds=60)
    sts = timed.client("sts")
    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            call = pool.submit(sts.get_caller_identity)
            clock.wait_for_held(1)
            clock.move(60)
            assert call.result()["Account"]
    timed.ask("DELETE", f"faults/{fault}")
    assert sts.get_caller_identity()["Account"], "the clock stands still, and it is not held"


def test_latencies_do_not_add_up_over_calls_at_once(timed: Standin, clock: HandClock) -> None:
    timed.fault("latency", "sts", seconds=60)
    client = timed.client("sts", max_pool_connections=8)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.get_caller_identity) for _ in range(8)]
        clock.wait_for_held(8)
        clock.move(60)
        assert all(call.result()["Account"] for call in calls)


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("iam", "list_users", "Throttling", 400),
        ("sts", "get_caller_identity", "Throttling", 400),
        ("organizations", "list_roots", "TooManyRequestsException", 400),
        ("sso-admin", "list_instances", "ThrottlingException", 400),
        ("sesv2", "get_account", "TooManyRequestsException", 429),
    ],
)
def test_bucket_lets_a_burst_through_and_then_its_rate(
    timed: Standin, clock: HandClock, service: str, operation: str, code: str, status: int
) -> None:
    function = getattr(timed.client(service), operation)
    fault = timed.fault("throttle", service, rate=2, burst=3)
    for _ in range(3):
        function()
    assert refused(function) == (code, status)
    clock.now += 0.5  # a token's time
    function()
    assert timed.show(fault)["struck"] == 1
    assert not timed.show(fault)["spent"]


def test_directory_is_throttled_under_its_own_code(standin: Standin) -> None:
    standin.fault("throttle", "identitystore", times=1)
    store = standin.client("identitystore")
    assert refused(store.list_users, IdentityStoreId="d-1234567890") == ("ThrottlingException", 400)


def test_published_rates_are_those_of_each_operation(timed: Standin) -> None:
    timed.fault("throttle", "organizations", published=True)
    organizations = timed.client("organizations")
    for number in range(3):
        create(organizations, f"n{number}@example.com")
    assert refused(create, organizations=organizations, email="n4@example.com")[0] == "TooManyRequestsException"
    assert len(timed.creations()) == 3
    for _ in range(5):
        organizations.list_accounts()
    timed.client("sts").get_caller_identity()


def test_creation_that_is_taken_can_fail_later_and_leaves_its_email_free(standin: Standin) -> None:
    standin.fault("fail_later", reason="ACCOUNT_LIMIT_EXCEEDED")
    organizations = standin.client("organizations")
    organizations.list_roots()  # starts nothing, so it is not struck
    request = create(organizations)
    assert request["State"] == "IN_PROGRESS"
    status = organizations.describe_create_account_status(CreateAccountRequestId=request["Id"])
    failed = status["CreateAccountStatus"]
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", "ACCOUNT_LIMIT_EXCEEDED")
    again = create(organizations)
    status = organizations.describe_create_account_status(CreateAccountRequestId=again["Id"])
    assert status["CreateAccountStatus"]["State"] == "SUCCEEDED"


@pytest.mark.parametrize("kind", ["gate_before", "gate_after"])
def test_gate_holds_a_call_until_it_is_released(standin: Standin, kind: str) -> None:
    gate = standin.fault(kind, "organizations", "CreateAccount", skip=1)
    organizations = standin.client("organizations")
    create(organizations, "first@example.com")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(create, organizations)
        (waiting,) = standin.show(gate, wait=5)["waiting"]
        assert (waiting["operation"], waiting["params"]["Email"]) == ("CreateAccount", "one@example.com")
        assert len(standin.creations()) == (1 if kind == "gate_before" else 2)
        assert not held.done()
        standin.client("sts").get_caller_identity()  # nobody else waits
        assert standin.ask("POST", f"faults/{gate}/release") == {"released": 1}
        assert held.result(timeout=5)["State"] == "IN_PROGRESS"
    assert len(standin.creations()) == 2
    assert standin.show(gate)["waiting"] == []


@pytest.mark.parametrize(("kind", "made"), [("gate_before", 0), ("gate_after", 1)])
def test_gate_can_drop_the_call(standin: Standin, kind: str, made: int) -> None:
    gate = standin.fault(kind, "organizations", "CreateAccount")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(create, standin.client("organizations"))
        assert standin.show(gate, wait=5)["waiting"]
        standin.ask("POST", f"faults/{gate}/release", {"drop": True})
        with pytest.raises((ConnectionClosedError, HTTPClientError)):
            held.result(timeout=5)
    assert len(standin.creations()) == made


@pytest.mark.parametrize(("kind", "made"), [("gate_before", 0), ("gate_after", 1)])
def test_client_that_dies_at_a_gate_leaves_the_call_as_it_is(standin: Standin, kind: str, made: int) -> None:
    gate = standin.fault(kind, "organizations", "CreateAccount")
    dying = standin.client("organizations", read_timeout=1.5)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(create, dying)
        assert standin.show(gate, wait=5)["waiting"]
        with pytest.raises(ReadTimeoutError):
            held.result()
    until_true(lambda: not standin.show(gate)["waiting"])
    assert len(standin.creations()) == made
    assert standin.ask("POST", f"faults/{gate}/release") == {"released": 0}
    assert standin.calls("CreateAccount")[0]["done"] is bool(made)


def test_gates_and_losses_go_together(standin: Standin) -> None:
    gate = standin.fault("gate_before", "sts")
    standin.fault("error", "sts", code="InternalFailure")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(standin.client("sts").get_caller_identity)
        assert standin.show(gate, wait=5)["waiting"]
        standin.ask("DELETE", f"faults/{gate}")  # which lets go on, too
        with pytest.raises(ClientError, match="InternalFailure"):
            held.result(timeout=5)


def test_first_of_two_faults_strikes_and_the_other_waits(standin: Standin) -> None:
    first = standin.fault("error", "sts", code="InternalFailure")
    second = standin.fault("error", "sts", code="ExpiredTokenException")
    sts = standin.client("sts")
    assert refused(sts.get_caller_identity)[0] == "InternalFailure"
    assert (standin.show(first)["struck"], standin.show(second)["matched"]) == (1, 0)
    assert refused(sts.get_caller_identity)[0] == "ExpiredTokenException"
    assert [fault["struck"] for fault in standin.ask("GET", "faults")["faults"]] == [1, 1]
    standin.ask("DELETE", "faults")
    assert standin.ask("GET", "faults") == {"faults": []}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "JSON object"),
        ({"kind": "explode"}, "kind"),
        ({"kind": "error"}, "needs 'code'"),
        ({"kind": "latency"}, "needs 'seconds'"),
        ({"kind": "fail_later"}, "needs 'reason'"),
        ({"kind": "page"}, "needs 'status'"),
        ({"kind": "hang", "rate": 3}, "for the kind throttle"),
        ({"kind": "throttle", "rate": 3, "published": True}, "only one"),
        ({"kind": "answer_lost", "done": True}, "for the kind hang"),
        ({"kind": "answer_lost", "operaton": "CreateAccount"}, "operaton"),
        ({"kind": "answer_lost", "probability": 2}, "probability"),
    ],
)
def test_fault_that_can_not_be_is_refused_with_a_sentence(standin: Standin, body: Any, says: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        standin.ask("POST", "faults", body)
    assert caught.value.code == 400
    assert says in json.load(caught.value)["error"]
    assert standin.ask("GET", "faults") == {"faults": []}


def test_unknown_fault_is_not_found(standin: Standin) -> None:
    for method, path in (("GET", "faults/no"), ("DELETE", "faults/no"), ("POST", "faults/no/release")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            standin.ask(method, path)
        assert caught.value.code == 404


def test_limits_are_changed_while_it_runs(standin: Standin) -> None:
    organizations = standin.client("organizations")
    assert standin.ask("GET", "limits")["max_accounts"] == 10_000
    assert standin.ask("POST", "limits", {"max_accounts": 1})["max_accounts"] == 1
    with pytest.raises(ClientError) as caught:
        create(organizations)
    assert dict(caught.value.response)["Reason"] == "ACCOUNT_NUMBER_LIMIT_EXCEEDED"
    standin.ask("POST", "limits", {"max_accounts": 2, "creation_seconds": 60})
    create(organizations)
    assert standin.ask("GET", "accounts")["accounts"] == []
    standin.ask("POST", "limits", {"creation_seconds": 0, "max_accounts": 9})
    create(organizations, "two@example.com")  # later asked for, and over before
    assert [a["email"] for a in standin.ask("GET", "accounts")["accounts"]] == ["two@example.com"]


@pytest.mark.parametrize(
    "changes", [{"port": 1}, {"max_accounts": -1}, {"max_accounts": 1.5}, {"max_accounts": True}, {"closed_state": "X"}]
)
def test_limit_that_can_not_be_is_refused_and_changes_nothing(standin: Standin, changes: dict[str, Any]) -> None:
    before = standin.ask("GET", "limits")
    with pytest.raises(urllib.error.HTTPError) as caught:
        standin.ask("POST", "limits", {"max_creations": 9} | changes)
    assert caught.value.code == 400
    assert standin.ask("GET", "limits") == before
