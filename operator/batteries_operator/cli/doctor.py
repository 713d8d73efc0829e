"""`batteries-operator doctor`: asks the real APIs what is missing, before a customer finds out.

One line a check; each that fails says what to do. The exit status is 1 where something must be mended.

`batteries-operator check` asks for no more than accounts need to be made, which the operator's own permissions are
enough for: the chart runs it before each start. Its exit status is 1 only where nothing could work at all; else the
operator starts, does what it can, and says on each account what that waits for.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from batteries_operator.aws.errors import AwsError, ErrorKind
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import Guardrail, guardrails
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.aws.permission_sets import PermissionSets
from batteries_operator.aws.permissions import ANY, Condition, Reach, for_running
from batteries_operator.cli import root_email
from batteries_operator.runtime.settings import Settings

FEW_ACCOUNTS = 5
FEW_MAILS = 100
_EXAMPLE = "111122223333"
NO_MAIL = "BATTERIES_MAIL_SENDER is empty, or this partition of AWS has no SES"
BOOTSTRAP = "run `batteries-operator bootstrap`"


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warn"
    MISSING = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's."""

    verdict: Verdict
    text: str
    hopeless: bool = False
    """Whether no account could be made or served until it is mended, so that there is no use in starting."""


Check = Callable[[], Awaitable[Finding]]


def _fulfilled(condition: Condition) -> dict[str, str]:
    """Values of condition keys for which the condition holds."""
    return {key: value.replace("*", "x") for keys in condition.values() for key, value in keys.items()}


def _finding(good: bool, text: str, remedy: str, *, bad: Verdict = Verdict.MISSING) -> Finding:
    return Finding(Verdict.OK, text) if good else Finding(bad, f"{text}: no. To mend it, {remedy}.")


