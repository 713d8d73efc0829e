"""What one try of a step becomes: the outcome of each error, what is forgotten, and when it is tried at once again."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError
from batteries_operator.aws.ownership import AccountGoneError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.reconcile.attempt import attempt
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.status.status_writer import LostRaceError
from batteries_operator.steps.dependencies import SecretNameTakenError
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.pipeline import PROVISIONING
from batteries_operator.steps.step import Scope

STEP = PROVISIONING[0]
BACKOFF = 7.0


class World:
    """A scope that notes what was forgotten, and a step that gives these outcomes or errors in turn."""

    def __init__(self, *results: Outcome | Exception, deleted: bool = False, stale: bool = False) -> None:
        meta = {"name": "acme", "namespace": "n", "uid": "u-1", "generation": 1}
        if deleted:
            meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        raw = {"metadata": meta, "spec": {"email": "a@b.com"}, "status": {"awsAccountId": "111122223333"}}
        self.results, self.stale, self.state = list(results), stale, "ACTIVE"
        self.forgotten: list[Exception] = []
        self.proofs_forgotten: list[str] = []
        self.tries = 0
        caches = SimpleNamespace(forget=self._forget)
        aws = SimpleNamespace(
            caller=SimpleNamespace(caches=caches),
            ownership=SimpleNamespace(forget=self.proofs_forgotten.append),
            organizations=SimpleNamespace(state=self._state),
        )
        self.scope: Any = SimpleNamespace(account=AwsAccount.model_validate(raw), deps=SimpleNamespace(aws=aws))

    def _forget(self, error: Exception) -> bool:
        self.forgotten.append(error)
        return self.stale

    async def _state(self, account: str) -> str:
        assert account == "111122223333"
        return self.state

    async def run(self, _: Scope) -> Outcome:
        self.tries += 1
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def tried(self) -> tuple[Outcome, ErrorKind | None]:
        return asyncio.run(attempt(replace(STEP, run=self.run), self.scope, BACKOFF))


def refused(code: str, status: int = 400) -> AwsError:
    return AwsError("iam:GetRole", code, "AWS's words", http_status=status)


def test_a_step_that_is_done_remembers_the_inputs_that_it_began_with() -> None:
    outcome, kind = World(Done("Done.")).tried()
    assert isinstance(outcome, Done)
    assert (outcome.inputs, kind) == (STEP.fingerprint(World().scope.account), None)


def test_a_wait_and_a_failure_stay_as_they_are_and_only_a_failure_forgets_the_proof() -> None:
    waits, fails = World(wait := Wait.polling(1, "Reason", "words")), World(fail := Fail("Reason", "words"))
    assert (waits.tried(), fails.tried()) == ((wait, None), (fail, None))
    assert (waits.proofs_forgotten, fails.proofs_forgotten) == ([], ["u-1"])


@pytest.mark.parametrize(
    ("error", "kind", "seconds", "reason", "is_trouble"),
    [
        (refused("ThrottlingException"), ErrorKind.TRANSIENT, 7, "AwsUnavailable", False),
        (refused("NoSuchEntity", 404), ErrorKind.TRANSIENT, 7, "NotFoundInAws", True),
        (refused("LimitExceededException"), ErrorKind.CAPACITY, 30, "LimitReached", False),
        (refused("NobodyKnowsThis"), ErrorKind.UNKNOWN, 7, "UnexpectedAwsError", True),
        (NotPreparedError("Run bootstrap."), ErrorKind.UNKNOWN, 7, "OrganizationNotPrepared", True),
        (UnsupportedPartitionError("Which?"), ErrorKind.UNKNOWN, 7, "OrganizationNotPrepared", True),
        (SecretNameTakenError("Rename it."), ErrorKind.UNKNOWN, 7, "SecretNameTaken", True),
        (LookupError("a bug"), ErrorKind.UNKNOWN, 7, "UnexpectedError", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_that_may_pass_is_tried_again_after_its_pause(
    error: Exception, kind: ErrorKind, seconds: float, reason: str, is_trouble: bool
) -> None:
    outcome, found = World(error).tried()
    assert isinstance(outcome, Wait)
    assert (outcome.seconds, outcome.reason, found) == (seconds, reason, kind)
    assert outcome.can_stall is is_trouble


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused("InvalidInputException"), "RefusedByAws"),
        (ManagementAccountError("It is 000."), "ManagementAccountRefused"),
        (NotOursError("NotOurRole", "It is somebody else's."), "NotOurRole"),
        (AccountGoneError("111122223333", "n/acme"), "AccountGone"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_that_stays_fails_the_step(error: Exception, reason: str) -> None:
    world = World(error)
    outcome, kind = world.tried()
    assert isinstance(outcome, Fail)
    assert outcome.reason == reason
    assert kind is (ErrorKind.TERMINAL if isinstance(error, AwsError) else None)
    assert world.proofs_forgotten == ["u-1"]


def test_an_account_that_left_keeps_no_deletion_waiting() -> None:
    outcome, kind = World(AccountGoneError("111122223333", "n/acme"), deleted=True).tried()
    assert isinstance(outcome, Done)
    assert (outcome.inputs, kind) == (STEP.fingerprint(World(deleted=True).scope.account), None)


@pytest.mark.parametrize(
    "error", [LostRaceError(), NotLeadingError(), TimeoutError(), aiohttp.ClientError(), OSError()]
)
def test_what_keeps_anything_from_being_written_ends_the_reconcile(error: Exception) -> None:
    with pytest.raises(type(error)):
        World(error).tried()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (LookupError("a bug"), "LookupError: a bug"),
        (ApiException(status=403, reason="Forbidden"), "ApiException: 403 Forbidden"),
    ],
)
def test_an_unexpected_error_is_a_cause_for_administrators(error: Exception, cause: str) -> None:
    outcome, _ = World(error).tried()
    assert isinstance(outcome, Wait)
    assert outcome.cause == cause
    assert "a bug" not in outcome.message


@pytest.mark.parametrize("again", [Done("Done."), refused("NobodyKnowsThis")])
def test_where_something_cached_was_wrong_the_step_runs_once_more_at_once(again: Outcome | AwsError) -> None:
    first = refused("NoSuchEntity", 404)
    world = World(first, again, stale=True)
    outcome, _ = world.tried()
    assert world.tries == 2
    assert isinstance(outcome, Done if isinstance(again, Done) else Wait)
    assert world.forgotten == ([first] if isinstance(again, Done) else [first, again]), "nothing wrong is kept"


def test_where_nothing_cached_was_wrong_it_runs_once() -> None:
    world = World(refused("NoSuchEntity", 404))
    world.tried()
    assert (world.tries, len(world.forgotten)) == (1, 1)


@pytest.mark.parametrize(
    ("code", "state", "is_gone"),
    [("NoSuchEntity", "CLOSED", True), ("NoSuchEntity", "ACTIVE", False), ("ThrottlingException", "CLOSED", False)],
)
def test_behind_an_error_that_counts_is_looked_for_an_account_that_is_gone(
    code: str, state: str, is_gone: bool
) -> None:
    world = World(refused(code))
    world.state = state
    outcome, _ = world.tried()
    assert (outcome.reason == "AccountGone") is is_gone  # type: ignore[union-attr]
