"""Each thing that the operator tells somebody to do, and the test that does it in the state that it is for.

`test_remedies` holds the tables against the words: a remedy that is named somewhere and stands in no row fails, and so
does a row whose words are said nowhere. What happens outside of Kubernetes and AWS's API says so instead of a test.
"""

# ruff: noqa: E501  # a table: a row a line

OUTSIDE = "outside: "
CAUSE = "test_a_cause_is_shown_to_administrators_beside_the_error"
RETRY = "test_a_retry_after_it_is_mended"
BOOTSTRAP = "test_an_organization_that_is_not_prepared_says_what_to_do_and_recovers"
BY_ITSELF = "test_what_stays_away_is_told_stalls_and_goes_on_by_itself"
DELETED = "test_an_account_that_left_the_organization_keeps_nothing_from_being_deleted"
CONFIRMED = "test_it_goes_on_by_itself_when_the_address_is_confirmed"
BACK = "test_an_account_that_left_is_said_and_goes_on_by_itself_when_it_is_back"
TAGGED_AGAIN = "test_a_tag_that_is_taken_and_given_back_needs_nobody_to_ask_for_another_try"
REOPENED = "test_what_aws_did_to_an_account_is_seen_and_seen_to_be_over"
SUPPORT = f"{OUTSIDE}AWS Support is asked; what it then changes is the row beside"
ENDED = "test_what_suspends_an_account_ends_by_its_own_way_out_alone"
SUPPORT_REOPENED = "test_wanted_again_it_waits_and_says_until_when_and_goes_on_when_it_is_reopened"
LOOKING = f"{OUTSIDE}somebody reads; nothing is changed"

