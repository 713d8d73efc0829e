"""The command line and environment of each component of the sandbox."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batteries_apiserver.billing.events import SUBSCRIBED
from batteries_operator.aws.permissions import Reach, denials, for_running, policy
from batteries_operator.runtime.settings import Settings as OperatorSettings
from batteries_sandbox.cluster import NAMESPACE
from batteries_sandbox.given_settings import API, OPERATOR, given
from batteries_sandbox.mailboxes import ROOT_EMAILS, SENDER
from batteries_sandbox.paths import Paths
from batteries_sandbox.process import Command

BIN = Path(sys.executable).parent
REGION = "us-east-1"
OPERATOR_KEY = "sandbox_operator"
ISSUER_URL = "https://batteries.localhost"
"""The issuer of tokens: AWS takes neither http nor a port, so the stand-in reads its keys from the API server."""
OPERATOR_SETTINGS = {
    "BATTERIES_ACCOUNT_EMAIL_TEMPLATE": ROOT_EMAILS,
    "BATTERIES_MAIL_SENDER": SENDER,
    "BATTERIES_ISSUER_URL": ISSUER_URL,
}
"""Settings whose defaults are of no use, so that an installation must choose them."""
_API_SETTINGS = {"BATTERIES_ISSUER_URL": ISSUER_URL}
_RATE_LIMITS = ("BATTERIES_RATE_LIMIT_SIGN_UP", "BATTERIES_RATE_LIMIT_ANONYMOUS", "BATTERIES_RATE_LIMIT_KEY")


@dataclass(frozen=True, slots=True)
class Aws:
    """The AWS to use: the stand-in, or the one that was given."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str

    def environment(self) -> dict[str, str]:
        """As boto3 reads it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
        }


@dataclass(frozen=True, slots=True)
class Stripe:
    """The Stripe to use: the stand-in, or the one that was given."""

    api_base: str
    secret_key: str
    webhook_secret: str
    price_id: str | None = None

    def environment(self) -> dict[str, str]:
        """As the API server reads it."""
        return {
            "STRIPE_API_BASE": self.api_base,
            "STRIPE_SECRET_KEY": self.secret_key,
            "STRIPE_WEBHOOK_SECRET": self.webhook_secret,
        }

    def settings(self) -> dict[str, str]:
        """With the price and the mode, which only the API server needs to know. A sandbox takes no real cards."""
        return {
            **self.environment(),
            "BATTERIES_STRIPE_TEST_MODE": "true",
            **({"STRIPE_PRICE_ID": self.price_id} if self.price_id else {}),
        }


def given_or_standin_aws(paths: Paths) -> Aws:
    """SANDBOX_AWS_ENDPOINT_URL with the caller's AWS variables, or the stand-in's address and keys."""
    given = os.environ.get("SANDBOX_AWS_ENDPOINT_URL")
    if given:
        return Aws(
            given,
            os.environ.get("AWS_ACCESS_KEY_ID", "sandbox"),
            os.environ.get("AWS_SECRET_ACCESS_KEY", "sandbox"),
            os.environ.get("AWS_REGION", REGION),
        )
    return Aws(f"http://127.0.0.1:{paths.ports.aws}", "sandbox", "sandbox", REGION)


def operators_aws(aws: Aws) -> Aws:
    """The operator's own key, limited by its IAM policy; an AWS that was given is taken as it is."""
    if os.environ.get("SANDBOX_AWS_ENDPOINT_URL"):
        return aws
    return Aws(aws.endpoint, OPERATOR_KEY, OPERATOR_KEY, aws.region)


def given_or_standin_stripe(paths: Paths) -> Stripe:
    """SANDBOX_STRIPE_API_BASE with the caller's Stripe variables, or the stand-in's address and secrets.

    SANDBOX_STRIPE_PRICE_ID makes a sign-up a subscription; the stand-in knows price_standin_monthly.
    """
    given = os.environ.get("SANDBOX_STRIPE_API_BASE")
    secret = os.environ.get("STRIPE_SECRET_KEY", "sk_test_sandbox") if given else "sk_test_sandbox"
    webhook = os.environ.get("STRIPE_WEBHOOK_SECRET", "whsec_sandbox") if given else "whsec_sandbox"
    price = os.environ.get("SANDBOX_STRIPE_PRICE_ID")
    return Stripe(given or f"http://127.0.0.1:{paths.ports.stripe}", secret, webhook, price)


