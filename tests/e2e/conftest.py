"""The whole system, brought up once as a user would: `batteries-sandbox run`, journey included."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import requests
from e2e.pools import Pool, left_behind, taken_away
from fakes.identity_tokens import github_token

from batteries_sandbox import env_file
from batteries_sandbox.binaries import provide
from batteries_sandbox.cluster import Cluster
from batteries_sandbox.paths import CHECKOUT, free_port_base

UP_SECONDS = 240
HANG_SECONDS = 60
"""What has not happened by then hangs. No test says how long anything takes: the benchmark does, on an idle machine."""


@dataclass(frozen=True)
class Sandbox:
    """A sandbox that runs as a process of its own, seen from outside."""

    process: subprocess.Popen[bytes]
    folder: Path
    port_base: int
    output: Path
    environment: dict[str, str]

    @staticmethod
    def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
        """The first true value of `holds`, asked again and again until a deadline, which is never a short one."""
        deadline = time.monotonic() + max(seconds, HANG_SECONDS)
        while True:
            value = holds()
            if value:
                return value
            assert time.monotonic() < deadline, f"not within {max(seconds, HANG_SECONDS)} s: {what}"
            time.sleep(0.1)

    @property
    def env(self) -> dict[str, str]:
        """.sandbox/env as it is now."""
        return env_file.read(self.folder / "env")

    @property
    def cluster(self) -> Cluster:
        """Its cluster, as administrator."""
        return Cluster(provide().kubectl, Path(self.env["KUBECONFIG"]))

    def aws(self, path: str) -> Any:
        """An answer of the AWS stand-in's own tools."""
        return requests.get(f"{self.env['AWS_ENDPOINT_URL']}/_standin/{path}", timeout=10).json()

    def sign_up(self, email: str, *, many: bool = True) -> dict[str, str]:
        """The headers of a new customer with a saved card."""
        api = self.env["API_URL"]
        answer = requests.post(f"{api}/v1/stripe/setup", json={"email": email}, timeout=10)
        while answer.status_code == 429:  # the fuzzing before may have used up this minute's sign-ups
            time.sleep(float(answer.headers["Retry-After"]))
            answer = requests.post(f"{api}/v1/stripe/setup", json={"email": email}, timeout=10)
        setup = answer.json()
        form = {"email": email, "cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
        assert requests.post(setup["url"], data=form, allow_redirects=False, timeout=10).status_code == 303
        session = requests.get(f"{api}/v1/stripe/session/{setup['sessionId']}", timeout=10)
        assert session.status_code == 200, session.text
        if many:
            self.raise_limit(session.json()["customerId"])
        return {"Authorization": f"Bearer {session.json()['apiKey']}"}

    def raise_limit(self, customer: str) -> None:
        """Lets the customer, and those with the same card together, have any number of accounts."""
        path = f"{self.env['API_URL']}/v1/admin/customers/{customer}"
        headers = {"Authorization": f"Bearer {self.env['ADMIN_API_KEY']}"}
        changed = requests.patch(path, json={"accountLimit": 10_000}, headers=headers, timeout=10)
        assert changed.status_code == 200, changed.text

    def assumes(self, role: str, subject: str) -> bool:
        """Whether a GitHub token with that subject gets credentials of the role."""
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": role,
            "RoleSessionName": "test",
            "WebIdentityToken": github_token(self.env["AWS_ENDPOINT_URL"], subject),
        }
        return requests.post(self.env["AWS_ENDPOINT_URL"], data=form, timeout=10).status_code == 200

    def boto3(self, service: str) -> Any:
        """A client of the management account."""
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
        endpoint, key, secret, region = (self.env[name] for name in names)
        return boto3.client(  # type: ignore[call-overload]  # the stubs have one overload for each literal name
            service,
            endpoint_url=endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name=region,
        )

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints, in the sandbox's namespace."""
        return self.cluster.run(f"--namespace={self.env['NAMESPACE']}", *arguments, stdin=stdin)


