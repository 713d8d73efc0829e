"""The operator's settings for customers who can't pay any more."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings


class PaymentSettings(BaseSettings):
    """A part of `settings.Settings`."""

    suspend_unpaid_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long a Customer's payment method may be missing before its accounts are "
            "suspended. 0: they are never suspended, and accounts suspended before are resumed. "
            "Give the operator and the API server the same.",
        ),
    ] = 604_800
    payment_close_after_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long after that suspension AWS closes the accounts, which can be undone for 90 days only. "
            "The owner is told 7 days and 24 hours before. 0: never; closures that are due are taken back. Accounts "
            "that are suspended already when you set this get the whole time. Give the operator and the API server the "
            "same.",
        ),
    ] = 0

    @property
    def payment_grace(self) -> timedelta | None:
        """How long a payment method may be missing before accounts are suspended; None: they never are for that."""
        return timedelta(seconds=self.suspend_unpaid_seconds) if self.suspend_unpaid_seconds else None

    @property
    def payment_close_after(self) -> timedelta | None:
        """How long accounts are suspended for a missing payment method before AWS closes them; None: they never are."""
        return timedelta(seconds=self.payment_close_after_seconds) if self.payment_close_after_seconds else None
