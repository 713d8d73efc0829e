"""The checks of `doctor` and `check`: each asks AWS and returns one line, with a remedy if something is wrong."""

from dataclasses import replace

from batteries_crds import agent_access
from batteries_crds.agent_access import IssuerUnusableError
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.permission_sets import PermissionSets
from batteries_operator.aws.permissions import ANY, Condition, Reach, for_running
from batteries_operator.cli import pool_checks, root_email
from batteries_operator.cli.findings import BOOTSTRAP, Check, Finding, Verdict, finding
from batteries_operator.cli.policy_checks import PolicyChecks
from batteries_operator.runtime.settings import Settings

FEW_ACCOUNTS = 5
FEW_MAILS = 100
_EXAMPLE = "111122223333"
NO_MAIL = "BATTERIES_MAIL_SENDER is empty, or this partition of AWS has no SES"


def _fulfilled(condition: Condition) -> dict[str, str]:
    """Values of condition keys for which the condition holds."""
    return {key: value.replace("*", "x") for keys in condition.values() for key, value in keys.items()}


class Checks:
    """All checks of one organization and its operator's credentials."""

    def __init__(self, aws: Aws, settings: Settings, pools: pool_checks.Pools = ()) -> None:
        """Without `pools` nothing is said about any."""
        self._aws = aws
        self._settings = settings
        self._pools = pools
        self._quota: tuple[int, int] | None = None
        self._permission_sets = PermissionSets(aws.caller, aws.identity_center)
        self._policies = PolicyChecks(aws, settings)

    def all(self) -> tuple[Check, ...]:
        """Every check, in the order in which they are printed."""
        policies = self._policies
        return (
            self.management_account,
            self.permissions,
            self.root_addresses,
            self.account_quota,
            policies.customers_ou,
            policies.suspended_ou,
            policies.policy_that_closes,
            policies.pool_ou,
            policies.policy_that_keeps_access,
            policies.floor,
            policies.old_policies,
            policies.regions,
            policies.root_access,
            *((policies.account_names,) if self._settings.pool_rename else ()),
            self.identity_center,
            self.identity_source,
            self.permission_set,
            self.mail_account,
            self.mail_sender,
            self.tokens,
            *((self.pools,) if self._pools else ()),
        )

    def preflight(self) -> tuple[Check, ...]:
        """The checks of what accounts need in order to be created and closed; the operator's permissions suffice."""
        policies = self._policies
        return (
            self.management_account,
            self.root_addresses,
            policies.customers_ou,
            policies.suspended_ou,
            policies.policy_that_closes,
            policies.policy_that_keeps_access,
            policies.floor,
            self.identity_center,
            self.permission_set,
        )

    async def management_account(self) -> Finding:
        """Whether our credentials belong to the management account, which alone can create accounts."""
        try:
            management = await self._aws.organizations.management_account()
            ours = await self._aws.sts.own_account()
        except AwsError as error:
            # A call without a response says nothing; a call that is refused means that all later ones would be.
            hopeless = error.kind is not ErrorKind.TRANSIENT or error.code == "InvalidClientTokenId"
            return replace(refused(error), hopeless=hopeless)
        found = finding(
            ours == management,
            f"credentials belong to the organization's management account {management}",
            f"give the operator a role in {management}",
            problem=f"credentials belong to {ours}, not to the organization's management account {management}",
        )
        return replace(found, hopeless=ours != management)

    async def permissions(self) -> Finding:
        """Whether our policies grant every call that the operator makes."""
        arn, refused = await self._aws.sts.own_arn(), list[str]()
        partition = await self._aws.sts.partition()
        simulations: dict[str, tuple[str, Condition, list[str]]] = {}
        for permission in for_running(self._settings.access_role_name, self._reach(arn)):
            for resource in map(partition.translated, permission.resources):
                # IAM simulates named resources only, so an example replaces the pattern for an account, OU or root.
                example = resource.replace("*", _EXAMPLE) if resource != ANY else ANY
                same = simulations.setdefault(f"{example} {permission.condition}", (example, permission.condition, []))
                same[2].append(permission.action)
        for example, condition, actions in simulations.values():
            context = {"aws:PrincipalAccount": arn.split(":")[4], **_fulfilled(condition)}
            refused += await self._aws.limits.not_granted(arn, actions, example, context)
        return finding(
            not refused,
            "every permission is granted",
            "grant what `batteries-operator policy` prints",
            problem=f"missing permissions: {', '.join(sorted(set(refused)))}",
        )

    def _reach(self, arn: str) -> Reach:
        settings, management = self._settings, arn.split(":")[4]
        return Reach((settings.access_role_name,), settings.mail_sender, management, renames=settings.pool_rename)

    async def root_addresses(self) -> Finding:
        """Whether AWS accepts our root e-mail addresses, and whether the mailbox can be the installation's own."""
        template = self._settings.account_email_template
        if (wrong := root_email.problem(template)) is not None:
            return Finding(Verdict.MISSING, wrong, hopeless=True)
        strangers = root_email.not_yours(template)
        return finding(
            strangers is None,
            f"root e-mail addresses are made from {template}",
            f"set {root_email.VARIABLE} to a mailbox of yours",
            problem=f"root e-mail addresses are made from {template}, but {strangers}",
        )

    async def account_quota(self) -> Finding:
        """How many more accounts the organization's quota allows."""
        left, allowed = await self._left_of_quota()
        return finding(
            left > max(FEW_ACCOUNTS, allowed // 20),
            f"accounts left: {left} of {allowed}",
            "have 'Maximum number of accounts' raised in Service Quotas (closed accounts count for 90 days)",
            problem=f"accounts left: {left} of {allowed}",
            bad=Verdict.WARNING if left > 0 else Verdict.MISSING,
        )

    async def pools(self) -> Finding:
        """What the sizes of AccountPools mean for that quota."""
        return pool_checks.compare(self._pools, *await self._left_of_quota())

    async def _left_of_quota(self) -> tuple[int, int]:
        """How many more accounts there may be, and how many at all; counted once."""
        if self._quota is None:
            allowed = await self._aws.limits.accounts_allowed()
            there = await self._aws.organizations.count()
            self._quota = allowed - there, allowed
        return self._quota

    async def identity_source(self) -> Finding:
        """Whether Identity Center accepts users that are created by API."""
        refusal = await self._aws.directory.refusal_of_new_users()
        return finding(
            refusal is None,
            "Identity Center accepts new users",
            "provision owners from your identity provider before they ask for an account; existing users are found",
            problem=f"Identity Center accepts no new users ({refusal})",
            bad=Verdict.WARNING,
        )

    async def identity_center(self) -> Finding:
        """Whether Identity Center is enabled in this region."""
        instance = await self._aws.identity_center.instance()
        return Finding(Verdict.OK, f"IAM Identity Center is enabled ({instance.identity_store_id})")

    async def permission_set(self) -> Finding:
        """Whether the permission set that owners get holds what bootstrap put into it."""
        name = self._settings.permission_set_name
        policy = (await self._aws.sts.partition()).managed_policy(self._settings.managed_policy_arn)
        arn = await self._permission_sets.find(name)
        if arn is None:
            return Finding(Verdict.MISSING, f"permission set {name} is missing; {BOOTSTRAP}.")
        content = await self._permission_sets.content(arn)
        if not content.is_ours:
            text = f"permission set {name} was not made by bootstrap; owners get what it holds: {content}"
            return Finding(Verdict.WARNING, text)
        wrong = content.wrong(policy)
        remedy = "take out what owners are not to have, and " + BOOTSTRAP if content.beside(policy) else BOOTSTRAP
        return finding(
            wrong is None,
            f"permission set {name} holds {policy} and nothing else",
            remedy,
            problem=f"permission set {name} differs from what bootstrap makes ({wrong})",
        )

    async def mail_account(self) -> Finding:
        """Whether SES sends to everybody or only to verified recipients, and how many mails it still sends today."""
        if not self._aws.mail.enabled:
            return Finding(Verdict.WARNING, "SES was not checked: " + NO_MAIL)
        account = await self._aws.mail.account()
        if not account.get("SendingEnabled"):
            return finding(False, "", "resume it in the SES console", problem="SES has stopped sending")
        quota = account.get("SendQuota", {})
        left = int(quota.get("Max24HourSend", 0) - quota.get("SentLast24Hours", 0))
        if account.get("ProductionAccessEnabled") and left < FEW_MAILS:
            return finding(
                False,
                "",
                "have SES's sending quota raised; until then welcome mails come late",
                problem=f"SES sends {left} more mails within these 24 hours",
                bad=Verdict.WARNING,
            )
        return finding(
            bool(account.get("ProductionAccessEnabled")),
            f"SES is out of its sandbox and sends {left} more mails within these 24 hours",
            "request production access; until then only verified recipients get the welcome mail",
            problem="SES is in its sandbox",
            bad=Verdict.WARNING,
        )

    async def mail_sender(self) -> Finding:
        """Whether SES sends from our address."""
        if not self._aws.mail.enabled:
            return Finding(Verdict.WARNING, "no mails are sent: " + NO_MAIL)
        return finding(
            await self._aws.mail.sender_verified(),
            f"SES may send from {self._settings.mail_sender}",
            "verify that address or its domain in SES",
            problem=f"SES may not send from {self._settings.mail_sender}",
            bad=Verdict.WARNING,
        )

    async def tokens(self) -> Finding:
        """Whether accounts can trust tokens of ours, by which agents get credentials for an API key."""
        try:
            issuer = agent_access.issuer(self._settings.issuer_url, self._settings.public_url)
        except IssuerUnusableError as error:
            return Finding(Verdict.WARNING, str(error))
        return Finding(Verdict.OK, f"accounts trust tokens of {issuer.url}, which AWS must be able to reach")


def refused(error: AwsError) -> Finding:
    """The line of a check that AWS refused."""
    what = f"{error.operation} was refused ({error.code}: {error.message})"
    return Finding(Verdict.MISSING, f"{what}: grant the operator that permission, or fix what AWS says.")
