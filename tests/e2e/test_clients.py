"""Clients made from the contract, by the generators that people use, walk the journey unchanged."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

import batteries_apiserver
from batteries_sandbox.paths import cache_dir

CONTRACT = Path(batteries_apiserver.__file__).parent / "contract" / "openapi-v1.json"
CARD = {"cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
PACKAGES = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "@types/node@20.19.0")


@pytest.fixture
def python_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports a module of the client that openapi-python-client makes."""
    generator = Path(sys.executable).parent / "openapi-python-client"
    made = subprocess.run(
        [str(generator), "generate", "--path", str(CONTRACT), "--output-path", "contract_client", "--meta", "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda name: importlib.import_module(f"contract_client.{name}")


def test_a_client_by_openapi_python_client_walks_the_journey(sandbox: Any, python_client: Callable[[str], Any]) -> None:
    base, email = f"{sandbox.env['API_URL']}/v1", "python@example.com"
    clients, models = python_client("client"), python_client("models")
    # An answer that the contract does not have is an exception.
    anyone = clients.Client(base_url=base, raise_on_unexpected_status=True)

    def call(name: str, client: Any, *arguments: Any, **options: Any) -> Any:
        return python_client(f"api.{name}").sync(*arguments, client=client, **options)

    session = call("billing.post_stripe_setup", anyone, body=models.PostStripeSetupBody(email=email))
    assert requests.post(session.url, data={"email": email, **CARD}, allow_redirects=False, timeout=10).ok
    handed = call("billing.get_stripe_session_id", anyone, session.session_id)
    assert handed.email == email
    assert isinstance(call("billing.get_stripe_session_id", anyone, session.session_id), models.Error)

    customer = clients.AuthenticatedClient(base_url=base, token=handed.api_key, raise_on_unexpected_status=True)
    wanted = models.PostAccountsBody(github_repos=["my-org/my-app"])
    made = call("accounts.post_accounts", customer, body=wanted)
    assert made.status == "pending"

    def active() -> Any:
        detail = call("accounts.get_accounts_id", customer, made.account_id)
        assert detail.status != "failed", detail.error
        return detail if detail.status == "active" else None

    detail = sandbox.until(active, 60, "the account is active")
    assert detail.oidc_role_arn.endswith(":role/GitHubActionsDeployRole")
    change = models.PatchAccountsIdBody(github_repos=["my-org/infra"])
    assert call("accounts.patch_accounts_id", customer, made.account_id, body=change).github_repos == ["my-org/infra"]
    [listed] = call("accounts.get_accounts", customer).accounts
    assert (listed.account_id, listed.status.value) == (made.account_id, "active")

    key = call("api_keys.post_keys", customer, body=models.PostKeysBody(name="CI"))
    revoked = python_client("api.api_keys.delete_keys_id").sync_detailed(key.id, client=customer)
    assert revoked.status_code == 204
    assert {one.name: bool(one.revoked_at) for one in call("api_keys.get_keys", customer).keys}["CI"] is True

    administrator = clients.AuthenticatedClient(base_url=base, token=sandbox.env["ADMIN_API_KEY"])
    everything = call("admin.get_admin_accounts", administrator).accounts
    assert made.account_id in {one.account_id for one in everything}
    succeeded = models.GetAdminEventsStatus.SUCCEEDED
    assert call("admin.get_admin_events", administrator, status=succeeded, since=made.created_at).events
    assert call("admin.post_admin_accounts_id_suspend", administrator, made.account_id).status == "suspended"
    assert isinstance(call("admin.get_admin_accounts", customer), models.Error)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The generators from npm, kept outside the checkout like everything slow."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed; they are what makes a TypeScript client")
    folder = cache_dir() / "contract-clients"
    wanted = "\n".join(PACKAGES)
    stamp = folder / "installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", *PACKAGES],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"npm can't install the generators here: {done.stderr.strip()[-300:]}")
        stamp.write_text(wanted)
    return folder / "node_modules"


def test_a_client_by_openapi_typescript_and_openapi_fetch_walks_the_journey(
    sandbox: Any, tmp_path: Path, node_modules: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(node_modules)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(Path(__file__).parent / "clients" / "journey.mts", tmp_path)

    def node(*arguments: str) -> str:
        done = subprocess.run(["node", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    node("node_modules/openapi-typescript/bin/cli.js", str(CONTRACT), "-o", "schema.d.ts")
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node"]
    node("node_modules/typescript/bin/tsc", *options, "journey.mts")
    seen = json.loads(node("journey.mjs", f"{sandbox.env['API_URL']}/v1"))
    assert seen["role"].endswith(":role/GitHubActionsDeployRole")
    assert seen["repos"] == ["my-org/infra"]
    assert seen["listed"] == [seen["account"]]
    assert seen["revoked"] == 204
    assert ["CI", True] in seen["keys"]
    assert "API key" in seen["refusal"]