class Doctor:
    """The checks, in the order of the runbook."""

    def __init__(self, aws: Aws, settings: Settings) -> None:
        self._aws = aws
        self._settings = settings
        self._permission_sets = PermissionSets(aws.caller, aws.identity_center)

    def checks(self) -> tuple[Check, ...]:
        """All of them."""
        return (
            self.management_account,
            self.permissions,
            self.root_addresses,
            self.account_quota,
            self.customers_ou,
            self.suspended_ou,
            self.policy_that_closes,
            self.policy_that_keeps_access,
            self.identity_center,
            self.identity_source,
            self.permission_set,
            self.mail_account,
            self.mail_sender,
        )

    def preflight(self) -> tuple[Check, ...]:
        """Those without which accounts wait, or can't be closed."""
        return (
            self.management_account,
            self.root_addresses,
            self.customers_ou,
            self.suspended_ou,
            self.policy_that_closes,
            self.policy_that_keeps_access,
            self.identity_center,
            self.permission_set,
        )

    async def management_account(self) -> Finding:
        """Whether our credentials are the management account's: only that one can create accounts."""
        try:
            management = await self._aws.organizations.management_account()
            ours = await self._aws.sts.own_account()
        except AwsError as error:
            # Without an answer nobody knows; a refusal is one that every call after it would meet too.
            hopeless = error.kind is not ErrorKind.TRANSIENT or error.code == "InvalidClientTokenId"
            return replace(_refused(error), hopeless=hopeless)
        found = _finding(
            ours == management,
            f"credentials are of the organization's management account {management}",
            f"give the operator a role in {management}; these are of {ours}",
        )
        return replace(found, hopeless=ours != management)

    async def permissions(self) -> Finding:
        """Whether our policies grant all that the operator calls."""
        arn, refused = await self._aws.sts.own_arn(), list[str]()
        partition = await self._aws.sts.partition()
        asked: dict[str, tuple[str, Condition, list[str]]] = {}
        for permission in for_running(self._settings.access_role_name, self._reach(arn)):
            for resource in map(partition.translated, permission.resources):
                # IAM simulates on what is named; a pattern stands for one account, OU or root.
                example = resource.replace("*", _EXAMPLE) if resource != ANY else ANY
                same = asked.setdefault(f"{example} {permission.condition}", (example, permission.condition, []))
                same[2].append(permission.action)
        for example, condition, actions in asked.values():
            context = {"aws:PrincipalAccount": arn.split(":")[4], **_fulfilled(condition)}
            refused += await self._aws.limits.not_granted(arn, actions, example, context)
        return _finding(
            not refused,
            "every permission is granted",
            f"grant what `batteries-operator policy` prints; missing: {', '.join(sorted(set(refused)))}",
        )

    def _reach(self, arn: str) -> Reach:
        return Reach((self._settings.access_role_name,), self._settings.mail_sender, management=arn.split(":")[4])

    async def root_addresses(self) -> Finding:
        """Whether AWS takes the root e-mail addresses that we would make, and whether the mailbox can be ours."""
        template = self._settings.account_email_template
        if (wrong := root_email.problem(template)) is not None:
            return Finding(Verdict.MISSING, wrong, hopeless=True)
        strangers = root_email.not_yours(template)
        return _finding(
            strangers is None,
            f"root e-mail addresses are made of {template}" + ("" if strangers is None else f" ({strangers})"),
            f"set {root_email.VARIABLE} to a mailbox of yours",
        )

    async def account_quota(self) -> Finding:
        """How many accounts the organization may still have."""
        allowed = await self._aws.limits.accounts_allowed()
        there = 1 + len([member async for member in self._aws.organizations.members()])
        left = allowed - there
        return _finding(
            left > max(FEW_ACCOUNTS, allowed // 20),
            f"accounts left: {left} of {allowed}",
            "have 'Maximum number of accounts' raised in Service Quotas (closed accounts count for 90 days)",
            bad=Verdict.WARNING if left > 0 else Verdict.MISSING,
        )

    async def identity_source(self) -> Finding:
        """Whether Identity Center takes users that are made by API."""
        refusal = await self._aws.directory.refusal_of_new_users()
        return _finding(
            refusal is None,
            "Identity Center takes new users" + ("" if refusal is None else f" ({refusal})"),
            "provision owners from your identity provider before they ask for an account; existing users are found",
            bad=Verdict.WARNING,
        )

    async def customers_ou(self) -> Finding:
        """The OU that accounts live in."""
        name = self._settings.customers_ou_name
        return _finding(await self._aws.organizations.find_ou(name) is not None, f"OU {name} is there", BOOTSTRAP)

    async def suspended_ou(self) -> Finding:
        """The OU of suspended accounts."""
        name = self._settings.suspended_ou_name
        return _finding(await self._aws.organizations.find_ou(name) is not None, f"OU {name} is there", BOOTSTRAP)

    async def policy_that_closes(self) -> Finding:
        """The policy of suspended accounts."""
        closes, _ = guardrails(self._settings, await self._aws.sts.partition())
        return await self._guard(closes, f"policy {closes.name} closes OU {closes.ou}")

    async def policy_that_keeps_access(self) -> Finding:
        """The policy of all others."""
        _, keeps = guardrails(self._settings, await self._aws.sts.partition())
        return await self._guard(keeps, f"policy {keeps.name} keeps our role in the accounts of OU {keeps.ou}")

    async def _guard(self, guard: Guardrail, what: str) -> Finding:
        """Whether the policy is on its OU and says what it should, seen in AWS."""
        wrong = await self._aws.guardrail_checks.trouble(guard)
        return Finding(Verdict.OK, what) if wrong is None else Finding(Verdict.MISSING, f"{what}: no. {wrong}")

    async def identity_center(self) -> Finding:
        """Whether there is an Identity Center in this region."""
        instance = await self._aws.identity_center.instance()
        return Finding(Verdict.OK, f"IAM Identity Center is enabled ({instance.identity_store_id})")

    async def permission_set(self) -> Finding:
        """The permission set that owners get."""
        name = self._settings.permission_set_name
        policy = (await self._aws.sts.partition()).managed_policy(self._settings.managed_policy_arn)
        arn = await self._permission_sets.find(name)
        if arn is None:
            return _finding(False, f"permission set {name} is there", BOOTSTRAP)
        content = await self._permission_sets.content(arn)
        if not content.is_ours:
            text = f"permission set {name} was not made by bootstrap; owners get what it holds: {content}"
            return Finding(Verdict.WARNING, text)
        wrong = content.wrong(policy)
        remedy = "take out what owners are not to have, and " + BOOTSTRAP if content.beside(policy) else BOOTSTRAP
        return _finding(
            wrong is None,
            f"permission set {name} holds {policy} and nothing else" + (f" ({wrong})" if wrong else ""),
            remedy,
        )

    async def mail_account(self) -> Finding:
        """Whether SES sends to anybody, or only to verified recipients."""
        if not self._aws.mail.enabled:
            return Finding(Verdict.WARNING, "SES is not asked: " + NO_MAIL)
        account = await self._aws.mail.account()
        if not account.get("SendingEnabled"):
            return _finding(False, "SES sending is on", "resume it in the SES console")
        quota = account.get("SendQuota", {})
        left = int(quota.get("Max24HourSend", 0) - quota.get("SentLast24Hours", 0))
        if account.get("ProductionAccessEnabled") and left < FEW_MAILS:
            return _finding(
                False,
                f"mails left in these 24 hours: {left}",
                "have SES's sending quota raised; until then welcome mails come late",
                bad=Verdict.WARNING,
            )
        return _finding(
            bool(account.get("ProductionAccessEnabled")),
            f"SES is out of its sandbox, {left} mails left in these 24 hours",
            "request production access; until then only verified recipients get the welcome mail",
            bad=Verdict.WARNING,
        )

    async def mail_sender(self) -> Finding:
        """Whether SES would send from our address."""
        if not self._aws.mail.enabled:
            return Finding(Verdict.WARNING, "no welcome mail is sent: " + NO_MAIL)
        return _finding(
            await self._aws.mail.sender_verified(),
            f"SES may send from {self._settings.mail_sender}",
            "verify that address or its domain in SES",
            bad=Verdict.WARNING,
        )


async def _run(check: Check) -> Finding:
    try:
        return await check()
    except (NotPreparedError, UnsupportedPartitionError) as error:
        return Finding(Verdict.MISSING, str(error))
    except AwsError as error:
        return _refused(error)


def _refused(error: AwsError) -> Finding:
    what = f"{error.operation} was refused ({error.code}: {error.message})"
    return Finding(Verdict.MISSING, f"{what}: grant the operator that permission, or mend what AWS says.")


async def _printed(settings: Settings, select: Callable[[Doctor], tuple[Check, ...]]) -> list[Finding]:
    aws = await Aws.open(settings)
    try:
        findings = [await _run(check) for check in select(Doctor(aws, settings))]
    finally:
        aws.close()
    for finding in findings:
        print(f"{finding.verdict:<4}  {finding.text}")
    return findings


async def doctor(settings: Settings) -> int:
    """Prints one line a check; 1 where something must be mended, else 0."""
    findings = await _printed(settings, Doctor.checks)
    return 1 if any(finding.verdict is Verdict.MISSING for finding in findings) else 0


async def check(settings: Settings) -> int:
    """Prints one line for each of the fewer checks; 1 where nothing could work, else 0, whatever was found."""
    findings = await _printed(settings, Doctor.preflight)
    missing = [finding for finding in findings if finding.verdict is Verdict.MISSING]
    if any(finding.hopeless for finding in findings):
        print("The operator can't work until that is mended; this is tried again.")
        return 1
    if missing:
        print(
            "The operator starts all the same, and accounts say what they wait for. To prepare the organization, run "
            "`batteries-operator bootstrap` once with a person's credentials (`batteries-operator bootstrap-policy` "
            "prints what it needs)."
        )
    return 0
