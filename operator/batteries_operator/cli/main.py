"""The command `batteries-operator`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable

from kubernetes.aio.client import ApiException
from pydantic import ValidationError

from batteries_crds.kube.client import NoClusterError
from batteries_crds.runtime.environment import WrongEnvironmentError, prepare
from batteries_crds.runtime.version import distribution_version
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.cli import bootstrap, doctor, orphans, print_policy, release, root_email, run
from batteries_operator.controller.supervision import WatchingEndedError
from batteries_operator.runtime import logs
from batteries_operator.runtime.leader_election import NotLeadingError
from batteries_operator.runtime.settings import Settings

Command = Callable[[Settings, argparse.Namespace], int | None]


def _commands() -> dict[str, tuple[str, Command]]:
    """Each subcommand, with what it does."""
    return {
        "release": (
            "release all AwsAccounts of a namespace, so that it or the product can be removed; closes no AWS account",
            lambda settings, given: asyncio.run(release.release(settings, given)),
        ),
        "run": ("provision AwsAccounts until stopped", lambda settings, _: run.main(settings)),
        "bootstrap": (
            "prepare the AWS organization: OUs, policies, permission set (safe to repeat)",
            lambda settings, _: asyncio.run(bootstrap.bootstrap(settings)),
        ),
        "doctor": (
            "check permissions, quotas, OUs, policies and mail, and say what is missing (exit status 1 if anything is)",
            lambda settings, _: asyncio.run(doctor.doctor(settings)),
        ),
        "check": (
            "say what accounts would wait for, before the operator starts (exit status 1 only if nothing could work)",
            lambda settings, _: asyncio.run(doctor.check(settings)),
        ),
        "orphans": (
            "list AWS accounts with our tag and no AwsAccount, and the YAML that adopts them (exit status 1 if any)",
            lambda settings, _: asyncio.run(orphans.orphans(settings)),
        ),
        "policy": (
            "print the IAM policy that the operator needs in the management account",
            print_policy.main,
        ),
        "bootstrap-policy": (
            "print the IAM policy that bootstrap needs in addition",
            lambda _, __: print_policy.bootstraps(),
        ),
    }


def main() -> int:
    """Runs the subcommand; the exit status is 0, 1 where something is to be mended, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="batteries-operator", description="The AWS account factory's operator.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {distribution_version()}")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, (text, _) in _commands().items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        if name == "release":
            release.arguments(subparser)
        if name == "policy":
            print_policy.arguments(subparser)
    given = parser.parse_args()
    settings = _settings()
    if settings is None:
        return 2
    # The other commands make no accounts; doctor names it among what it finds.
    if given.command == "run" and (wrong := root_email.problem(settings.account_email_template)):
        print(wrong, file=sys.stderr)
        return 2
    # The others print for people, who need not see each call.
    quiet = given.command != "run" and settings.log_level == "info"
    logs.configure(settings.log_format, "warning" if quiet else settings.log_level)
    return _run(_commands()[given.command][1], settings, given)


def _run(command: Command, settings: Settings, given: argparse.Namespace) -> int:
    """The command's exit status; what keeps it from working is told in a sentence."""
    try:
        return command(settings, given) or 0
    except (
        WatchingEndedError,
        run.UndrainedError,
        NoClusterError,
        NotPreparedError,
        NotLeadingError,
        UnsupportedPartitionError,
        release.OperatorAtWorkError,
    ) as error:
        print(error, file=sys.stderr)
    except ApiException as error:
        print(f"Kubernetes refused ({error.status}): {error.body or error.reason}", file=sys.stderr)
    except AwsError as error:
        print(f"AWS refused {error.operation}: {error.message or error.code}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def _settings() -> Settings | None:
    """What the environment says; None, with a line on stderr for each, where something of it can't be right."""
    try:
        prepare(os.environ)
        return Settings()
    except WrongEnvironmentError as error:
        print(error, file=sys.stderr)
    except ValidationError as error:
        for problem in error.errors():
            variable = "BATTERIES_" + "_".join(str(part) for part in problem["loc"]).upper()
            print(f"{variable.rstrip('_')}: {problem['msg']}", file=sys.stderr)
    return None


if __name__ == "__main__":
    sys.exit(main())
