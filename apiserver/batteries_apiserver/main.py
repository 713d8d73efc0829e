"""The command line: `batteries-apiserver run`, `admin-key` and `rotate-issuer-key`."""

import argparse
import asyncio
import logging
import sys

import uvloop

from batteries_apiserver import server
from batteries_apiserver.http.request_context import add_request
from batteries_apiserver.keys import admin_key
from batteries_apiserver.kube.installation import NoInstallationError
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.rotate import NotRotatedError, rotate
from batteries_apiserver.tokens.rotation import ForeignSecretError
from batteries_crds.kube.command import run_command
from batteries_crds.runtime import logs
from batteries_crds.runtime.settings import read_settings
from batteries_crds.runtime.version import distribution_version


def main() -> int:
    """Runs a subcommand and returns its exit status (`ExitStatus`)."""
    given = _parser().parse_args()
    return run_command(lambda: _run(given), NoInstallationError, NotRotatedError, ForeignSecretError)


def _run(given: argparse.Namespace) -> None:
    settings = read_settings(Settings)
    # The stripe library logs each request and response at DEBUG, with their content.
    quiet = {"stripe": logging.WARNING}
    logs.configure(settings.log_format, settings.log_level, context=add_request, quiet=quiet)
    if given.command == "run":
        uvloop.run(server.serve(settings))  # a tenth less CPU for each request than with asyncio's own loop
    elif given.command == "rotate-issuer-key":
        print(asyncio.run(rotate(settings, emergency=given.emergency)))
    else:
        print(asyncio.run(admin_key.create(settings, given.name)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="batteries-apiserver", description="The HTTP API of AI Batteries Included.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {distribution_version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="serve the API until SIGTERM; settings come from the environment")
    key = commands.add_parser("admin-key", help="make an administrator's API key and print it; it can't be shown again")
    key.add_argument("--name", default="admin", help="the key's name (default: admin)")
    rotation = commands.add_parser("rotate-issuer-key", help="publish the next key that signs tokens for AWS")
    rotation.add_argument(
        "--emergency", action="store_true", help="drop all keys at once: no token lives that they signed"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
