"""Texts that a setting of the operator takes, and those that can't be right; how long each may be."""

from typing import Any

import pytest
from pydantic import ValidationError

from batteries_operator.runtime.settings import Settings

POLICY = "arn:aws:iam::aws:policy/"
OF_AWS = ("deploy_boundary_arn", "read_only_policy_arn", "agent_policy_arn", "agent_boundary_arn")
RIGHT = [
    *((name, f"{POLICY}job-function/ViewOnlyAccess") for name in OF_AWS),
    *((name, "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess") for name in OF_AWS),
    *((name, "") for name in OF_AWS if name != "read_only_policy_arn"),
    ("account_name_prefix", "a b~"),
    ("sso_portal_url", "https://acme.awsapps.com/start"),
    ("public_url", "http://localhost:8080"),
    ("issuer_url", "https://issuer.example/a"),
    ("issuer_url", ""),
    ("support_contact", "help@example.com"),
]
WRONG = [
    *((name, "arn:aws:iam::123456789012:policy/Ours") for name in OF_AWS),
    *((name, "ReadOnlyAccess") for name in OF_AWS),
    *((name, POLICY) for name in OF_AWS),
    *((name, f"{POLICY}a b") for name in OF_AWS),
    ("read_only_policy_arn", ""),
    ("account_name_prefix", "é"),
    ("sso_portal_url", "acme.awsapps.com"),
    ("sso_portal_url", "https:///start"),
    ("public_url", "ftp://x"),
    ("public_url", "https://x?y"),
    ("public_url", "https://x#y"),
    ("issuer_url", "http://issuer.example"),
    ("issuer_url", "https://issuer.example?x"),
    ("support_contact", "a\nb"),
    ("support_contact", "a\rb"),
]
LONGEST = [*((name, POLICY, 160) for name in OF_AWS), ("issuer_url", "https://", 255)]


def taken(name: str, value: Any) -> bool:
    try:
        return bool(getattr(Settings(**{name: value}), name) == value)
    except ValidationError:
        return False


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_text_that_is_right_is_taken(name: str, value: str) -> None:
    assert taken(name, value)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_text_that_can_not_be_right_is_refused(name: str, value: str) -> None:
    assert not taken(name, value)


@pytest.mark.parametrize(("name", "begins", "longest"), LONGEST)
def test_a_text_may_be_so_long_and_no_longer(name: str, begins: str, longest: int) -> None:
    assert taken(name, begins.ljust(longest, "x"))
    assert not taken(name, begins.ljust(longest + 1, "x"))
