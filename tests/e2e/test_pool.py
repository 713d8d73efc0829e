"""A pool of accounts as its users meet it: over HTTP, with kubectl, and at its end by both policies."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

POOL = "e2e"
GROUP = "aibatteriesincluded.com"
REPOSITORY = "acme/pooled"


class Pool:
    """The pool `e2e` of the sandbox's namespace."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox

    def apply(self, **spec: Any) -> None:
        pool = {"apiVersion": f"{GROUP}/v1", "kind": "AccountPool", "metadata": {"name": POOL}, "spec": spec}
        self.sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(pool))

    def filled(self, size: int, **spec: Any) -> list[dict[str, Any]]:
        """Applies it, and returns its members once as many as that are ready; it makes no more then."""
        self.apply(size=size, **spec)
        self.sandbox.kubectl("wait", f"accountpool/{POOL}", "--for=condition=Filled", "--timeout=120s")
        self.apply(size=0, **spec)
        ready = [member for member in self.members if not member["status"].get("claimedBy")]
        assert len(ready) == size
        return ready

    @property
    def members(self) -> list[dict[str, Any]]:
        selector = f"--field-selector=spec.poolRef.name={POOL}"
        found = json.loads(self.sandbox.kubectl("get", "pooledaccounts", selector, "-o", "json"))
        return [item for item in found["items"]]

    def delete(self) -> None:
        self.sandbox.kubectl("delete", "accountpool", POOL, "--ignore-not-found", "--timeout=60s")

    def in_aws(self, member: dict[str, Any]) -> dict[str, Any]:
        """The stand-in's own view of the member's AWS account."""
        [found] = [
            each for each in self.sandbox.aws("accounts")["accounts"] if each["id"] == member["status"]["awsAccountId"]
        ]
        return dict(found)

    def unit_of(self, member: dict[str, Any]) -> str:
        unit = self.in_aws(member)["parentId"]
        found = self.sandbox.boto3("organizations").describe_organizational_unit(OrganizationalUnitId=unit)
        return str(found["OrganizationalUnit"]["Name"])

    def events(self, kind: str, name: str) -> str:
        """What describe tells of an object that may be gone."""
        selector = f"--field-selector=involvedObject.kind={kind},involvedObject.name={name}"
        return str(self.sandbox.kubectl("get", "events", selector, "-o", "jsonpath={.items[*].message}"))


@pytest.fixture
def pool(sandbox: Any) -> Iterator[Pool]:
    made = Pool(sandbox)
    yield made
    made.delete()


