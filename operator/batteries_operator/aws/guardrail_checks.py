"""Checks that a guardrail is in force in AWS: the policy exists, has the right content, and is attached to its OU.

Nothing but this closes a suspended account, and people can detach or edit the policy at any time. So it is checked
before an account is called quarantined, and at every resync; the result is cached for some minutes, because many
accounts ask at once.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from batteries_crds.github.trust_policy import same_policy
from batteries_operator.aws.caller import Caller
from batteries_operator.aws.guardrails import Guardrail
from batteries_operator.aws.organizations import NotPreparedError, Organizations
from batteries_operator.runtime.watchdog import acquired

if TYPE_CHECKING:
    from mypy_boto3_organizations.type_defs import PolicySummaryTypeDef

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
        self._known: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._asking = asyncio.Lock()  # thousands of accounts that are suspended at once cause one check

    async def require(self, guard: Guardrail, role: str) -> None:
        """Checks that the guardrail holds for accounts entered by that role, from a result that is at most some minutes
        old.

        Raises:
            NotPreparedError: it does not hold; the text says what is wrong and what to do.
        """
        async with acquired(self._asking):
            known = self._known.get((guard.name, role))
            if known is not None and self._clock() - known[0] < (self._wrong_kept if known[1] else self._kept):
                wrong = known[1]
            else:
                wrong = await self.trouble(guard, role)
                self._known[guard.name, role] = self._clock(), wrong
        if wrong is not None:
            raise NotPreparedError(wrong)

    async def trouble(self, guard: Guardrail, role: str | None = None) -> str | None:
        """What is wrong, in a sentence with its remedy; None if the guardrail holds. Calls AWS.

        The content that an older release wrote is right only for accounts that are entered by `role`.
        """
        root = await self._organizations.root_details()
        unit = await self._organizations.look_for_ou(guard.ou, root.get("Id", ""))
        if unit is None:
            return f"The organization has no OU '{guard.ou}' under its root. {BOOTSTRAP}"
        if not enabled(root):
            return f"Service control policies are not enabled on the root, so {guard.name} does nothing. {BOOTSTRAP}"
        attached = await self.attached(unit, guard)
        if attached is None:
            return f"The policy {guard.name} is not attached to the OU {guard.ou}. {BOOTSTRAP}"
        if not await self.says_what_it_should(attached.get("Id", ""), guard, role):
            return (
                f"The policy {guard.name} on the OU {guard.ou} differs from what bootstrap writes: it was changed, or "
                f"an older release made it. {BOOTSTRAP}"
            )
        return None

    async def attached(self, unit: str, guard: Guardrail) -> "PolicySummaryTypeDef | None":
        """The policy of the guardrail's name that is attached to the OU with that id."""
        listing = self._organizations.client.list_policies_for_target
        pages = self._caller.pages("organizations:ListPoliciesForTarget", listing, TargetId=unit, Filter=SCP)
        async for page in pages:
            for policy in page["Policies"]:
                if policy.get("Name") == guard.name:
                    return policy
        return None

    async def says_what_it_should(self, policy_id: str, guard: Guardrail, role: str | None = None) -> bool:
        """Whether the policy's content means the same as the guardrail's."""
        describe = self._organizations.client.describe_policy
        response = await self._caller.call("organizations:DescribePolicy", describe, PolicyId=policy_id)
        try:
            content = json.loads(response["Policy"].get("Content", ""))
        except ValueError:
            return False
        return any(same_policy(content, right) for right in (guard.content, guard.earlier.get(role or "")))


def enabled(root: Any) -> bool:
    """Whether service control policies are enabled, from the root's details."""
    return any(each.get("Type") == SCP and each.get("Status") == "ENABLED" for each in root.get("PolicyTypes", []))
