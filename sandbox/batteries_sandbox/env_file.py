"""`.sandbox/env`: addresses and keys, for scripts. Dotenv, readable by its owner only, because it contains keys."""

import os
from pathlib import Path

NAMES = (
    "API_URL",
    "ADMIN_API_KEY",
    "KUBECONFIG",
    "NAMESPACE",
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "STRIPE_API_BASE",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "OPERATOR_METRICS_URL",
    "API_METRICS_URL",
    "OPERATOR_PID",
    "API_PID",
    "LOG_DIR",
    "BATTERIES_ACCOUNT_EMAIL_TEMPLATE",
    "BATTERIES_MAIL_SENDER",
)


def write(path: Path, values: dict[str, str]) -> None:
    """Replaces the file atomically: a reader sees the old one or the new one.

    Raises:
        KeyError: a name of NAMES has no value.
    """
    text = "".join(f"{name}={values[name]}\n" for name in NAMES)
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    os.replace(partial, path)


def read(path: Path) -> dict[str, str]:
    """The file as a mapping; empty where there is none."""
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines}
