"""Runs one step, and turns known errors into outcomes, once for all steps.

What the outcome says to customers is a sentence of our own. What AWS, Kubernetes or Python said is its `cause`, which
administrators alone are shown.
"""

from dataclasses import replace

import structlog
from kubernetes.aio.client import ApiException

from batteries_crds.kube.client import UNANSWERED
from batteries_crds.reasons import Reason
from batteries_operator.aws.errors import AwsError, ErrorKind, NotOursError
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
"""At least, until a limit of AWS is tried again."""

OWN_ERROR = (
    "The operator met an error of its own; trying again. If this stays, the platform team has to look into its log."
)

PARTITION = "The operator can't work in the part of AWS of its region or credentials. The platform team has to look."

MANAGEMENT_ACCOUNT = (
    "The AWS account is the organization's management account. It is never provisioned, moved, suspended or closed."
)


async def attempt(step: Step, scope: Scope, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    """The step's outcome, and the kind of the error that it is made of; `backoff` is the pause after one, in seconds.

    Raises:
        LostRaceError, NotLeadingError, UNANSWERED: nothing may be concluded from this reconcile.
    """
    with structlog.contextvars.bound_contextvars(step=step.name.value):
        outcome, kind = await _try(step, scope, backoff)
    if isinstance(outcome, Fail):
        # Whoever mends what made it fail may have changed whose the AWS account is: proved anew at the next try.
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
        raise  # AWS's silence is an AwsError: it is Kubernetes that did not answer, and nothing can be written now
    except Exception as error:
        # A bug, or Kubernetes refusing us: visible on the account, and tried again, because it may be mended.
        log.exception("step_raised")
        cause = f"{type(error).__name__}: {_brief(error)}"
        return Wait.retrying(backoff, Reason.UNEXPECTED_ERROR, OWN_ERROR, cause=cause), ErrorKind.UNKNOWN


async def _of_error(scope: Scope, error: AwsError, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    """By what is behind the error, where that is to be seen, else by the error itself."""
    if (gone := await gone_behind(scope, error)) is not None:
        return gone, None
    return _from_error(error, backoff), error.kind


def _of_gone(scope: Scope, error: AccountGoneError, inputs: str) -> Outcome:
    """An account that left the organization keeps no AwsAccount from being deleted; it is seen when it comes back."""
    if scope.account.is_deleted:
        return Done("The AWS account has left the organization, so nothing can be done in it.", inputs=inputs)
    return Fail(error.reason, str(error))


def _to_mend(error: Exception, backoff: float) -> Wait:
    """What the platform team has to put right; it goes on by itself then."""
    if isinstance(error, UnsupportedPartitionError):
        return Wait.retrying(backoff, Reason.ORGANIZATION_NOT_PREPARED, PARTITION, cause=str(error))
    if isinstance(error, SecretNameTakenError):
        return Wait.retrying(backoff, Reason.SECRET_NAME_TAKEN, str(error))
    return Wait.retrying(backoff, Reason.ORGANIZATION_NOT_PREPARED, str(error))


async def _run(step: Step, scope: Scope) -> Outcome:
    """Its outcome; once more where what we remembered of AWS was wrong: by then it is forgotten."""
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
    """What an AWS error means for the account, by its row of the table."""
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
    """An ApiException prints all headers; its status, reason and the API server's sentence say enough."""
    if isinstance(error, ApiException):
        return f"{error.status} {error.reason} {error.body or ''}".strip()
    return str(error)
