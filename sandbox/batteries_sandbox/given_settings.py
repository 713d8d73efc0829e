"""Settings of the operator and the API server that a person gives to the sandbox.

SANDBOX_OPERATOR_BATTERIES_RESYNC_SECONDS=10 gives the operator BATTERIES_RESYNC_SECONDS=10, SANDBOX_API_… the other:
a person's own BATTERIES_ and AWS_ variables are kept from the sandbox, because they may name a production.
"""

import os
from collections.abc import Mapping

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from batteries_apiserver.settings import Settings as ApiSettings
from batteries_operator.runtime.settings import Settings as OperatorSettings
from batteries_sandbox.errors import SandboxError

OPERATOR = "SANDBOX_OPERATOR_"
API = "SANDBOX_API_"
_SETTINGS: dict[str, type[BaseSettings]] = {OPERATOR: OperatorSettings, API: ApiSettings}


def variables(model: type[BaseSettings]) -> set[str]:
    """Every environment variable that the program's settings read."""
    found = set[str]()
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            found |= {str(choice) for choice in alias.choices}
        else:
            found.add(f"{model.model_config.get('env_prefix', '')}{alias or name}".upper())
    return found


def given(prefix: str, own: Mapping[str, str]) -> dict[str, str]:
    """What the environment gives the program of that prefix; `own` is what the sandbox itself has to set for it.

    Raises:
        SandboxError: a variable that the program does not have, or that the sandbox sets itself.
    """
    known = variables(_SETTINGS[prefix])
    chosen = {name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)}
    for name in chosen:
        if name in own:
            raise SandboxError(
                f"{prefix}{name} can't be given: the sandbox sets {name} itself, to what its parts and .sandbox/env "
                "agree on. Ports follow SANDBOX_PORT_BASE, the folder SANDBOX_DIR. Unset it."
            )
        if name.startswith(("BATTERIES_", "STRIPE_")) and name not in known:
            raise SandboxError(f"{prefix}{name}: there is no setting {name}. docs/settings.md has all of them.")
        if not name.startswith(("BATTERIES_", "STRIPE_", "AWS_")) and f"BATTERIES_{name}" in known:
            raise SandboxError(f"{prefix}{name}: write the setting's whole name, {prefix}BATTERIES_{name}.")
    return chosen
