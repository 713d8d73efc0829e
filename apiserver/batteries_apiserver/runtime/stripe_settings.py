"""The settings for Stripe and for customers who stop paying.

Stripe's own variables have the names that Stripe's documentation gives them.
"""

from typing import Annotated, Self

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from batteries_apiserver.runtime.stripe_credentials import check_secret_key, check_webhook_secret
from batteries_crds.breaker import DEFAULT_CUSTOMERS, DEFAULT_PERCENT
from batteries_crds.runtime.settings import FromEnvironment


class StripeSettings(FromEnvironment):
    """Settings that concern Stripe and payment."""

    model_config = SettingsConfigDict(env_prefix="BATTERIES_", extra="ignore", frozen=True)

    stripe_secret_key: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("STRIPE_SECRET_KEY", "stripe_secret_key"),
            description="Stripe's secret API key (sk_…). Unset: the /stripe paths return 503.",
        ),
    ] = None
    stripe_webhook_secret: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("STRIPE_WEBHOOK_SECRET", "stripe_webhook_secret"),
            description="The signing secret of the webhook endpoint (whsec_…). Unset: /stripe/callback returns 503.",
        ),
    ] = None
    stripe_secret_key_file: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_SECRET_KEY_FILE", "stripe_secret_key_file"),
            description="A file with the key, instead of STRIPE_SECRET_KEY. It is read only at the start: "
            "restart after a rotation.",
        ),
    ] = None
    stripe_webhook_secret_file: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_WEBHOOK_SECRET_FILE", "stripe_webhook_secret_file"),
            description="A file with the secret, instead of STRIPE_WEBHOOK_SECRET. It is read only at the "
            "start: restart after a rotation.",
        ),
    ] = None
    installation: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9._-]*$",
            max_length=63,
            description="The mark of this installation's checkouts at Stripe. It must differ between "
            "installations on one Stripe account. Empty: the uid of BATTERIES_NAMESPACE.",
        ),
    ] = ""
    breaker_percent: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            description="If more than this percentage of the customers would lose their payment within a day, "
            "and more than BATTERIES_BREAKER_CUSTOMERS customers, none of them does until a "
            "person has looked. 100: no limit. Give the operator and the API server the same.",
        ),
    ] = DEFAULT_PERCENT
    breaker_customers: Annotated[
        int, Field(ge=0, description="This number of customers is always allowed; see BATTERIES_BREAKER_PERCENT.")
    ] = DEFAULT_CUSTOMERS
    stripe_test_mode: Annotated[
        bool,
        Field(
            description="true: accept only test-mode keys (sk_test_…, rk_test_…); Stripe's test cards then "
            "get real AWS accounts. false: accept only live keys."
        ),
    ] = False
    stripe_price_id: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_PRICE_ID", "stripe_price_id"),
            pattern="^price_[A-Za-z0-9_]+$",
            max_length=255,
            description="The recurring price (price_…) that a sign-up subscribes to. Unset: a sign-up saves a card and "
            "charges nothing.",
        ),
    ] = None
    stripe_portal_configuration: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_PORTAL_CONFIGURATION", "stripe_portal_configuration"),
            pattern="^bpc_[A-Za-z0-9]+$",
            max_length=255,
            description="The configuration (bpc_…) of the customer portal that POST /v1/stripe/portal opens. Unset: "
            "the one that was saved in Stripe's dashboard.",
        ),
    ] = None
    suspend_unpaid_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long a customer without a valid payment method may still change existing "
            "accounts and keys, before the operator suspends the accounts. 0: forever. Give the "
            "operator and the API server the same.",
        ),
    ] = 604_800
    payment_close_after_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long after that suspension AWS closes the accounts of a customer without a valid payment "
            "method. 0: never. Give the operator and the API server the same.",
        ),
    ] = 0
    stripe_recheck_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How often Stripe is asked about each customer's payment, in seconds. Webhooks report "
            "changes sooner.",
        ),
    ] = 3600.0
    stripe_api_base: Annotated[
        HttpUrl | None,
        Field(
            validation_alias=AliasChoices("STRIPE_API_BASE", "stripe_api_base"),
            description="The URL of a stand-in for Stripe's API, for tests and the sandbox. Unset: Stripe.",
        ),
    ] = None

    @model_validator(mode="after")
    def _stripe_credentials(self) -> Self:
        """Refuses wrong credentials at the start, and not at the first sign-up."""
        if self.stripe_secret_key is not None:
            check_secret_key(self.stripe_secret_key.get_secret_value(), test_mode=self.stripe_test_mode)
        if self.stripe_webhook_secret is not None:
            check_webhook_secret(self.stripe_webhook_secret.get_secret_value())
        return self
