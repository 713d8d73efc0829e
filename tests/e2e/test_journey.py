"""The README's journey, as `make run` prints it and as a person pastes it."""

import json
import re
import stat
import subprocess
from typing import Any

import requests
from e2e.pools import GROUP, Pool, taken_away

from batteries_crds.names import ProvisioningStep
from batteries_sandbox.env_file import NAMES
from batteries_sandbox.paths import CHECKOUT


def test_make_run_walks_the_journey_and_shows_the_detail(sandbox: Any) -> None:
    output = sandbox.output.read_text()
    cold, _, _ = output.partition("10. Another account")
    steps = re.findall(r"\d s  (?:pending|creating|active) +(\w+)", cold)
    # Steps run side by side: one may be done before it is its turn to be shown.
    assert steps == sorted(steps, key=list(ProvisioningStep).index)
    assert {"check_status", "complete"} <= set(steps)
    detail = json.loads(re.search(r"The first account's detail:\n(\{.*?\n\})", output, re.DOTALL)[1])  # type: ignore[index]
    assert detail["status"] == "active"
    assert detail["provisioningStep"] == "complete"
    assert detail["oidcRoleArn"] == f"arn:aws:iam::{detail['awsAccountId']}:role/GitHubActionsDeployRole"
    assert re.search(r"^team-payments\s+True\s+active", output, re.MULTILINE)
    session = f"arn:aws:sts::{detail['awsAccountId']}:assumed-role/BatteriesAgentRole/agent"
    assert f"GetCallerIdentity: {session}\n" in output
    assert f"CreateBucket, ListBuckets: agent-{detail['accountId']}\n" in output


def test_make_run_shows_a_cold_account_and_one_of_the_pool_with_their_seconds(sandbox: Any) -> None:
    output = sandbox.output.read_text()
    assert re.search(r": An account of the pool is ready for you: it takes seconds \(\d seconds? so far\)\.\n", output)
    seconds = re.search(r"the first account took ([\d.]+) s, the one of the pool ([\d.]+) s", output)
    assert seconds is not None
    assert float(seconds[2]) < float(seconds[1])
    pool = Pool(sandbox, sandbox.env["NAMESPACE"], "spare")
    assert re.search(rf"^accountpool.{GROUP}/spare +1 +1 +0 +True", output, re.MULTILINE)
    assert len(pool.members) == 1
    assert pool.free == []
    # Whoever pastes the README's commands after it has the first account cold, as here.
    assert pool.kubectl("get", "accountpool", "spare", "--ignore-not-found") == ""


def test_the_env_file_has_exactly_the_promised_names_and_is_private(sandbox: Any) -> None:
    path = sandbox.folder / "env"
    assert tuple(sandbox.env) == NAMES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sandbox.env["KUBECONFIG"].startswith(str(sandbox.folder))


def test_the_readmes_lines_work_when_pasted(sandbox: Any) -> None:
    readme = (CHECKOUT / "README.md").read_text()
    block = re.search(r"## The journey.*?```bash\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    script = block[1].replace(".sandbox/env", str(sandbox.folder / "env"))
    with taken_away(Pool(sandbox, sandbox.env["NAMESPACE"], "default")):
        done = subprocess.run(
            ["bash", "-c", f"set -eu -o pipefail\n{script}"],
            cwd=CHECKOUT,
            env=sandbox.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert "paid: 303" in done.stdout
    assert re.search(r"^arn:aws:iam::\d{12}:role/GitHubActionsDeployRole$", done.stdout, re.MULTILINE)
    assert "repo:my-org/website:*" in done.stdout
    assert "repo:my-org/my-app:*" not in done.stdout.split("Statement")[1]
    assert "team-payments" in done.stdout
    assert re.search(r":assumed-role/BatteriesAgentRole/agent", done.stdout)
    made = re.search(r"^make_bucket: (agent-[0-9a-f-]{36})$", done.stdout, re.MULTILINE)
    assert made is not None
    assert re.search(rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d {made[1]}$", done.stdout, re.MULTILINE)
    assert re.search(r"^The account came from the pool, and has been ready to use for ", done.stdout, re.MULTILINE)
    assert re.search(r"^[0-9a-f-]{36} +.* default +[0-9a-f-]{36} ", done.stdout, re.MULTILINE), "claimed"
    assert len(re.findall(r"^real\t0m[\d.]+s$", done.stderr, re.MULTILINE)) == 2, "its seconds, and the first one's"


def test_only_listed_repositories_can_assume_the_role(sandbox: Any) -> None:
    headers = sandbox.sign_up("owner@example.com")
    api = f"{sandbox.env['API_URL']}/v1/accounts"
    made = requests.post(api, json={"githubRepos": ["acme/app"]}, headers=headers, timeout=10).json()

    def active() -> dict[str, Any] | None:
        answer: dict[str, Any] = requests.get(f"{api}/{made['accountId']}", headers=headers, timeout=10).json()
        return answer if answer["status"] == "active" else None

    detail = sandbox.until(active, 60, "the account is active")
    role = detail["oidcRoleArn"]
    assert sandbox.assumes(role, "repo:acme/app:ref:refs/heads/main")
    assert sandbox.assumes(role, "repo:acme@1/app@2:environment:production")
    assert not sandbox.assumes(role, "repo:acme/other:ref:refs/heads/main")
    assert not sandbox.assumes(role, "repo:acme@1/application@2:ref:refs/heads/main")
    assert not sandbox.assumes(role, "repo:acme@1/evil@2:ref:refs/heads/x/app@1:actor:mallory")
    changed = requests.patch(f"{api}/{made['accountId']}", json={"githubRepos": []}, headers=headers, timeout=10)
    assert changed.status_code == 200, changed.text
    sandbox.until(lambda: not sandbox.assumes(role, "repo:acme/app:ref:refs/heads/main"), 30, "nobody may")
    assert requests.get(f"{api}/{made['accountId']}", headers=headers, timeout=10).json()["status"] == "active"
