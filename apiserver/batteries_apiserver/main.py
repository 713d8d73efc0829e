"""The command line: `batteries-apiserver run` and `batteries-apiserver admin-key`."""

import argparse
import asyncio
import logging
import os
import sys

import uvloop
from kubernetes.aio.client import ApiException
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from batteries_apiserver import server
from batteries_apiserver.keys import admin_key
from batteries_apiserver.kube.installation import NoInstallationError
from batteries_apiserver.settings import Settings
from batteries_crds.kube.client import NoClusterError
from batteries_crds.runtime import logs
from batteries_crds.runtime.environment import WrongEnvironmentError, prepare
from batteries_crds.runtime.version import distribution_version


def main() -> int:
    """Runs a subcommand. If it fails, the exit status is 1, and stderr has a sentence that says why."""
    arguments = _parser().parse_args()
    try:
        prepare(os.environ)
        settings = Settings()
        # The stripe library logs each request and response at DEBUG, with their content.
        quiet = {"stripe": logging.WARNING}
        logs.configure(settings.log_format, settings.log_level, quiet=quiet)
        if arguments.command == "run":
            uvloop.run(server.serve(settings))  # a tenth less CPU for each request than with asyncio's own loop
        else:
            print(asyncio.run(admin_key.create(settings, arguments.name)))
    except ValidationError as error:
        print(_settings_wrong(error), file=sys.stderr)
        return 1
    except (NoClusterError, NoInstallationError, WrongEnvironmentError, OSError) as error:
        print(str(error), file=sys.stderr)
        return 1
    except ApiException as error:
        print(f"Kubernetes refused ({error.status} {error.reason}): {error.body}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="batteries-apiserver", description="The HTTP API of AI Batteries Included.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {distribution_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve the API until SIGTERM; settings come from the environment")
    key = commands.add_parser("admin-key", help="make an administrator's API key and print it; it can't be shown again")
    key.add_argument("--name", default="admin", help="the key's name (default: admin)")
    return parser


def _settings_wrong(error: ValidationError) -> str:
    """Lists the invalid settings, without their values, which may be secrets."""
    return "\n".join(["These settings are invalid:", *(f"  {_line(one)}" for one in error.errors(include_input=False))])


def _line(wrong: ErrorDetails) -> str:
    """One invalid setting; our own sentences already name it."""
    if not wrong["loc"]:
        return wrong["msg"].removeprefix("Value error, ")
    return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"


if __name__ == "__main__":
    sys.exit(main())
