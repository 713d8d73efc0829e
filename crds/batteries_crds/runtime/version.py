"""The version of this distribution, which the image and the chart share."""

from importlib.metadata import version

DISTRIBUTION = "ai-batteries-included"


def distribution_version() -> str:
    """The installed version, as pyproject.toml has it."""
    return version(DISTRIBUTION)