def ask(sandbox: Any, headers: dict[str, str]) -> dict[str, Any]:
    body = {"githubRepos": [REPOSITORY]}
    answer = requests.post(f"{sandbox.env['API_URL']}/v1/accounts", json=body, headers=headers, timeout=30)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def active(sandbox: Any, account: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    url = f"{sandbox.env['API_URL']}/v1/accounts/{account['accountId']}"

    def detail() -> dict[str, Any] | None:
        found: dict[str, Any] = requests.get(url, headers=headers, timeout=10).json()
        return found if found["status"] == "active" else None

    return dict(sandbox.until(detail, 60, "the account is active"))


def test_a_request_gets_the_prepared_account_and_the_next_one_falls_through_to_aws(sandbox: Any, pool: Pool) -> None:
    [member] = pool.filled(1)
    assert pool.unit_of(member) == "Pool"
    headers = sandbox.sign_up("pool@example.com")
    first, second = ask(sandbox, headers), ask(sandbox, headers)
    assert first["message"].startswith("An account of the pool is ready for you: it takes seconds (")
    assert second["message"].startswith("Asking AWS for the account (")
    claimed, cold = active(sandbox, first, headers), active(sandbox, second, headers)
    assert claimed["awsAccountId"] == member["status"]["awsAccountId"] != cold["awsAccountId"]
    assert claimed["message"].startswith("The account came from the pool, and has been ready to use for ")
    assert cold["message"].startswith("The account has been ready to use for ")
    tags = pool.in_aws(member)["tags"]
    assert tags[f"{GROUP}/account-id"] == first["accountId"]
    assert tags[f"{GROUP}/resource"].endswith(f"/{first['accountId']}")
    assert pool.unit_of(member) != "Pool"
    for detail in (claimed, cold):
        assert sandbox.assumes(detail["oidcRoleArn"], f"repo:{REPOSITORY}:ref:refs/heads/main")
        assert not sandbox.assumes(detail["oidcRoleArn"], "repo:acme/other:ref:refs/heads/main")


def test_kubectl_shows_pools_and_members_and_its_awsaccount_takes_one(sandbox: Any, pool: Pool) -> None:
    [member] = pool.filled(1)
    name = member["metadata"]["name"]
    heads = {
        "accountpools": "NAME SIZE READY PREPARING FILLED AGE",
        "pooledaccounts": "NAME READY REASON AWS ACCOUNT POOL CLAIMED BY AGE",
    }
    for kind, head in heads.items():
        assert re.sub(" +", " ", sandbox.kubectl("get", kind).splitlines()[0]).strip() == head
    assert re.search(rf"^{POOL} +0 +1 +0 +True ", sandbox.kubectl("get", "apool"), re.MULTILINE)
    row = rf"^{name} +True +\w+ +{member['status']['awsAccountId']} +{POOL} +\d"
    assert re.search(row, sandbox.kubectl("get", "pooled"), re.MULTILINE)
    account = {"apiVersion": f"{GROUP}/v1", "kind": "AwsAccount", "metadata": {"name": "pooled-by-kubectl"}}
    spec = {"email": "platform@example.com", "githubRepos": [REPOSITORY]}
    sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(account | {"spec": spec}))
    sandbox.kubectl("wait", "awsaccount/pooled-by-kubectl", "--for=condition=Ready", "--timeout=60s")
    where = "jsonpath={.status.awsAccountId} {.status.claim.member}"
    shown = sandbox.kubectl("get", "awsaccount", "pooled-by-kubectl", "-o", where)
    assert shown == f"{member['status']['awsAccountId']} {name}"
    row = rf"^{name} +False +\w+ +{member['status']['awsAccountId']} +{POOL} +pooled-by-kubectl +\d"
    assert re.search(row, sandbox.kubectl("get", "pooled"), re.MULTILINE)


@pytest.mark.parametrize("policy", ["Retain", "Close"])
def test_a_member_that_is_deleted_goes_by_its_policy_and_says_so(sandbox: Any, pool: Pool, policy: str) -> None:
    [member] = pool.filled(1, deletionPolicy=policy)
    sandbox.kubectl("delete", "pooledaccount", member["metadata"]["name"], "--timeout=60s")
    assert pool.in_aws(member)["state"] == ("ACTIVE" if policy == "Retain" else "CLOSED")
    assert member["status"]["awsAccountId"] in pool.events("PooledAccount", member["metadata"]["name"])


@pytest.mark.parametrize("policy", ["Retain", "Close"])
def test_a_pool_that_is_deleted_takes_its_unclaimed_members_with_it(sandbox: Any, pool: Pool, policy: str) -> None:
    members = pool.filled(2, deletionPolicy=policy)
    headers = sandbox.sign_up(f"{policy.lower()}@example.com")
    detail = active(sandbox, ask(sandbox, headers), headers)
    [taken] = [each for each in members if each["status"]["awsAccountId"] == detail["awsAccountId"]]
    [left] = [each for each in members if each is not taken]
    pool.delete()
    assert [each for each in pool.members if not each["status"].get("claimedBy")] == []
    assert pool.in_aws(left)["state"] == ("ACTIVE" if policy == "Retain" else "CLOSED")
    assert pool.in_aws(taken)["state"] == "ACTIVE"
    if policy == "Retain":
        assert left["status"]["awsAccountId"] in pool.events("AccountPool", POOL)
