"""A customer leaves over HTTP alone, as an agent would: the portal, what follows, a closure, and two ways back."""

from typing import Any

import requests

MONTH = 30 * 24 * 3600


class Customer:
    """What a customer's agent sees and does, with its key."""

    def __init__(self, sandbox: Any, email: str) -> None:
        self.sandbox, self.api = sandbox, f"{sandbox.env['API_URL']}/v1"
        self.headers = sandbox.sign_up(email, many=False)

    def call(self, method: str, path: str, status: int) -> dict[str, Any]:
        answer = requests.request(method, f"{self.api}{path}", headers=self.headers, timeout=30)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    def account(self, account: str) -> dict[str, Any]:
        return self.call("GET", f"/accounts/{account}", 200)

    def until(self, account: str, status: str) -> dict[str, Any]:
        self.sandbox.until(lambda: self.account(account)["status"] == status, 90, f"the account is {status}")
        return self.account(account)

    def until_payment(self, method: str) -> dict[str, Any]:
        self.sandbox.until(lambda: self.payment()["method"] == method, 60, f"payment is {method}")
        return self.payment()

    def payment(self) -> dict[str, Any]:
        return dict(self.call("GET", "/customer", 200)["payment"])

    def in_portal(self, action: str, **fields: str) -> int:
        url = self.call("POST", "/stripe/portal", 200)["url"]
        return requests.post(url, data={"action": action, **fields}, allow_redirects=False, timeout=10).status_code

    def subscription(self) -> str:
        page = requests.get(self.call("POST", "/stripe/portal", 200)["url"], timeout=10).text
        return page.partition('name="subscription" value="')[2].partition('"')[0]


def stripe_clock(sandbox: Any, seconds: int) -> None:
    url = f"{sandbox.env['STRIPE_API_BASE']}/_standin/clock/advance"
    assert requests.post(url, data={"seconds": str(seconds)}, timeout=10).status_code == 200


def state_in_aws(sandbox: Any, aws_account_id: str) -> str:
    return next(str(one["state"]) for one in sandbox.aws("accounts")["accounts"] if one["id"] == aws_account_id)


def test_who_cancels_goes_down_step_by_step_leaves_and_is_reopened(brief_sandbox: Any) -> None:
    sandbox = brief_sandbox
    one = Customer(sandbox, "leaving@example.com")
    account = one.call("POST", "/accounts", 202)["accountId"]
    aws_account_id = one.until(account, "active")["awsAccountId"]

    # Cancelled: told ahead, with every date, and nothing happens yet.
    assert one.in_portal("cancel", subscription=one.subscription()) == 303
    sandbox.until(lambda: "paidUntil" in one.payment(), 60, "the cancellation is known")
    told = one.payment()
    assert told["method"] == "valid"
    assert told["paidUntil"] < told["suspendsAt"] < told["closesAt"]
    mailed = "jsonpath={.items[*].spec.kind}"
    sandbox.until(lambda: "SubscriptionEnds" in sandbox.kubectl("get", "notifications", "-o", mailed), 30, "the mail")
    assert one.account(account)["status"] == "active"

    # The period ends: 402 at once, suspended after the grace, and the hold says when AWS would close it.
    stripe_clock(sandbox, MONTH)
    assert one.until_payment("missing")["reason"] == "NoSubscription"
    one.call("POST", "/accounts", 402)
    held = one.until(account, "suspended")
    assert [reason["reason"] for reason in held["suspensionReasons"]] == ["PaymentMethodMissing"]
    assert held["closesAt"] > told["suspendsAt"]
    assert one.call("POST", f"/accounts/{account}/resume", 409)["code"] == "account_held"

    # It leaves for good: closed after the quarantine, the same answer twice.
    leaving = one.call("DELETE", f"/accounts/{account}", 202)
    assert one.call("DELETE", f"/accounts/{account}", 202)["closesAt"] == leaving["closesAt"]
    sandbox.until(lambda: "closedAt" in one.account(account), 90, "the account is closed")
    closed = one.account(account)
    assert (closed["status"], state_in_aws(sandbox, aws_account_id)) == ("suspended", "CLOSED")
    assert closed["reopenableUntil"] > closed["closedAt"] >= leaving["closesAt"]
    assert one.call("POST", f"/accounts/{account}/resume", 409)["code"] == "account_closed"

    # Back: another subscription, and AWS Support.
    again = one.call("POST", "/stripe/portal", 200)["subscribeUrl"]
    form = {"email": "leaving@example.com", "cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
    assert requests.post(again, data=form, allow_redirects=False, timeout=10).status_code == 303
    one.until_payment("valid")
    url = f"{sandbox.env['AWS_ENDPOINT_URL']}/_standin/accounts/{aws_account_id}"
    assert requests.post(url, json={"state": "ACTIVE"}, timeout=10).status_code == 200
    back = one.until(account, "active")
    assert back["awsAccountId"] == aws_account_id
    assert back.keys().isdisjoint({"closesAt", "closedAt", "suspensionReasons"})


def test_who_comes_back_in_between_is_not_closed(brief_sandbox: Any) -> None:
    sandbox = brief_sandbox
    one = Customer(sandbox, "returning@example.com")
    account = one.call("POST", "/accounts", 202)["accountId"]
    one.until(account, "active")

    # Asked to be closed, and taken back within the quarantine.
    one.call("DELETE", f"/accounts/{account}", 202)
    assert one.call("POST", f"/accounts/{account}/resume", 202)["suspensionReasons"] == []
    assert "closesAt" not in one.until(account, "active")

    # Its own pause.
    one.call("POST", f"/accounts/{account}/suspend", 202)
    one.until(account, "suspended")
    one.call("POST", f"/accounts/{account}/resume", 202)
    one.until(account, "active")

    # Cancelled and ended, suspended, and subscribed again: all of it is lifted.
    assert one.in_portal("cancel", subscription=one.subscription()) == 303
    sandbox.until(lambda: "paidUntil" in one.payment(), 60, "the cancellation is known")
    stripe_clock(sandbox, MONTH)
    one.until_payment("missing")
    assert "closesAt" in one.until(account, "suspended")
    again = one.call("POST", "/stripe/portal", 200)["subscribeUrl"]
    form = {"email": "returning@example.com", "cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
    assert requests.post(again, data=form, allow_redirects=False, timeout=10).status_code == 303
    one.until_payment("valid")
    assert one.until(account, "active").keys().isdisjoint({"closesAt", "closedAt"})
    assert one.call("POST", f"/accounts/{account}/resume", 202)["status"] == "active"
