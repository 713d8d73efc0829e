"""The operator's logs: kopf's lines name their account as ours do."""

import logging
from collections.abc import MutableMapping
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import uuid_at
from batteries_crds.runtime import logs

# kopf logs every handled event, botocore every client.
_QUIET = dict.fromkeys(("kopf", "botocore", "boto3", "urllib3", "asyncio", "aiohttp"), logging.WARNING)


def configure(style: logs.Style, level: str) -> None:
    """Sets up logging for the whole process."""
    logs.configure(style, level, quiet=_QUIET, foreign=[_name_account])


def _name_account(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Adds the account to a line that kopf logs about an object; kopf keeps the object beside the text."""
    ref = getattr(event.get("_record"), "k8s_ref", None)
    if ref and ref.get("namespace") and ref.get("name"):
        event.setdefault("resource", f"{ref['namespace']}/{ref['name']}")
        if ref.get("kind") == AwsAccount.definition.kind:
            event.setdefault("account", str(uuid_at(ref["namespace"], ref["name"])))
    return event