REASONS: dict[str, dict[str, str]] = {
    "Suspended": {"`spec.suspended: false`": "test_every_door_is_closed_and_opened_again_for_the_spec_as_it_is_then"},
    "CustomerBlocked": {
        "`POST /v1/admin/customers/{id}/unblock`": "test_blocking_closes_what_there_is_and_stops_what_comes",
        "kubectl patch customer NAME": "test_a_blocked_customer_gets_none",
    },
    "PaymentMethodMissing": {
        "give a valid payment method": "test_it_suspends_after_the_grace_and_opens_when_they_can_pay_again",
        "delete the account too": "test_an_account_that_is_held_can_be_deleted",
        "kubectl patch awsaccount NAME --subresource=status": "test_a_hold_whose_customer_is_gone_is_lifted_by_hand",
    },
    "KnownByName": {
        "List them as `org@id/repo@id`": "test_whether_the_repositories_go_by_ids",
        "has to opt in": f"{OUTSIDE}GitHub's settings of the repository or the organization",
    },
    "SuspendedByOwner": {"`spec.suspendedByOwner: false`": ENDED},
    "ClosureRequested": {"remove `spec.closeAt` before that time": ENDED},
    "Expired": {"set a later `spec.expiresAt`": ENDED, "remove it": ENDED},
    "Touched": {
        "Find out who it was": LOOKING,
        "Delete the PooledAccount": "test_a_member_is_kept_in_the_pool_ou_and_an_event_says_what_it_costs",
        "take it out": "test_a_stale_member_in_which_somebody_was_is_not_called_prepared_by_us",
    },
    "WaitingForTags": {"see in Organizations whose the account in the message is": LOOKING},
    "AccountLimitReached": {
        "raised in Service Quotas": "test_when_there_is_room_all_are_made",
        "`batteries-operator doctor` says what is left": "test_the_accounts_left_of_the_quota",
    },
    "LimitReached": {
        "Have that quota raised": "test_it_goes_on_when_that_is_mended",
        "make room": "test_it_goes_on_when_that_is_mended",
    },
    "ClosureQuotaReached": {
        "`spec.deletionPolicy: Retain`": "test_without_a_quarantine_each_door_is_closed_while_the_closure_is_queued"
    },
    "AwsUnavailable": {"see the AWS Health Dashboard": LOOKING},
    "NotFoundInAws": {"have what is missing made again": BY_ITSELF, "read `.status.cause`": CAUSE},
    "ExistsInAws": {"Read `.status.cause`": CAUSE, "rename it": "test_it_goes_on_when_that_is_mended"},
    "ConflictInAws": {"read `.status.cause`": CAUSE},
    "ServiceNotReady": {"ask AWS Support": SUPPORT},
    "CredentialsRefused": {"See that the access role exists": "test_it_goes_on_when_that_is_mended"},
    "NoAwsCredentials": {
        "Give its service account a role": f"{OUTSIDE}Kubernetes puts a role into new pods, and a new pod begins anew"
    },
    "AccessDenied": {
        "Change the policy that the message names": "test_it_goes_on_when_that_is_mended",
        "`batteries-operator policy` prints": "test_a_whole_life_calls_what_the_policy_grants_and_nothing_else",
    },
    "MailRefused": {
        "See that the sender's identity is verified": "test_it_goes_on_when_that_is_mended",
        "`batteries-operator doctor` does": "test_the_doctor_warns_of_a_sender_that_ses_refuses",
    },
    "SuspendedByAws": {
        "Ask AWS Support why": REOPENED,
        "delete the AwsAccount": "test_what_is_gone_in_aws_can_be_deleted",
    },
    "AccountGone": {"Delete the AwsAccount": DELETED, "reopen the account": REOPENED, "invite it back": BACK},
    "UnexpectedAwsError": {"Read `.status.cause`": CAUSE},
    "UnexpectedError": {"Look into the operator's log": LOOKING},
    "OrganizationNotPrepared": {
        "Run `batteries-operator bootstrap`": BOOTSTRAP,
        "shorten them": "test_settings_that_do_not_fit_keep_new_accounts_waiting_and_others_going",
    },
    "AccountsNotCreatedHere": {
        "`spec.awsAccountId`": "test_govcloud_creates_no_account_and_adopts_one_that_was_made_elsewhere"
    },
    "EmailNotConfirmed": {
        "opens the link": CONFIRMED,
        "`POST /v1/customer/confirmation`": CONFIRMED,
        "kubectl patch customer NAME": CONFIRMED,
    },
    "CustomerNotFound": {"Create that Customer": "test_a_customer_that_is_applied_later_is_waited_for"},
    "SecretNameTaken": {
        "Delete that Secret": "test_a_foreign_secret_is_no_password_and_is_left_alone",
        "give it another name": "test_a_foreign_secret_is_no_password_and_is_left_alone",
        "make the AwsAccount again with another name": "test_another_owner_gets_an_account_under_another_name",
    },
    "RoleDoesNotAnswer": {
        "the role exists": "test_the_role_that_does_not_answer_stalls_the_account_which_recovers",
        "create it": "test_an_invited_account_goes_on_when_it_has_the_role",
        "move the account to the root": "test_an_invited_account_goes_on_when_it_has_the_role",
    },
    "AssignmentFailed": {"Read AWS's words": CAUSE},
    "RevocationFailed": {"Read AWS's words": CAUSE},
    "CreationFailed": {"read `.status.cause`": CAUSE},
    "AccountIdTaken": {
        "Make this AwsAccount again with another name": "test_another_owner_gets_an_account_under_another_name",
        "set the tag to this one's namespace/name": "test_one_that_is_moved_to_another_namespace_goes_on_when_the_tag_says_so",
    },
    "RefusedByAws": {"Correct the spec or the setting": RETRY},
    "PolicyProfileUnknown": {
        "Set `spec.policyProfile` to a profile": "test_an_unknown_profile_fails_with_a_sentence_and_moves_nothing",
        "take it away": "test_an_unknown_profile_fails_with_a_sentence_and_moves_nothing",
        "describe the profile": "test_a_profile_that_is_described_later_is_taken_with_the_next_try",
    },
    "TrustPolicyTooLarge": {
        "List fewer repositories": "test_a_list_that_is_too_long_is_mended",
        "the setting raised": "test_a_list_that_is_too_long_is_mended",
    },
    "NotOurAccount": {
        "tag it in Organizations": "test_what_was_not_ours_goes_on_when_it_is",
        "the resync looks again": TAGGED_AGAIN,
        "make the AwsAccount again with another name": "test_another_owner_gets_an_account_under_another_name",
        "take the tag `aibatteriesincluded.com/owner` away": "test_an_account_changes_hands_when_the_owner_s_tag_is_taken_away",
        "tag it as the message says": "test_an_earlier_releases_suspended_account_needs_somebody_to_name_its_owner",
        "find out who wrote it": LOOKING,
        "`spec.deletionPolicy: Retain`": "test_an_account_without_our_tag_is_never_closed",
        "take its finalizer away": "test_without_its_finalizer_an_object_is_let_go",
    },
    "UserNotOurs": {
        "Delete or rename that user": "test_what_was_not_ours_goes_on_when_it_is",
        "set BATTERIES_IAM_USER_NAME": "test_what_was_not_ours_goes_on_when_it_is",
        "give it the tag": "test_what_was_not_ours_goes_on_when_it_is",
    },
    "RoleNotOurs": {
        "Delete that role": "test_what_was_not_ours_goes_on_when_it_is",
        "give it the tag": "test_what_was_not_ours_goes_on_when_it_is",
    },
    "ProviderNotOurs": {
        "Add the audience by the command": "test_what_was_not_ours_goes_on_when_it_is",
        "delete the provider": "test_what_was_not_ours_goes_on_when_it_is",
    },
    "ManagementAccountRefused": {
        "by making a new one": "test_an_existing_account_that_carries_our_tag_is_adopted",
        "this one can only be deleted": "test_one_that_names_the_management_account_can_be_deleted",
    },
    "EmailAlreadyExists": {
        "Change BATTERIES_ACCOUNT_EMAIL_TEMPLATE": "test_what_was_not_ours_goes_on_when_it_is",
        "tag that account": "test_what_was_not_ours_goes_on_when_it_is",
    },
    "WrongIdentity": {"Look at AWS_ENDPOINT_URL": LOOKING},
    "InvalidEmail": {"Correct BATTERIES_ACCOUNT_EMAIL_TEMPLATE": RETRY},
    "InvalidAddress": {"Correct it in the management account": RETRY},
    "GovCloudAccountExists": {"Ask AWS Support": SUPPORT},
    "PaymentInstrumentMissing": {"Add one in AWS Billing": RETRY},
    "PaymentInstrumentInvalid": {"Correct it in AWS Billing": RETRY},
    **{
        name: {"Finish the validation": RETRY}
        for name in (
            "BusinessValidationPending",
            "BusinessValidationMissing",
            "BusinessValidationFailed",
            "BusinessIdentityInvalid",
            "BusinessValidationUnknown",
        )
    },
    "ResourcePolicyWithTags": {"Change that policy in Organizations": RETRY},
}
"""By the reason of the condition, as the runbook has them."""

