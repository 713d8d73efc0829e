"""A pool of accounts as its users meet it: over HTTP, with kubectl, and at its end by both policies."""

import re
from typing import Any

import pytest
import requests
from e2e.pools import GROUP, Pool

REPOSITORY = "acme/pooled"


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


def test_a_request_gets_the_prepared_account_and_the_next_one_falls_through_to_aws(
    sandbox: Any, customers_pool: Pool
) -> None:
    pool = customers_pool
    [member] = pool.fill_once(1)
    assert pool.unit_of(member) == "Pool"
    headers = sandbox.sign_up("pool@example.com")
    first = ask(sandbox, headers)
    assert first["message"].startswith("An account of the pool is ready for you: it takes seconds (")
    claimed = active(sandbox, first, headers)
    pool.kubectl("wait", f"accountpool/{pool.name}", "--for=jsonpath={.status.ready}=0", "--timeout=60s")
    second = ask(sandbox, headers)
    assert second["message"].startswith("Asking AWS for the account (")
    cold = active(sandbox, second, headers)
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


def test_kubectl_shows_pools_and_members_and_its_awsaccount_takes_one(pool: Pool) -> None:
    [member] = pool.fill_once(1)
    name = member["metadata"]["name"]
    heads = {
        "accountpools": "NAME SIZE READY PREPARING FILLED AGE",
        "pooledaccounts": "NAME READY REASON AWS ACCOUNT POOL CLAIMED BY AGE",
    }
    for kind, head in heads.items():
        assert re.sub(" +", " ", pool.kubectl("get", kind).splitlines()[0]).strip() == head
    assert re.search(rf"^{pool.name} +0 +1 +0 +True ", pool.kubectl("get", "apool"), re.MULTILINE)
    row = rf"^{name} +True +\w+ +{member['status']['awsAccountId']} +{pool.name} +\d"
    assert re.search(row, pool.kubectl("get", "pooled"), re.MULTILINE)
    pool.apply_account("by-kubectl", githubRepos=[REPOSITORY])
    status = pool.until_ready("by-kubectl")
    assert (status["awsAccountId"], status["claim"]["member"]) == (member["status"]["awsAccountId"], name)
    row = rf"^{name} +False +\w+ +{member['status']['awsAccountId']} +{pool.name} +by-kubectl +\d"
    assert re.search(row, pool.kubectl("get", "pooled"), re.MULTILINE)


def test_an_account_of_another_namespace_gets_nothing_from_it(sandbox: Any, pool: Pool) -> None:
    [member] = pool.fill_once(1)
    elsewhere = Pool(sandbox, sandbox.env["NAMESPACE"], pool.name)
    elsewhere.apply_account("beside-a-pool")
    assert elsewhere.until_ready("beside-a-pool").keys() & {"awsAccountId", "claim"} == {"awsAccountId"}
    assert pool.free == [member]


@pytest.mark.parametrize("policy", ["Retain", "Close"])
def test_a_member_that_is_deleted_goes_by_its_policy_and_says_so(pool: Pool, policy: str) -> None:
    [member] = pool.fill_once(1, deletionPolicy=policy)
    name = member["metadata"]["name"]
    pool.kubectl("delete", "pooledaccount", name, "--timeout=60s")
    assert pool.in_aws(member)["state"] == ("ACTIVE" if policy == "Retain" else "CLOSED")
    assert member["status"]["awsAccountId"] in " ".join(pool.events("PooledAccount", name))


@pytest.mark.parametrize("policy", ["Retain", "Close"])
def test_a_pool_that_is_deleted_takes_its_unclaimed_members_with_it(pool: Pool, policy: str) -> None:
    members = pool.fill_once(2, deletionPolicy=policy)
    pool.apply_account("taker")
    status = pool.until_ready("taker")
    [taken] = [each for each in members if each["status"]["awsAccountId"] == status["awsAccountId"]]
    [left] = [each for each in members if each is not taken]
    pool.end()
    assert [each["metadata"]["name"] for each in pool.members] == [taken["metadata"]["name"]]
    assert pool.in_aws(left)["state"] == ("ACTIVE" if policy == "Retain" else "CLOSED")
    assert pool.in_aws(taken)["state"] == "ACTIVE"
    said = " ".join(pool.events("AccountPool", pool.name))
    assert (left["status"]["awsAccountId"] in said) == (policy == "Retain")
    assert taken["status"]["awsAccountId"] not in said
