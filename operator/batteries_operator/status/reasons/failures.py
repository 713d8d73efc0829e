"""Reasons of steps that failed for good: somebody has to change something."""

from batteries_crds.reasons import Reason
from batteries_operator.status.reasons.entry import RETRY, Entry


def _business(meaning: str) -> Entry:
    return Entry(
        f"AWS wants the management account's business validated: {meaning}.",
        f"Finish the validation in AWS Billing, or ask AWS Support; then `{RETRY}`.",
    )


FAILURES: dict[Reason, Entry] = {
    Reason.TOUCHED: Entry(
        "There is more in the AWS account of a PooledAccount than when it became ready; the message lists it by AWS's "
        "names. Somebody was there, or a tool of the organization puts something into every account. It is not handed "
        "out.",
        "Find out who it was: CloudTrail of the AWS account shows it. Delete the PooledAccount, and the pool makes "
        "another one. Or, if you know that nothing else was done there, take it out, then "
        f"`{RETRY.replace('awsaccount', 'pooledaccount')}`.",
    ),
    Reason.ACCOUNT_ID_TAKEN: Entry(
        "By its tag `aibatteriesincluded.com/resource` the AWS account with this AwsAccount's id belongs to another "
        "one. The id is the object's name if that is a UUID, else it is derived from namespace and name; two may be "
        "equal.",
        "Make this AwsAccount again with another name. If the AWS account is to be this one's (it was moved to another "
        f"namespace, say), set the tag to this one's namespace/name in Organizations, then `{RETRY}`.",
    ),
    Reason.REFUSED_BY_AWS: Entry(
        "AWS refuses a request, and would refuse it again; `.status.cause` has its words.",
        f"Correct the spec or the setting that they name, then `{RETRY}`.",
    ),
    Reason.POLICY_PROFILE_UNKNOWN: Entry(
        "`spec.policyProfile` names no profile of BATTERIES_POLICY_PROFILES. The account stays in its OU.",
        "Set `spec.policyProfile` to a profile that the message names, or take it away. Or describe the profile in "
        f"BATTERIES_POLICY_PROFILES and run `batteries-operator bootstrap`, then `{RETRY}`.",
    ),
    Reason.TRUST_POLICY_TOO_LARGE: Entry(
        "The repositories do not fit into the role's trust policy (BATTERIES_TRUST_POLICY_LIMIT).",
        "List fewer repositories in `spec.githubRepos`. Or have the IAM quota ACLSizePerRole and the setting raised, "
        f"then `{RETRY}`.",
    ),
    Reason.NOT_OUR_ACCOUNT: Entry(
        "The AWS account does not carry the tag `aibatteriesincluded.com/resource` with this AwsAccount's "
        "namespace/name, or is not a member of the organization. Without that tag no step does anything to an AWS "
        "account or inside it, whatever the status says. Or it has that tag, and its tag "
        "`aibatteriesincluded.com/owner` names another owner: an earlier AwsAccount of this name was deleted with "
        "Retain. Or it names none, and an earlier release suspended the account.",
        "If it is this one, tag it in Organizations; the resync looks again after a tenth of BATTERIES_RESYNC_SECONDS, "
        f"and at once after `{RETRY}`. If it was another owner's, make the AwsAccount "
        "again with another name; to hand the AWS account over, end the first owner's access (single sign-on, IAM "
        "users, access keys, the roles of GitHub Actions, the agents' role), take the tag "
        f"`aibatteriesincluded.com/owner` away, then `{RETRY}`. If nothing tells whose a suspended one was, find out, "
        "and tag it as the message says. If "
        "`status.awsAccountId` is wrong, find out who wrote it. To let a deleted object go: "
        "`spec.deletionPolicy: Retain`, or take its finalizer away.",
    ),
    Reason.USER_NOT_OURS: Entry(
        "An adopted AWS account has an IAM user with the name of ours. Neither our tag nor the status says that we "
        "made it, or it was made for another owner. It was left as it is.",
        "Delete or rename that user, or set BATTERIES_IAM_USER_NAME, or, if it may be taken over, give it the tag that "
        f"the message names; then `{RETRY}`.",
    ),
    Reason.ROLE_NOT_OURS: Entry(
        "An adopted AWS account has a role GitHubActionsDeployRole, GitHubActionsReadOnlyRole or BatteriesAgentRole. "
        "Neither our tag nor the status says that we made it, or it was made for another owner. It was left as it is.",
        f"Delete that role or, if it may be taken over, give it the tag that the message names; then `{RETRY}`.",
    ),
    Reason.PROVIDER_NOT_OURS: Entry(
        "An adopted AWS account has an OIDC provider, for GitHub or for our own issuer, that somebody else made, and "
        "it lacks our audience. An account has one provider for each URL, so theirs is used where it has the audience, "
        "and never changed.",
        f"Add the audience by the command in the message, or delete the provider if nothing uses it; then `{RETRY}`.",
    ),
    Reason.MANAGEMENT_ACCOUNT_REFUSED: Entry(
        "The AWS account is the organization's management account, which is never touched.",
        "Give the AwsAccount another `spec.awsAccountId` by making a new one; this one can only be deleted.",
    ),
    Reason.EMAIL_ALREADY_EXISTS: Entry(
        "The account's root e-mail address belongs to an AWS account without our tag.",
        f"Change BATTERIES_ACCOUNT_EMAIL_TEMPLATE, or tag that account if it is this one; then `{RETRY}`.",
    ),
    Reason.WRONG_IDENTITY: Entry(
        "The access role answers as another AWS account; nothing was done there.",
        "Look at AWS_ENDPOINT_URL and the role's trust. Do not retry before you know why.",
    ),
    Reason.INVALID_EMAIL: Entry(
        "AWS does not accept the root e-mail address.", f"Correct BATTERIES_ACCOUNT_EMAIL_TEMPLATE, then `{RETRY}`."
    ),
    Reason.INVALID_ADDRESS: Entry(
        "AWS does not accept the organization's postal address.",
        f"Correct it in the management account, then `{RETRY}`.",
    ),
    Reason.GOV_CLOUD_ACCOUNT_EXISTS: Entry(
        "AWS says that the GovCloud account already exists.", f"Ask AWS Support, then `{RETRY}`."
    ),
    Reason.PAYMENT_INSTRUMENT_MISSING: Entry(
        "The management account has no valid payment method.", f"Add one in AWS Billing, then `{RETRY}`."
    ),
    Reason.PAYMENT_INSTRUMENT_INVALID: Entry(
        "AWS refuses the management account's payment method.", f"Correct it in AWS Billing, then `{RETRY}`."
    ),
    Reason.BUSINESS_VALIDATION_MISSING: _business("it has not begun"),
    Reason.BUSINESS_VALIDATION_FAILED: _business("it failed"),
    Reason.BUSINESS_IDENTITY_INVALID: _business("the identity given was refused"),
    Reason.BUSINESS_VALIDATION_UNKNOWN: _business("it has an unknown problem"),
    Reason.RESOURCE_POLICY_WITH_TAGS: Entry(
        "AWS can't update the organization's resource policy with tags.",
        f"Change that policy in Organizations, then `{RETRY}`.",
    ),
}
