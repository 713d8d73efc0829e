"""The operator's settings for accounts that end or are closed at a time."""

from typing import Annotated

from pydantic import Field

from batteries_crds.runtime.settings import FromEnvironment


class DeadlineSettings(FromEnvironment):
    """A part of `settings.Settings`."""

    expiry_close_grace_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=31_536_000,
            description="How long after spec.expiresAt AWS closes an account with expiryPolicy Close. Its owner is "
            "told 7 days and 24 hours before, so it is never less than 25 hours.",
        ),
    ] = 2_592_000
