"""What `bootstrap --plan` says about accounts: which rules begin, change and end for how many of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from batteries_crds.github.trust_policy import same_policy
from batteries_operator.aws.floor.place import Place, customers, places
from batteries_operator.aws.guardrails import Guardrail, Guardrails
from batteries_operator.aws.policy_setup import PolicySetup
from batteries_operator.runtime.settings import Settings


async def changes(policies: PolicySetup, settings: Settings, every: Guardrails) -> AsyncIterator[str]:
    """The lines, for each OU with its number of accounts."""
    yield ""
    for place in dict.fromkeys((customers(settings), *places(settings).values())):
        guards = [guard for guard in every.of_the_floor if guard.place == place]
        lines = [line for guard in guards for line in await _of_policy(policies, guard)]
        lines += [f"  Detached: {name}." for name in await policies.named_left_over(place, every)]
        what = "what changes for them:" if lines else "nothing changes for them."
        yield f"{await _accounts(policies, place)}: {what}"
        for line in lines:
            yield line
    if settings.profile_names and (waiting := await policies.accounts_at(customers(settings), below=False)):
        default = places(settings)["default"]
        yield (
            f"With its comparisons, the operator moves {waiting} accounts from {customers(settings)} into the OUs "
            f"below, those without a profile to {default}."
        )
    yield "Nothing was changed. `batteries-operator bootstrap` does it."


async def _accounts(policies: PolicySetup, place: Place) -> str:
    number = await policies.accounts_at(place)
    return f"{number} {'account' if number == 1 else 'accounts'} in the OU {place}"


async def _of_policy(policies: PolicySetup, guard: Guardrail) -> list[str]:
    """What begins, changes and ends with a policy, where its content is not yet in force on its OU."""
    before = await policies.statements(guard) if await policies.is_attached(guard) else []
    named = {str(each.get("Sid", "")): each for each in before}
    lines = []
    for rule in guard.rules:
        old = named.pop(rule.sid, None)
        if old is None:
            lines.append(f"  From then on: {rule.says} ({_size(rule.statement)})")
        elif not same_policy(old, dict(rule.statement)):
            lines.append(f"  Changed: {rule.says} ({_size(rule.statement)})")
    return lines + [f"  No longer: the rule {sid or 'without a name'} of {guard.name}." for sid in named]


def _size(statement: Any) -> str:
    """How much a statement denies, in a few words."""
    kept: Sequence[str] = statement.get("NotAction", ())
    if kept:
        return f"all actions but {len(kept)}"
    listed = statement["Action"]
    return f"{len(listed)} {'action' if len(listed) == 1 else 'actions'}: {', '.join(sorted(listed))}"
