"""Every name on which both programs, the chart and a person with kubectl have to agree."""

from enum import StrEnum

GROUP = "aibatteriesincluded.com"
VERSION = "v1"
API_VERSION = f"{GROUP}/{VERSION}"

FINALIZER = f"{GROUP}/aws-account"
"""The finalizer that holds an AwsAccount until the operator has released what it created."""

LABEL_ACCOUNT_ID = f"{GROUP}/account-id"
LABEL_CUSTOMER = f"{GROUP}/customer"
MAX_LABEL_LENGTH = 63
"""Of a label's value, in Kubernetes."""

ANNOTATION_RETRY = f"{GROUP}/retry"
RETRY_LENGTH = 64
"""How many characters of the retry annotation count."""
"""An annotation on an AwsAccount: when its value changes, a step that failed for good is tried again."""

ANNOTATION_REQUEST = f"{GROUP}/request"
"""An annotation on an AwsAccount created over HTTP with an Idempotency-Key: the fingerprint of the request's body."""

LABEL_ISSUER_KEYS = f"{GROUP}/issuer-keys"
"""The label of the Secret with the keys that sign tokens for AWS. A Secret without it is not ours."""

CREDENTIALS_SUFFIX = "-credentials"
"""The suffix of the Secret with an account's first password, after the AwsAccount's own name."""

ANNOTATION_SET_IN_AWS = f"{GROUP}/set-in-aws"
"""An annotation on that Secret: AWS accepted the password."""

MEMBERS = "pooledaccounts"
"""The plural of PooledAccount, and the first part of a member's key in AWS, which no AwsAccount's key has."""

MAX_OWNER_LENGTH = 128
"""The longest e-mail address of an owner: Identity Center allows no longer user name (botocore's identitystore)."""

TAG_ACCOUNT_ID = f"{GROUP}/account-id"
"""The tag on everything that we create in AWS: the id of its account."""

TAG_RESOURCE = f"{GROUP}/resource"
"""A tag of an AWS account: its AwsAccount, as `namespace/name`. No other one takes it over or closes it."""

TAG_UID = f"{GROUP}/uid"
"""A tag of an AWS account: the uid of that AwsAccount, which a later one of the same name does not have."""

TAG_OWNER = f"{GROUP}/owner"
"""A tag of an AWS account: hashes that name the owner, who alone may adopt it by a later AwsAccount of the same name.

On what we create inside an account: the owner for whom it was created.
"""


TAG_POOLED = f"{GROUP}/pooled"
"""A tag of an AWS account that a pool prepared: the id of its PooledAccount. It stays for ever."""


class Phase(StrEnum):
    """The state of an account."""  # shown to customers, as the enums' other docstrings; derived from conditions

    PENDING = "pending"
    CREATING = "creating"
    ACTIVE = "active"
    FAILED = "failed"
    SUSPENDED = "suspended"


class ProvisioningStep(StrEnum):
    """How far an account is: eight steps in their order, and two ends."""

    CREATE_ACCOUNT = "create_account"
    CHECK_STATUS = "check_status"
    WAIT_FOR_ROLE = "wait_for_role"
    MOVE_TO_OU = "move_to_ou"
    CREATE_IAM_USER = "create_iam_user"
    SETUP_SSO_ACCESS = "setup_sso_access"
    SETUP_OIDC = "setup_oidc"
    SEND_WELCOME_EMAIL = "send_welcome_email"
    COMPLETE = "complete"
    FAILED = "failed"


class ClosingStep(StrEnum):
    """The steps that the contract does not name: those that close an account, and the search for it before that.

    They appear in an account's history and conditions, not in `provisioningStep`. A new step of any pipeline is named
    here.
    """

    FIND_ACCOUNT = "find_account"
    QUARANTINE = "quarantine"
    CLOSE_CONSOLE = "close_console"
    REVOKE_SSO_ACCESS = "revoke_sso_access"
    CLOSE_DEPLOY_ROLE = "close_deploy_role"
    CLOSE_ACCOUNT = "close_account"


class OptionalStep(StrEnum):
    """The steps that a setting asks for, and that no account waits for."""

    NAME_ACCOUNT = "name_account"


class PreparationStep(StrEnum):
    """The steps that only the members of a pool have; they share the first three of ProvisioningStep."""

    MOVE_TO_POOL_OU = "move_to_pool_ou"
    PREPARE_ROLES = "prepare_roles"
    LOOK_INSIDE = "look_inside"
    AWAIT_CLAIMANT = "await_claimant"


class ConditionType(StrEnum):
    """The types of an AwsAccount's conditions: one for each step, in the pipeline's order, and the summaries."""

    ACCOUNT_REQUESTED = "AccountRequested"
    ACCOUNT_CREATED = "AccountCreated"
    ROLE_READY = "RoleReady"
    IN_CUSTOMERS_OU = "InCustomersOU"
    IAM_USER_READY = "IAMUserReady"
    SSO_ASSIGNED = "SSOAssigned"
    OIDC_CONFIGURED = "OIDCConfigured"
    WELCOME_EMAIL_SENT = "WelcomeEmailSent"
    ACCOUNT_NAMED = "AccountNamed"
    ACCOUNT_SEARCHED = "AccountSearched"
    QUARANTINED = "Quarantined"
    CONSOLE_CLOSED = "ConsoleClosed"
    SSO_REVOKED = "SSORevoked"
    DEPLOY_ROLE_CLOSED = "DeployRoleClosed"
    CLOSED = "Closed"
    IN_POOL_OU = "InPoolOU"
    ROLES_PREPARED = "RolesPrepared"
    UNTOUCHED = "Untouched"
    HANDED_OVER = "HandedOver"
    READY = "Ready"
    PROVISIONED = "Provisioned"
    PINNED = "Pinned"
    SUSPENDED = "Suspended"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class EventStatus(StrEnum):
    """What a provisioning event reports about its step."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
