"""Reasons of accounts that are well, or will be: done, under way, suspended, queued."""

from batteries_crds.reasons import Reason
from batteries_operator.status.reasons.entry import BY_ITSELF, NOTHING, Entry

GENERAL: dict[Reason, Entry] = {
    Reason.NOT_STARTED: Entry("The step has not been reached.", NOTHING),
    Reason.IN_PROGRESS: Entry("The step has begun.", BY_ITSELF),
    Reason.DONE: Entry("The step's goal was observed in AWS.", NOTHING),
    Reason.UNDONE: Entry("Another step undoes this one: a suspension, a resume or a deletion is under way.", BY_ITSELF),
    Reason.ACTIVE: Entry("The account is ready to use.", NOTHING),
    Reason.PINNED_BY_IDS: Entry(
        "Every repository that AWS admits is listed with GitHub's immutable ids: nobody who takes its name over, after "
        "a rename or a deletion, gets in.",
        NOTHING,
    ),
    Reason.KNOWN_BY_NAME: Entry(
        "The message lists repositories that go by name alone. Both forms of GitHub's subject are admitted for such a "
        "name, whatever the ids are. If the owner gives the name up, whoever takes it can deploy.",
        "List them as `org@id/repo@id`, as docs/kubectl.md says. A repository from before 2026-07-15 has to opt in to "
        "immutable subjects in GitHub first, because its tokens do not name the ids before.",
    ),
    Reason.SUSPENDED: Entry(
        "The account is closed, as seen in AWS: console, single sign-on and deploy role are closed, and the policy "
        "BatteriesDenyAll denies all requests of its users and roles, running sessions included. Such a policy does "
        "not affect service-linked roles, what resource policies grant to other accounts, and machines that run "
        "already: they keep running and cost money. To end that, close the AWS account.",
        "To open it: `spec.suspended: false`.",
    ),
    Reason.CUSTOMER_BLOCKED: Entry(
        "An administrator has blocked the Customer that owns the account (`spec.blocked`). AWS is not asked for the "
        "account; if it exists, every door into it was closed.",
        "`POST /v1/admin/customers/{id}/unblock`, or `kubectl patch customer NAME --type=merge -p "
        '\'{"spec":{"blocked":false}}\'`. Other holds stay.',
    ),
    Reason.PAYMENT_METHOD_MISSING: Entry(
        "The owner's payment method was missing for longer than BATTERIES_SUSPEND_UNPAID_SECONDS, so the account was "
        "closed.",
        "Have the owner give a valid payment method; the account is opened by itself. If the Customer was deleted, "
        "delete the account too; to open it all the same, `kubectl patch awsaccount NAME --subresource=status "
        '--type=merge -p \'{"status":{"holds":{"PaymentMethodMissing":null}}}\'`.',
    ),
    Reason.SUSPENDED_BY_OWNER: Entry(
        "The owner suspended the account, over HTTP or by `spec.suspendedByOwner`.",
        "To open it: `spec.suspendedByOwner: false`, as the owner's resume over HTTP does.",
    ),
    Reason.CLOSURE_REQUESTED: Entry(
        "The owner leaves: the account is suspended, and AWS closes it at `spec.closeAt`.",
        "To keep it: remove `spec.closeAt` before that time, as the owner's resume over HTTP does.",
    ),
    Reason.EXPIRED: Entry(
        "`spec.expiresAt` has come, so the account was suspended. With `expiryPolicy: Close` AWS closes it at "
        "`status.holds.Expired.closesAt`.",
        "To open it: set a later `spec.expiresAt`, or remove it.",
    ),
    Reason.CLAIMED: Entry(
        "An AwsAccount has taken the AWS account of this PooledAccount, which has nothing to do any more. The operator "
        "deletes it a day later; nobody else ever gets the AWS account.",
        NOTHING,
    ),
}

PROGRESS: dict[Reason, Entry] = {
    Reason.CREATING_ACCOUNT: Entry("AWS is creating the account.", BY_ITSELF),
    Reason.RESOLVING_INTENT: Entry(
        "AWS was asked for the account and its response is not known, after a crash or a lost response. The operator "
        "looks for the account before it asks again.",
        BY_ITSELF,
    ),
    Reason.NOT_WANTED: Entry(
        "The account was suspended or deleted before AWS made anything; nothing will be made.", NOTHING
    ),
    Reason.WAITING_FOR_TAGS: Entry(
        "AWS made an account and does not show its tags yet. Until then nothing is done to it.",
        "Nothing; if it lasts, see in Organizations whose the account in the message is.",
    ),
    Reason.ROLE_PROPAGATING: Entry(
        "The new account's access role can't be assumed yet; that usually takes minutes.", BY_ITSELF
    ),
    Reason.PARENT_CHANGED: Entry(
        "Somebody moved the account while the operator was about to; it looks again.", BY_ITSELF
    ),
    Reason.ASSIGNING_ACCESS: Entry("Identity Center is assigning the owner's access.", BY_ITSELF),
    Reason.REVOKING_ACCESS: Entry("Identity Center is revoking the owner's access.", BY_ITSELF),
    Reason.CLOSING_ACCOUNT: Entry("AWS has accepted the request to close the account.", BY_ITSELF),
    Reason.CLAIM_UNDER_WAY: Entry(
        "The PooledAccount is deleted while an AwsAccount takes its AWS account. It goes once the AWS account has that "
        "one's tag.",
        BY_ITSELF,
    ),
    Reason.CLAIMANT_GONE: Entry(
        "The AwsAccount that was taking the AWS account was deleted before it had it. It is nobody's, and what becomes "
        "of it is said by the PooledAccount's `spec.deletionPolicy`; it is not handed out again.",
        NOTHING,
    ),
}

LINES: dict[Reason, Entry] = {
    Reason.WAITING_IN_LINE: Entry(
        "AWS does few of these at one time for the whole organization (BATTERIES_CREATIONS_IN_FLIGHT, "
        "_ASSIGNMENTS_IN_FLIGHT, _CLOSURES_IN_FLIGHT), so accounts queue. The message has the position at "
        "arrival.",
        BY_ITSELF,
    ),
    Reason.ACCOUNT_LIMIT_REACHED: Entry(
        "The organization has as many AWS accounts as its quota allows; closed ones count for 90 days. All pending "
        "accounts queue, and one of them asks AWS every five minutes.",
        "Have 'Maximum number of accounts' raised in Service Quotas, in the region of Organizations (us-east-1, "
        "us-gov-west-1, cn-northwest-1); `batteries-operator doctor` says what is left.",
    ),
    Reason.LIMIT_REACHED: Entry(
        "Another limit of AWS blocks a step. The message names the call, and `.status.cause` has AWS's words.",
        "Have that quota raised, or make room.",
    ),
    Reason.CLOSURE_QUOTA_REACHED: Entry(
        "AWS closes no more accounts for now: at most 250, or a fifth of them, in 30 days. The account is quarantined.",
        "Nothing; it may take weeks. To delete the object and keep the account: `spec.deletionPolicy: Retain`.",
    ),
}
