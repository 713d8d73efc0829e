"""Fills the tables of docs/guardrails.md: `PYTHONPATH=tests python -m fakes.guardrails_page`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fakes.guardrail_table import ROWS, SETTINGS, Row

from batteries_operator.aws.floor.policies import text
from batteries_operator.aws.floor.purchases import MARKETPLACE, PURCHASES
from batteries_operator.aws.floor.regions import GLOBAL_ACTIONS, GLOBAL_SERVICES
from batteries_operator.aws.guardrails import guardrails
from batteries_operator.aws.partition import AWS
from batteries_operator.runtime.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "guardrails.md"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _row(row: Row) -> tuple[str, ...]:
    listed = [each for value in row.keys.values() for each in ([value] if isinstance(value, str) else value)]
    shown = [each for each in listed if each not in row.note and not each.endswith(".amazonaws.com")]
    note = "; ".join(filter(None, (row.note, ", ".join(shown))))
    about = row.resource.rpartition(":")[2] if row.resource != "*" else ""
    return (
        f"`{row.action}`",
        f"`{about}`" if about else "",
        note,
        *("yes" if each else "**no**" for each in row.allowed),
    )


def _sizes() -> str:
    """The sizes and numbers for some settings, within AWS's quotas."""
    cases = {
        "the defaults": Settings(),
        "the settings of the table below": SETTINGS,
        "16 regions, 12 types, 8 models": Settings(
            allowed_regions=",".join(f"ap-southeast-{number}" for number in range(16)),
            denied_instance_types=",".join(f"p{number}*" for number in range(12)),
            bedrock=",".join(f"anthropic.claude-sonnet-{number}-*" for number in range(8)),
        ),
    }
    rows = []
    for name, chosen in cases.items():
        every = guardrails(chosen, AWS)
        for place in dict.fromkeys(guard.place for guard in every.all):
            there = [guard for guard in every.all if guard.place == place]
            listed = ", ".join(f"{guard.name} {len(text(guard.content))}" for guard in there)
            rows.append((name, str(place), listed, f"{1 + len(there)} of {chosen.policies_per_target}"))
    head = (
        "settings",
        "OU",
        f"policies, with their characters of {Settings().policy_size}",
        "attached, with FullAWSAccess",
    )
    return _table(head, rows)


def _purchases() -> str:
    """What can't be undone once it is bought."""
    rows = [(what, ", ".join(f"`{action}`" for action in actions)) for what, actions in PURCHASES.items()]
    rows.append(("products of AWS Marketplace", ", ".join(f"`{action}`" for action in MARKETPLACE)))
    return _table(("what", "actions"), rows)


def _global_services() -> str:
    """What is excepted from the allowed regions."""
    return ", ".join(f"`{each}`" for each in (*(f"{service}:*" for service in GLOBAL_SERVICES), *GLOBAL_ACTIONS)) + "."


def _actions() -> str:
    """The table of actions, with the settings that it is about."""
    chosen = (
        f"For `BATTERIES_ALLOWED_REGIONS={SETTINGS.allowed_regions}`, "
        f"`BATTERIES_DENIED_INSTANCE_TYPES={SETTINGS.denied_instance_types}`, `BATTERIES_BEDROCK={SETTINGS.bedrock}` "
        f"and `BATTERIES_POLICY_PROFILES={SETTINGS.policy_profiles}`, and an administrator of the account. A cell is "
        "what the sandbox's evaluator and, independently, the library iam-simulate say (`make simulate`). A request to "
        "a global service goes to its own region, whatever the column."
    )
    heads = ("action", "on", "", "eu-central-1", "ap-south-1", "profile gpu, ap-south-1", "profile small, eu-central-1")
    return f"{chosen}\n\n{_table(heads, map(_row, ROWS))}"


TABLES = {"sizes": _sizes, "purchases": _purchases, "global-services": _global_services, "actions": _actions}


def page() -> str:
    """The whole page, with the tables as they should be."""
    found = PAGE.read_text()
    for name, render in TABLES.items():
        before, rest = found.split(f"<!-- {name} -->\n", 1)
        after = rest.split(f"<!-- /{name} -->", 1)[1]
        found = f"{before}<!-- {name} -->\n{render()}\n<!-- /{name} -->{after}"
    return found


if __name__ == "__main__":
    PAGE.write_text(page())
