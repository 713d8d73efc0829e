"""How the commands of both programs end: an exit status, and a sentence on stderr if they failed."""

import sys
from collections.abc import Callable
from enum import IntEnum

from aiohttp import ClientError
from kubernetes.aio.client import ApiException

from batteries_crds.kube.client import NoClusterError, said_in, status_of
from batteries_crds.runtime.environment import WrongEnvironmentError
from batteries_crds.runtime.listening import NotListeningError


class ExitStatus(IntEnum):
    """Exit statuses of both programs; docs/settings.md lists them."""

    OK = 0
    FAILED = 1
    """It failed, or found something that a person must fix."""
    USAGE = 2
    """Its arguments or environment are wrong, and it did nothing. argparse exits with the same."""
    INTERRUPTED = 130
    """Ctrl-C, as shells count it: 128 and the signal's number."""


def run_command(command: Callable[[], int | None], *expected: type[Exception]) -> int:
    """Runs `command` and returns its exit status; `expected` are errors whose text is a sentence for people."""
    sentences: tuple[type[Exception], ...] = (NoClusterError, NotListeningError, *expected)
    try:
        return command() or ExitStatus.OK
    except WrongEnvironmentError as error:
        print(error, file=sys.stderr)
        return ExitStatus.USAGE
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except sentences as error:
        print(error, file=sys.stderr)
    except ApiException as error:
        print(f"Kubernetes refused ({status_of(error)}): {said_in(error)}", file=sys.stderr)
    except (ClientError, TimeoutError) as error:
        what = str(error) or type(error).__name__
        print(f"Kubernetes did not respond: {what}. Check its address and the network policies.", file=sys.stderr)
    return ExitStatus.FAILED
