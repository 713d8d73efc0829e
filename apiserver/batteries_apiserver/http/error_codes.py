"""Every error code: its status, and what it means to the caller.

Handlers raise the errors; this table is what the OpenAPI document and llms.txt say about them. A test reads the
source for codes that are missing here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A stable code for machines."""

    status: int
    meaning: str
    fault: str | None = None
    """Whose fault it is, if the status does not tell; see `fault_of`."""


ERRORS: dict[str, ErrorCode] = {
    # The request itself.
    "invalid_json": ErrorCode(400, "The body is not a JSON object."),
    "unreadable_body": ErrorCode(400, "The body was cut off, or does not match its Content-Encoding."),
    "invalid_request": ErrorCode(400, "A field or parameter is invalid; the sentence names it."),
    "invalid_cursor": ErrorCode(400, "The cursor is not one that a response with this list contained."),
    "unknown_field": ErrorCode(400, "The body has a field that this request does not have; the sentence lists those."),
    "unknown_parameter": ErrorCode(
        400, "The query string has a parameter that this request does not have; the sentence lists those."
    ),
    "body_timeout": ErrorCode(408, "The body did not arrive in time. Send the whole request again."),
    "unsupported_encoding": ErrorCode(
        415, "The server can't read this Content-Encoding; the Accept-Encoding header lists those that it can."
    ),
    "body_too_large": ErrorCode(413, "The body is longer than this server accepts."),
    "expectation_failed": ErrorCode(417, "The Expect header asks for something other than 100-continue."),
    "not_found": ErrorCode(404, "There is nothing at this path."),
    "method_not_allowed": ErrorCode(405, "This path does not support the method; see the Allow header."),
    "malformed_request": ErrorCode(400, "The request is not valid HTTP."),
    "refused": ErrorCode(400, "The request was refused; the sentence says why."),
    "too_many_requests": ErrorCode(429, "More requests than the limit allows. Try again after Retry-After."),
    # Authentication and authorization.
    "missing_api_key": ErrorCode(401, "There is no 'Authorization: Bearer <key>' header."),
    "misplaced_api_key": ErrorCode(401, "The API key is not where it is read: 'Authorization: Bearer <key>'."),
    "invalid_api_key": ErrorCode(401, "The API key is unknown, or was copied incompletely."),
    "revoked_api_key": ErrorCode(401, "The API key was revoked."),
    "expired_api_key": ErrorCode(401, "The API key has expired."),
    "scope_read_only": ErrorCode(
        403, "The API key's scope is not full, and this request changes or reveals something."
    ),
    "scope_aws_required": ErrorCode(403, "On this server, only API keys with the scope aws get tokens for AWS."),
    "admin_key_required": ErrorCode(403, "Only administrators may call this path, and this is a customer's key."),
    "not_an_admin_key": ErrorCode(
        401,
        "Only administrators may call this path, and this is a customer's key. (Only here 401, as in the contract.)",
    ),
    "customer_key_required": ErrorCode(
        403, "This needs a customer's key: accounts belong to customers, and this is an administrator's key."
    ),
    "customer_blocked": ErrorCode(403, "An administrator has blocked you: you may only read. Ask support."),
    # Accounts.
    "accounts_refused": ErrorCode(403, "You can't get another account at the moment. Ask support."),
    "payment_method_required": ErrorCode(
        402, "The customer has no valid card, or has not paid the subscription. Pay, or sign up again."
    ),
    "account_not_found": ErrorCode(404, "You have no account with this id."),
    "account_not_active": ErrorCode(409, "The account is not active, so this can't be done now."),
    "account_limit_reached": ErrorCode(409, "You have reached your limit of accounts; support can raise it."),
    "owned_elsewhere": ErrorCode(409, "Someone else, such as a git repository, manages this field; change it there."),
    "changed_meanwhile": ErrorCode(409, "The account was changed at the same moment. Read it and try again."),
    "ambiguous_account": ErrorCode(
        409, "Several namespaces have an account with this id, and the API's own has none; add ?namespace=."
    ),
    "nothing_to_retry": ErrorCode(409, "No step of the account has failed."),
    "no_deploy_role": ErrorCode(409, "The account has no role for deployments yet; ask again once it is active."),
    "no_repositories": ErrorCode(409, "No repository may deploy to the account; list them with PATCH."),
    "credentials_not_ready": ErrorCode(409, "The account has no first password yet; ask again later."),
    "credentials_gone": ErrorCode(404, "The first password was revealed already and is no longer stored."),
    "account_failed": ErrorCode(409, "The account failed, so there are no tokens for it; the sentence says why."),
    "account_suspended": ErrorCode(409, "The account is suspended, so there are no tokens for it."),
    "account_being_deleted": ErrorCode(409, "The account is being deleted, so this can't be done any more."),
    "account_held": ErrorCode(409, "Others than you keep the account suspended; the sentence says who lifts it."),
    "account_closed": ErrorCode(409, "AWS has closed the account; the sentence says who can reopen it, and how long."),
    "trust_pending": ErrorCode(
        409, "The account does not trust this server's tokens yet. Try again after Retry-After."
    ),
    "tokens_off": ErrorCode(409, "This server issues no tokens for AWS; the sentence says why."),
    "tokens_unavailable": ErrorCode(503, "This server has no key to sign tokens with. Try again after Retry-After."),
    "too_many_streams": ErrorCode(429, "You have reached your limit of open event streams; close one."),
    "invalid_last_event_id": ErrorCode(400, "Last-Event-ID is not the id of an event that this API sent."),
    "invalid_idempotency_key": ErrorCode(400, "The Idempotency-Key is empty, too long or not printable ASCII."),
    "idempotency_key_reused": ErrorCode(422, "The Idempotency-Key was used for another request."),
    # API keys.
    "invalid_key_id": ErrorCode(400, "The id is not a UUID."),
    "key_not_found": ErrorCode(404, "You have no API key with this id."),
    "key_already_made": ErrorCode(409, "A key was created with this Idempotency-Key already; the sentence has its id."),
    "customer_gone": ErrorCode(409, "The customer was deleted, so it can't get new keys."),
    "key_limit_reached": ErrorCode(409, "You have reached your limit of API keys; revoke one."),
    "last_key": ErrorCode(
        409, "This is your last working key with the scope full; create another before you revoke it."
    ),
    # Customers, for administrators.
    "customer_not_found": ErrorCode(404, "There is no customer with this id."),
    # Confirming the e-mail address.
    "email_confirmed": ErrorCode(409, "The e-mail address is confirmed already."),
    "too_many_confirmations": ErrorCode(429, "You have reached today's limit of confirmation mails."),
    "confirmation_not_found": ErrorCode(404, "The token is wrong, too old, or was used already."),
    # Sign-up.
    "sign_up_refused": ErrorCode(403, "This sign-up can't be completed. Ask support."),
    "invalid_email": ErrorCode(400, "Stripe or this server does not accept this e-mail address."),
    "customer_name_taken": ErrorCode(409, "Another object already has the name of this checkout's customer."),
    "session_not_found": ErrorCode(404, "There is no checkout with this session id."),
    "session_not_completed": ErrorCode(404, "The checkout is not complete yet. Try again after Retry-After."),
    "session_expired": ErrorCode(404, "The checkout was not completed in time. Start another sign-up."),
    "session_too_old": ErrorCode(404, "The key was not fetched in time after the checkout. Start another sign-up."),
    "key_already_fetched": ErrorCode(404, "The key of this sign-up was fetched already; it is given out once."),
    "claim_secret_required": ErrorCode(403, "This sign-up has a claim secret; send it in the header Claim-Secret."),
    "claim_secret_wrong": ErrorCode(403, "The header Claim-Secret has another secret than this sign-up's."),
    "invalid_signature": ErrorCode(400, "The signature is not Stripe's for this endpoint, or is too old."),
    "billing_not_configured": ErrorCode(
        503, "This server has no Stripe key, so nobody can sign up.", fault="configuration"
    ),
    "no_stripe_customer": ErrorCode(409, "You have no customer at Stripe, so there is nothing to manage there."),
    "portal_not_configured": ErrorCode(
        503, "Nobody has set up Stripe's customer portal for this server. Ask support.", fault="configuration"
    ),
    "busy": ErrorCode(503, "Other requests are changing this customer. Try again after Retry-After."),
    "stripe_unavailable": ErrorCode(503, "Stripe does not respond. Try again after Retry-After."),
    # Faults of this server.
    "starting": ErrorCode(503, "The server is starting. Try again after Retry-After."),
    "not_ready": ErrorCode(503, "This server does not accept requests now."),
    "unavailable": ErrorCode(503, "A service that this request needs does not respond. Try again after Retry-After."),
    "internal_error": ErrorCode(500, "A bug in this server. Tell support the X-Request-Id."),
}

