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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from e2e.pools import Pool

from batteries_sandbox import components
from batteries_sandbox.components import BIN, clean_environment

PROGRAMS = ("batteries-operator", "batteries-apiserver")
GROUP = "aibatteriesincluded.com/v1"
Grant = tuple[str, str, str]
"""A Role, a resource (with its subresource), a verb."""

BY_THE_HOUR: set[Grant] = {("batteries-apiserver-own", "apikeys", "delete")}
"""What comes by a clock that no test can wait for: keys that ended 90 days ago are looked for about once an hour."""


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
    written, _, _ = (Path(sandbox.env["LOG_DIR"]) / "audit.log").read_text().rpartition("\n")
    for line in written.splitlines():  # what follows the last line break is being written
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
        **components.OPERATOR_SETTINGS,
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
    get_tokens(sandbox, f"{api}/accounts", account, mine)
    return account


def get_tokens(sandbox: Any, accounts: str, account: str, headers: dict[str, str]) -> None:
    """Tokens for AWS, before and after their Event is there; and the key that signs them is rotated."""

    def get() -> bool:
        return requests.post(f"{accounts}/{account}/token", headers=headers, timeout=10).status_code == 200

    sandbox.until(get, 60, "there is a token")
    told = ("get", "events", f"--field-selector=reason=TokenIssued,involvedObject.name={account}", "-o", "name")
    sandbox.until(lambda: sandbox.kubectl(*told), 30, "the token is told")
    assert get()
    environment = {
        **clean_environment(),
        "BATTERIES_KUBECONFIG": str(sandbox.folder / "apiserver.kubeconfig"),
        "BATTERIES_NAMESPACE": sandbox.env["NAMESPACE"],
    }
    subprocess.run([str(BIN / "batteries-apiserver"), "rotate-issuer-key"], env=environment, check=True, timeout=60)


def confirm_address(sandbox: Any, email: str) -> None:
    """By the link that was mailed."""

    def token() -> str | None:
        found = [re.search(r"/confirm-email#(\S+)", mail["text"]) for mail in mails_to(sandbox, email)]
        return next((each[1] for each in found if each), None)

    sandbox.until(token, 30, "the link was mailed")
    url = f"{sandbox.env['API_URL']}/v1/confirm-email"
    assert requests.post(url, json={"token": token()}, timeout=10).status_code == 200


def mails_to(sandbox: Any, email: str) -> list[dict[str, Any]]:
    return [mail for mail in sandbox.aws("mails")["mails"] if email in mail["to"]]


def lose_a_payment_method(sandbox: Any) -> None:
    """A Customer whose grace period has begun: the operator makes a Notification of it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"paymentMethod": "missing", "paymentMethodSince": now, "paymentGraceSince": now}
    made = {"apiVersion": GROUP, "kind": "Customer", "metadata": {"name": "lost"}, "spec": {"email": "l@example.com"}}
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    _patch_status(sandbox, sandbox.env["NAMESPACE"], "customer/lost", status)


def outlast_the_grace(sandbox: Any, account: str) -> None:
    """The account expired long ago, and its owner was told in time that AWS closes it now: it looks for that mail."""
    now = datetime.now(UTC)
    ended, at, told = ((now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (40, 0, 2))
    spec = {"spec": {"expiresAt": ended, "expiryPolicy": "Close"}}
    sandbox.kubectl("patch", "awsaccount", account, "--type=merge", "-p", json.dumps(spec))
    held = "--for=jsonpath={.status.holds.Expired.closesAt}"
    sandbox.kubectl("wait", f"awsaccount/{account}", held, "--timeout=60s")
    notice = {"about": at, "stage": "Day", "since": told}
    status = {"holds": {"Expired": {"closesAt": at}}, "notices": {"Closure": notice}}
    _patch_status(sandbox, sandbox.env["NAMESPACE"], f"awsaccount/{account}", status)
    sandbox.kubectl("wait", f"awsaccount/{account}", "--for=jsonpath={.status.closedAt}", "--timeout=90s")


def long_finished(sandbox: Any, namespace: str) -> None:
    """A Notification that an operator which starts now finds two weeks old, and deletes."""
    spec = {"kind": "KeyRevoked", "customerRef": {"name": "nobody"}, "details": {"keyPrefix": "a4f9ab2b", "by": "you"}}
    made = {"apiVersion": GROUP, "kind": "Notification", "metadata": {"name": "old"}, "spec": spec}
    sandbox.cluster.run("apply", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(made))
    where = ("notification/old", f"--namespace={namespace}", "--for=jsonpath={.status.state}=Dropped")
    sandbox.cluster.run("wait", *where, "--timeout=30s")  # there is no such Customer
    _patch_status(sandbox, namespace, "notification/old", {"finishedAt": "2026-01-01T00:00:00Z"})


def _patch_status(sandbox: Any, namespace: str, what: str, status: dict[str, Any]) -> None:
    how = (f"--namespace={namespace}", "--subresource=status", "--type=merge")
    sandbox.cluster.run("patch", what, *how, "-p", json.dumps({"status": status}))


def _status(api: str, account: str, headers: dict[str, str]) -> str:
    return str(requests.get(f"{api}/accounts/{account}", headers=headers, timeout=10).json().get("status"))


def test_every_rule_of_the_roles_is_used_and_nothing_is_asked_for_that_they_lack(sandbox: Any, pool: Pool) -> None:
    # An answer of AWS that is lost has the operator look for the password that it stored before.
    lost = {"kind": "answer_lost", "service": "iam", "operation": "CreateLoginProfile"}
    aws = f"{sandbox.env['AWS_ENDPOINT_URL']}/_standin/faults"
    requests.post(aws, json=lost, timeout=10).raise_for_status()
    account = use_the_api(sandbox)
    api, admin = f"{sandbox.env['API_URL']}/v1", {"Authorization": f"Bearer {sandbox.env['ADMIN_API_KEY']}"}
    # The second suspension finds a first password that nobody has taken.
    for act, status in (("suspend", "suspended"), ("resume", "active"), ("suspend", "suspended")):
        answer = requests.post(f"{api}/admin/accounts/{account}/{act}", headers=admin, timeout=10)
        assert answer.status_code == 200, answer.text
        sandbox.kubectl("wait", f"awsaccount/{account}", f"--for=jsonpath={{.status.phase}}={status}", "--timeout=60s")
    outlast_the_grace(sandbox, account)
    sandbox.kubectl("delete", "awsaccount", account, "--timeout=60s")
    confirm_address(sandbox, "every-rule@example.com")
    lose_a_payment_method(sandbox)
    pool.fill(1)
    pool.end()  # nobody took its member: the operator deletes that with it
    listed = granted(sandbox)
    assert len(listed) > 30
    namespace = f"rules-{uuid.uuid4().hex[:8]}"
    sandbox.cluster.create_namespace(namespace)
    long_finished(sandbox, namespace)

    def unused() -> set[Grant]:
        return listed - BY_THE_HOUR - {grant for decision, grant in asked(sandbox) if decision == "allow"}

    with other_operator(sandbox, namespace):
        deadline = time.monotonic() + 30  # uses of keys are written every ten seconds
        while unused() and time.monotonic() < deadline:
            time.sleep(0.2)
    assert unused() == set(), "granted, and never asked for"
    assert {grant for decision, grant in asked(sandbox) if decision != "allow"} == set()
