"""The command `python -m batteries_sandbox.aws`: one stand-in as a process.

It prints one line when it accepts calls, and ends cleanly on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence
from dataclasses import fields

from batteries_sandbox.aws.server import serve
from batteries_sandbox.aws.settings import StandinSettings


def parse(arguments: Sequence[str] | None = None) -> StandinSettings:
    """Reads the command line: one option for each setting."""
    parser = argparse.ArgumentParser(prog="python -m batteries_sandbox.aws", description="An AWS to try things on.")
    for setting in fields(StandinSettings):
        if setting.name not in ("ses_identities", "issuer_addresses"):
            option = f"--{setting.name.replace('_', '-')}"
            parser.add_argument(option, type=type(setting.default), default=setting.default)
    parser.add_argument("--ses-identity", action="append", dest="ses_identities", metavar="ADDRESS")
    parser.add_argument("--issuer-address", action="append", dest="issuer_addresses", metavar="URL=ADDRESS")
    values = vars(parser.parse_args(arguments))
    values["ses_identities"] = tuple(values["ses_identities"] or StandinSettings().ses_identities)
    values["issuer_addresses"] = tuple(values["issuer_addresses"] or ())
    return StandinSettings(**values)


async def run(settings: StandinSettings) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings) as url:
        print(f"AWS stand-in ready at {url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(run(parse()))
