"""A peer on the same stand-in: org-formation, unchanged, from npm. Only with PEERS=1, which installs it.

It makes accounts from a template, one after another, and moves each into an OU; it was pointed at the stand-in by the
AWS SDK's own variables.
"""

import asyncio
import os
import shutil
import time
from pathlib import Path

from bench.stage import Stage
from crash.lane import ADMIN

PACKAGE = "aws-organization-formation@1.0.17"
UNIT = """
  PeerUnit:
    Type: OC::ORG::OrganizationalUnit
    Properties:
      OrganizationalUnitName: Peer
      Accounts: [{references}]
"""
ACCOUNT = """
  Peer{number}:
    Type: OC::ORG::Account
    Properties: {{AccountName: peer-{number}, RootEmail: peer-{number}@example.com}}
"""


async def measure(stage: Stage, count: int) -> float:
    """Accounts a minute that it creates and moves into an OU, from an organization that it has read already.

    Raises:
        RuntimeError: there is no npm, or a command failed; with what it said.
    """
    if shutil.which("npm") is None:
        raise RuntimeError("PEERS=1 needs node and npm.")
    folder = stage.world.folder / "peer"
    folder.mkdir()
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": stage.lane.url,
        "AWS_ACCESS_KEY_ID": ADMIN,
        "AWS_SECRET_ACCESS_KEY": ADMIN,
        "AWS_REGION": "us-east-1",
        "NODE_NO_WARNINGS": "1",
    }
    await _run(folder, environment, "npm", "install", "--silent", "--no-fund", "--no-audit", PACKAGE)
    tool = "node_modules/.bin/org-formation"
    await _run(folder, environment, tool, "init", "organization.yml", "--region", "us-east-1")
    with (folder / "organization.yml").open("a") as template:
        template.write(UNIT.format(references=", ".join(f"!Ref Peer{number}" for number in range(count))))
        template.writelines(ACCOUNT.format(number=number) for number in range(count))
    began = time.monotonic()
    await _run(folder, environment, tool, "update", "organization.yml")
    seconds = time.monotonic() - began
    members = (await stage.lane.standin("accounts"))["accounts"]
    made = sum(each["name"].startswith("peer-") for each in members)
    if made != count:
        raise RuntimeError(f"org-formation made {made} accounts of {count}")
    return count / seconds * 60


async def _run(folder: Path, environment: dict[str, str], *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])}: {said.decode()[-2000:]}")
