"""The settings for tokens for AWS: the issuer's keys and their rotation, and who gets tokens."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from batteries_crds.runtime.settings import FromEnvironment

DAY_SECONDS = 86_400


class TokenSettings(FromEnvironment):
    """Settings that concern tokens for AWS."""

    model_config = SettingsConfigDict(env_prefix="BATTERIES_", extra="ignore", frozen=True)

    issuer_keys_secret: Annotated[
        str,
        Field(
            max_length=253,
            pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$",
            description="The Secret that the first start creates for the keys that sign tokens for AWS. A Secret of "
            "that name that the API server did not create is left alone, and there are no tokens. Empty: there are "
            "no tokens.",
        ),
    ] = "batteries-issuer-keys"  # noqa: S105  # a name
    issuer_key_days: Annotated[
        float,
        Field(
            gt=0,
            le=365,
            description="How long a key signs tokens before the next one does, in days. `batteries-apiserver "
            "rotate-issuer-key` changes it sooner.",
        ),
    ] = 30.0
    issuer_key_ahead_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=7 * DAY_SECONDS,
            description="How long the next key is published before it signs, in seconds. It must be longer than AWS "
            "keeps the published keys; AWS does not say how long that is. At least BATTERIES_API_CACHE_STALE_SECONDS "
            "and three times BATTERIES_ISSUER_POLL_SECONDS.",
        ),
    ] = float(DAY_SECONDS)
    issuer_poll_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=60,
            description="How often each replica reads the Secret with the keys, in seconds. A key that replaces "
            "others in an emergency signs after three times as long, when every replica publishes it.",
        ),
    ] = 5.0
    token_scope: Annotated[
        Literal["full", "aws"],
        Field(
            description="Which API keys get tokens for AWS. full: those with the scope full or aws. aws: only those "
            "with the scope aws."
        ),
    ] = "full"  # noqa: S105  # a scope
    rate_limit_token: Annotated[
        int,
        Field(
            ge=0,
            description="How many tokens for AWS one account may get in a minute, over all keys. 0: no limit.",
        ),
    ] = 60

    @model_validator(mode="after")
    def _next_key_in_time(self) -> Self:
        if self.issuer_key_ahead_seconds > self.issuer_key_days * DAY_SECONDS / 2:
            raise ValueError(
                "BATTERIES_ISSUER_KEY_AHEAD_SECONDS must be at most half of BATTERIES_ISSUER_KEY_DAYS: each key is "
                "published that long before it signs."
            )
        return self
