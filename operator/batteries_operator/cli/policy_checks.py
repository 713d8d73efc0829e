"""The checks of `doctor` and `check` about OUs and policies."""

from batteries_operator.aws.floor.place import Place, customers
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import Guardrail, Guardrails, closing, guardrails, keeping_access, sealing
from batteries_operator.aws.partition import Partition, regions_of
from batteries_operator.aws.policy_setup import PolicySetup
from batteries_operator.cli.bootstrap import units
from batteries_operator.cli.findings import BOOTSTRAP, Finding, Verdict, finding
from batteries_operator.runtime.settings import Settings

_ANYWHERE = "unspecified"


class PolicyChecks:
    """The checks of one organization's OUs and policies."""

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self._aws = aws
        self._settings = settings

    async def customers_ou(self) -> Finding:
        """Whether the OU of active accounts exists."""
        return await self._ou(customers(self._settings))

    async def suspended_ou(self) -> Finding:
        """Whether the OU of suspended accounts exists."""
        return await self._ou(Place(self._settings.suspended_ou_name))

    async def pool_ou(self) -> Finding:
        """Whether the OU of accounts that nobody has yet exists, under its policy; only pools need it."""
        guard = sealing(self._settings, await self._partition())
        wrong = await self._aws.guardrail_checks.trouble(guard)
        text = f"OU {guard.place} exists and is closed"
        return Finding(Verdict.OK, text) if wrong is None else Finding(Verdict.WARNING, f"no pool is filled. {wrong}")

    async def _ou(self, place: Place) -> Finding:
        found = await self._aws.organizations.find_ou(place.name, place.under)
        return finding(found is not None, f"OU {place} exists", BOOTSTRAP, problem=f"OU {place} is missing")

    async def policy_that_closes(self) -> Finding:
        """Whether the policy that closes suspended accounts is in force."""
        return await self._holds(closing(self._settings, await self._partition()), "close", "OU {}")

    async def policy_that_keeps_access(self) -> Finding:
        """Whether the policy that protects our role in active accounts is in force."""
        guard = keeping_access(self._settings, await self._partition())
        return await self._holds(guard, "protect", "our role in the accounts of OU {}")

    async def _holds(self, guard: Guardrail, verb: str, what: str) -> Finding:
        wrong, where = await self._aws.guardrail_checks.trouble(guard), what.format(guard.place)
        if wrong is None:
            return Finding(Verdict.OK, f"policy {guard.name} {verb}s {where}")
        return Finding(Verdict.MISSING, f"policy {guard.name} does not {verb} {where}. {wrong}")

    async def floor(self) -> Finding:
        """Whether the policies that limit active accounts are in force, on each OU.

        Raises:
            DoesNotFitError: the settings give more policy than AWS takes.
        """
        guards = (await self._every()).of_the_floor
        found = [await self._aws.guardrail_checks.trouble(guard) for guard in guards]
        wrong = [each for each in found if each is not None]
        if wrong:
            return Finding(Verdict.MISSING, f"the floor of policy is not in force. {' '.join(dict.fromkeys(wrong))}")
        named = ", ".join(f"{guard.name} on {guard.place}" for guard in guards)
        return Finding(Verdict.OK, f"the floor of policy is in force: {named}")

    async def old_policies(self) -> Finding:
        """Whether an OU has policies of the floor that the settings do not want there any more."""
        every, policies = await self._every(), PolicySetup(self._aws, self._settings, plan=True)
        found = {place: await policies.named_left_over(place, every) for place in units(self._settings)}
        left = "; ".join(f"{', '.join(names)} on {place}" for place, names in found.items() if names)
        return finding(
            not left,
            "no OU has an old policy of the floor",
            f"{BOOTSTRAP} when the operator has moved the accounts into the OUs of their profiles",
            problem=f"old policies still limit accounts: {left}",
            bad=Verdict.WARNING,
        )

    async def regions(self) -> Finding:
        """Whether the allowed regions exist."""
        profiles = ("", *self._settings.profile_names)
        named = {region for profile in profiles for region in self._settings.choice_of(profile).regions}
        unknown = sorted(named - regions_of(await self._partition()) - {_ANYWHERE})
        return finding(
            not unknown,
            f"accounts may act in {', '.join(self._settings.choice_of().regions) or 'all regions'}",
            "correct BATTERIES_ALLOWED_REGIONS or BATTERIES_POLICY_PROFILES, unless they are newer than this release",
            problem=f"accounts may act in regions that this release does not know: {', '.join(unknown)}",
            bad=Verdict.WARNING,
        )

    async def root_access(self) -> Finding:
        """Whether new accounts have no root password."""
        if not self._settings.central_root_access:
            return Finding(Verdict.OK, "central root access is not asked for (BATTERIES_CENTRAL_ROOT_ACCESS)")
        lacks = await self._aws.root_access.lacks()
        return finding(
            lacks is None,
            "central root access is enabled: new accounts have no root password",
            f"{BOOTSTRAP}, or set BATTERIES_CENTRAL_ROOT_ACCESS=false",
            problem=f"new accounts get a root user whose password can be reset: {lacks}",
        )

    async def account_names(self) -> Finding:
        """Whether accounts that a pool prepared can be named, where the setting asks for it."""
        return finding(
            await self._aws.account_names.trust.is_given(),
            "AWS Account Management has trusted access: accounts from pools are named",
            f"{BOOTSTRAP}, or set BATTERIES_POOL_RENAME=false",
            problem="accounts from pools keep the pool's name: AWS Account Management has no trusted access to the "
            "organization",
            bad=Verdict.WARNING,
        )

    async def _every(self) -> Guardrails:
        return guardrails(self._settings, await self._partition())

    async def _partition(self) -> Partition:
        return await self._aws.sts.partition()
