"""No rule of the chart's Roles is there in vain: each verb on each resource was asked for, and allowed by that Role.

The API server of the sandbox writes down what each service account asks for and which binding lets it. What every
granted pair was used for is a request of one of the two programs that would have been refused without it; and nothing
that they asked for was refused. `tests/integration/test_permissions.py` shows the other direction, that there is
nothing beside what is listed.
"""

import json
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from batteries_sandbox import parts
from batteries_sandbox.parts import BIN, clean_environment

OUT_OF_DATE = "Known gap: not yet brought in line with this release's sessions, mails and rules (changelog)."

PROGRAMS = ("batteries-operator", "batteries-apiserver")
Grant = tuple[str, str, str]
"""A Role, a resource (with its subresource), a verb."""


def granted(sandbox: Any) -> set[Grant]:
    """What the chart's Roles and ClusterRoles hold, one verb on one resource at a time."""
    found: set[Grant] = set()
    for kind in ("clusterroles", "roles"):
        for role in json.loads(sandbox.kubectl("get", kind, "-o", "json"))["items"]:
            name = role["metadata"]["name"]
            if name.removesuffix("-own") in PROGRAMS:
                found |= {
                    (name, on, verb) for rule in role["rules"] for on in rule["resources"] for verb in rule["verbs"]
                }
    return found


def asked(sandbox: Any) -> Iterator[tuple[str, Grant]]:
    """Every decision on a request for a resource, by the two programs, and the Role that let it."""
    for line in (Path(sandbox.env["LOG_DIR"]) / "audit.log").read_text().splitlines():
        event = json.loads(line)
        program = event["user"]["username"].rpartition(":")[2]
        on = event.get("objectRef", {})
        if program not in PROGRAMS or "resource" not in on:
            continue
        notes = event["annotations"]
        role = re.search(r'Role "([^"]+)"', notes["authorization.k8s.io/reason"])
        resource = "/".join(filter(None, (on["resource"], on.get("subresource"))))
        decision = notes["authorization.k8s.io/decision"]
        yield decision, (role[1] if role else program, resource, event["verb"])
        if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201:
            # Server-side apply that creates needs both verbs; the second is asked for within, and not written down.
            yield decision, (f"{program}-own", resource, "create")


@contextmanager
def other_operator(sandbox: Any, namespace: str) -> Iterator[None]:
    """An operator as a release with a list of namespaces and a grace period for customers who don't pay."""
    env = sandbox.env
    settings = {
        **parts.OPERATOR_SETTINGS,
        "BATTERIES_KUBECONFIG": str(sandbox.folder / "operator.kubeconfig"),
        "BATTERIES_NAMESPACES": namespace,
        "BATTERIES_SUSPEND_UNPAID_SECONDS": "3600",
        "BATTERIES_LEADER_ELECTION": "false",
        "BATTERIES_METRICS_PORT": "0",
        "BATTERIES_HEALTH_PORT": "0",
    }
    aws = {name: value for name, value in env.items() if name.startswith("AWS_")}
    environment = {**clean_environment(), **aws, **settings}
    with (Path(env["LOG_DIR"]) / "other-operator.log").open("wb") as log:
        process = subprocess.Popen([str(BIN / "batteries-operator"), "run"], env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def use_the_api(sandbox: Any) -> str:
    """An account from asking for it to its password revealed, keys made and revoked; the account's id."""
    api, mine = f"{sandbox.env['API_URL']}/v1", sandbox.sign_up("every-rule@example.com")
    asked_for = requests.post(f"{api}/accounts", headers={**mine, "Prefer": "wait=30"}, json={}, timeout=60).json()
    account: str = asked_for["accountId"]
    sandbox.until(lambda: _status(api, account, mine) == "active", 60, "the account is active")
    assert requests.post(f"{api}/accounts/{account}/credentials", headers=mine, timeout=10).status_code == 200
    key = requests.post(f"{api}/keys", headers=mine, json={"name": "second"}, timeout=10).json()["id"]
    assert requests.delete(f"{api}/keys/{key}", headers=mine, timeout=10).status_code == 204
    assert requests.delete(f"{api}/keys/{uuid.uuid4()}", headers=mine, timeout=10).status_code == 404
    return account


def _status(api: str, account: str, headers: dict[str, str]) -> str:
    return str(requests.get(f"{api}/accounts/{account}", headers=headers, timeout=10).json().get("status"))


@pytest.mark.skip(reason=OUT_OF_DATE)
def test_every_rule_of_the_roles_is_used_and_nothing_is_asked_for_that_they_lack(sandbox: Any) -> None:
    # An answer of AWS that is lost has the operator look for the password that it stored before.
    lost = {"kind": "answer_lost", "service": "iam", "operation": "CreateLoginProfile"}
    aws = f"{sandbox.env['AWS_ENDPOINT_URL']}/_standin/faults"
    requests.post(aws, json=lost, timeout=10).raise_for_status()
    account = use_the_api(sandbox)
    api, admin = f"{sandbox.env['API_URL']}/v1", {"Authorization": f"Bearer {sandbox.env['ADMIN_API_KEY']}"}
    for act, status in (("suspend", "suspended"), ("resume", "active")):
        answer = requests.post(f"{api}/admin/accounts/{account}/{act}", headers=admin, timeout=10)
        assert answer.status_code == 200, answer.text
        sandbox.kubectl("wait", f"awsaccount/{account}", f"--for=jsonpath={{.status.phase}}={status}", "--timeout=60s")
    listed = granted(sandbox)
    assert len(listed) > 30
    namespace = f"rules-{uuid.uuid4().hex[:8]}"
    sandbox.cluster.create_namespace(namespace)

    def unused() -> set[Grant]:
        return listed - {grant for decision, grant in asked(sandbox) if decision == "allow"}

    with other_operator(sandbox, namespace):
        deadline = time.monotonic() + 30  # uses of keys are written every ten seconds
        while unused() and time.monotonic() < deadline:
            time.sleep(0.2)
    assert unused() == set(), "granted, and never asked for"
    assert {grant for decision, grant in asked(sandbox) if decision != "allow"} == set()
