"""The command `batteries-sandbox`: run, demo, build, trust-policy."""

import argparse
import asyncio
import json
import signal
import sys

from batteries_sandbox import binaries, env_file, test_programs
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.journey import heading, trust_policy, walk
from batteries_sandbox.paths import Paths
from batteries_sandbox.sandbox import sandbox


async def run(paths: Paths, built: binaries.Binaries, *, stay: bool) -> None:
    """Starts everything, walks the journey, and stays up until stopped if `stay` is true.

    Raises:
        SandboxError: something could not be had, did not come up, or ended by itself.
    """
    this = asyncio.current_task()
    assert this is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    heading("Bringing up the sandbox")
    async with sandbox(paths, built) as running:
        await walk(running)
        if not stay:
            return
        heading(
            f"The API is at {running.api_url}; all other addresses are in {paths.env_file}. Ctrl-C stops the sandbox."
        )
        await running.until_broken()


def _trust_policy(aws_account_id: str) -> None:
    values = env_file.read(Paths.from_environment().env_file)
    if not values:
        raise SandboxError("No sandbox is running. Start one with `make run`.")
    print(json.dumps(trust_policy(values, aws_account_id), indent=2))


def _up(*, stay: bool) -> int:
    # Built before the event loop runs: Ctrl-C and SIGTERM end a build at once.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    built = binaries.provide()
    try:
        asyncio.run(run(Paths.from_environment(), built, stay=stay))
    except asyncio.CancelledError:
        return 0 if stay else 130
    return 0


def main() -> int:
    """Runs the subcommand and returns its exit status: 0 on success or after Ctrl-C, else 1 with a sentence."""
    parser = argparse.ArgumentParser(prog="batteries-sandbox", description="The whole system on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything, walk the journey, stay up")
    commands.add_parser("demo", help="start everything, walk the journey, exit")
    build = commands.add_parser("build", help="build kube-apiserver, etcd and helm, unless they are built already")
    build.add_argument("--for-tests", action="store_true", help="also build what only the tests need")
    show = commands.add_parser("trust-policy", help="print the deploy role's trust policy, read from the sandbox's AWS")
    show.add_argument("aws_account_id")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "build":
                binaries.provide()
                if arguments.for_tests:
                    test_programs.provide()
            case "trust-policy":
                _trust_policy(arguments.aws_account_id)
            case command:
                return _up(stay=command == "run")
    except SandboxError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
