"""schemathesis against the running sandbox: with the contract, and with our own document, by everybody who may call.

`make test` sends about a thousand requests in four of the six roles; `make fuzz` sends ten thousand (FUZZ_CASES) in
all. `make test` always draws the same requests; `make fuzz` draws a seed, prints it, and takes it back as FUZZ_SEED.
A failure's report has the curl line that repeats it, and the seed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

import batteries_apiserver

CASES = int(os.environ.get("FUZZ_CASES", "0"))
"""How many in all; 0 for little more than the corner cases, which each operation gets anyhow."""
SEED = int(os.environ.get("FUZZ_SEED", "1"))
"""What the random requests are drawn from; fixed unless told, so that CI sends today what it sent yesterday."""
CONTRACT = Path(batteries_apiserver.__file__).parent / "contract" / "openapi-v1.json"
CONFIG = Path(__file__).parent / "fuzz" / "schemathesis.toml"
OF_THE_CONTRACT = "not_a_server_error,content_type_conformance,response_schema_conformance"
RANDOM_IDS = "examples,coverage,fuzzing"
"""Without the phase that follows ids from answer to request: an administrator's could suspend what others work with."""

# Who calls, with which document, and which share of the cases.
ALWAYS = {
    "contract, customer": ("contract", "customer", 0.2),
    "contract, nobody": ("contract", None, 0.1),
    "document, customer": ("document", "customer", 0.3),
    "document, administrator": ("document", "administrator", 0.15),
}
WHOLE = {
    "contract, administrator": ("contract", "administrator", 0.1),
    "document, nobody": ("document", None, 0.15),
}
RUNS = {**ALWAYS, **(WHOLE if CASES else {})}


@pytest.fixture(scope="module")
def sent() -> list[int]:
    """How many cases each run sent."""
    return []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("document", "caller", "share"), RUNS.values(), ids=RUNS)
def test_no_request_breaks_a_promise(
    sandbox: Any, sent: list[int], tmp_path: Path, document: str, caller: str | None, share: float
) -> None:
    api = f"{sandbox.env['API_URL']}/v1"
    source = str(CONTRACT) if document == "contract" else f"{api}/openapi.json"
    operations = _operations(source)
    # Each operation gets its examples and its corner cases beside what is drawn at random.
    drawn = max(2, int(CASES * share / operations))
    arguments = [f"--url={api}", f"--seed={SEED}", f"--max-examples={drawn}"]
    arguments += ["--request-timeout=60", "--report=json"]
    arguments += ["--report-json-path=report.json", "--checks", OF_THE_CONTRACT if document == "contract" else "all"]
    if caller == "customer":
        arguments += ["-H", f"Authorization: {sandbox.sign_up('fuzz@example.com')['Authorization']}"]
    elif caller == "administrator":
        arguments += ["-H", f"Authorization: Bearer {sandbox.env['ADMIN_API_KEY']}", "--phases", RANDOM_IDS]
    schemathesis = [str(Path(sys.executable).parent / "schemathesis"), "--no-color", "--config-file", str(CONFIG)]
    done = subprocess.run(
        [*schemathesis, "run", source, *arguments],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(CONFIG.parent / "hooks.py")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"FUZZ_SEED={SEED}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    report = json.loads((tmp_path / "report.json").read_text())
    # It leaves out the operation that gives it the document.
    assert report["operations"]["tested"] == operations - (document == "document")
    sent.append(report["test_cases"]["generated"])


@pytest.mark.skipif(not CASES, reason="of `make fuzz`")
def test_as_many_cases_were_sent_as_asked_for(sent: list[int]) -> None:
    assert sum(sent) >= CASES, sent


def _operations(source: str) -> int:
    api = requests.get(source, timeout=10).json() if source.startswith("http") else json.loads(Path(source).read_text())
    return sum(len(methods) for methods in api["paths"].values())
