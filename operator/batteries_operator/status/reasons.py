"""Every reason a condition may give, for the runbook: what it means and what to do. A test holds it against the code.

Reasons are for machines: alerts, health checks and people's scripts match on them, so none is renamed.
"""

from dataclasses import dataclass

NOTHING = "Nothing."
BY_ITSELF = "Nothing; it goes on by itself."
RETRY = "kubectl annotate awsaccount NAME aibatteriesincluded.com/retry=$(date +%s) --overwrite"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a reason means, and what a person does about it."""

    meaning: str
    remedy: str


def _business(meaning: str) -> Entry:
    return Entry(
        f"AWS wants the management account's business validated: {meaning}.",
        f"Finish the validation in AWS Billing, or ask AWS Support; then `{RETRY}`.",
    )


GENERAL = {
    "NotStarted": Entry("The step has not been reached.", NOTHING),
    "InProgress": Entry("The step has begun.", BY_ITSELF),
    "Done": Entry("The step's goal was observed in AWS.", NOTHING),
    "Undone": Entry("Another step is undoing this one: a suspension, a resume or a deletion is under way.", BY_ITSELF),
    "Active": Entry("The account is ready to use.", NOTHING),
    "Suspended": Entry(
        "The account is closed, seen in AWS: console, single sign-on and deploy role are shut, and the policy "
        "BatteriesDenyAll denies everything that its users and roles ask for, also those whose sessions run. Not bound "
        "by such a policy are service-linked roles, what resource policies give to other accounts, and machines that "
        "run already: they go on, and cost. To end that, close the AWS account.",
        "To open it: `spec.suspended: false`.",
    ),
}

GENERAL["CustomerBlocked"] = Entry(
    "An administrator has blocked the Customer that owns the account (`spec.blocked`). AWS is not asked for it or, "
    "where it exists, every door into it was closed.",
    "`POST /v1/admin/customers/{id}/unblock`, or `kubectl patch customer NAME --type=merge -p "
    '\'{"spec":{"blocked":false}}\'`. Other holds stay.',
)
GENERAL["PaymentMethodMissing"] = Entry(
    "The owner's payment method was missing for longer than BATTERIES_SUSPEND_UNPAID_SECONDS, so the "
    "account was closed.",
    "Have the owner give a valid payment method; the account is opened by itself. If the Customer was deleted, delete "
    "the account too; to open it all the same, `kubectl patch awsaccount NAME --subresource=status --type=merge -p "
    '\'{"status":{"holds":{"PaymentMethodMissing":null}}}\'`.',
)

LINES = {
    "WaitingInLine": Entry(
        "AWS does few of these at one time for the whole organization (BATTERIES_CREATIONS_IN_FLIGHT, "
        "_ASSIGNMENTS_IN_FLIGHT, _CLOSURES_IN_FLIGHT). The place in the message is the one at arrival.",
        BY_ITSELF,
    ),
    "AccountLimitReached": Entry(
        "The organization has as many AWS accounts as its quota allows; closed ones count for 90 days. All pending "
        "accounts stand in line, and one asks every five minutes for all.",
        "Have 'Maximum number of accounts' raised in Service Quotas, in the region of Organizations (us-east-1, "
        "us-gov-west-1, cn-northwest-1); `batteries-operator doctor` says what is left.",
    ),
    "LimitReached": Entry(
        "Another limit of AWS holds a step back; the message names the call, and `.status.cause` has AWS's words.",
        "Have that quota raised, or make room.",
    ),
    "ClosureQuotaReached": Entry(
        "AWS closes no more accounts for now: 250 or a fifth of them in 30 days. The account is quarantined meanwhile.",
        "Nothing; it may take weeks. To let the object go and keep the account: `spec.deletionPolicy: Retain`.",
    ),
}

PROGRESS = {
    "CreatingAccount": Entry("AWS is creating the account.", BY_ITSELF),
    "ResolvingIntent": Entry(
        "AWS was asked for the account and its answer is not known (a crash, a lost answer). The operator looks for "
        "the account before it asks again.",
        BY_ITSELF,
    ),
    "NotWanted": Entry("Suspended or deleted before AWS made anything; nothing will be made.", NOTHING),
    "WaitingForTags": Entry(
        "AWS made an account, and the tags that it was asked for do not show yet. Nothing is done to it before.",
        "Nothing; where it lasts, see in Organizations whose the account in the message is.",
    ),
    "RolePropagating": Entry("The new account's access role does not answer yet; minutes are usual.", BY_ITSELF),
    "ParentChanged": Entry("Somebody moved the account between our look and our act.", BY_ITSELF),
    "AssigningAccess": Entry("Identity Center is assigning the owner's access.", BY_ITSELF),
    "RevokingAccess": Entry("Identity Center is revoking the owner's access.", BY_ITSELF),
    "ClosingAccount": Entry("AWS took the request to close the account.", BY_ITSELF),
}

TROUBLES = {
    "AwsUnavailable": Entry(
        "AWS throttles, has trouble of its own, or did not answer; more than four times in a row. Never a failure.",
        "Nothing, unless it lasts: see the AWS Health Dashboard and the operator's network.",
    ),
    "NotFoundInAws": Entry(
        "AWS does not find something that a call names: it is new and not known everywhere yet, or somebody deleted "
        "it. What the operator remembered of it is forgotten, and looked up once more by its name.",
        "Nothing for some minutes. If it stays, read `.status.cause`, and have what is missing made again "
        "(`batteries-operator doctor`).",
    ),
    "ExistsInAws": Entry(
        "Something is in AWS already under the name that a call gives it, and the look for it did not show it.",
        "Read `.status.cause`. A user of Identity Center with the same name or address is the usual case: rename it.",
    ),
    "ConflictInAws": Entry(
        "A call conflicts with another one that AWS has not ended yet; tried again.",
        "Nothing for some minutes. If it stays, read `.status.cause`.",
    ),
    "ServiceNotReady": Entry(
        "AWS has not opened a service for this account yet, as it does in the first hours.",
        "Nothing at first. If it stays, ask AWS Support with `.status.cause`.",
    ),
    "CredentialsRefused": Entry(
        "AWS does not accept the credentials of a call: those of the account's access role, or the operator's own. "
        "They are forgotten and asked for anew.",
        "See that the access role exists in the account, and that the operator's own credentials and clock are right.",
    ),
    "NoAwsCredentials": Entry(
        "The operator finds no AWS credentials, or can't use those that it finds.",
        "Give its service account a role (EKS Pod Identity or IRSA), see `.status.cause`.",
    ),
    "AccessDenied": Entry(
        "AWS denies a call to the operator. The message says which kind of policy does, and whether a grant helps: an "
        "explicit deny (of a service control policy, a permissions boundary, …) is overridden by none.",
        "Change the policy that the message names; `batteries-operator policy` prints what the operator needs. AWS's "
        "words with the ARNs are in `.status.cause`.",
    ),
    "MailRefused": Entry(
        "Amazon SES does not take the welcome mail. The account is active all the same.",
        "See that the sender's identity is verified and sending is not paused; `batteries-operator doctor` does.",
    ),
    "SuspendedByAws": Entry(
        "AWS itself has suspended the AWS account, mostly for unpaid bills or abuse. Comparisons look again, "
        "in a tenth of BATTERIES_RESYNC_SECONDS, and it goes on by itself when AWS lifts it.",
        "Ask AWS Support why; or delete the AwsAccount.",
    ),
    "AccountGone": Entry(
        "The AWS account is closed, is being closed, or is not a member of the organization any more. Comparisons look "
        "again, in a tenth of BATTERIES_RESYNC_SECONDS.",
        "Delete the AwsAccount; or have AWS Support reopen the account (within 90 days); or invite it back and give "
        "it the tag `aibatteriesincluded.com/resource` with its namespace/name, because AWS deletes the tags of an "
        "account that leaves: it goes on by itself then.",
    ),
    "UnexpectedAwsError": Entry(
        "AWS answered an error that the operator has no rule for. It is tried again, with growing pauses.",
        "Read `.status.cause`, which holds AWS's words; report it if it stays.",
    ),
    "UnexpectedError": Entry(
        "The operator met an error of its own, or Kubernetes refused it. It is tried again.",
        "Look into the operator's log for this account's id, and report it.",
    ),
    "OrganizationNotPrepared": Entry(
        "The organization lacks an OU, the permission set, or the policy that closes suspended accounts: it is not on "
        "its OU, does not say what it should, or service control policies are off. A suspended account is not called "
        "closed then; console, single sign-on and deploy role are shut all the same.",
        "Run `batteries-operator bootstrap`, which also brings the policies of an older release up to date.",
    ),
    "AccountsNotCreatedHere": Entry(
        "AWS GovCloud (US) creates no accounts by Organizations; they are created from outside it and invited.",
        "Create it with CreateGovCloudAccount, invite it, and make an AwsAccount with its `spec.awsAccountId`.",
    ),
    "EmailNotConfirmed": Entry(
        "The owner's e-mail address leads to a user of Identity Center that was not made for this Customer, and is not "
        "confirmed; the account is ready but for single sign-on.",
        "The owner opens the link that was mailed, or asks for a new one (`POST /v1/customer/confirmation`). Who knows "
        "that the address is the Customer's sets it by hand: `kubectl patch customer NAME --type=merge -p "
        '\'{"spec": {"confirmedEmail": "ADDRESS"}}\'`.',
    ),
    "CustomerNotFound": Entry(
        "`spec.customerRef` names no Customer in the account's namespace.", "Create that Customer."
    ),
    "SecretNameTaken": Entry(
        "The Secret NAME-credentials, which would hold the IAM user's first password, was not made for this "
        "AwsAccount: its owner reference is not this very object, or it lacks the label "
        "`aibatteriesincluded.com/account-id`. It is not read, changed or deleted. Single sign-on and the deploy role "
        "are set up all the same.",
        "Delete that Secret or give it another name; the account goes on by itself. Or make the AwsAccount anew with "
        "another name. After a restore into new objects (Velero) the Secret is one of the object that was: Kubernetes' "
        "garbage collector deletes it within minutes.",
    ),
    "RoleDoesNotAnswer": Entry(
        "The access role has not answered for 15 minutes. The account is Stalled and still tried.",
        "See in AWS that the role exists in the account and trusts the management account (an account that was "
        "invited has none: create it).",
    ),
    "AssignmentFailed": Entry(
        "Identity Center could not assign access; tried again.", "Read AWS's words in `.status.cause`."
    ),
    "RevocationFailed": Entry(
        "Identity Center could not revoke access; tried again.", "Read AWS's words in `.status.cause`."
    ),
    "AwsInternalFailure": Entry("AWS failed to create the account by its own fault; asked again.", BY_ITSELF),
    "ConcurrentModification": Entry("AWS is still working on an earlier request; asked again.", BY_ITSELF),
    "CreationFailed": Entry(
        "AWS could not create the account, for a reason that is not known; asked again.",
        "Nothing at first. If it stays, read `.status.cause`.",
    ),
    "BusinessValidationPending": Entry(
        "AWS wants the management account's business validated, and is still at it; asked again every five minutes.",
        "Finish the validation in AWS Billing, or ask AWS Support; the account goes on by itself then.",
    ),
}

FAILURES = {
    "AccountIdTaken": Entry(
        "The AWS account with this AwsAccount's id is another's by its tag `aibatteriesincluded.com/resource`. The id "
        "is the object's name where that is a UUID, else it is derived from namespace and name; two may have the same.",
        "Make this one anew with another name. If the AWS account is to be this one's (it was moved to another "
        f"namespace, say), set the tag to this one's namespace/name in Organizations, then `{RETRY}`.",
    ),
    "RefusedByAws": Entry(
        "AWS refuses a request that would be the same the next time; `.status.cause` holds its words.",
        f"Mend the spec or the setting that they name, then `{RETRY}`.",
    ),
    "TrustPolicyTooLarge": Entry(
        "The repositories do not fit into the role's trust policy (BATTERIES_TRUST_POLICY_LIMIT).",
        "List fewer repositories in `spec.githubRepos`. Or have the IAM quota ACLSizePerRole and the setting raised, "
        f"then `{RETRY}`.",
    ),
    "NotOurAccount": Entry(
        "The AWS account does not carry the tag `aibatteriesincluded.com/resource` with this AwsAccount's "
        "namespace/name, or is not a member of the organization. Without that tag no step does anything to an AWS "
        "account or inside it, whatever the status says. Or it does, and its tag `aibatteriesincluded.com/owner` names "
        "another owner: an earlier AwsAccount of this name was deleted with Retain. Or it names none, and the account "
        "was suspended by an earlier release.",
        "If it is this one, tag it in Organizations; comparisons look again, in a tenth of BATTERIES_RESYNC_SECONDS, "
        f"and at once after `{RETRY}`. If it was another owner's, make the AwsAccount "
        "anew with another name; to hand the AWS account over, end the first owner's access (single sign-on, IAM "
        f"users, access keys, the deploy role), take the tag `aibatteriesincluded.com/owner` away, then `{RETRY}`. If "
        "nothing tells whose a suspended one was, find out, and tag it as the message says. If `status.awsAccountId` "
        "is wrong, find out who wrote it. To let a deleted object go: `spec.deletionPolicy: Retain`, or take its "
        "finalizer away.",
    ),
    "UserNotOurs": Entry(
        "An adopted AWS account has an IAM user of the name that ours gets, which neither our tag nor the status says "
        "we made, or which was made for another owner. It was left as it is.",
        "Delete or rename that user, or set BATTERIES_IAM_USER_NAME, or, if it may be taken over, give it the tag that "
        f"the message names; then `{RETRY}`.",
    ),
    "RoleNotOurs": Entry(
        "An adopted AWS account has a role GitHubActionsDeployRole that neither our tag nor the status says we made, "
        "or that was made for another owner. It was left as it is.",
        f"Delete that role or, if it may be taken over, give it the tag that the message names; then `{RETRY}`.",
    ),
    "ProviderNotOurs": Entry(
        "An adopted AWS account has an OIDC provider for GitHub that somebody else made, and it lacks our audience. An "
        "account has one provider for each URL, so theirs is used where it has the audience, and never changed.",
        f"Add the audience by the command in the message, or delete the provider if nothing uses it; then `{RETRY}`.",
    ),
    "ManagementAccountRefused": Entry(
        "The AWS account is the organization's management account, which is never touched.",
        "Give the AwsAccount another `spec.awsAccountId` by making a new one; this one can only be deleted.",
    ),
    "EmailAlreadyExists": Entry(
        "The account's root e-mail address belongs to an AWS account without our tag.",
        f"Change BATTERIES_ACCOUNT_EMAIL_TEMPLATE, or tag that account if it is this one; then `{RETRY}`.",
    ),
    "WrongIdentity": Entry(
        "The access role answers as another AWS account; nothing was done there.",
        "Look at AWS_ENDPOINT_URL and the role's trust. Do not retry before you know why.",
    ),
    "InvalidEmail": Entry(
        "AWS does not accept the root e-mail address.", f"Mend BATTERIES_ACCOUNT_EMAIL_TEMPLATE, then `{RETRY}`."
    ),
    "InvalidAddress": Entry(
        "AWS does not accept the organization's postal address.",
        f"Mend it in the management account, then `{RETRY}`.",
    ),
    "GovCloudAccountExists": Entry(
        "AWS says that the GovCloud account exists already.", f"Ask AWS Support, then `{RETRY}`."
    ),
    "PaymentInstrumentMissing": Entry(
        "The management account has no valid payment method.", f"Add one in AWS Billing, then `{RETRY}`."
    ),
    "PaymentInstrumentInvalid": Entry(
        "The management account's payment method is refused.", f"Mend it in AWS Billing, then `{RETRY}`."
    ),
    "BusinessValidationMissing": _business("it has not begun"),
    "BusinessValidationFailed": _business("it failed"),
    "BusinessIdentityInvalid": _business("the identity given was refused"),
    "BusinessValidationUnknown": _business("it has an unknown problem"),
    "ResourcePolicyWithTags": Entry(
        "The organization's resource policy can't be updated with tags.",
        f"Mend that policy in Organizations, then `{RETRY}`.",
    ),
}

GROUPS: dict[str, dict[str, Entry]] = {
    "All is well, or will be": GENERAL | PROGRESS,
    "In line": LINES,
    "Trouble: tried again by itself, and Stalled when it lasts": TROUBLES,
    "Failed: waits for somebody to change something": FAILURES,
}

REASONS: dict[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}
