"""Writes the generated tables of the documentation: `python -m batteries_tools.reference [--check]`.

Each table is between `<!-- name -->` and `<!-- /name -->` in docs/. It is generated from the code that it describes;
`make check` fails if one is not current. So is docs/openapi.json, in which a review sees each change of the API.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
from prometheus_client.metrics import MetricWrapperBase
from pydantic import AliasChoices
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from batteries_apiserver.billing.events import SUBSCRIBED
from batteries_apiserver.guide.document import document
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.runtime import metrics as api_metrics
from batteries_apiserver.settings import Settings as ApiSettings
from batteries_apiserver.tokens.instructions import SAMPLE
from batteries_crds.conditions import SUMMARIES
from batteries_operator.aws.permissions import Condition, Permission, Reach, denials, for_bootstrap, for_running
from batteries_operator.runtime import metrics as operator_metrics
from batteries_operator.runtime.settings import Settings as OperatorSettings
from batteries_operator.status.reasons import GROUPS
from batteries_operator.steps.pipeline import CLOSE_ACCOUNT, FIND_ACCOUNT, NAME_ACCOUNT, PROVISIONING, SUSPENSION
from batteries_operator.steps.preparation import AWAIT_CLAIMANT, preparation
from batteries_sandbox import wrong_samples
from batteries_sandbox.gitops import health_settings
from batteries_sandbox.paths import CHECKOUT
from batteries_tools import endpoints, trust_policy_sizes
from batteries_tools.allowed import allowed
from batteries_tools.kube_score import exceptions


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def openapi() -> str:
    """The OpenAPI document as the API server serves it."""
    return f"{_indented(document(ROUTES, 'https://api.example.com'))}\n"


def _indented(value: Any, depth: int = 0) -> str:
    """JSON with a line for each response and each schema, in which a change is seen."""
    if depth == _DEEPEST or not (isinstance(value, dict) and value):
        return orjson.dumps(value).decode()
    lines = ",\n".join(
        f"{'  ' * (depth + 1)}{orjson.dumps(name).decode()}: {_indented(part, depth + 1)}"
        for name, part in value.items()
    )
    return f"{{\n{lines}\n{'  ' * depth}}}"


def steps() -> str:
    """The table of the provisioning steps, from PROVISIONING."""
    return _table(
        ("step", "what it does", "condition"),
        (
            (
                f"`{step.name}`",
                step.description,
                f"`{step.condition}`" + ("" if step.required else " (not required for Ready)"),
            )
            for step in (*PROVISIONING, NAME_ACCOUNT)
        ),
    )


def closing() -> str:
    """The table of the steps that close an account, from SUSPENSION."""
    return _table(
        ("step", "what it does", "condition"),
        (
            (f"`{step.name}`", step.description, f"`{step.condition}`")
            for step in (FIND_ACCOUNT, *SUSPENSION, CLOSE_ACCOUNT)
        ),
    )


def preparing() -> str:
    """The table of the steps of a pool's member that no other account has."""
    return _table(
        ("step", "what it does", "condition"),
        ((f"`{step.name}`", step.description, f"`{step.condition}`") for step in _OF_MEMBERS),
    )


def stall_timeouts() -> str:
    """The stall timeout of each step."""
    return _table(
        ("step", "Stalled after"),
        (
            (f"`{step.name}`", f"{step.stall_timeout.total_seconds() / 60:g} minutes")
            for step in (*PROVISIONING, FIND_ACCOUNT, *SUSPENSION, CLOSE_ACCOUNT, *_OF_MEMBERS)
            if step.required
        ),
    )


def _permissions(permissions: Iterable[Permission]) -> str:
    return _table(
        ("action", "on", "if", "what for"),
        (
            (f"`{each.action}`", " ".join(f"`{on}`" for on in each.resources), _conditions(each.condition), each.why)
            for each in permissions
        ),
    )


def _conditions(condition: Condition) -> str:
    return " ".join(
        f"`{operator} {key} {value}`" for operator, keys in condition.items() for key, value in keys.items()
    )


def denied() -> str:
    """The table of what the operator's policy denies."""
    return _table(
        ("statement", "actions", "on", "if", "why"),
        (
            (
                f"`{each.sid}`",
                " ".join(f"`{action}`" for action in each.actions),
                " ".join(f"`{on}`" for on in each.resources),
                _conditions(each.condition),
                each.why,
            )
            for each in denials(_reach())
        ),
    )


def _reach() -> Reach:
    return Reach((OperatorSettings().access_role_name,), "SENDER", renames=True)


def reasons() -> str:
    """A section for each reason, so that an alert can point at it."""
    return "\n".join(
        f"## {title}\n\n"
        + "\n".join(f"### {name}\n\n{entry.meaning}\n\n{entry.remedy}\n" for name, entry in group.items())
        for title, group in GROUPS.items()
    )


def conditions() -> str:
    """The table of the conditions that summarize the steps' conditions."""
    return _table(("condition", "meaning"), ((f"`{name}`", meaning) for name, meaning in SUMMARIES.items()))


