"""The rules of the stand-in in their order: which of them see a call before moto does.

The tuple below is everything that this stand-in adds to moto. A rule is a function of the call, the world and
`proceed`, the rest of the chain with moto at its end: it may respond itself, refuse (raise AwsError), or proceed and
inspect the response. The order is that of the tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import (
    Proceed,
    access,
    account_creation,
    account_names,
    account_summary,
    accounts,
    assignments,
    assume_role,
    closures,
    directory,
    empty_pages,
    login_profiles,
    mail,
    managed_policies,
    membership,
    oidc_providers,
    operator_policy,
    organization_writes,
    permission_sets,
    policies,
    propagation,
    quotas,
    roles,
    root_access,
    service_control,
    simulation,
    support,
    tags,
    trails,
    trust_policies,
    users,
    web_identity,
)
from batteries_sandbox.aws.wire import Answer, AwsError, refusal
from batteries_sandbox.aws.world import World

RuleFunction = Callable[[Call, World, Proceed], Answer]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule and its operations; "*" is all of them."""

    service: str
    operations: str
    apply: RuleFunction

    def concerns(self, service: str, operation: str) -> bool:
        """Whether this rule applies to the operation."""
        return self.service in ("*", service) and (self.operations == "*" or operation in self.operations.split())


RULES: tuple[Rule, ...] = (
    Rule("*", "*", access.known_caller),  # refuses unknown callers
    Rule("*", "*", access.open_account_only),
    Rule("*", "*", access.session_policy),  # a session does what its policy allows
    Rule("*", "*", service_control.enforce),  # an account does what its organization allows
    Rule("*", "*", operator_policy.enforce),  # and the operator what its own policy does
    Rule("organizations", "LeaveOrganization", membership.leave),
    Rule("organizations", "*", access.management_account_only),
    Rule("sso-admin", "*", access.management_account_only),
    Rule("identitystore", "*", access.management_account_only),
    Rule("sso-admin", "*", access.home_region_only),  # Identity Center lives in one region
    Rule("identitystore", "*", access.home_region_only),
    Rule("organizations", "*", empty_pages.begin_empty),
    Rule("organizations", "*", organization_writes.one_at_a_time),
    Rule("organizations", "CreateAccount", account_creation.create),
    Rule("organizations", "DescribeCreateAccountStatus", account_creation.describe),
    Rule("organizations", "ListCreateAccountStatus", account_creation.list_all),
    Rule("organizations", "ListAccounts ListAccountsForParent", accounts.list_accounts),
    Rule("organizations", "DescribeAccount", accounts.describe),
    Rule("organizations", "TagResource", tags.put),
    Rule("organizations", "CloseAccount", closures.close),
    Rule("organizations", "MoveAccount", accounts.move),
    Rule("organizations", "CreateOrganizationalUnit", accounts.create_unit),
    Rule("organizations", "DeleteOrganizationalUnit", accounts.delete_unit),
    Rule("organizations", "CreatePolicy UpdatePolicy", policies.check_content),
    Rule("organizations", "UpdatePolicy", policies.update),
    Rule("organizations", "AttachPolicy", policies.attach),
    Rule("organizations", "DetachPolicy", policies.detach),
    Rule("organizations", "EnableAWSServiceAccess", root_access.trust),
    Rule("organizations", "DisableAWSServiceAccess", root_access.distrust),
    Rule("organizations", "ListAWSServiceAccessForOrganization", root_access.list_trusted),
    Rule("iam", "ListOrganizationsFeatures", root_access.list_features),
    Rule(
        "iam",
        "EnableOrganizationsRootCredentialsManagement EnableOrganizationsRootSessions",
        root_access.enable,
    ),
    Rule("sts", "GetCallerIdentity", assume_role.caller_identity),
    Rule("sts", "AssumeRole", assume_role.assume),
    Rule("sts", "AssumeRoleWithWebIdentity", web_identity.assume),
    Rule("iam", "*", managed_policies.provide),  # AWS's own policies can be attached
    Rule("iam", "*", propagation.delay),
    Rule("iam", "CreateRole UpdateAssumeRolePolicy", trust_policies.check),
    Rule("iam", "CreateRole UpdateRole PutRolePermissionsBoundary", roles.limits),
    Rule("iam", "UpdateRole", roles.update),
    Rule("iam", "CreateOpenIDConnectProvider", oidc_providers.create),
    Rule("iam", "AddClientIDToOpenIDConnectProvider", oidc_providers.add_client_id),
    Rule("iam", "RemoveClientIDFromOpenIDConnectProvider", oidc_providers.remove_client_id),
    Rule("iam", "SimulatePrincipalPolicy", simulation.principal),
    Rule("iam", "GetAccountSummary", account_summary.count),
    Rule("iam", "CreateUser", users.create),
    Rule("iam", "DeleteUser", users.delete),
    Rule("iam", "CreateLoginProfile", login_profiles.create),
    Rule("iam", "UpdateLoginProfile", login_profiles.update),
    Rule("sso-admin", "*", permission_sets.known_instance),
    Rule("sso-admin", "CreatePermissionSet", permission_sets.create),
    Rule("sso-admin", "DeletePermissionSet", permission_sets.delete),
    Rule("sso-admin", "CreateAccountAssignment", assignments.create),
    Rule("sso-admin", "DeleteAccountAssignment", assignments.delete),
    Rule("sso-admin", "DescribeAccountAssignmentCreationStatus", assignments.describe_creation),
    Rule("sso-admin", "DescribeAccountAssignmentDeletionStatus", assignments.describe_deletion),
    Rule("identitystore", "*", directory.known_store),
    Rule("identitystore", "CreateUser", directory.create_user),
    Rule("identitystore", "GetUserId", directory.get_user_id),
    Rule("sesv2", "GetAccount", mail.get_account),
    Rule("sesv2", "SendEmail", mail.send),
    Rule("cloudtrail", "DescribeTrails", trails.describe),
    Rule("account", "PutAccountName", account_names.put),
    Rule("account", "GetAccountInformation", account_names.get),
    Rule("support", "*", support.needs_a_plan),
    Rule("service-quotas", "GetServiceQuota GetAWSDefaultServiceQuota", quotas.get),
)


def handle(world: World, call: Call) -> Answer:
    """Handles one call: settle, rules, moto, journal. Runs in the worker thread."""
    world.settle()
    call = replace(call, caller=world.callers.find(call.access_key))
    try:
        answer = _chain(call, world)(call)
    except AwsError as error:
        answer = refusal(call, error)
    world.journal.note(call, answer, world.wall())
    return answer


def _chain(call: Call, world: World) -> Proceed:
    start: Proceed = world.moto
    concerned = reversed(_concerned(call.service, call.operation))
    return reduce(lambda rest, rule: partial(_apply, rule, world, rest), concerned, start)


@lru_cache(maxsize=1024)
def _concerned(service: str, operation: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.concerns(service, operation))


def _apply(rule: Rule, world: World, rest: Proceed, call: Call) -> Answer:
    return rule.apply(call, world, rest)
