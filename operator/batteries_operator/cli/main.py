"""The command `batteries-operator`."""

import argparse
import asyncio
import sys
from collections.abc import Callable

from batteries_crds.kube.command import ExitStatus, run_command
from batteries_crds.runtime.environment import WrongEnvironmentError
from batteries_crds.runtime.settings import read_settings
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
            lambda settings, given: asyncio.run(bootstrap.bootstrap(settings, planned=given.plan)),
        ),
        "doctor": (
            "check permissions, quotas, OUs, policies and mail; report what is missing (exit status 1 if anything is)",
            lambda settings, _: asyncio.run(doctor.doctor(settings)),
        ),
        "check": (
            "report what accounts would wait for before the operator starts (exit status 1 only if nothing could work)",
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
    """Runs the subcommand and returns its exit status (`ExitStatus`)."""
    given = _parser().parse_args()
    return run_command(
        lambda: _run(given),
        WatchingEndedError,
        run.UndrainedError,
        NotPreparedError,
        NotLeadingError,
        UnsupportedPartitionError,
        release.OperatorAtWorkError,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="batteries-operator", description="The AWS account factory's operator.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {distribution_version()}")
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, (text, _) in _commands().items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        if name == "release":
            release.arguments(subparser)
        if name == "bootstrap":
            bootstrap.arguments(subparser)
        if name == "policy":
            print_policy.arguments(subparser)
    return parser


def _run(given: argparse.Namespace) -> int | None:
    settings = read_settings(Settings)
    # The other commands create no accounts, and doctor reports it among its findings.
    if given.command == "run" and (wrong := root_email.problem(settings.account_email_template)):
        raise WrongEnvironmentError([wrong])
    # The other commands print for people, who need no line for each call.
    quiet = given.command != "run" and settings.log_level == "info"
    logs.configure(settings.log_format, "warning" if quiet else settings.log_level)
    try:
        return _commands()[given.command][1](settings, given)
    except AwsError as error:
        print(f"AWS refused {error.operation}: {error.message or error.code}", file=sys.stderr)
        return ExitStatus.FAILED


if __name__ == "__main__":
    sys.exit(main())
