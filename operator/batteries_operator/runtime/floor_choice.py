"""What accounts of one profile may use, as the settings say it. Pure."""

from dataclasses import dataclass

DEFAULT_PROFILE = "default"
"""The profile of accounts that name none; also the name of their OU where there are other profiles."""


def names(text: str) -> tuple[str, ...]:
    """The names of a setting that lists them, separated by commas."""
    return tuple(dict.fromkeys(name for name in (part.strip() for part in text.split(",")) if name))


@dataclass(frozen=True, slots=True)
class Choice:
    """What accounts may use.

    - `regions`: where they may act; empty is everywhere.
    - `allowed_types`, `denied_types`: patterns of instance types; no allowed one means all.
    - `bedrock`: ("allow",), ("deny",), or patterns of model ids.
    - `purchases`: whether they may buy what can't be undone.
    """

    regions: tuple[str, ...] = ()
    allowed_types: tuple[str, ...] = ()
    denied_types: tuple[str, ...] = ()
    bedrock: tuple[str, ...] = ("allow",)
    purchases: bool = False