MESSAGES: dict[str, str] = {
    "give the AccountPool's annotation": "test_a_storm_that_does_not_end_stalls_the_pool_until_somebody_has_looked",
    "Delete the PooledAccount": "test_a_member_that_does_not_know_of_its_claimant_goes_without_a_change_in_aws",
    "Delete this PooledAccount": "test_a_member_that_does_not_know_of_its_claimant_goes_without_a_change_in_aws",
    "nobody gets it; ask AWS Support why": "test_one_that_aws_suspended_is_not_handed_out",
    # Of steps, to whoever owns the account or runs the service.
    "have the platform team tag it": "test_what_was_not_ours_goes_on_when_it_is",
    "Then set the annotation": "test_what_was_not_ours_goes_on_when_it_is",
    "It then continues by itself": TAGGED_AGAIN,
    "delete or rename it, tag it so": "test_what_was_not_ours_goes_on_when_it_is",
    "delete it, or tag it so": "test_what_was_not_ours_goes_on_when_it_is",
    "add-client-id-to-open-id-connect-provider": "test_what_was_not_ours_goes_on_when_it_is",
    "change BATTERIES_ACCOUNT_EMAIL_TEMPLATE": "test_what_was_not_ours_goes_on_when_it_is",
    "has to correct its tag": REASONS["AccountIdTaken"]["set the tag to this one's namespace/name"],
    "end the first owner's access": "test_an_account_changes_hands_when_the_owner_s_tag_is_taken_away",
    "that assignment in Identity Center": "test_of_an_earlier_release_the_account_of_another_owner_is_known_by_who_signs_in",
    "set spec.deletionPolicy to Retain": REASONS["NotOurAccount"]["`spec.deletionPolicy: Retain`"],
    "have the platform team invite it": BACK,
    "have the platform team {}": REOPENED,
    "have AWS Support reopen": REOPENED,
    "Create it; the account follows by itself": REASONS["CustomerNotFound"]["Create that Customer"],
    "Create one with CreateGovCloudAccount": REASONS["AccountsNotCreatedHere"]["`spec.awsAccountId`"],
    "raised in Service Quotas": REASONS["AccountLimitReached"]["raised in Service Quotas"],
    "Confirm your e-mail address: open": CONFIRMED,
    "Delete that Secret or give it another name": REASONS["SecretNameTaken"]["Delete that Secret"],
    "ask AWS Support why": REOPENED,
    "Have the platform team see that it exists there": REASONS["RoleDoesNotAnswer"]["create it"],
    "Have the platform team look at AWS_ENDPOINT_URL": LOOKING,
    "the platform team has to look": LOOKING,
    "The platform team has to look.": LOOKING,
    "has to look at the sender": REASONS["MailRefused"]["See that the sender's identity is verified"],
    "No grant of permission overrides that": REASONS["AccessDenied"]["Change the policy that the message names"],
    "grant it that permission": REASONS["AccessDenied"]["Change the policy that the message names"],
    "can ask for another try once the cause is fixed": RETRY,
    "give its pod a role": REASONS["NoAwsCredentials"]["Give its service account a role"],
    "give the operator a role": REASONS["NoAwsCredentials"]["Give its service account a role"],
    "correct BATTERIES_ACCOUNT_EMAIL_TEMPLATE": RETRY,
    "correct it in": RETRY,
    "finish the validation in AWS Billing": RETRY,
    "exists. {} ask AWS Support": SUPPORT,
    "add one in AWS Billing": RETRY,
    "The platform team has to": RETRY,
    "the platform team has to": REASONS["AccessDenied"]["Change the policy that the message names"],
    "spec.suspended to false": REASONS["Suspended"]["`spec.suspended: false`"],
    "AWS Support can reopen it": SUPPORT_REOPENED,
    "AWS Support has reopened the account": SUPPORT_REOPENED,
    "spec.suspendedByOwner to false": ENDED,
    "remove spec.closeAt": ENDED,
    "set a later spec.expiresAt": ENDED,
    # Of the organization, to whoever prepares it.
    "batteries-operator bootstrap": BOOTSTRAP,
    "Enable it for the organization": "test_an_account_goes_on_when_identity_center_is_there",
    "Set it to the region of your IAM Identity Center": "test_the_region_is_the_one_that_was_set",
    "Rename that policy, and run bootstrap again": "test_what_keeps_bootstrap_from_its_end_is_mended",
    "move it elsewhere": "test_what_keeps_bootstrap_from_its_end_is_mended",
    "delete it, or set BATTERIES_PERMISSION_SET_NAME": "test_what_keeps_bootstrap_from_its_end_is_mended",
    "run bootstrap again then": "test_accounts_are_limited_all_the_time_while_profiles_begin",
    "Take it out": "test_what_keeps_bootstrap_from_its_end_is_mended",
    # Of commands and of the operator's start.
    "Set it to an address of yours": "test_the_operator_refuses_to_start_without_a_template_and_says_why",
    "Correct it.": "test_the_operator_refuses_to_start_with_a_template_that_aws_would_refuse",
    "Create it again and repeat this command": "test_an_account_of_a_customer_goes_back_to_that_customer",
    "Delete the AwsAccount": DELETED,
    "Mend it, or go on to the release that wrote it": "test_a_stored_object_that_the_schema_refuses_is_told_of_and_let_go",
    "set BATTERIES_BREAKER_PERCENT to 100": "test_a_person_lets_it_happen_by_the_setting",
    "has no trusted access to the organization": "test_without_trusted_access_it_is_ready_says_why_and_is_named_once_it_is_there",
    # Of the doctor.
    "{} when the operator has moved the accounts": "test_accounts_are_limited_all_the_time_while_profiles_begin",
    "correct BATTERIES_ALLOWED_REGIONS": "test_the_doctor_warns_of_a_region_that_there_is_not",
    "{}, or set BATTERIES_POOL_RENAME": "test_accounts_can_be_named_only_where_the_setting_asks",
    "{}, or set BATTERIES_CENTRAL_ROOT_ACCESS": "test_new_accounts_have_no_root_password_unless_the_setting_says_otherwise",
    "grant the operator that permission": REASONS["AccessDenied"]["`batteries-operator policy` prints"],
    "grant what `batteries-operator policy` prints": REASONS["AccessDenied"]["`batteries-operator policy` prints"],
    "'Maximum number of accounts' raised": REASONS["AccountLimitReached"][
        "`batteries-operator doctor` says what is left"
    ],
    "to a mailbox of yours": "test_the_doctor_says_what_is_wrong_with_it",
    "provision owners from your identity provider": "test_a_user_that_is_there_by_its_address_is_taken",
    "take out what owners are not to have": "test_what_a_permission_set_of_ours_holds_is_compared",
    "verify that address or its domain in SES": f"{OUTSIDE}AWS verifies it; GetEmailIdentity says when it is done",
    "resume it in the SES console": f"{OUTSIDE}AWS's console; GetAccount says when it is done",
    "have SES's sending quota raised": f"{OUTSIDE}AWS raises it; GetAccount says when it is done",
    "request production access": f"{OUTSIDE}AWS gives it; GetAccount says when it is done",
}
"""By words of the message. A longer text is found by each of its remedies."""

