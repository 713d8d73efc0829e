"""The operator's settings, all from environment variables (prefix BATTERIES_).

The table in docs/settings.md is generated from these fields. AWS credentials and endpoint are boto3's own
variables (AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL and so on) and not repeated here.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from batteries_crds.breaker import DEFAULT_CUSTOMERS, DEFAULT_PERCENT
from batteries_crds.environment import FromEnvironment

OWN_ROLE = "AIBatteriesIncludedAccess"


class Settings(FromEnvironment):
    """What an installation decides."""

    model_config = SettingsConfigDict(env_prefix="BATTERIES_", extra="ignore", frozen=True)

    kubeconfig: Annotated[str | None, Field(description="Kubeconfig file; unset inside a cluster.")] = None
    namespaces: Annotated[
        str, Field(description="Namespaces to watch, separated by commas; empty watches all of them.")
    ] = ""
    account_email_template: Annotated[
        str,
        Field(
            description="Root e-mail address of each AWS account; {id} becomes 26 characters made from the account "
            "id. At most 64 characters in all. There is no default, and `run` refuses to start without it: whoever "
            "reads its mailbox can reset the root password of every account, so it must be yours."
        ),
    ] = ""
    account_name_prefix: Annotated[
        str, Field(max_length=20, pattern=r"^[ -~]*$", description="Begins the name of each AWS account.")
    ] = "batteries"
    access_role_name: Annotated[
        str,
        Field(
            description="The role that Organizations puts into each new account for us to assume. A name of our own, "
            "so that our IAM policy reaches no accounts of others; each account keeps the one it was made with."
        ),
    ] = OWN_ROLE
    earlier_access_role_name: Annotated[
        str,
        Field(
            description="The same role in accounts that releases before it had a name of its own made, and in adopted "
            "ones that don't have ours. `batteries-operator policy --earlier-account ID` grants it."
        ),
    ] = "OrganizationAccountAccessRole"
    customers_ou_name: Annotated[str, Field(description="The OU that accounts live in, under the root.")] = "Customers"
    suspended_ou_name: Annotated[str, Field(description="The OU of suspended accounts, under the root.")] = "Suspended"
    permission_set_name: Annotated[
        str, Field(max_length=32, description="The Identity Center permission set that owners get.")
    ] = "BatteriesAdministrator"
    iam_user_name: Annotated[str, Field(max_length=64, description="The IAM user in each account.")] = "admin"
    managed_policy_arn: Annotated[
        str,
        Field(
            description="What the IAM user, the deploy role and the permission set may do. A policy of AWS's own is "
            "taken from the partition of the credentials."
        ),
    ] = "arn:aws:iam::aws:policy/AdministratorAccess"
    trust_policy_limit: Annotated[
        int,
        Field(
            ge=512,
            le=8192,
            description="Characters a role's trust policy may have (IAM quota ACLSizePerRole; AWS raises it to 8192).",
        ),
    ] = 2048
    sso_portal_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^\s/]+\S*$",
            description="Where single sign-on starts, if not at the address that AWS gives it, such as "
            "https://<store>.awsapps.com/start.",
        ),
    ] = None
    mail_sender: Annotated[str, Field(description="From-address of all mails, verified in SES; empty sends none.")] = ""
    mails_per_second: Annotated[
        float,
        Field(gt=0, le=100, description="How many mails are sent in a second at most; SES takes 1 in its sandbox."),
    ] = 5
    public_url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s?#]+$",
            description="Where customers reach the API, for the links in mails; give the operator and the API server "
            "the same.",
        ),
    ] = "http://localhost:8080"
    support_contact: Annotated[
        str,
        Field(
            max_length=200,
            pattern=r"^[^\r\n]*$",
            description="Whom mails tell people to turn to, such as support@example.com; empty names "
            "BATTERIES_PUBLIC_URL.",
        ),
    ] = ""
    creations_in_flight: Annotated[
        int, Field(ge=1, le=100, description="AWS accounts being created at one time; AWS allows 5 unless raised.")
    ] = 5
    assignments_in_flight: Annotated[
        int,
        Field(
            ge=1,
            le=10,
            description="Identity Center assignments being made at one time; AWS allows 10, people's own among them.",
        ),
    ] = 8
    closures_in_flight: Annotated[
        int, Field(ge=1, le=100, description="AWS accounts being closed at one time; AWS publishes no number.")
    ] = 3
    resync_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How often each account at rest is compared with AWS and mended; 0 for never. Spread evenly, "
            "with jitter.",
        ),
    ] = 3600
    suspend_unpaid_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long a Customer's payment method may be missing until its accounts are suspended; 0 never "
            "suspends them, and opens those that were. Give the operator and the API server the same.",
        ),
    ] = 604_800
    breaker_percent: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            description="Where the accounts of more than so many percent of the customers would be suspended within a "
            "day, and of more than BATTERIES_BREAKER_CUSTOMERS of them, none is until a person has looked; 100 lets it "
            "happen. Give the operator and the API server the same.",
        ),
    ] = DEFAULT_PERCENT
    breaker_customers: Annotated[
        int, Field(ge=0, description="As many may be together in any case; see BATTERIES_BREAKER_PERCENT.")
    ] = DEFAULT_CUSTOMERS
    retained_access: Annotated[
        Literal["keep", "remove"],
        Field(
            description="What becomes of the access we gave when an AwsAccount with deletionPolicy Retain is deleted: "
            "keep leaves it, remove closes the console user, single sign-on and the deploy role."
        ),
    ] = "keep"
    intent_grace_seconds: Annotated[
        float,
        Field(
            ge=0, description="How long an intent without AWS's answer is left alone before we look for its account."
        ),
    ] = 10
    poll_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="The shortest pause between two looks at what AWS is doing asynchronously; it grows to a tenth "
            "of the time that it has lasted. The first look comes by how long such work took of late; creations are "
            "looked at together.",
        ),
    ] = 0.5
    poll_max_seconds: Annotated[float, Field(gt=0, description="The longest such pause.")] = 60
    backoff_max_seconds: Annotated[
        float, Field(gt=0, description="The longest wait between two tries of a step that meets errors.")
    ] = 300
    aws_threads: Annotated[int, Field(ge=1, le=256, description="AWS calls made at one time.")] = 32
    leader_election: Annotated[
        bool,
        Field(
            description="Whether operators agree by a Lease on the one that works. Without it only one may run; two "
            "would still make each account once, but pass AWS's limits."
        ),
    ] = True
    lease_namespace: Annotated[
        str, Field(description="The Lease's namespace; empty: the pod's own, or 'default' outside a cluster.")
    ] = ""
    lease_name: Annotated[
        str, Field(min_length=1, max_length=63, description="The Lease's name; operators that share it take turns.")
    ] = "batteries-operator"
    lease_identity: Annotated[
        str,
        Field(
            description="Who this operator is: the pod's name, so that a restarted container goes on at once. Empty: a "
            "new name for each process."
        ),
    ] = ""
    lease_seconds: Annotated[
        int,
        Field(
            ge=3,
            le=300,
            description="How long another operator waits for one that died; one that can't renew for two thirds of it "
            "stops.",
        ),
    ] = 15
    standstill_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long one visit to an account may be at work until /healthz fails; time in line does not "
            "count.",
        ),
    ] = 600
    watch_silence_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long no watch of Kubernetes may be heard of until /healthz fails; bookmarks come every "
            "minute.",
        ),
    ] = 300
    stop_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long after SIGTERM the process ends at the latest; less than the pod's grace period.",
        ),
    ] = 25
    metrics_port: Annotated[int, Field(ge=0, le=65535, description="Prometheus metrics; 0 for none.")] = 9091
    health_port: Annotated[int, Field(ge=0, le=65535, description="/healthz for the liveness probe; 0 for none.")] = (
        8081
    )
    log_format: Annotated[Literal["json", "console"], Field(description="json for machines, console for people.")] = (
        "json"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="What is logged.")] = "info"

    def role_of(self, recorded: str | None) -> str:
        """The role that an account is entered by; `recorded` is what its status names, nothing in an older one.

        Whoever had set a name of their own had it in those, too.
        """
        theirs = self.access_role_name != OWN_ROLE
        return recorded or (self.access_role_name if theirs else self.earlier_access_role_name)

    @property
    def access_role_names(self) -> tuple[str, ...]:
        """Every role that we may enter an account by."""
        return tuple(dict.fromkeys((self.access_role_name, self.earlier_access_role_name)))

    @property
    def payment_grace(self) -> timedelta | None:
        """How long a payment method may be missing until accounts are suspended; None: they never are for that."""
        return timedelta(seconds=self.suspend_unpaid_seconds) if self.suspend_unpaid_seconds else None

    @property
    def namespace_list(self) -> list[str]:
        """The namespaces to watch; empty for all."""
        return [name.strip() for name in self.namespaces.split(",") if name.strip()]

    @property
    def listed_namespaces(self) -> Sequence[str | None]:
        """What to list to have seen every account: each namespace that is watched, or None for all at once."""
        return self.namespace_list or [None]
