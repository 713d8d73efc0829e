"""The README's journey, walked as a customer would: from a card to an AWS account to which GitHub Actions can deploy,
and in which the API key alone is enough to work.

Every step is a plain HTTP call, a kubectl command or an AWS call; each is printed as it happens.
"""

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
import boto3

from batteries_operator.runtime.settings import OWN_ROLE
from batteries_sandbox.agent_calls import call, work_in_the_account
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import CHECKOUT
from batteries_sandbox.pool_journey import prepare_one, take_it
from batteries_sandbox.sandbox import Running
from batteries_sandbox.until_active import until_active

FOLLOW_SECONDS = 30
EMAIL = "agent@example.com"
CARD = "5555555555554444"
"""Not the README's: customers with the same card share one limit, and its commands make two accounts more."""

REPOSITORIES = ["my-org/my-app", "my-org/infra"]
OTHER_REPOSITORIES = ["my-org/my-app", "my-org@583231/website@1296269"]
SAMPLE = CHECKOUT / "crds" / "samples" / "awsaccount.yaml"


def heading(text: str) -> None:
    """One step of the journey."""
    print(f"\n\033[1m{text}\033[0m" if _colour() else f"\n{text}", flush=True)


def _colour() -> bool:
    return sys.stdout.isatty()


async def walk(running: Running) -> dict[str, Any]:
    """Walks it and returns the account's detail at the end.

    Raises:
        SandboxError: a step did not come out as the README says.
    """
    async with aiohttp.ClientSession() as http:
        heading("1. Sign up: POST /v1/stripe/setup")
        setup = await call(http, "POST", f"{running.api_url}/v1/stripe/setup", 200, json={"email": EMAIL})
        print(f"   {setup['url']}")

        heading("2. Pay on the hosted page")
        await _pay(http, setup["url"])

        heading("3. Fetch the key, once: GET /v1/stripe/session/{id}")
        session = await call(http, "GET", f"{running.api_url}/v1/stripe/session/{setup['sessionId']}", 200)
        print(f"   customer {session['customerId']}, key {session['apiKey'][:12]}…")
        key = {"Authorization": f"Bearer {session['apiKey']}"}

        heading("4. Ask for an account: POST /v1/accounts")
        body, asked = {"githubRepos": REPOSITORIES}, time.monotonic()
        account = await call(http, "POST", f"{running.api_url}/v1/accounts", 202, json=body, headers=key)
        print(f"   {account['accountId']} {account['status']}")

        heading("   Beside it, with kubectl: an AwsAccount of the platform team")
        print(
            "   " + running.cluster.run("apply", f"--filename={SAMPLE}", f"--namespace={running.env['NAMESPACE']}"),
            end="",
        )

        heading("5. Poll it: GET /v1/accounts/{id}")
        url = f"{running.api_url}/v1/accounts/{account['accountId']}"
        detail, cold = await until_active(http, url, key, asked)

        heading("   Beside it: a pool of one account that is prepared before anybody asks")
        await prepare_one(running)

        heading("6. Its trust policy in AWS admits the repositories")
        await _until_admitted(running, detail["awsAccountId"], REPOSITORIES)

        heading("7. Other repositories: PATCH /v1/accounts/{id}")
        await call(http, "PATCH", url, 200, json={"githubRepos": OTHER_REPOSITORIES}, headers=key)
        await _until_admitted(running, detail["awsAccountId"], OTHER_REPOSITORIES)

        heading("8. kubectl sees both")
        await _kubectl_sees_both(running)

        heading("9. From the API key into the account: POST /v1/accounts/{id}/token, then AWS itself")
        await work_in_the_account(http, running.env, url, key)

        heading("10. Another account: it comes from the pool")
        await take_it(running, http, key, cold)

        detail = await call(http, "GET", url, 200, headers=key)
        heading("The first account's detail:")
        print(json.dumps(detail, indent=2), flush=True)
        return detail


async def _pay(http: aiohttp.ClientSession, url: str) -> None:
    form = {"email": EMAIL, "cardNumber": CARD, "cardExpiry": "12/34", "cardCvc": "123"}
    async with http.post(url, data=form, allow_redirects=False) as answer:
        if answer.status != 303:
            raise SandboxError(f"The checkout page answered {answer.status}: {(await answer.text())[:300]}")
    print(f"   card {CARD} saved")


def trust_policy(env: dict[str, str], aws_account_id: str) -> dict[str, Any]:
    """The deploy role's trust policy, read from AWS inside the member account."""
    options: dict[str, Any] = {"region_name": env["AWS_REGION"], "endpoint_url": env["AWS_ENDPOINT_URL"]}
    sts = boto3.client(
        "sts",
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        **options,
    )
    role = f"arn:aws:iam::{aws_account_id}:role/{OWN_ROLE}"
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="sandbox")["Credentials"]
    iam = boto3.client(
        "iam",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        **options,
    )
    document: Any = iam.get_role(RoleName="GitHubActionsDeployRole")["Role"]["AssumeRolePolicyDocument"]
    policy: dict[str, Any] = document
    return policy


async def _until_admitted(running: Running, aws_account_id: str, repositories: list[str]) -> None:
    """Waits until exactly these repositories are in the trust policy, and prints its subjects."""
    deadline = time.monotonic() + FOLLOW_SECONDS
    subjects: list[str] = []
    while time.monotonic() < deadline:
        policy = await asyncio.to_thread(trust_policy, running.env, aws_account_id)
        subjects = policy["Statement"][0]["Condition"]["StringLike"]["token.actions.githubusercontent.com:sub"]
        if {_plain(subject) for subject in subjects} == {_plain(f"repo:{name}:*") for name in repositories}:
            for subject in subjects:
                print(f"   {subject}")
            return
        await asyncio.sleep(0.2)
    raise SandboxError(f"The trust policy still says {subjects} after {FOLLOW_SECONDS} s; see operator.log in LOG_DIR.")


def _plain(subject: str) -> str:
    """`org/repo` of a subject in either form."""
    owner, _, name = subject.removeprefix("repo:").removesuffix(":*").partition("/")
    return f"{owner.split('@')[0]}/{name.split('@')[0]}"


async def _kubectl_sees_both(running: Running) -> None:
    namespace = f"--namespace={running.env['NAMESPACE']}"
    await asyncio.to_thread(
        running.cluster.run, "wait", "awsaccount", "--all", "--for=condition=Ready", "--timeout=120s", namespace
    )
    print(await asyncio.to_thread(running.cluster.run, "get", "awsaccounts", namespace), end="", flush=True)
