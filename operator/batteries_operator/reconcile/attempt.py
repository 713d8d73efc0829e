"""Runs one step and turns known errors into outcomes, in one place for all steps.

An outcome's message is our own sentence, for customers. What AWS, Kubernetes or Python said is its `cause`, which only
administrators see.
"""

from dataclasses import replace

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.kube.client import UNANSWERED
from batteries_crds.reasons import Reason
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError
from batteries_operator.aws.ownership import AccountGoneError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.status.status_writer import LostRaceError
from batteries_operator.steps.dependencies import SecretNameTakenError
from batteries_operator.steps.gone import gone_behind
from batteries_operator.steps.outcome import Done, Fail, Outcome, Wait
from batteries_operator.steps.step import Scope, Step

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LIMIT_SECONDS = 30.0
"""The shortest pause after a call that met a limit of AWS."""

OWN_ERROR = (
    "The operator had an internal error and tries again. If this stays, the platform team has to look into its log."
)

PARTITION = "The operator can't work in the AWS partition of its region or credentials. The platform team has to look."

MANAGEMENT_ACCOUNT = (
    "The AWS account is the organization's management account. It is never provisioned, moved, suspended or closed."
)


async def attempt(step: Step, scope: Scope, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    """The step's outcome, and the kind of the error behind it; `backoff` is the pause after an error, in seconds.

    Raises:
        LostRaceError, NotLeadingError, UNANSWERED: the status can't be written, so this reconcile has to end.
    """
    with structlog.contextvars.bound_contextvars(step=step.name.value):
        outcome, kind = await _try(step, scope, backoff)
    if isinstance(outcome, Fail):
        # Whoever fixes the cause may also change the owner of the AWS account: the next try proves it again.
        scope.deps.aws.ownership.forget(scope.account.metadata.uid)
    return outcome, kind


async def _try(step: Step, scope: Scope, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    inputs = step.fingerprint(scope.account)
    try:
        outcome = await _run(step, scope)
        return replace(outcome, inputs=inputs) if isinstance(outcome, Done) else outcome, None
    except AwsError as error:
        log.warning(
            "aws_call_failed",
            error=str(error),
            kind=error.kind.value,
            aws_request_id=error.request_id or None,
            again_in=round(backoff, 1),
        )
        return await _of_error(scope, error, backoff)
    except (NotPreparedError, UnsupportedPartitionError, SecretNameTakenError) as error:
        return _to_mend(error, backoff), ErrorKind.UNKNOWN
    except ManagementAccountError as error:
        return Fail(Reason.MANAGEMENT_ACCOUNT_REFUSED, MANAGEMENT_ACCOUNT, cause=str(error)), None
    except AccountGoneError as error:
        return _of_gone(scope, error, inputs), None
    except NotOursError as error:
        log.warning("foreign_resource_found", reason=error.reason, detail=str(error))
        return Fail(error.reason, str(error)), None
    except (LostRaceError, NotLeadingError, *UNANSWERED):
        raise  # AWS's silence is an AwsError; this is Kubernetes, to which nothing can be written now
    except Exception as error:
        # A bug, or Kubernetes refuses us: shown on the account, and tried again, because it may get fixed.
        log.exception("step_raised")
        cause = f"{type(error).__name__}: {_brief(error)}"
        return Wait.retrying(backoff, Reason.UNEXPECTED_ERROR, OWN_ERROR, cause=cause), ErrorKind.UNKNOWN


async def _of_error(scope: Scope, error: AwsError, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    """The outcome of the account's state in AWS if that explains the error, else of the error itself."""
    if (gone := await gone_behind(scope, error)) is not None:
        return gone, None
    return _from_error(error, backoff), error.kind


def _of_gone(scope: Scope, error: AccountGoneError, inputs: str) -> Outcome:
    """Done for an AwsAccount that is being deleted; else a failure, until the account is back in the organization."""
    if scope.account.is_deleted:
        return Done("The AWS account has left the organization, so nothing can be done in it.", inputs=inputs)
    return Fail(error.reason, str(error))


def _to_mend(error: Exception, backoff: float) -> Wait:
    """The wait for something that the platform team has to fix; the step goes on by itself then."""
    if isinstance(error, UnsupportedPartitionError):
        return Wait.retrying(backoff, Reason.ORGANIZATION_NOT_PREPARED, PARTITION, cause=str(error))
    if isinstance(error, SecretNameTakenError):
        return Wait.retrying(backoff, Reason.SECRET_NAME_TAKEN, str(error))
    return Wait.retrying(backoff, Reason.ORGANIZATION_NOT_PREPARED, str(error))


async def _run(step: Step, scope: Scope) -> Outcome:
    """The step's outcome. It runs again at once if an error shows that a cached value of AWS was wrong."""
    memory = scope.deps.aws.caller.caches
    try:
        return await step.run(scope)
    except AwsError as error:
        if not memory.forget(error):
            raise
        log.info("aws_cache_stale", error=str(error))
    try:
        return await step.run(scope)
    except AwsError as error:
        memory.forget(error)
        raise


def _from_error(error: AwsError, backoff: float) -> Outcome:
    """The outcome of an AWS error, by its row in the table of errors."""
    meaning = error.meaning
    match meaning.kind:
        case ErrorKind.TRANSIENT:
            if not meaning.counts:  # such as a throttle, which is nobody's trouble however long it lasts
                return Wait.polling(backoff, meaning.reason, error.words, cause=error.cause)
            return Wait.retrying(backoff, meaning.reason, error.words, cause=error.cause)
        case ErrorKind.CAPACITY:
            seconds = max(backoff, LIMIT_SECONDS)
            return Wait.blocked(seconds, meaning.reason, error.words, cause=error.cause)
        case ErrorKind.TERMINAL:
            return Fail(meaning.reason, error.words, cause=error.cause)
        case ErrorKind.UNKNOWN:
            return Wait.retrying(backoff, meaning.reason, error.words, cause=error.cause)


def _brief(error: Exception) -> str:
    """The error's text; of an ApiException status, reason and body, because its own text has all headers."""
    if isinstance(error, ApiException):
        return f"{error.status} {error.reason} {error.body or ''}".strip()
    return str(error)
