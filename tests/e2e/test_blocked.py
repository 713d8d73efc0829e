"""A blocked customer, from HTTP and kubectl to AWS: the accounts close, no other is made, and unblocking opens them."""

from typing import Any

import requests
import yaml


def test_blocking_closes_what_there_is_and_stops_what_comes(sandbox: Any) -> None:
    api, headers = sandbox.env["API_URL"], sandbox.sign_up("blocked@example.com")
    admin = {"Authorization": f"Bearer {sandbox.env['ADMIN_API_KEY']}"}

    def status(account: str) -> str:
        return str(requests.get(f"{api}/v1/accounts/{account}", headers=headers, timeout=10).json()["status"])

    def order(customer: str, what: str) -> dict[str, Any]:
        answer = requests.post(f"{api}/v1/admin/customers/{customer}/{what}", headers=admin, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    account = requests.post(f"{api}/v1/accounts", headers=headers, timeout=10).json()["accountId"]
    sandbox.until(lambda: status(account) == "active", 120, "the account is active")
    shown = requests.get(f"{api}/v1/admin/accounts", headers=admin, timeout=10).json()["accounts"]
    [customer] = [one["customerId"] for one in shown if one["accountId"] == account]
    try:
        assert order(customer, "block")["blocked"] is True
        assert requests.post(f"{api}/v1/accounts", headers=headers, timeout=10).status_code == 403
        manifest = {
            "apiVersion": "aibatteriesincluded.com/v1",
            "kind": "AwsAccount",
            "metadata": {"name": "of-the-blocked"},
            "spec": {"customerRef": {"name": customer}},
        }
        sandbox.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
        sandbox.until(lambda: status(account) == "suspended", 60, "the account is suspended")
        sandbox.kubectl("wait", "awsaccount/of-the-blocked", "--for=condition=Suspended", "--timeout=60s")
        held = yaml.safe_load(sandbox.kubectl("get", "awsaccount", "of-the-blocked", "-o", "yaml"))["status"]
        assert list(held["holds"]) == ["CustomerBlocked"]
        assert "createRequest" not in held
        assert "awsAccountId" not in held
    finally:
        assert order(customer, "unblock")["blocked"] is False
    sandbox.until(lambda: status(account) == "active", 60, "the account is open again")
    sandbox.kubectl("wait", "awsaccount/of-the-blocked", "--for=condition=Ready", "--timeout=120s")
    sandbox.kubectl("delete", "awsaccount", "of-the-blocked", "--wait=false")
