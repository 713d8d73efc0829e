"""What a token from the API server, the role that it is for, and the account's trust in it have to agree on.

The API server is an OpenID Connect issuer. The operator puts that issuer and the role into each account, with a trust
policy that admits exactly the account's own subject; the API server signs tokens with that subject. So a token means
something only in the account that it names (IAM user guide, "Create an OpenID Connect identity provider in IAM").
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from batteries_crds.github.trust_policy import AUDIENCE as AUDIENCE  # ours too: what AWS expects is the same
from batteries_crds.github.trust_policy import nobody as trust_policy_of_nobody
from batteries_crds.github.trust_policy import provider_arn as provider_arn_of
from batteries_crds.names import GROUP

ROLE_NAME = "BatteriesAgentRole"
KEY_TAG = f"{GROUP}/api-key"
"""The session tag that names the API key, so that CloudTrail tells which key a session came from."""

TOKEN_SECONDS = 300
"""The lifetime of a token. IAM takes it for up to five minutes more, for clocks that differ (IAM user guide)."""

MAX_SESSION_SECONDS = 3600
"""The longest session of the role, and the least that IAM allows as a role's maximum."""

_MAX_ISSUER_LENGTH = 255
"""The longest URL of an identity provider (IAM API reference, CreateOpenIDConnectProvider)."""


class IssuerUnusableError(Exception):
    """AWS can't trust an issuer at that URL; the text says why and what to set."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of tokens that AWS can trust, by its URL without a slash at the end."""

    url: str

    @property
    def host(self) -> str:
        """The URL without `https://`: AWS's name of the provider, and the prefix of its condition keys."""
        return self.url.removeprefix("https://")

    def provider_arn(self, aws_account_id: str, partition: str = "aws") -> str:
        """The ARN of its identity provider in that account."""
        return provider_arn_of(aws_account_id, partition, self.host)


def issuer(issuer_url: str, public_url: str) -> Issuer:
    """The issuer: at `issuer_url` where that is set (BATTERIES_ISSUER_URL), else at the public URL.

    Raises:
        IssuerUnusableError: AWS takes no such URL as that of an identity provider.
    """
    setting, url = ("BATTERIES_ISSUER_URL", issuer_url) if issuer_url else ("BATTERIES_PUBLIC_URL", public_url)
    url = url.rstrip("/")
    parts = urlsplit(url)
    problem = None
    if parts.scheme != "https":
        problem = "AWS fetches the issuer's keys by https"
    elif not parts.hostname or parts.query or parts.fragment or parts.username or ":" in parts.netloc:
        problem = "AWS takes no port, query or user name in an issuer's URL"
    elif len(url) > _MAX_ISSUER_LENGTH:
        problem = f"AWS takes at most {_MAX_ISSUER_LENGTH} characters"
    elif url != url.lower():
        problem = "AWS compares an issuer's URL letter by letter, so it is written in lower case"
    if problem:
        raise IssuerUnusableError(
            f"Tokens for AWS are off: {setting} is {url or 'empty'}, and {problem}. Set BATTERIES_PUBLIC_URL, or "
            "BATTERIES_ISSUER_URL where tokens shall come from another host, to an https URL that AWS can reach."
        )
    return Issuer(url)


def subject(account_id: UUID) -> str:
    """The `sub` of every token for that account."""
    return f"account:{account_id}"


def audience(partition: str) -> str:
    """The audience of tokens for AWS in that partition: our own, and those of GitHub."""
    return f"{AUDIENCE}.cn" if partition == "aws-cn" else AUDIENCE


def trust_policy(trusted: Issuer, account_id: UUID, aws_account_id: str, partition: str = "aws") -> dict[str, Any]:
    """The role's trust policy: this issuer, this audience and this account's subject, and nothing else.

    `sts:TagSession` beside the assumption, because the token carries a session tag (IAM user guide, "Pass session tags
    in AWS STS").
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Agents",
                "Effect": "Allow",
                "Principal": {"Federated": trusted.provider_arn(aws_account_id, partition)},
                "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {
                        f"{trusted.host}:aud": audience(partition),
                        f"{trusted.host}:sub": subject(account_id),
                    }
                },
            }
        ],
    }


def nobody() -> dict[str, Any]:
    """The role's trust policy while it is closed: it admits nobody."""
    return trust_policy_of_nobody("NoAgents")
