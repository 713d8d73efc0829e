"""What each reason for which AWS fails a creation means, and whether it is asked again."""

from dataclasses import dataclass

from batteries_crds.reasons import Reason

PLATFORM = "The platform team has to"
VALIDATE = f"{PLATFORM} finish the validation in AWS Billing, or ask AWS Support."


@dataclass(frozen=True, slots=True)
class CreationFailure:
    """What a failure reason means; without `retry_seconds` the step fails for good."""

    reason: str
    message: str
    retry_seconds: float | None = None


# Every CreateAccountFailureReason of botocore's organizations model but two: after EMAIL_ALREADY_EXISTS we look for the
# account, after ACCOUNT_LIMIT_EXCEEDED it goes back into the queue.
FAILURES: dict[str, CreationFailure] = {
    "INTERNAL_FAILURE": CreationFailure(
        Reason.AWS_INTERNAL_FAILURE, "AWS had an internal failure; asking again.", retry_seconds=30
    ),
    "CONCURRENT_ACCOUNT_MODIFICATION": CreationFailure(
        Reason.CONCURRENT_MODIFICATION, "AWS still works on an earlier request; asking again.", retry_seconds=30
    ),
    "INVALID_EMAIL": CreationFailure(
        Reason.INVALID_EMAIL,
        f"AWS does not accept the account's root e-mail address. {PLATFORM} correct BATTERIES_ACCOUNT_EMAIL_TEMPLATE.",
    ),
    "INVALID_ADDRESS": CreationFailure(
        Reason.INVALID_ADDRESS,
        f"AWS does not accept the organization's postal address. {PLATFORM} correct it in the management account.",
    ),
    "GOVCLOUD_ACCOUNT_ALREADY_EXISTS": CreationFailure(
        Reason.GOV_CLOUD_ACCOUNT_EXISTS,
        f"AWS says that the GovCloud account already exists. {PLATFORM} ask AWS Support.",
    ),
    "MISSING_PAYMENT_INSTRUMENT": CreationFailure(
        Reason.PAYMENT_INSTRUMENT_MISSING,
        f"The organization's management account has no valid payment method. {PLATFORM} add one in AWS Billing.",
    ),
    "INVALID_PAYMENT_INSTRUMENT": CreationFailure(
        Reason.PAYMENT_INSTRUMENT_INVALID,
        f"AWS refuses the payment method of the management account. {PLATFORM} correct it in AWS Billing.",
    ),
    "MISSING_BUSINESS_VALIDATION": CreationFailure(
        Reason.BUSINESS_VALIDATION_MISSING, f"AWS wants the management account's business validated. {VALIDATE}"
    ),
    "FAILED_BUSINESS_VALIDATION": CreationFailure(
        Reason.BUSINESS_VALIDATION_FAILED, f"AWS could not validate the management account's business. {VALIDATE}"
    ),
    "PENDING_BUSINESS_VALIDATION": CreationFailure(
        Reason.BUSINESS_VALIDATION_PENDING,
        f"AWS is still validating the management account's business; asking again. {VALIDATE}",
        retry_seconds=300,
    ),
    "INVALID_IDENTITY_FOR_BUSINESS_VALIDATION": CreationFailure(
        Reason.BUSINESS_IDENTITY_INVALID, f"AWS refused the identity given for the business validation. {VALIDATE}"
    ),
    "UNKNOWN_BUSINESS_VALIDATION": CreationFailure(
        Reason.BUSINESS_VALIDATION_UNKNOWN, f"AWS has an unknown problem with the business validation. {VALIDATE}"
    ),
    "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED": CreationFailure(
        Reason.RESOURCE_POLICY_WITH_TAGS,
        f"AWS can't update the organization's resource policy with tags. {PLATFORM} change that policy.",
    ),
}
