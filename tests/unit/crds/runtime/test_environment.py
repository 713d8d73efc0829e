"""Credentials and URLs of both programs: whitespace is dropped, and what can't be right is refused at the start."""

from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from batteries_apiserver import main as api
from batteries_apiserver.settings import Settings
from batteries_crds.runtime.environment import WrongEnvironmentError, prepare
from batteries_operator.cli import main as operator
from batteries_operator.runtime.settings import Settings as OperatorSettings

BLANKS = ["\n", "\r\n", " \n", "\t", "\u00a0", "\ufeff"]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_secret_with_a_newline_is_the_secret(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    given = {
        "STRIPE_SECRET_KEY": "sk_live_1",
        "STRIPE_WEBHOOK_SECRET": "whsec_1",
        "STRIPE_PRICE_ID": "price_1",
        "STRIPE_API_BASE": "https://stripe.example.com",
        "BATTERIES_PUBLIC_URL": "https://api.example.com",
        "BATTERIES_CHECKOUT_CANCEL_URL": "https://shop.example.com/gone",
        "BATTERIES_API_PORT": "8080",
        "BATTERIES_NAMESPACE": "batteries",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, blank + value + blank)
    settings = Settings()
    assert settings.stripe_secret_key is not None
    assert settings.stripe_webhook_secret is not None
    assert settings.stripe_secret_key.get_secret_value() == "sk_live_1"
    assert settings.stripe_webhook_secret.get_secret_value() == "whsec_1"
    assert (settings.stripe_price_id, settings.api_port, settings.namespace) == ("price_1", 8080, "batteries")
    assert settings.cancel_url == "https://shop.example.com/gone"
    assert settings.public_base == "https://api.example.com"
    assert str(settings.stripe_api_base) == "https://stripe.example.com/"


@pytest.mark.parametrize("blank", BLANKS)
def test_the_operators_settings_too(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    monkeypatch.setenv("BATTERIES_ACCOUNT_EMAIL_TEMPLATE", f"aws+{{id}}@example.com{blank}")
    monkeypatch.setenv("BATTERIES_SSO_PORTAL_URL", f"{blank}https://sso.example.com/start{blank}")
    monkeypatch.setenv("BATTERIES_MAIL_SENDER", f"noreply@example.com{blank}")
    settings = OperatorSettings()
    assert settings.account_email_template == "aws+{id}@example.com"
    assert settings.sso_portal_url == "https://sso.example.com/start"
    assert settings.mail_sender == "noreply@example.com"


def test_a_portal_that_is_no_url_is_refused() -> None:
    with pytest.raises(ValidationError):
        OperatorSettings(account_email_template="aws+{id}@example.com", sso_portal_url="sso.example.com")


def test_what_libraries_read_by_themselves_is_tidied_too() -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_STS", "https_proxy", "OTHER")
    values = ("AKIA1", "se+cr/et=", "eu-central-1", "https://sts.example.com", "http://proxy:3128", "as it is")
    environ = {name: f" {value}\n" for name, value in zip(names, values, strict=True)}
    prepare(environ)
    assert environ == {**dict(zip(names, values, strict=True)), "OTHER": " as it is\n"}


@pytest.mark.parametrize("blank", ["", *BLANKS])
def test_stripes_secrets_may_be_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blank: str) -> None:
    for name, value in {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}.items():
        (tmp_path / name).write_text(blank + value + blank, encoding="utf-8")
        monkeypatch.setenv(f"{name}_FILE", f"{tmp_path / name}{blank}")
        monkeypatch.setenv(name, "")
    settings = Settings()
    assert settings.stripe_secret_key is not None
    assert settings.stripe_webhook_secret is not None
    assert settings.stripe_secret_key.get_secret_value() == "sk_live_1"
    assert settings.stripe_webhook_secret.get_secret_value() == "whsec_1"


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
@pytest.mark.parametrize(
    ("content", "path", "sentence"),
    [
        (None, "{file}", "_FILE names {file}, which can't be read: No such file or directory."),
        (None, "{folder}", "_FILE names {folder}, which can't be read: Is a directory."),
        (None, "sk_live_never_shown", "_FILE must be the absolute path of a file, beginning with /."),
        (b" \n", "{file}", "_FILE names {file}, which is empty."),
        (b"\xff\xfe", "{file}", "_FILE names {file}, which is not text."),
        (b"pk_live_never_shown", "{file}", " is "),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    content: bytes | None,
    path: str,
    sentence: str,
) -> None:
    places = {"file": tmp_path / "secret", "folder": tmp_path}
    if content is not None:
        places["file"].write_bytes(content)
    monkeypatch.setenv(f"{name}_FILE", path.format(**places))
    monkeypatch.setattr("sys.argv", ["batteries", "run"])
    assert api.main() == 2
    told = capsys.readouterr().err
    assert f"{name}{sentence.format(**places)}" in told
    assert "shown" not in told
    assert "Traceback" not in told


def test_a_secret_and_its_file_are_not_both_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (file := tmp_path / "key").write_text("sk_live_1")
    monkeypatch.setenv("STRIPE_SECRET_KEY_FILE", str(file))
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_2")
    with pytest.raises(ValidationError, match="STRIPE_SECRET_KEY and STRIPE_SECRET_KEY_FILE are both set"):
        Settings()


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "stripe_secret_key"])
def test_an_empty_setting_beside_its_file_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (file := tmp_path / "key").write_text("sk_live_1")
    monkeypatch.setenv("STRIPE_SECRET_KEY_FILE", str(file))
    given: dict[str, Any] = {name: " "}
    settings = Settings(**given)
    assert settings.stripe_secret_key is not None
    assert settings.stripe_secret_key.get_secret_value() == "sk_live_1"


