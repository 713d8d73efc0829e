"""Checks that a guardrail is in force in AWS: the policy exists, has the right content, and is attached to its OU.

Nothing but these closes a suspended account and limits an active one, and people can detach or edit a policy at any
time. So they are checked before an account is called quarantined or ready, and at every resync; the result is cached
for some minutes, because many accounts ask at once.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from batteries_crds.github.trust_policy import same_policy
from batteries_operator.aws.caller import Caller
from batteries_operator.aws.floor.place import Place
from batteries_operator.aws.guardrails import Guardrail
from batteries_operator.aws.organizations import NotPreparedError, Organizations
from batteries_operator.runtime.metrics import GUARDRAILS
from batteries_operator.runtime.watchdog import acquired

if TYPE_CHECKING:
    from mypy_boto3_organizations.type_defs import PolicySummaryTypeDef, RootTypeDef

SCP: Any = "SERVICE_CONTROL_POLICY"
BOOTSTRAP = "Run `batteries-operator bootstrap`."

KEPT_SECONDS = 300.0
"""How long a positive result is cached; a negative one is checked again sooner."""

WRONG_KEPT_SECONDS = 10.0


class GuardrailChecks:
    """The guardrails as they are in AWS."""

    def __init__(
        self,
        caller: Caller,
        organizations: Organizations,
        kept_seconds: float = KEPT_SECONDS,
        wrong_kept_seconds: float = WRONG_KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._caller = caller
        self._organizations = organizations
        self._kept = kept_seconds
        self._wrong_kept = wrong_kept_seconds
        self._clock = clock
        self._known: dict[tuple[str, Place, str], tuple[float, str | None]] = {}
        self._asking = asyncio.Lock()  # thousands of accounts that are suspended at once cause one check

    async def require(self, guard: Guardrail, role: str) -> None:
        """Checks that the guardrail holds for accounts entered by that role, from a result that is at most some minutes
        old.

        Raises:
            NotPreparedError: it does not hold; the text says what is wrong and what to do.
        """
        await self.require_all([guard], role)

    async def require_all(self, guards: Sequence[Guardrail], role: str) -> None:
        """The same for several.

        Raises:
            NotPreparedError: one does not hold.
        """
        for wrong in await self.troubles(guards, role):
            raise NotPreparedError(wrong)

    async def troubles(self, guards: Sequence[Guardrail], role: str) -> list[str]:
        """What is wrong with them, from results that are at most some minutes old; empty if all hold."""
        async with acquired(self._asking):
            looks = _Looks(self._caller, self._organizations)
            return [wrong for guard in guards if (wrong := await self._recent(guard, role, looks)) is not None]

    async def _recent(self, guard: Guardrail, role: str, looks: "_Looks") -> str | None:
        key = (guard.name, guard.place, role)
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < (self._wrong_kept if known[1] else self._kept):
            return known[1]
        wrong = await self._trouble(guard, role, looks)
        self._known[key] = self._clock(), wrong
        GUARDRAILS.labels(guard.measured_as or guard.name).set(wrong is None)
        return wrong

    async def trouble(self, guard: Guardrail, role: str | None = None) -> str | None:
        """What is wrong, in a sentence with its remedy; None if the guardrail holds. Calls AWS.

        The content that an older release wrote is right only for accounts that are entered by `role`.
        """
        return await self._trouble(guard, role, _Looks(self._caller, self._organizations))

    async def _trouble(self, guard: Guardrail, role: str | None, looks: "_Looks") -> str | None:
        root = await looks.root()
        unit = await looks.unit(guard.place)
        if unit is None:
            where = f"in its OU '{guard.under}'" if guard.under else "under its root"
            return f"The organization has no OU '{guard.ou}' {where}. {BOOTSTRAP}"
        if not enabled(root):
            return f"Service control policies are not enabled on the root, so {guard.name} does nothing. {BOOTSTRAP}"
        attached = (await looks.attached(unit)).get(guard.name)
        if attached is None:
            return f"The policy {guard.name} is not attached to the OU {guard.place}. {BOOTSTRAP}"
        if not await self.says_what_it_should(attached.get("Id", ""), guard, role):
            return (
                f"The policy {guard.name} on the OU {guard.place} differs from what bootstrap writes: it was changed, "
                f"or an older release made it, or other settings. {BOOTSTRAP}"
            )
        return None

    async def attached(self, unit: str) -> "dict[str, PolicySummaryTypeDef]":
        """The policies that are attached to the OU with that id, by name."""
        return await _Looks(self._caller, self._organizations).attached(unit)

    async def content(self, policy_id: str) -> Any:
        """The policy's content; None if it is no JSON."""
        describe = self._organizations.client.describe_policy
        response = await self._caller.call("organizations:DescribePolicy", describe, PolicyId=policy_id)
        try:
            return json.loads(response["Policy"].get("Content", ""))
        except ValueError:
            return None

    async def says_what_it_should(self, policy_id: str, guard: Guardrail, role: str | None = None) -> bool:
        """Whether the policy's content means the same as the guardrail's."""
        content = await self.content(policy_id)
        earlier = guard.earlier.get(role or "")
        rights = [guard.content] if earlier is None else [guard.content, earlier]
        return any(same_policy(content, right) for right in rights)


class _Looks:
    """What one check has seen of the organization: several guardrails on one OU share the calls."""

    def __init__(self, caller: Caller, organizations: Organizations) -> None:
        self._caller = caller
        self._organizations = organizations
        self._root: RootTypeDef | None = None
        self._units: dict[Place, str | None] = {}
        self._attached: dict[str, dict[str, PolicySummaryTypeDef]] = {}

    async def root(self) -> "RootTypeDef":
        if self._root is None:
            self._root = await self._organizations.root_details()
        return self._root

    async def unit(self, place: Place) -> str | None:
        """The id of the OU."""
        if place not in self._units:
            root = (await self.root()).get("Id", "")
            self._units[place] = await self._organizations.look_for_ou(place.name, root, place.under)
        return self._units[place]

    async def attached(self, unit: str) -> "dict[str, PolicySummaryTypeDef]":
        """The policies on the OU with that id, by name."""
        if unit not in self._attached:
            listing = self._organizations.client.list_policies_for_target
            pages = self._caller.pages("organizations:ListPoliciesForTarget", listing, TargetId=unit, Filter=SCP)
            self._attached[unit] = {
                policy.get("Name", ""): policy async for page in pages for policy in page["Policies"]
            }
        return self._attached[unit]


def enabled(root: Any) -> bool:
    """Whether service control policies are enabled, from the root's details."""
    return any(each.get("Type") == SCP and each.get("Status") == "ENABLED" for each in root.get("PolicyTypes", []))
