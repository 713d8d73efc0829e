"""Settings of both programs that are given to the sandbox."""

from pathlib import Path

import pytest

from batteries_sandbox import components
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import Paths, Ports

AWS = components.Aws("http://127.0.0.1:1", "key", "secret", "us-east-1")
STRIPE = components.Stripe("http://127.0.0.1:2", "sk_test_x", "whsec_x", None)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, Ports(20000))


def test_each_program_gets_its_own(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_OPERATOR_BATTERIES_RESYNC_SECONDS", "10")
    monkeypatch.setenv("SANDBOX_OPERATOR_BATTERIES_ACCOUNT_EMAIL_TEMPLATE", "x+{id}@example.org")
    monkeypatch.setenv("SANDBOX_API_BATTERIES_TRUSTED_PROXIES", "1")
    monkeypatch.setenv("SANDBOX_API_STRIPE_PRICE_ID", "price_1")
    monkeypatch.setenv("BATTERIES_RESYNC_SECONDS", "99")
    operator = components.operator_environment(paths, AWS, tmp_path)
    api = components.apiserver_environment(paths, STRIPE, tmp_path)
    assert operator["BATTERIES_RESYNC_SECONDS"] == "10"
    assert operator["BATTERIES_ACCOUNT_EMAIL_TEMPLATE"] == "x+{id}@example.org"
    assert "BATTERIES_TRUSTED_PROXIES" not in operator
    assert api["BATTERIES_TRUSTED_PROXIES"] == "1"
    assert api["STRIPE_PRICE_ID"] == "price_1"
    assert "BATTERIES_RESYNC_SECONDS" not in api


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SANDBOX_OPERATOR_BATTERIES_RESYNC_SECOND", "there is no setting BATTERIES_RESYNC_SECOND"),
        ("SANDBOX_OPERATOR_RESYNC_SECONDS", "write the setting's whole name"),
        ("SANDBOX_OPERATOR_BATTERIES_METRICS_PORT", "SANDBOX_PORT_BASE"),
        ("SANDBOX_OPERATOR_AWS_ENDPOINT_URL", "the sandbox sets AWS_ENDPOINT_URL itself"),
        ("SANDBOX_API_BATTERIES_PUBLIC_URL", "the sandbox sets BATTERIES_PUBLIC_URL itself"),
        ("SANDBOX_API_BATTERIES_RESYNC_SECONDS", "there is no setting BATTERIES_RESYNC_SECONDS"),
    ],
)
def test_what_would_do_nothing_or_harm_is_refused(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SandboxError, match=sentence):
        _ = (
            components.operator_environment(paths, AWS, tmp_path),
            components.apiserver_environment(paths, STRIPE, tmp_path),
        )
