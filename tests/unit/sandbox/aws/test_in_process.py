"""A call that is answered in the caller's process, without HTTP or Flask, is answered as one that is sent."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from fakes.factory import SHARED

from batteries_sandbox.aws import StandinSettings, moto_app, serve_in_thread
from batteries_sandbox.aws.call import Call, RawRequest
from batteries_sandbox.aws.faults.spec import FaultSpec
from batteries_sandbox.aws.server import StandinServer, in_this_process

SESSION: Any = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="s", region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1})
AT_ONCE = StandinSettings(creation_seconds=0, role_seconds=0, iam_seconds=0, organization_write_seconds=0)
ROOTS = {"service": "organizations", "operation": "ListRoots"}
OF_THE_WIRE = {"content-length", "date", "server"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandinServer]:
    with serve_in_thread(AT_ONCE) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield in_this_process[url]


def client(service: str, *, sent: bool) -> Any:
    """boto3 that sends its requests, or has them answered here."""
    if not sent:
        return SHARED.client(service, region_name="us-east-1", config=ONCE)
    (url,) = in_this_process
    return SESSION.client(service, endpoint_url=url, config=ONCE)


def met(operation: Any, **parameters: Any) -> Any:
    """What the caller meets: the error, or the names in the response."""
    try:
        response = operation(**parameters)
    except ClientError as error:
        about = error.response["ResponseMetadata"]
        return error.response["Error"], about["HTTPStatusCode"], sorted(about["HTTPHeaders"].keys() - OF_THE_WIRE)
    except ResponseParserError as error:
        return type(error)
    return sorted(response)


@pytest.mark.parametrize(
    "fault",
    [
        {**ROOTS, "kind": "error", "code": "AccessDeniedException", "message": "No."},
        {**ROOTS, "kind": "error", "code": "TooManyRequestsException", "skip": 1, "times": 2},
        {**ROOTS, "kind": "error", "code": "ConstraintViolationException", "reason": "ACCOUNT_NUMBER_LIMIT_EXCEEDED"},
        {**ROOTS, "kind": "throttle", "times": 2},
        {**ROOTS, "kind": "throttle", "rate": 0.001, "burst": 1},
        {**ROOTS, "kind": "page", "status": 503},
        {"kind": "fail_later", "operation": "CreateAccount", "reason": "INTERNAL_FAILURE"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_a_fault_that_takes_no_time_strikes_here_as_on_the_wire(server: StandinServer, fault: dict[str, Any]) -> None:
    found = {}
    for sent in (True, False):
        server._faults.clear()
        struck = server._faults.add(FaultSpec.model_validate(fault))
        assert server.answers_at_once
        calls, before = client("organizations", sent=sent), server._world.journal.last
        said = [met(calls.list_roots) for _ in range(3)]
        created = calls.create_account(Email=f"{sent}@acme.io", AccountName="a")["CreateAccountStatus"]["Id"]
        ended = calls.describe_create_account_status(CreateAccountRequestId=created)["CreateAccountStatus"]
        journal = [
            {name: entry[name] for name in ("operation", "httpStatus", "errorCode", "done", "fault")}
            for entry in server._world.journal.calls(since=before)
        ]
        found[sent] = (said, ended["State"], ended.get("FailureReason"), struck.struck, struck.matched, journal)
    assert found[True][3] > 0
    assert found[False] == found[True]


@pytest.mark.parametrize("fault", [{"kind": "latency", "seconds": 1}, {"kind": "gate_before"}, {"kind": "answer_lost"}])
def test_a_call_that_a_fault_may_hold_or_lose_is_sent(server: StandinServer, fault: dict[str, Any]) -> None:
    held = server._faults.add(FaultSpec.model_validate({**ROOTS, **fault}))
    server._faults.add(FaultSpec.model_validate({**ROOTS, "kind": "error", "code": "AccessDeniedException"}))
    assert not server.answers_at_once
    assert server.answer_in_process(RawRequest("POST", "/", "", {}, b"")) is None
    call = Call("organizations", "ListRoots", "us-east-1", None, "", "", None, {}, None)  # type: ignore[arg-type]
    assert server._faults.faults_at_once_of(call, 0.0) is None
    assert held.matched == 0


def test_moto_says_the_same_without_flask(server: StandinServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> list[Any]:
        iam, organizations, sso = (client(name, sent=False) for name in ("iam", "organizations", "sso-admin"))
        instance = "arn:aws:sso:::instance/ssoins-1234567890123456"
        return [
            met(iam.get_user, UserName="nobody"),
            met(iam.list_users),
            met(organizations.list_roots),
            met(organizations.describe_account, AccountId="999999999999"),
            met(organizations.list_handshakes_for_account),
            met(sso.list_instances),
            met(sso.list_permission_sets, InstanceArn=instance),
            met(client("identitystore", sent=False).list_users, IdentityStoreId="d-9067012345"),
        ]

    without = said()
    assert {type(each) for each in without} == {list, tuple}
    monkeypatch.setattr(moto_app, "handler", lambda service: None)
    assert said() == without
