"""What a second, independent evaluator says of the table of guardrails: `PYTHONPATH=tests python -m fakes.simulated`.

That is @cloud-copilot/iam-simulate, a kept library for Node.js. It is run rarely, by `make simulate`, and its verdicts
are kept in simulated.json with a hash of the policies: the test says so when they are about other policies.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fakes.guardrail_table import ACCOUNT, PROFILES, ROWS, SETTINGS, Row

from batteries_operator.aws.floor.place import place_of
from batteries_operator.aws.guardrails import guardrails
from batteries_operator.aws.partition import AWS

VERSION = "0.1.173"
RECORD = Path(__file__).with_name("simulated.json")
SCRIPT = Path(__file__).with_name("simulate.mjs")
CACHE = Path.home() / ".cache" / "ai-batteries-included" / f"iam-simulate-{VERSION}"
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""FullAWSAccess, which AWS attaches to each level; and the administrator's own policy."""

COLUMNS = range(len(PROFILES))
Level = list[dict[str, Any]]


def levels(column: int) -> list[Level]:
    """The policies over an account of that column: those of the root first."""
    every = guardrails(SETTINGS, AWS)
    place = place_of(SETTINGS, PROFILES[column])
    above = [guard.content for guard in every.all if str(guard.place) == place.under]
    below = [guard.content for guard in every.all if guard.place == place]
    return [[FULL], [FULL, *above], [FULL, *below], [FULL]]


def context(row: Row, column: int) -> dict[str, str | list[str]]:
    """The condition keys of a request."""
    keys = {name: list(value) if isinstance(value, tuple) else value for name, value in row.keys.items()}
    principal = {"aws:PrincipalArn": row.principal, "aws:PrincipalAccount": ACCOUNT}
    return keys | principal | {"aws:RequestedRegion": row.region(column)}


def requests() -> Iterator[dict[str, Any]]:
    """Each cell of the table, as iam-simulate wants it."""
    for row in ROWS:
        for column in COLUMNS:
            yield {
                "request": {
                    "principal": row.principal,
                    "action": row.action,
                    "resource": {"resource": row.resource_in(column), "accountId": ACCOUNT},
                    "contextVariables": context(row, column),
                },
                "identityPolicies": [{"name": "administrator", "policy": FULL}],
                "resourceControlPolicies": [],
                "serviceControlPolicies": [
                    {
                        "orgIdentifier": f"level-{number}",
                        "policies": [{"name": f"policy-{each}", "policy": policy} for each, policy in enumerate(level)],
                    }
                    for number, level in enumerate(levels(column))
                ],
            }


def asked() -> str:
    """A hash of all that is asked."""
    return hashlib.sha256(json.dumps(list(requests()), sort_keys=True).encode()).hexdigest()


def recorded() -> dict[str, Any]:
    """What was recorded: `asked`, `version`, and the verdicts in the order of `requests`."""
    found: dict[str, Any] = json.loads(RECORD.read_text())
    return found


def main() -> None:
    """Runs it and records what it says.

    Raises:
        SystemExit: it refuses a request, as one with an action or a condition key that AWS does not have.
    """
    if not (CACHE / "node_modules").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        package = f"@cloud-copilot/iam-simulate@{VERSION}"
        subprocess.run(["npm", "install", "--silent", "--prefix", str(CACHE), package], check=True)
    (CACHE / SCRIPT.name).write_text(SCRIPT.read_text())
    ran = subprocess.run(  # our own script
        ["node", SCRIPT.name],
        cwd=CACHE,
        input=json.dumps(list(requests())),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = json.loads(ran.stdout)
    if refused := [each for each in verdicts if "errors" in each]:
        raise SystemExit(json.dumps(refused, indent=1))
    kept = [[each["verdict"], each["by"]] for each in verdicts]
    RECORD.write_text(
        json.dumps({"asked": asked(), "version": VERSION, "verdicts": kept}, separators=(",", ":")) + "\n"
    )


if __name__ == "__main__":
    main()