HANDED_OVER = "test_sigterm_hands_over_at_once_and_nothing_is_lost"
SERVED_AGAIN = "test_a_namespace_that_cannot_be_read_at_the_start_is_served_when_it_can"
A_SETTING = f"{OUTSIDE}a setting, with which the program starts anew"

ALERTS: dict[str, dict[str, str]] = {
    "BatteriesTwoOperatorsLead": {"--replicas=1": HANDED_OVER},
    "BatteriesReconcilingStandsStill": {"delete the pod": HANDED_OVER},
    "BatteriesNamespaceNotServed": {"remove it from the setting": A_SETTING, "`helm upgrade`": SERVED_AGAIN},
    "BatteriesAccountsUnreadable": {
        "Upgrade to the release that wrote it": "test_a_stored_object_that_the_schema_refuses_is_told_of_and_let_go"
    },
    "BatteriesReconcileErrors": {"`helm upgrade`": "test_an_upgrade_from_the_previous_chart_keeps_the_data"},
    "BatteriesLineForPlaces": {
        "Ask AWS for a higher quota": REASONS["AccountLimitReached"]["raised in Service Quotas"]
    },
    "BatteriesAwsThrottles": {"Lower `BATTERIES_AWS_THREADS`": A_SETTING},
    "BatteriesSuspensionsHeldBack": {
        "Fix that": "test_when_most_can_pay_again_the_rest_is_held",
        "set `BATTERIES_BREAKER_PERCENT` to 100": "test_a_person_lets_it_happen_by_the_setting",
    },
    "BatteriesClosuresHeldBack": {
        "set `BATTERIES_BREAKER_PERCENT` to 100": (
            "test_many_old_suspensions_are_not_all_closed_when_closures_are_turned_on"
        ),
    },
    "BatteriesPaymentsInDoubt": {
        "Put the right one back": A_SETTING,
        "Fix that": A_SETTING,
        "set `BATTERIES_BREAKER_PERCENT` to 100": A_SETTING,
    },
    "BatteriesApiIsSlow": {"Raise `api.replicas`": A_SETTING},
    "BatteriesApiCacheIsOld": {"delete its pod": "test_a_rolling_restart_of_both_under_load_loses_no_request"},
    "BatteriesApiNamespaceIsOld": {
        "`helm upgrade`": "test_a_namespace_that_cannot_be_read_keeps_the_home_namespace_from_nothing"
    },
}
"""By the alert, as docs/alerts.md has them: what changes something."""