ALWAYS = (
    "malformed_request",
    "unknown_parameter",
    "too_many_requests",
    "expectation_failed",
    "internal_error",
    "unavailable",
)
_OF_ANY_KEY = (
    "missing_api_key",
    "misplaced_api_key",
    "invalid_api_key",
    "revoked_api_key",
    "expired_api_key",
    "starting",
)
OF_A_KEY = (*_OF_ANY_KEY, "customer_key_required")
OF_ADMIN = (*_OF_ANY_KEY, "admin_key_required")
OF_ANY_BODY = ("unreadable_body", "body_timeout", "unsupported_encoding", "body_too_large")
OF_BLOCKED = ("customer_blocked",)
OF_UNPAID = ("payment_method_required",)
OF_A_CHANGE = ("scope_read_only",)
OF_A_BODY = ("invalid_json", "invalid_request", "unknown_field", *OF_ANY_BODY)
OF_A_QUERY = ("invalid_request",)
OF_PAGES = ("invalid_cursor",)


def fault_of(status: int, code: str | None) -> str:
    """Whose fault an error response is: none (no error), caller, configuration (the installer's choice), or ours."""
    if status < 400:
        return "none"
    known = ERRORS.get(code or "")
    if known is not None and known.fault is not None:
        return known.fault
    return "caller" if status < 500 else "ours"
