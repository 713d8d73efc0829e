"""A step tried: a known error becomes an outcome here, once for all steps."""

import structlog

from batteries_operator.aws.errors import AwsError, ErrorKind, NotOursError
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.lease import NotLeadingError
from batteries_operator.outcome import Fail, Outcome, Wait
from batteries_operator.recorder import LostRaceError
from batteries_operator.step import Scope, Step

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LIMIT_SECONDS = 30.0
"""At least, until a limit of AWS is tried again."""


async def attempt(step: Step, scope: Scope, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    """The step's outcome, and the kind of the error that it is made of; `backoff` is the pause after one, in seconds.

    Raises:
        LostRaceError, NotLeadingError: nothing may be concluded from this visit.
    """
    with structlog.contextvars.bound_contextvars(step=step.name.value):
        outcome, kind = await _try(step, scope, backoff)
    if isinstance(outcome, Fail):
        # Whoever mends what made it fail may have changed whose the AWS account is: proved anew at the next try.
        scope.tools.aws.ownership.forget(scope.account.metadata.uid)
    return outcome, kind


async def _try(step: Step, scope: Scope, backoff: float) -> tuple[Outcome, ErrorKind | None]:
    try:
        return await step.run(scope), None
    except AwsError as error:
        log.warning(
            "aws call failed",
            error=str(error),
            kind=error.kind.value,
            aws_request_id=error.request_id or None,
            again_in=round(backoff, 1),
        )
        return _from_error(error, backoff), error.kind
    except (NotPreparedError, UnsupportedPartitionError) as error:
        return Wait(backoff, "OrganizationNotPrepared", str(error), problem=True, counts=True), ErrorKind.UNKNOWN
    except ManagementAccountError as error:
        return Fail("ManagementAccountRefused", str(error)), None
    except NotOursError as error:
        log.warning("found in AWS and not ours", reason=error.reason, detail=str(error))
        return Fail(error.reason, str(error)), None
    except (LostRaceError, NotLeadingError):
        raise
    except Exception as error:
        # A bug, or Kubernetes refusing us: visible on the account, and tried again, because it may be mended.
        log.exception("step raised")
        message = f"The operator met an error of its own ({type(error).__name__}: {error}); trying again."
        return Wait(backoff, "UnexpectedError", message, problem=True, counts=True), ErrorKind.UNKNOWN


def _from_error(error: AwsError, backoff: float) -> Outcome:
    """What an AWS error means for the account."""
    match error.kind:
        case ErrorKind.TRANSIENT:
            return Wait(backoff, "AwsUnavailable", f"AWS did not take {error.operation} ({error.code}); trying again.")
        case ErrorKind.CAPACITY:
            message = f"A limit of AWS holds {error.operation} back: {error.message} It goes on when there is room."
            return Wait(max(backoff, LIMIT_SECONDS), "LimitReached", message, problem=True)
        case ErrorKind.TERMINAL:
            message = f"AWS refuses {error.operation}: {error.message or error.code}. Mend the spec or the settings."
            return Fail("RefusedByAws", message)
        case ErrorKind.UNKNOWN:
            message = f"{error.operation} failed ({error.code}: {error.message}); trying again."
            if error.code.startswith("AccessDenied"):
                message = f"The operator may not call {error.operation}. Grant it that permission: {error.message}"
            return Wait(backoff, "UnexpectedAwsError", message, problem=True, counts=True)
