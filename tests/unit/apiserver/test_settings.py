"""The API server's settings: names, defaults, and what must never be shown."""

import pytest
from pydantic import ValidationError

from batteries_apiserver import main
from batteries_apiserver.settings import Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_API_BASE",
        "BATTERIES_PUBLIC_URL",
        "BATTERIES_STRIPE_TEST_MODE",
    ):
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_stripes_settings_have_stripes_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_1")
    monkeypatch.setenv("BATTERIES_NAMESPACE", "accounts")
    settings = Settings()
    assert settings.stripe_secret_key is not None
    assert settings.stripe_secret_key.get_secret_value() == "sk_live_1"
    assert settings.namespace == "accounts"


def test_secrets_are_not_shown() -> None:
    assert "sk_live" not in repr(Settings(stripe_secret_key="sk_live_x", stripe_webhook_secret="whsec_sk_live"))


def test_a_browser_comes_back_to_the_public_url_with_the_session() -> None:
    settings = Settings(public_url="https://api.example.com/")
    assert settings.success_url == "https://api.example.com/checkout/complete?session_id={CHECKOUT_SESSION_ID}"
    assert settings.cancel_url == "https://api.example.com/checkout/cancelled"


def test_an_own_success_page_keeps_stripes_placeholder() -> None:
    settings = Settings(checkout_success_url="https://shop.example.com/done?s={CHECKOUT_SESSION_ID}")
    assert settings.success_url == "https://shop.example.com/done?s={CHECKOUT_SESSION_ID}"


def _settings(key: str, *, test_mode: bool = False) -> Settings:
    return Settings(stripe_secret_key=key, stripe_test_mode=test_mode)


@pytest.mark.parametrize("kind", ["sk", "rk"])
def test_a_test_mode_key_is_taken_only_where_that_is_wanted(kind: str) -> None:
    with pytest.raises(ValidationError, match="BATTERIES_STRIPE_TEST_MODE=true"):
        _settings(f"{kind}_test_51Abc")
    assert _settings(f"{kind}_test_51Abc", test_mode=True).stripe_secret_key is not None


@pytest.mark.parametrize("kind", ["sk", "rk"])
def test_a_live_key_is_taken_only_where_real_cards_are_wanted(kind: str) -> None:
    with pytest.raises(ValidationError, match="unset BATTERIES_STRIPE_TEST_MODE"):
        _settings(f"{kind}_live_51Abc", test_mode=True)
    assert _settings(f"{kind}_live_51Abc").stripe_secret_key is not None


@pytest.mark.parametrize("test_mode", [False, True])
@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("pk_live_51Abc", "publishable"),
        ("pk_test_51Abc", "publishable"),
        ("sk_org_live_51Abc", "organization"),
        ("rk_org_51Abc", "organization"),
        ("ek_test_1", "ephemeral"),
        ("whsec_abc", "belongs in STRIPE_WEBHOOK_SECRET"),
        ("SK_LIVE_51Abc", "begin with"),
        ("sk_51Abc", "begin with"),
        ("sk_test", "begin with"),
        ("sk_test_", "begin with"),
        ("sk_live_51Abc sk_live_51Abc", "begin with"),
        ("", "begin with"),
    ],
)
def test_what_is_no_secret_key_of_one_account_is_refused(key: str, sentence: str, test_mode: bool) -> None:
    with pytest.raises(ValidationError, match=sentence):
        _settings(key, test_mode=test_mode)


@pytest.mark.parametrize("secret", ["", "abc", "sk_live_51Abc", "we_1Abc", "whsec_"])
def test_a_webhook_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="begin with whsec_"):
        Settings(stripe_webhook_secret=secret)


def test_the_program_says_it_in_one_sentence_and_shows_no_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_51NeverShown")
    monkeypatch.setattr("sys.argv", ["batteries-apiserver", "run"])
    assert main.main() == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[1].strip().startswith("STRIPE_SECRET_KEY is a test-mode key: ")
    assert "NeverShown" not in " ".join(lines)


def test_the_next_key_is_published_for_at_most_half_of_the_time_that_one_signs() -> None:
    assert Settings(issuer_key_days=2, issuer_key_ahead_seconds=86_400).issuer_key_ahead_seconds == 86_400
    with pytest.raises(ValidationError, match="at most half of BATTERIES_ISSUER_KEY_DAYS"):
        Settings(issuer_key_days=2, issuer_key_ahead_seconds=86_401)