def refusals() -> str:
    """What kubectl says to each wrong sample; a test compares it with the API server's message."""
    return _table(
        ("wrong sample", "what is wrong", "what kubectl says"),
        ((f"[{each.name}](../{each.path})", each.wrong, each.says) for each in wrong_samples.ALL),
    )


def _settings(model: type[BaseSettings]) -> str:
    schema = model.model_json_schema(by_alias=False)["properties"]
    return _table(
        ("variable", "default", "allowed", "meaning"),
        (
            (f"`{_variable(model, name)}`", _default(field.default), allowed(schema[name]), field.description or "")
            for name, field in model.model_fields.items()
        ),
    )


def metrics_of(module: ModuleType) -> list[tuple[str, str, tuple[str, ...], str]]:
    """Name, type, labels and meaning of each metric of the module, in its order."""
    found = [value for value in vars(module).values() if isinstance(value, MetricWrapperBase)]
    described = [(metric, next(iter(metric.describe()))) for metric in found]
    return [
        (one.name + ("_total" if one.type == "counter" else ""), one.type, metric._labelnames, one.documentation)
        for metric, one in described
    ]


def _metrics(module: ModuleType) -> str:
    return _table(
        ("metric", "type", "labels", "meaning"),
        (
            (f"`{name}`", kind, " ".join(f"`{label}`" for label in labels), meaning)
            for name, kind, labels, meaning in metrics_of(module)
        ),
    )


def _variable(model: type[BaseSettings], name: str) -> str:
    alias = model.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{model.model_config.get('env_prefix', '')}{name}".upper()


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    return "" if value is None or value == "" else f"`{value}`"


def excepted() -> str:
    """The table of kube-score's accepted findings."""
    return _table(
        ("kube-score says", "why the chart leaves it so"),
        ((f"{one.says} (`{one.check}`{f', {one.only}' if one.only else ''})", one.reason) for one in exceptions()),
    )


def argocd_health() -> str:
    """The health checks in the form of Argo CD's own chart."""
    scripts = (
        f"{key}: |\n" + "".join(f"  {line}\n" if line else "\n" for line in text.splitlines())
        for key, text in health_settings().items()
    )
    return "```yaml\n" + "".join(scripts) + "```"


def credentials() -> str:
    """The ways from an API key to AWS credentials, as responses and llms.txt show them."""
    return SAMPLE.markdown().replace("__BASE__", "https://api.example.com")


_OF_MEMBERS = (*preparation(OperatorSettings())[3:], AWAIT_CLAIMANT)

_ENDPOINT = ("endpoint", "who", "what it does", "responses")

TABLES: dict[str, Callable[[], str]] = {
    "contract-endpoints": lambda: _table((*_ENDPOINT, "added"), endpoints.of_the_contract()),
    "own-endpoints": lambda: _table((*_ENDPOINT, "takes"), endpoints.of_ours()),
    "credentials": credentials,
    "steps": steps,
    "closing": closing,
    "preparing": preparing,
    "permissions": lambda: _permissions(for_running("", _reach())),
    "denied": denied,
    "bootstrap-permissions": lambda: _permissions(for_bootstrap()),
    "argocd-health": argocd_health,
    "stall_timeouts": stall_timeouts,
    "trust-policy-sizes": lambda: _table(trust_policy_sizes.HEAD, trust_policy_sizes.rows()),
    "reasons": reasons,
    "conditions": conditions,
    "refusals": refusals,
    "kube-score": excepted,
    "operator-settings": lambda: _settings(OperatorSettings),
    "webhook-events": lambda: "\n".join(f"- `{event}`" for event in SUBSCRIBED),
    "apiserver-settings": lambda: _settings(ApiSettings),
    "operator-metrics": lambda: _metrics(operator_metrics),
    "apiserver-metrics": lambda: _metrics(api_metrics),
}

PAGES = (
    *("credentials", "gitops", "http-api", "iam-policy", "install"),
    *("kubectl", "metrics", "runbook", "settings", "stripe"),
    "decisions/011-where-deployments-come-from",
)
FILES = tuple(f"docs/{name}.md" for name in PAGES)
OPENAPI = "docs/openapi.json"
_DEEPEST = 5


def filled(text: str) -> str:
    """The text with every table regenerated."""
    for name, render in TABLES.items():
        if f"<!-- {name} -->" not in text:
            continue
        marked = re.compile(rf"(<!-- {name} -->\n).*?(\n?<!-- /{name} -->)", re.DOTALL)
        table = render()
        text = marked.sub(lambda match, table=table: f"{match[1]}{table}\n{match[2].lstrip()}", text)  # type: ignore[misc]  # bound early
    return text


def main() -> int:
    """Writes the tables, or with --check reports which files are not current (exit status 1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is not current")
    check = parser.parse_args().check
    stale: list[Path] = []
    new = {CHECKOUT / name: filled((CHECKOUT / name).read_text()) for name in FILES}
    for path, text in {**new, CHECKOUT / OPENAPI: openapi()}.items():
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not check:
                path.write_text(text)
    if check and stale:
        names = ", ".join(str(path.relative_to(CHECKOUT)) for path in stale)
        print(f"Not current: {names}. Run `make docs` and commit the result.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
