"""The operator's settings, all from environment variables (prefix BATTERIES_).

The table in docs/settings.md is generated from these fields. AWS credentials and endpoint are boto3's own
variables (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL and so on) and not repeated here.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from batteries_crds import agent_access
from batteries_crds.agent_access import Issuer, IssuerUnusableError
from batteries_crds.breaker import DEFAULT_CUSTOMERS, DEFAULT_PERCENT
from batteries_operator.runtime.deadline_settings import DeadlineSettings
from batteries_operator.runtime.floor_settings import FloorSettings
from batteries_operator.runtime.payment_settings import PaymentSettings
from batteries_operator.runtime.role_settings import AWS_MANAGED_OR_EMPTY, RoleSettings

OWN_ROLE = "AIBatteriesIncludedAccess"


class Settings(FloorSettings, RoleSettings, PaymentSettings, DeadlineSettings):
    """What an installation decides."""

    model_config = SettingsConfigDict(env_prefix="BATTERIES_", extra="ignore", frozen=True)

    kubeconfig: Annotated[str | None, Field(description="Kubeconfig file; unset inside a cluster.")] = None
    namespaces: Annotated[str, Field(description="Namespaces to watch, separated by commas. Empty: all of them.")] = ""
    account_email_template: Annotated[
        str,
        Field(
            description="Root e-mail address of each AWS account; {id} becomes 26 characters derived from the "
            "account's id. At most 64 characters in all. Required for `run`, without a default: "
            "whoever reads this mailbox can reset the root password of every account, so it must "
            "be yours."
        ),
    ] = ""
    account_name_prefix: Annotated[
        str, Field(max_length=20, pattern=r"^[ -~]*$", description="The prefix of each AWS account's name.")
    ] = "batteries"
    access_role_name: Annotated[
        str,
        Field(
            description="The role that Organizations creates in each new account for the operator to assume. "
            "Its name is unusual on purpose, so that the operator's IAM policy reaches no other "
            "accounts. Each account keeps the role it was created with."
        ),
    ] = OWN_ROLE
    earlier_access_role_name: Annotated[
        str,
        Field(
            description="The same role in accounts of older releases, and in adopted accounts that lack "
            "BATTERIES_ACCESS_ROLE_NAME. `batteries-operator policy --earlier-account ID` grants "
            "it."
        ),
    ] = "OrganizationAccountAccessRole"
    customers_ou_name: Annotated[str, Field(description="The OU of active accounts, under the root.")] = "Customers"
    suspended_ou_name: Annotated[str, Field(description="The OU of suspended accounts, under the root.")] = "Suspended"
    pool_ou_name: Annotated[
        str,
        Field(
            description="The OU of accounts that a pool prepared and nobody has yet, under the root. The policy of "
            "suspended accounts holds there too."
        ),
    ] = "Pool"
    pool_rename: Annotated[
        bool,
        Field(
            description="Whether an AWS account that a pool prepared is named, once it is somebody's and ready, as it "
            "would have been named without the pool. It needs trusted access for AWS Account Management, which "
            "`bootstrap` enables then, and the permissions that `batteries-operator policy` prints then."
        ),
    ] = False
    permission_set_name: Annotated[
        str, Field(max_length=32, description="The Identity Center permission set that owners get.")
    ] = "BatteriesAdministrator"
    iam_user_name: Annotated[str, Field(max_length=64, description="The IAM user in each account.")] = "admin"
    managed_policy_arn: Annotated[
        str,
        Field(
            description="The policy of the IAM user, the deploy role and the permission set. The partition of "
            "an AWS managed policy follows the credentials."
        ),
    ] = "arn:aws:iam::aws:policy/AdministratorAccess"
    trust_policy_limit: Annotated[
        int,
        Field(
            ge=512,
            le=8192,
            description="The largest size of a role's trust policy, in characters (IAM quota ACLSizePerRole; "
            "AWS raises it up to 8192).",
        ),
    ] = 2048
    sso_portal_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^\s/]+\S*$",
            description="The URL at which single sign-on starts, if it is not the one that AWS assigns, "
            "https://<store>.awsapps.com/start.",
        ),
    ] = None
    mail_sender: Annotated[
        str, Field(description="The sender of all mails, verified in SES. Empty: no mails are sent.")
    ] = ""
    mails_per_second: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            description="The most mails that are sent in a second. SES allows 1 while it is in its sandbox.",
        ),
    ] = 5
    public_url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s?#]+$",
            description="The URL at which customers reach the API, for links in mails. Give the operator and "
            "the API server the same.",
        ),
    ] = "http://localhost:8080"
    issuer_url: Annotated[
        str,
        Field(
            max_length=255,
            pattern=r"^(https://[^\s?#]+)?$",
            description="The URL of the issuer of tokens that accounts trust. Empty: BATTERIES_PUBLIC_URL. Give the "
            "operator and the API server the same.",
        ),
    ] = ""
    agent_policy_arn: Annotated[
        str,
        Field(
            max_length=160,
            pattern=AWS_MANAGED_OR_EMPTY,
            description="What agents may do with the credentials that a token gets them: an AWS managed policy, "
            "attached to BatteriesAgentRole. Empty: BATTERIES_MANAGED_POLICY_ARN. After a change, existing accounts "
            "have the new policy beside the old one; to allow less there, set BATTERIES_AGENT_BOUNDARY_ARN.",
        ),
    ] = ""
    agent_boundary_arn: Annotated[
        str,
        Field(
            max_length=160,
            pattern=AWS_MANAGED_OR_EMPTY,
            description="The permissions boundary of BatteriesAgentRole: an AWS managed policy; agents may "
            "do nothing beyond it, whatever is attached. Empty: none is set, and one that a role has stays.",
        ),
    ] = ""
    support_contact: Annotated[
        str,
        Field(
            max_length=200,
            pattern=r"^[^\r\n]*$",
            description="The contact that mails name, such as support@example.com. Empty: BATTERIES_PUBLIC_URL.",
        ),
    ] = ""
    creations_in_flight: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="How many AWS accounts are created at the same time. AWS allows 5 unless it raised your quota.",
        ),
    ] = 5
    assignments_in_flight: Annotated[
        int,
        Field(
            ge=1,
            le=10,
            description="How many Identity Center assignments are created at the same time. AWS allows 10, "
            "including those of other people and tools.",
        ),
    ] = 8
    closures_in_flight: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="How many AWS accounts are closed at the same time. AWS does not publish its limit.",
        ),
    ] = 3
    resync_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How often each account at rest is compared with AWS, and changes are reverted. "
            "Spread evenly, with jitter. 0: never.",
        ),
    ] = 3600
    breaker_percent: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            description="If the accounts of more than this percentage of the customers would be suspended "
            "within a day, and of more than BATTERIES_BREAKER_CUSTOMERS customers, none is "
            "suspended until a person has looked. 100: no limit. Give the operator and the API "
            "server the same.",
        ),
    ] = DEFAULT_PERCENT
    breaker_customers: Annotated[
        int, Field(ge=0, description="This number of customers is always allowed; see BATTERIES_BREAKER_PERCENT.")
    ] = DEFAULT_CUSTOMERS
    retained_access: Annotated[
        Literal["keep", "remove"],
        Field(
            description="What happens to access when an AwsAccount with deletionPolicy Retain is deleted. "
            "keep: nothing. remove: the console user, single sign-on, the deploy role, the read-only role and the "
            "agents' role are closed."
        ),
    ] = "keep"
    intent_grace_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long the operator waits after a lost response to CreateAccount before it searches for "
            "the account.",
        ),
    ] = 10
    poll_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="The shortest pause between two polls of asynchronous work in AWS. The pause grows to "
            "a tenth of the time that the work has lasted. When the first poll comes depends on "
            "how long such work took recently. Creations are polled together.",
        ),
    ] = 0.5
    poll_max_seconds: Annotated[float, Field(gt=0, description="The longest pause between two polls.")] = 60
    backoff_max_seconds: Annotated[
        float, Field(gt=0, description="The longest pause between two attempts of a step that gets errors.")
    ] = 300
    aws_threads: Annotated[int, Field(ge=1, le=256, description="How many AWS calls run at the same time.")] = 32
    leader_election: Annotated[
        bool,
        Field(
            description="Whether operators elect a leader with a Lease. Without election run only one: two "
            "would still create each account once, but exceed AWS's limits."
        ),
    ] = True
    lease_namespace: Annotated[
        str, Field(description="The Lease's namespace. Empty: the pod's own, or 'default' outside a cluster.")
    ] = ""
    lease_name: Annotated[
        str,
        Field(min_length=1, max_length=63, description="The Lease's name. Of the operators that share it, one leads."),
    ] = "batteries-operator"
    lease_identity: Annotated[
        str,
        Field(
            description="This operator's name in the Lease: the pod's name, so that a restarted container "
            "continues at once. Empty: a new name for each process."
        ),
    ] = ""
    lease_seconds: Annotated[
        int,
        Field(
            ge=3,
            le=300,
            description="How long a standby waits before it replaces a leader that died. A leader that can't "
            "renew the Lease for two thirds of this time stops.",
        ),
    ] = 15
    standstill_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long one reconcile of an account may run before /healthz fails. Time in a queue "
            "does not count.",
        ),
    ] = 600
    watch_silence_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long all watches of Kubernetes may receive nothing before /healthz fails. "
            "Bookmarks come every minute.",
        ),
    ] = 300
    stop_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="The latest end of the process after SIGTERM. It must be less than the pod's grace period.",
        ),
    ] = 25
    metrics_port: Annotated[int, Field(ge=0, le=65535, description="The port of Prometheus' /metrics. 0: none.")] = 9091
    health_port: Annotated[
        int, Field(ge=0, le=65535, description="The port of /healthz for the liveness probe. 0: none.")
    ] = 8081
    log_format: Annotated[Literal["json", "console"], Field(description="json for machines, console for people.")] = (
        "json"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="The lowest level that is logged.")
    ] = "info"

    @field_validator("pool_ou_name")
    @classmethod
    def _check_pool_ou(cls, name: str, info: ValidationInfo) -> str:
        if name in (info.data.get("customers_ou_name"), info.data.get("suspended_ou_name")):
            raise ValueError(f"{name!r} is the OU of active or of suspended accounts; give another name")
        return name

    def role_of(self, recorded: str | None) -> str:
        """The role by which an account is entered; `recorded` is the one in its status, which older statuses lack.

        An installation that had set a name of its own used it in those accounts, too.
        """
        theirs = self.access_role_name != OWN_ROLE
        return recorded or (self.access_role_name if theirs else self.earlier_access_role_name)

    @property
    def issuer(self) -> Issuer | None:
        """The issuer of tokens that accounts trust; None if AWS can't trust one at the URL that is set."""
        try:
            return agent_access.issuer(self.issuer_url, self.public_url)
        except IssuerUnusableError:
            return None

    @property
    def access_role_names(self) -> tuple[str, ...]:
        """Every role by which we may enter an account."""
        return tuple(dict.fromkeys((self.access_role_name, self.earlier_access_role_name)))

    @property
    def namespace_list(self) -> list[str]:
        """The namespaces to watch; empty for all."""
        return [name.strip() for name in self.namespaces.split(",") if name.strip()]

    @property
    def listed_namespaces(self) -> Sequence[str | None]:
        """What to list in order to see every account: each watched namespace, or None for all at once."""
        return self.namespace_list or [None]