WRONG = [
    ("AWS_ACCESS_KEY_ID", "AKIA1 AKIA2"),
    ("AWS_SECRET_ACCESS_KEY", "never\nshown"),
    ("AWS_SESSION_TOKEN", "never shown"),
    ("AWS_REGION", "Frankfurt (never shown)"),
    ("AWS_DEFAULT_REGION", "eu central"),
    ("AWS_ENDPOINT_URL", "never.shown:4566"),
    ("AWS_ENDPOINT_URL_IAM", "ftp://never.shown"),
    ("AWS_ENDPOINT_URL", "https://never.shown:port"),
    ("AWS_ENDPOINT_URL", "https://:4566"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "never.shown/credentials"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "never.shown"),
    ("AWS_ROLE_ARN", "never-shown"),
    ("HTTPS_PROXY", "http://never.shown:99999"),
    ("HTTPS_PROXY", "http://:3128"),
    ("HTTPS_PROXY", "http://[never:shown"),
    ("HTTPS_PROXY", "never.shown:3128"),
    ("http_proxy", "://never.shown"),
    ("HTTPS_PROXY", "https://never.shown:3129"),
    ("https_proxy", "HTTPS://never.shown:3129"),
    ("HTTPS_PROXY", "socks5://never.shown:1080"),
    ("SSL_CERT_FILE", "/never/shown.pem"),
    ("AWS_CA_BUNDLE", "/"),
    ("SSL_CERT_DIR", "/:/never/shown"),
    ("AWS_CONFIG_FILE", "/never/shown"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/never/shown"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/never/shown"),
    ("REQUESTS_CA_BUNDLE", __file__),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("program", [api, operator])
def test_the_wrong_form_is_refused_at_the_start_by_its_variable_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: object, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["batteries", "run"])
    assert program.main() == 2  # type: ignore[attr-defined]
    _, *sentences, _ = capsys.readouterr().err.splitlines()
    assert [sentence for sentence in sentences if sentence.startswith(f"  {name} must ")]
    assert not [sentence for sentence in sentences if value in sentence or "shown" in sentence]


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(WrongEnvironmentError) as told:
        prepare({"AWS_REGION": "?", "HTTPS_PROXY": "proxy"})
    assert "AWS_REGION" in str(told.value)
    assert "HTTPS_PROXY" in str(told.value)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_authorities_named_for_others_are_trusted_by_aws_clients(tmp_path: Path, name: str) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    environ = {name: f"{file}\n"}
    prepare(environ)
    assert environ["AWS_CA_BUNDLE"] == str(file)
