"""From an API key to AWS, by each of the ways that the API's own instructions describe, word for word."""

import json
import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from batteries_crds.agent_access import KEY_TAG, ROLE_NAME
from batteries_sandbox.components import BIN

CALL = """
import boto3
print(boto3.Session({profile}).client("sts").get_caller_identity()["Arn"])
"""


@dataclass
class Agent:
    """A customer's agent with an active account, and a home directory of its own."""

    sandbox: Any
    headers: dict[str, str]
    account_id: str
    aws_account_id: str
    home: Path

    def ask(self) -> requests.Response:
        url = f"{self.sandbox.env['API_URL']}/v1/accounts/{self.account_id}/token"
        return requests.post(url, headers=self.headers, timeout=10)

    @property
    def instructions(self) -> dict[str, str]:
        answer = self.ask()
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()["instructions"]
        return found

    @property
    def environment(self) -> dict[str, str]:
        """What the agent's shell has: no AWS credentials but its API key."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "API_KEY": self.headers["Authorization"].removeprefix("Bearer "),
            "AWS_ENDPOINT_URL": self.sandbox.env["AWS_ENDPOINT_URL"],
        }

    def run(self, *argv: str, script: str = "") -> str:
        done = subprocess.run(
            argv, input=script, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
        return done.stdout

    @property
    def session(self) -> str:
        return f"arn:aws:sts::{self.aws_account_id}:assumed-role/{ROLE_NAME}/agent"


@pytest.fixture(scope="module")
def agent(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Agent:
    headers = sandbox.sign_up("agent-access@example.com")
    api = f"{sandbox.env['API_URL']}/v1/accounts"
    made = requests.post(api, json={}, headers=headers, timeout=10).json()

    def active() -> Any:
        detail = requests.get(f"{api}/{made['accountId']}", headers=headers, timeout=10).json()
        return detail if detail["status"] == "active" else None

    detail = sandbox.until(active, 60, "the account is active")
    found = Agent(sandbox, headers, made["accountId"], detail["awsAccountId"], tmp_path_factory.mktemp("home"))
    # A server that has just made its first key lets every replica hear of it before it signs.
    sandbox.until(lambda: found.ask().status_code != 503, 60, "the API server signs tokens")
    return found


def test_three_lines_of_shell_end_in_the_account(agent: Agent) -> None:
    lines = agent.instructions["shell"]
    assert len(lines.splitlines()) == 3
    made = f"aws s3 mb s3://shell-{agent.account_id} && aws s3 ls"
    printed = agent.run("bash", "-eu", script=f"{lines}\n{made}\n")
    assert json.loads(printed[: printed.index("}") + 1])["Arn"] == agent.session
    assert f"make_bucket: shell-{agent.account_id}" in printed


def test_credential_process_serves_the_cli_and_an_sdk(agent: Agent) -> None:
    folder = agent.home / ".aws"
    folder.mkdir(exist_ok=True)
    script = folder / "agent-credentials"
    script.write_text(agent.instructions["credentialProcess"])
    script.chmod(stat.S_IRWXU)
    (folder / "config").write_text(f"[profile agent]\nregion = us-east-1\ncredential_process = {script}\n")
    assert agent.session in agent.run("aws", "--profile", "agent", "sts", "get-caller-identity")
    assert agent.run("python", "-c", CALL.format(profile="profile_name='agent'")).strip() == agent.session


def test_token_in_a_file_serves_an_sdk(agent: Agent) -> None:
    lines = agent.instructions["sdk"]
    printed = agent.run("bash", "-eu", script=f"{lines}\npython -c '{CALL.format(profile='')}'\nkill %1\n")
    assert printed.strip() == agent.session
    assert stat.S_IMODE((agent.home / ".aws-token").stat().st_mode) == 0o600


def test_aws_says_which_api_key_did_what(agent: Agent) -> None:
    agent.run("bash", "-eu", script=f"{agent.instructions['shell']}\naws s3 ls\n")
    calls = agent.sandbox.aws("calls?operation=ListBuckets")["calls"]
    ours = [call for call in calls if call["accountId"] == agent.aws_account_id]
    keys = f"{agent.sandbox.env['API_URL']}/v1/keys"
    listed = requests.get(keys, headers=agent.headers, timeout=10).json()
    assert [call["sessionTags"] for call in ours[-1:]] == [{KEY_TAG: listed["keys"][0]["id"]}]


def test_session_from_before_a_suspension_can_do_nothing_after_it(agent: Agent) -> None:
    """The last test of the account: it stays suspended."""
    lines = agent.instructions["shell"]
    token = agent.ask().json()
    kept = agent.run("bash", "-eu", script=f"{lines} >&2\naws s3 ls >&2\nenv | grep ^AWS_").split()
    own = agent.sandbox.kubectl("get", "awsaccounts", "-o", "json")
    name = next(
        each["metadata"]["name"]
        for each in json.loads(own)["items"]
        if each["status"].get("awsAccountId") == agent.aws_account_id
    )
    agent.sandbox.kubectl("patch", "awsaccount", name, "--type=merge", "-p", '{"spec": {"suspended": true}}')
    agent.sandbox.kubectl("wait", f"awsaccount/{name}", "--for=condition=Quarantined", "--timeout=120s")
    done = subprocess.run(
        [str(BIN / "aws"), "s3", "ls"],
        env={**agent.environment, **dict(each.split("=", 1) for each in kept)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "AccessDenied" in done.stderr
    assert "explicit deny in a service control policy" in done.stderr
    assert agent.ask().status_code == 409

    def refused() -> bool:
        form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleSessionName": "agent"}
        form |= {"RoleArn": token["roleArn"], "WebIdentityToken": token["token"]}
        return requests.post(agent.sandbox.env["AWS_ENDPOINT_URL"], data=form, timeout=10).status_code != 200

    agent.sandbox.until(refused, 60, "the role admits no token any more")
