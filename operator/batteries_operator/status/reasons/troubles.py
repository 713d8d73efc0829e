"""Reasons of steps that are tried again by themselves."""

from batteries_crds.reasons import Reason
from batteries_operator.status.reasons.entry import BY_ITSELF, Entry

TROUBLES: dict[Reason, Entry] = {
    Reason.AWS_UNAVAILABLE: Entry(
        "AWS throttles, has a problem, or did not answer, more than four times in a row. It never fails an account.",
        "Nothing, unless it lasts: see the AWS Health Dashboard and the operator's network.",
    ),
    Reason.NOT_FOUND_IN_AWS: Entry(
        "AWS does not find something that a call names: it is new and not known everywhere yet, or somebody deleted "
        "it. The operator drops what it has cached and looks the thing up again by its name.",
        "Nothing for some minutes. If it stays, read `.status.cause`, and have what is missing made again "
        "(`batteries-operator doctor`).",
    ),
    Reason.EXISTS_IN_AWS: Entry(
        "AWS already has something of the name that a call gives, and did not show it when the operator looked for it.",
        "Read `.status.cause`. The usual case is a user of Identity Center with the same name or address: rename it.",
    ),
    Reason.CONFLICT_IN_AWS: Entry(
        "A call conflicts with another one that AWS has not finished; it is tried again.",
        "Nothing for some minutes. If it stays, read `.status.cause`.",
    ),
    Reason.SERVICE_NOT_READY: Entry(
        "AWS has not enabled a service for this account yet; it does so in the first hours.",
        "Nothing at first. If it stays, ask AWS Support with `.status.cause`.",
    ),
    Reason.CREDENTIALS_REFUSED: Entry(
        "AWS does not accept the credentials of a call: those of the account's access role, or the operator's own. "
        "The operator drops them and gets new ones.",
        "See that the access role exists in the account, and that the operator's own credentials and clock are right.",
    ),
    Reason.NO_AWS_CREDENTIALS: Entry(
        "The operator finds no AWS credentials, or can't use those that it finds.",
        "Give its service account a role (EKS Pod Identity or IRSA), see `.status.cause`.",
    ),
    Reason.ACCESS_DENIED: Entry(
        "AWS denies a call to the operator. The message says which kind of policy does, and whether a grant helps: no "
        "grant overrides an explicit deny (of a service control policy, a permissions boundary, …).",
        "Change the policy that the message names; `batteries-operator policy` prints what the operator needs. AWS's "
        "words with the ARNs are in `.status.cause`.",
    ),
    Reason.MAIL_REFUSED: Entry(
        "Amazon SES does not accept the welcome mail. The account is active without it.",
        "See that the sender's identity is verified and sending is not paused; `batteries-operator doctor` does.",
    ),
    Reason.SUSPENDED_BY_AWS: Entry(
        "AWS itself has suspended the AWS account, mostly for unpaid bills or abuse. The resync looks again after a "
        "tenth of BATTERIES_RESYNC_SECONDS, and the account goes on by itself when AWS lifts the suspension.",
        "Ask AWS Support why; or delete the AwsAccount.",
    ),
    Reason.ACCOUNT_GONE: Entry(
        "The AWS account is closed, is being closed, or is not a member of the organization any more. The resync looks "
        "again after a tenth of BATTERIES_RESYNC_SECONDS.",
        "Delete the AwsAccount; or have AWS Support reopen the account (within 90 days); or invite it back and give "
        "it the tag `aibatteriesincluded.com/resource` with its namespace/name, because AWS deletes the tags of an "
        "account that leaves: it goes on by itself then.",
    ),
    Reason.UNEXPECTED_AWS_ERROR: Entry(
        "AWS returned an error that the operator has no rule for. The call is tried again, with growing pauses.",
        "Read `.status.cause`, which holds AWS's words; report it if it stays.",
    ),
    Reason.UNEXPECTED_ERROR: Entry(
        "The operator had an internal error, or Kubernetes refused a request. The step is tried again.",
        "Look into the operator's log for this account's id, and report it.",
    ),
    Reason.ORGANIZATION_NOT_PREPARED: Entry(
        "The organization lacks an OU, the permission set, or a policy (docs/guardrails.md): one is not attached to "
        "its OU or has other content, service control policies are off, or the settings give more policy than AWS "
        "takes. A new account waits for it. A suspended account does not count as closed without the policy that "
        "closes it, though console, single sign-on and deploy role are closed.",
        "Run `batteries-operator bootstrap`, which also brings the policies of an older release or other settings up "
        "to date. If the message says that settings don't fit, shorten them as it says.",
    ),
    Reason.ACCOUNTS_NOT_CREATED_HERE: Entry(
        "Organizations in AWS GovCloud (US) creates no accounts; they are created from outside and invited.",
        "Create it with CreateGovCloudAccount, invite it, and make an AwsAccount with its `spec.awsAccountId`.",
    ),
    Reason.EMAIL_NOT_CONFIRMED: Entry(
        "The owner's e-mail address is not confirmed, and belongs to a user of Identity Center that was not made for "
        "this Customer. The account is ready except for single sign-on.",
        "The owner opens the link that was mailed, or asks for a new one (`POST /v1/customer/confirmation`). Who knows "
        "that the address is the Customer's sets it by hand: `kubectl patch customer NAME --type=merge -p "
        '\'{"spec": {"confirmedEmail": "ADDRESS"}}\'`.',
    ),
    Reason.CUSTOMER_NOT_FOUND: Entry(
        "`spec.customerRef` names no Customer in the account's namespace.", "Create that Customer."
    ),
    Reason.SECRET_NAME_TAKEN: Entry(
        "The Secret NAME-credentials, which would hold the IAM user's first password, was not made for this "
        "AwsAccount: its owner reference is not this very object, or it lacks the label "
        "`aibatteriesincluded.com/account-id`. It is not read, changed or deleted. Single sign-on and the deploy role "
        "are set up without it.",
        "Delete that Secret or give it another name; the account goes on by itself. Or make the AwsAccount again with "
        "another name. After a restore into new objects (Velero) the Secret is one of the object that was: Kubernetes' "
        "garbage collector deletes it within minutes.",
    ),
    Reason.ROLE_DOES_NOT_ANSWER: Entry(
        "The access role could not be assumed for 15 minutes. The account is Stalled; the step is still tried.",
        "See in AWS that the role exists in the account and trusts the management account. An account that was invited "
        "has none: create it (in the Customers OU nobody can: move the account to the root before, and the next "
        "comparison moves it back).",
    ),
    Reason.ASSIGNMENT_FAILED: Entry(
        "Identity Center could not assign access; tried again.", "Read AWS's words in `.status.cause`."
    ),
    Reason.REVOCATION_FAILED: Entry(
        "Identity Center could not revoke access; tried again.", "Read AWS's words in `.status.cause`."
    ),
    Reason.AWS_INTERNAL_FAILURE: Entry(
        "AWS had an internal failure when it created the account; it is asked again.", BY_ITSELF
    ),
    Reason.CONCURRENT_MODIFICATION: Entry("AWS still works on an earlier request; it is asked again.", BY_ITSELF),
    Reason.CREATION_FAILED: Entry(
        "AWS could not create the account, for an unknown reason; it is asked again.",
        "Nothing at first. If it stays, read `.status.cause`.",
    ),
    Reason.BUSINESS_VALIDATION_PENDING: Entry(
        "AWS is still validating the management account's business; it is asked again every five minutes.",
        "Finish the validation in AWS Billing, or ask AWS Support; the account goes on by itself then.",
    ),
}