def start(folder: Path, **extra: str) -> Sandbox:
    """Starts one beside whatever runs; returns at once."""
    base = free_port_base()
    environment = {**os.environ, "SANDBOX_DIR": str(folder), "SANDBOX_PORT_BASE": str(base), **extra}
    # A person's own cluster must never be touched: the sandbox has to ignore this.
    environment["KUBECONFIG"] = "/nonexistent/kubeconfig"
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "batteries_sandbox.main", "run"],
            cwd=CHECKOUT,
            env=environment,
            stdout=sink,
            stderr=sink,
        )
    return Sandbox(process, folder, base, output, environment)


def wait_until_up(sandbox: Sandbox) -> None:
    """Waits for the end of the journey, which is when a user is told that all is up."""

    def up() -> bool:
        if sandbox.process.poll() is not None:
            pytest.fail(f"the sandbox ended:\n{sandbox.output.read_text()[-4000:]}", pytrace=False)
        return "Ctrl-C stops the sandbox" in sandbox.output.read_text()

    sandbox.until(up, UP_SECONDS, "the sandbox is up")


def stop(sandbox: Sandbox) -> None:
    """Ends it as a user does."""
    if sandbox.process.poll() is None:
        sandbox.process.send_signal(signal.SIGINT)
        sandbox.process.wait(timeout=60)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `last` look at what the others left behind."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture
def fresh_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """One of its own for a test that ends it; its AWS is ten times faster."""
    running = start(tmp_path / "sandbox", SANDBOX_AWS_SPEED="10")
    try:
        wait_until_up(running)
        yield running
    finally:
        stop(running)


@pytest.fixture(scope="module")
def brief_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One that sells a subscription, and in which what takes days takes seconds."""
    both = {"BATTERIES_SUSPEND_UNPAID_SECONDS": "4", "BATTERIES_PAYMENT_CLOSE_AFTER_SECONDS": "2592000"}
    running = start(
        tmp_path_factory.mktemp("brief") / "sandbox",
        SANDBOX_AWS_SPEED="10",
        SANDBOX_STRIPE_PRICE_ID="price_standin_monthly",
        SANDBOX_API_BATTERIES_DELETE_QUARANTINE_SECONDS="6",
        SANDBOX_OPERATOR_BATTERIES_RESYNC_SECONDS="5",
        **{f"SANDBOX_{program}_{name}": value for program in ("API", "OPERATOR") for name, value in both.items()},
    )
    try:
        wait_until_up(running)
        yield running
    finally:
        stop(running)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests that only use it."""
    running = start(tmp_path_factory.mktemp("sandbox") / "sandbox", SANDBOX_AWS_SPEED="3")
    try:
        wait_until_up(running)
        running.sign_up("room@example.com")  # all tests pay with one card, and share the largest limit
        yield running
    finally:
        stop(running)


@pytest.fixture(scope="module", autouse=True)
def no_pool_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a module leaves behind of a pool, it is told: other modules' accounts would come from it."""
    items = [item for item in request.session.items if item.getparent(pytest.Module) is request.node]
    if not any("sandbox" in getattr(item, "fixturenames", ()) for item in items):
        yield
        return
    running = request.getfixturevalue("sandbox")
    yield
    assert left_behind(running) == []


@pytest.fixture
def pool(sandbox: Sandbox) -> Iterator[Pool]:
    """A pool in a namespace of its own, so that it serves no other AwsAccounts than those that the test makes there."""
    namespace = f"pool-{uuid4().hex[:8]}"
    sandbox.cluster.create_namespace(namespace)
    with taken_away(Pool(sandbox, namespace, "own")) as made:
        yield made


@pytest.fixture
def customers_pool(sandbox: Sandbox) -> Iterator[Pool]:
    """A pool in the namespace of those who ask over HTTP."""
    with taken_away(Pool(sandbox, sandbox.env["NAMESPACE"], "customers")) as made:
        yield made
