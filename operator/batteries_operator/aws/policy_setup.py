"""The service control policies of an organization: finds, creates, attaches and updates each, and detaches old ones.

No statement is out of force for a moment while it moves from one policy into another: `gainers_first` says in which
order policies are written.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batteries_crds.github.trust_policy import same_policy
from batteries_crds.names import TAG_RESOURCE
from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.errors import NotOursError
from batteries_operator.aws.floor.place import Place, places
from batteries_operator.aws.floor.policies import text
from batteries_operator.aws.guardrail_checks import SCP, enabled
from batteries_operator.aws.guardrails import Guardrail, Guardrails, is_of_the_floor
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.setup import NOT_PREPARED, Did, patiently
from batteries_operator.runtime.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_organizations.type_defs import PolicySummaryTypeDef

    from batteries_operator.aws.gateways import Aws


class PolicySetup:
    """Each method returns what it did, and may be called again. With `plan` nothing is written."""

    def __init__(self, aws: "Aws", settings: Settings, *, plan: bool = False) -> None:
        self._caller = aws.caller
        self._organizations = aws.organizations
        self._checks = aws.guardrail_checks
        self._client = aws.organizations.client
        self._settings = settings
        self._plan = plan
        self._ours: set[str] = set()
        """The AWS accounts that were seen to be ours, so that each is asked for once."""

    async def ensure_enabled(self) -> Did:
        """Ensures that service control policies are enabled on the root."""
        root = await self._organizations.root_details()
        if enabled(root):
            return Did.THERE
        enable = self._client.enable_policy_type
        await self._write("organizations:EnablePolicyType", enable, RootId=root.get("Id", ""), PolicyType=SCP)
        return Did.MADE

    async def ensure_policy(self, guard: Guardrail) -> Did:
        """Ensures that the policy exists with the right content.

        Raises:
            NotOursError: somebody else made a policy of that name.
        """
        content, found = text(guard.content), await self.find(guard)
        if found is None:
            create, about = self._client.create_policy, guard.description
            more = {"Name": guard.name, "Description": about, "Type": SCP, "Content": content}
            await self._write("organizations:CreatePolicy", create, **more)
            return Did.MADE
        if found.get("Description") != guard.description:
            raise NotOursError(
                NOT_PREPARED,
                f"There is a policy named {guard.name} that bootstrap did not create: its description is not "
                f"'{guard.description}'. Rename that policy, and run bootstrap again.",
            )
        if await self._checks.says_what_it_should(found.get("Id", ""), guard):
            return Did.THERE
        update = self._client.update_policy
        await self._write("organizations:UpdatePolicy", update, PolicyId=found.get("Id", ""), Content=content)
        return Did.UPDATED

    async def ensure_attached(self, guard: Guardrail) -> Did:
        """Ensures that the policy is attached to its OU.

        Raises:
            NotOursError: the OU holds what is not ours, and the policy would shut or bind that.
            NotPreparedError: there is no such OU.
            AwsError: there is no such policy.
        """
        unit, policy = await self._unit(guard.place), await self.find(guard)
        if self._plan and (unit is None or policy is None):
            return Did.MADE  # by then it is there
        unit = unit or await self._organizations.ou(guard.ou, guard.under)
        attached = (await self._checks.attached(unit)).get(guard.name)
        if policy is not None and attached is not None and attached.get("Id") == policy.get("Id"):
            return Did.THERE
        if (stranger := await self._stranger_in(unit, guard.place)) is not None:
            raise NotOursError(
                NOT_PREPARED,
                f"The OU {guard.place} holds {stranger}, which no tag names as the account factory's, and {guard.name} "
                "would bind it. If it is the factory's and lost its tag, tag it again (docs/runbook.md, "
                "NotOurAccount). Otherwise move it elsewhere, or set BATTERIES_SUSPENDED_OU_NAME, "
                "BATTERIES_POOL_OU_NAME or BATTERIES_CUSTOMERS_OU_NAME to an OU for the account factory alone. Then "
                "run bootstrap again.",
            )
        if policy is None:
            # One that was just created may not be listed yet: it is looked up again.
            missing = f"There is no policy {guard.name} to attach."
            raise AwsError("organizations:ListPolicies", "PolicyNotFoundException", missing)
        attach = self._client.attach_policy
        await self._write("organizations:AttachPolicy", attach, PolicyId=policy.get("Id", ""), TargetId=unit)
        return Did.MADE

    async def ensure_no_other(self, place: Place, every: Guardrails) -> Did:
        """Ensures that of the floor's policies only those are attached to the OU that belong there.

        Raises:
            NotPreparedError: accounts are still directly in the Customers OU, and nothing else limits them.
        """
        unit = await self._unit(place)
        old = [] if unit is None else await self.left_over(unit, place, every)
        if unit is None or not old:
            return Did.THERE
        if place not in places(self._settings).values() and (waiting := await self.count(unit, below=False)):
            raise NotPreparedError(
                f"{', '.join(name for name, _ in old)} stays on the OU {place} as long as accounts are directly in it, "
                f"which are {waiting} now. The operator moves them into the OUs below with its comparisons; run "
                "bootstrap again then."
            )
        for _, policy in old:
            await self._write("organizations:DetachPolicy", self._client.detach_policy, PolicyId=policy, TargetId=unit)
        return Did.UPDATED

    async def left_over(self, unit: str, place: Place, every: Guardrails) -> list[tuple[str, str]]:
        """The floor's policies that are attached to the OU and do not belong there: names and ids."""
        attached, wanted = await self._checks.attached(unit), every.wanted_at(place)
        return [
            (name, policy.get("Id", ""))
            for name, policy in sorted(attached.items())
            if name not in wanted and is_of_the_floor(name, policy.get("Description", ""))
        ]

    async def gainers_first(self, guards: Sequence[Guardrail]) -> list[Guardrail]:
        """The policies in an order in which no statement is missing meanwhile: first those that lose none."""
        losing = [await self._loses(guard) for guard in guards]
        return [guard for _, guard in sorted(zip(losing, guards, strict=True), key=lambda each: each[0])]

    async def _loses(self, guard: Guardrail) -> bool:
        wanted = guard.content["Statement"]
        return any(not any(same_policy(old, new) for new in wanted) for old in await self.statements(guard))

    async def statements(self, guard: Guardrail) -> list[dict[str, Any]]:
        """The statements of the policy of that name in AWS; empty if there is none."""
        found = await self.find(guard)
        content = None if found is None else await self._checks.content(found.get("Id", ""))
        listed = content.get("Statement", []) if isinstance(content, dict) else []
        return listed if isinstance(listed, list) else [listed]

    async def find(self, guard: Guardrail) -> "PolicySummaryTypeDef | None":
        """The policy of that name."""
        async for page in self._caller.pages("organizations:ListPolicies", self._client.list_policies, Filter=SCP):
            for policy in page["Policies"]:
                if policy.get("Name") == guard.name:
                    return policy
        return None

    async def is_attached(self, guard: Guardrail) -> bool:
        """Whether a policy of that name is attached to its OU."""
        unit = await self._unit(guard.place)
        return unit is not None and guard.name in await self._checks.attached(unit)

    async def named_left_over(self, place: Place, every: Guardrails) -> list[str]:
        """The names of the floor's policies that are attached to the OU and do not belong there."""
        unit = await self._unit(place)
        return [] if unit is None else [name for name, _ in await self.left_over(unit, place, every)]

    async def accounts_at(self, place: Place, *, below: bool = True) -> int:
        """The number of accounts in the OU; `below` with those in the OUs in it."""
        unit = await self._unit(place)
        return 0 if unit is None else await self.count(unit, below=below)

    async def count(self, unit: str, *, below: bool = True) -> int:
        """The number of accounts in the OU; `below` with those in the OUs in it."""
        listing, found = self._client.list_accounts_for_parent, 0
        async for page in self._caller.pages("organizations:ListAccountsForParent", listing, ParentId=unit):
            found += len(page["Accounts"])
        if below:
            for child, _ in await self._units_in(unit):
                found += await self.count(child)
        return found

    async def _units_in(self, unit: str) -> list[tuple[str, str]]:
        below = self._client.list_organizational_units_for_parent
        pages = self._caller.pages("organizations:ListOrganizationalUnitsForParent", below, ParentId=unit)
        return [
            (each.get("Id", ""), each.get("Name", "")) async for page in pages for each in page["OrganizationalUnits"]
        ]

    async def _unit(self, place: Place) -> str | None:
        return await self._organizations.look_for_ou(place.name, await self._organizations.root(), place.under)

    async def _stranger_in(self, unit: str, place: Place) -> str | None:
        """What the OU contains that is not ours: an account without our tag, or an OU that is none of a profile."""
        listing = self._client.list_accounts_for_parent
        async for page in self._caller.pages("organizations:ListAccountsForParent", listing, ParentId=unit):
            for account in page["Accounts"]:
                if not await self._is_ours(account.get("Id", "")):
                    return f"the AWS account {account.get('Id')}"
        for child, name in await self._units_in(unit):
            below = Place(name, place.name)
            if not await self._is_of_a_profile(child, below):
                return f"the OU {name}"
            if (stranger := await self._stranger_in(child, below)) is not None:
                return stranger
        return None

    async def _is_of_a_profile(self, unit: str, place: Place) -> bool:
        """Whether the OU is that of a profile: of one in the settings, or of an earlier one, by its policies."""
        if place in places(self._settings).values():
            return True
        attached = await self._checks.attached(unit)
        return any(is_of_the_floor(name, policy.get("Description", "")) for name, policy in attached.items())

    async def _is_ours(self, account: str) -> bool:
        """Whether the account has our tag. There may be thousands to ask for, so a throttle does not begin anew."""
        if account not in self._ours and TAG_RESOURCE in await patiently(lambda: self._organizations.tags(account)):
            self._ours.add(account)
        return account in self._ours

    async def _write(self, operation: str, function: Any, **arguments: Any) -> None:
        if not self._plan:
            await self._organizations.write(operation, function, **arguments)
