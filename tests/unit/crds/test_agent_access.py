"""What the API server's tokens and an account's trust in them agree on."""

from uuid import UUID

import pytest

from batteries_crds.agent_access import Issuer, IssuerUnusableError, audience, issuer, subject, trust_policy

ACCOUNT = UUID("3f0c8f3e-9a51-4f7c-8a49-2f1c0d5a7b11")


@pytest.mark.parametrize(
    ("issuer_url", "public_url", "host"),
    [
        ("", "https://api.example.com", "api.example.com"),
        ("", "https://api.example.com/", "api.example.com"),
        ("", "https://example.com/batteries/", "example.com/batteries"),
        ("https://tokens.example.com", "http://localhost:8080", "tokens.example.com"),
    ],
)
def test_the_issuer_is_the_public_url_unless_another_one_is_set(issuer_url: str, public_url: str, host: str) -> None:
    assert issuer(issuer_url, public_url) == Issuer(f"https://{host}")
    assert issuer(issuer_url, public_url).host == host


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.example.com", "by https"),
        ("https://api.example.com:8443", "no port"),
        ("https://user@api.example.com", "user name"),
        ("https://api.example.com/?a=b", "query"),
        ("https://api.example.com/#a", "query"),
        ("https:///issuer", "no port"),
        ("https://Api.example.com", "lower case"),
        ("https://example.com/" + "a" * 236, "at most 255"),
    ],
)
def test_an_issuer_that_aws_would_not_take_is_refused_with_the_setting_to_change(url: str, why: str) -> None:
    with pytest.raises(IssuerUnusableError, match=why) as refused:
        issuer("", url)
    assert "BATTERIES_PUBLIC_URL is " in str(refused.value)
    with pytest.raises(IssuerUnusableError, match="BATTERIES_ISSUER_URL is "):
        issuer(url, "https://api.example.com")


def test_the_role_admits_exactly_the_issuer_the_audience_and_the_accounts_subject() -> None:
    policy = trust_policy(Issuer("https://example.com/b"), ACCOUNT, "123456789012")
    [statement] = policy["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"Federated": "arn:aws:iam::123456789012:oidc-provider/example.com/b"}
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    assert statement["Condition"] == {
        "StringEquals": {
            "example.com/b:aud": "sts.amazonaws.com",
            "example.com/b:sub": "account:3f0c8f3e-9a51-4f7c-8a49-2f1c0d5a7b11",
        }
    }


def test_the_role_in_china_is_of_its_partition_and_has_its_audience() -> None:
    [statement] = trust_policy(Issuer("https://example.com"), ACCOUNT, "123456789012", "aws-cn")["Statement"]
    assert statement["Principal"]["Federated"].startswith("arn:aws-cn:iam::123456789012:")
    assert statement["Condition"]["StringEquals"]["example.com:aud"] == audience("aws-cn") == "sts.amazonaws.com.cn"


def test_the_subject_names_the_account() -> None:
    assert subject(ACCOUNT) == f"account:{ACCOUNT}"


def test_the_longest_issuer_that_aws_takes_is_taken() -> None:
    longest = "https://example.com/" + "a" * 235
    assert issuer("", longest).url == longest
