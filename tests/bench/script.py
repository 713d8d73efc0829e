"""The bare script: the same AWS calls, made by plain boto3 in threads, and no Kubernetes. What AWS alone would cost.

It is not written by hand: it plays what the operator called for one account, as AWS's journal has it, with the ids of
another account put in. So it makes as many calls of each kind as the operator does, whatever that is in this release.
One client of each service for the management account, and for each session in a member account clients of its own,
with the keys that AssumeRole gave for it: as a good script would.
"""

import json
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from batteries_crds.aws_account import AwsAccount

THREADS = 32  # as the operator has
CREATIONS = 5  # as AWS allows at one time
_LISTED = re.compile(r"^(\w+)\.member\.(\d+)(?:\.(\w+))?$")
_PASSWORD = "Aa1!" + "x" * 20  # of nobody


@dataclass(frozen=True)
class Recording:
    """One account's calls in order, and the values in them that are each account's own."""

    calls: Sequence[dict[str, Any]]
    owner: str
    identity: str
    email: str
    name: str
    aws_id: str
    request_id: str

    @classmethod
    def of(cls, account: AwsAccount, calls: Sequence[dict[str, Any]]) -> "Recording":
        """From an account that was made alone, and what AWS was called meanwhile."""
        status = account.status
        assert status.create_request is not None
        assert status.aws_account_id is not None
        return cls(
            calls,
            str(status.owner),
            str(account.account_id),
            status.create_request.email,
            status.create_request.account_name,
            status.aws_account_id,
            str(status.create_request.request_id),
        )

    @classmethod
    def of_claim(cls, account: AwsAccount, calls: Sequence[dict[str, Any]]) -> "Recording":
        """From an account that came from a pool: nothing of its creation is among the calls."""
        made = ("(no e-mail)", "(no name)", str(account.status.aws_account_id), "(no request)")
        return cls(calls, str(account.status.owner), str(account.account_id), *made)


class Script:
    """Makes accounts as recorded."""

    def __init__(self, recording: Recording, url: str, key: str) -> None:
        self._recording = recording
        self._url = url
        self._session = boto3.Session(key, key, region_name="us-east-1")
        self._config = Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS)
        self._making = threading.Lock()  # botocore does not make clients safely from several threads
        self._shared: dict[str, Any] = {}
        self._places = threading.Semaphore(CREATIONS)

    def run(self, accounts: int) -> float:
        """The seconds that so many accounts took."""
        for service in {call["service"] for call in self._recording.calls}:
            self._shared[service] = self._client(service)
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._account, range(accounts)))
        return time.monotonic() - began

    def _client(self, service: str, **keys: str) -> Any:
        with self._making:
            return self._session.client(service, endpoint_url=self._url, config=self._config, **keys)  # type: ignore[call-overload]  # by literal names

    def _account(self, number: int) -> None:
        """One account from its creation to its mail; what the recorded calls were refused, these are too."""
        recording, identity = self._recording, str(uuid4())
        put = {
            recording.identity: identity,
            recording.email: f"{uuid4().hex}@example.com",
            recording.name: f"script {number}",
            recording.owner: f"script-{number}@example.com",
        }
        sessions: dict[str, dict[str, str]] = {}  # by the id of the recorded key
        own: dict[tuple[str, str], Any] = {}
        with self._places:
            made = self._creation(put)
        for call in recording.calls[made:]:
            client = self._shared[call["service"]]
            if (keys := sessions.get(call["accessKeyId"])) is not None:
                which = call["accessKeyId"], call["service"]
                client = own.get(which) or own.setdefault(which, self._client(call["service"], **keys))
            answer = _played(client, call, put)
            _learn(call, answer, put)
            if call["operation"] == "AssumeRole":
                raw = answer["Credentials"]
                sessions[call["issuedAccessKeyId"]] = {
                    "aws_access_key_id": raw["AccessKeyId"],
                    "aws_secret_access_key": raw["SecretAccessKey"],
                    "aws_session_token": raw["SessionToken"],
                }

    def _creation(self, put: dict[str, str]) -> int:
        """Plays until the account is there; how many of the calls that were."""
        for index, call in enumerate(self._recording.calls):
            answer = _played(self._shared[call["service"]], call, put)
            if call["operation"] == "CreateAccount":
                put[self._recording.request_id] = answer["CreateAccountStatus"]["Id"]
            if "AccountId" in answer.get("CreateAccountStatus", {}):
                put[self._recording.aws_id] = answer["CreateAccountStatus"]["AccountId"]
                return index + 1
        raise RuntimeError("the recording makes no account")


class ClaimScript(Script):
    """Takes prepared accounts, of which it is given the ids, as recorded."""

    def __init__(self, recording: Recording, url: str, key: str, prepared: Sequence[str]) -> None:
        super().__init__(recording, url, key)
        self._prepared = list(prepared)

    def _creation(self, put: dict[str, str]) -> int:
        put[self._recording.aws_id] = self._prepared.pop()
        return 0


def _learn(call: dict[str, Any], answer: dict[str, Any], put: dict[str, str]) -> None:
    """What AWS named, and later calls name: users and requests of Identity Center."""
    if call["operation"] == "CreateUser" and call["service"] == "identitystore":
        put["(user)"] = answer["UserId"]
    if call["operation"] == "CreateAccountAssignment":
        put["(assignment)"] = answer["AccountAssignmentCreationStatus"]["RequestId"]


def _played(client: Any, call: dict[str, Any], put: dict[str, str]) -> dict[str, Any]:
    text = json.dumps(call["params"])
    for old, new in put.items():
        text = text.replace(old, new)
    try:
        answer: dict[str, Any] = getattr(client, xform_name(call["operation"]))(**_arguments(json.loads(text)))
    except ClientError as error:
        if call["errorCode"] is None:
            raise
        return dict(error.response)
    return answer


def _arguments(params: dict[str, Any]) -> dict[str, Any]:
    """As boto3 takes them: the query services write lists as Tags.member.1.Key."""
    made: dict[str, Any] = {}
    for name, value in params.items():
        if name in ("Action", "Version"):
            continue
        if name in ("DurationSeconds", "MaxSessionDuration"):  # on the wire a number is text
            made[name] = int(value)
            continue
        listed = _LISTED.match(name)
        if listed is None:
            made[name] = (
                {"true": True, "false": False, "(redacted)": _PASSWORD}.get(value, value)
                if isinstance(value, str)
                else value
            )
            continue
        items = made.setdefault(listed[1], [])
        index = int(listed[2]) - 1
        items.extend({} for _ in range(index + 1 - len(items)))
        if listed[3]:
            items[index][listed[3]] = value
        else:
            items[index] = value
    return made


def recorded(calls: Sequence[dict[str, Any]], user_id: str) -> list[dict[str, Any]]:
    """The calls, with the ids that AWS gave out replaced by what they will be learned as."""
    requests = {
        call["params"]["AccountAssignmentCreationRequestId"]
        for call in calls
        if call["operation"] == "DescribeAccountAssignmentCreationStatus"
    }
    text = json.dumps(list(calls)).replace(user_id, "(user)")
    for request in requests:
        text = text.replace(request, "(assignment)")
    found: list[dict[str, Any]] = json.loads(text)
    return found
