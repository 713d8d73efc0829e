"""The API server's settings: names, defaults, and what must never be shown."""

import pytest

from batteries_apiserver.settings import Settings


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "BATTERIES_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_stripes_settings_have_stripes_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_1")
    monkeypatch.setenv("BATTERIES_NAMESPACE", "accounts")
    settings = Settings()
    assert settings.stripe_secret_key is not None
    assert settings.stripe_secret_key.get_secret_value() == "sk_test_1"
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