def clean_environment() -> dict[str, str]:
    """The environment without variables that would point a component elsewhere: a person's own cluster, cloud or
    settings.
    """
    foreign = ("AWS_", "STRIPE_", "BATTERIES_", "KUBECONFIG", "KUBERNETES_", "MOTO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith((*foreign, OPERATOR, API))}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def operator_policy() -> dict[str, Any]:
    """What `batteries-operator policy` prints for the sandbox's settings."""
    reach = Reach((OperatorSettings().access_role_name,), SENDER)
    return policy(for_running("", reach), denied=denials(reach))


def aws_standin(paths: Paths, aws: Aws) -> Command:
    """moto behind its strict layer; the operator's key may do only what `batteries-operator policy` prints."""
    granted = paths.folder / "operator-policy.json"
    granted.write_text(json.dumps(operator_policy()))
    argv = (
        sys.executable,
        "-m",
        "batteries_sandbox.aws",
        f"--port={paths.ports.aws}",
        f"--access-key-id={OPERATOR_KEY}",
        f"--admin-key-id={aws.access_key_id}",
        f"--operator-policy={granted}",
        f"--issuer-address={ISSUER_URL}=http://127.0.0.1:{paths.ports.api}",
        *_delays(),
    )
    return Command("AWS stand-in", argv, clean_environment(), paths.logs / "aws.log")


def _delays() -> tuple[str, ...]:
    """SANDBOX_AWS_SPEED divides the stand-in's delays: with 10 they are a tenth."""
    speed = float(os.environ.get("SANDBOX_AWS_SPEED") or 1)
    return (
        f"--creation-seconds={3 / speed}",
        f"--role-seconds={2 / speed}",
        f"--assignment-seconds={2 / speed}",
    )


def stripe_standin(paths: Paths, stripe: Stripe, api_url: str) -> Command:
    """The stateful Stripe, which sends its webhooks to our API server."""
    argv = (
        sys.executable,
        "-m",
        "batteries_sandbox.stripe",
        f"--port={paths.ports.stripe}",
        f"--secret-key={stripe.secret_key}",
        f"--webhook-secret={stripe.webhook_secret}",
        f"--webhook-url={api_url}/v1/stripe/callback",
        f"--webhook-events={','.join(SUBSCRIBED)}",
    )
    return Command("Stripe stand-in", argv, clean_environment(), paths.logs / "stripe.log")


def operator(paths: Paths, aws: Aws, kubeconfig: Path) -> Command:
    """The operator, under the service account's permissions."""
    return Command(
        "operator",
        (str(BIN / "batteries-operator"), "run"),
        operator_environment(paths, aws, kubeconfig),
        paths.logs / "operator.log",
    )


def operator_environment(paths: Paths, aws: Aws, kubeconfig: Path) -> dict[str, str]:
    """Also for its bootstrap and doctor. SANDBOX_OPERATOR_… gives it settings."""
    own = {
        **aws.environment(),
        "BATTERIES_KUBECONFIG": str(kubeconfig),
        "BATTERIES_METRICS_PORT": str(paths.ports.operator_metrics),
        "BATTERIES_HEALTH_PORT": str(paths.ports.operator_health),
        "BATTERIES_PUBLIC_URL": f"http://127.0.0.1:{paths.ports.api}",
        # As a pod's name: the restarted process takes its own Lease back at once.
        "BATTERIES_LEASE_IDENTITY": "sandbox-operator",
        "BATTERIES_LEASE_NAMESPACE": NAMESPACE,
    }
    return {**clean_environment(), **OPERATOR_SETTINGS, **given(OPERATOR, own), **own}


def apiserver(paths: Paths, stripe: Stripe, kubeconfig: Path) -> Command:
    """The API server, under the service account's permissions."""
    return Command(
        "API server",
        (str(BIN / "batteries-apiserver"), "run"),
        apiserver_environment(paths, stripe, kubeconfig),
        paths.logs / "apiserver.log",
    )


def apiserver_environment(paths: Paths, stripe: Stripe, kubeconfig: Path) -> dict[str, str]:
    """Also for its admin-key. SANDBOX_RATE_LIMITS=off lets a fuzzer or a benchmark send what it likes,
    SANDBOX_API_… gives it settings.
    """
    unlimited = os.environ.get("SANDBOX_RATE_LIMITS") == "off"
    own = {
        **stripe.environment(),
        "BATTERIES_KUBECONFIG": str(kubeconfig),
        "BATTERIES_NAMESPACE": NAMESPACE,
        "BATTERIES_API_HOST": "127.0.0.1",
        "BATTERIES_API_PORT": str(paths.ports.api),
        "BATTERIES_API_METRICS_PORT": str(paths.ports.api_metrics),
        "BATTERIES_PUBLIC_URL": f"http://127.0.0.1:{paths.ports.api}",
    }
    limits = dict.fromkeys(_RATE_LIMITS, "0") if unlimited else {}
    return {**limits, **clean_environment(), **_API_SETTINGS, **stripe.settings(), **given(API, own), **own}
