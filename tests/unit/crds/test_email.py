"""One rule for e-mail addresses, in the CRDs and in the HTTP API."""

import re

import pytest

from batteries_apiserver.billing.handlers import Setup
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.email import PATTERN, is_email
from batteries_crds.schema import structural

GOOD = [
    *("team@example.com", "Team.Payments+aws@sub.example.co.uk", "o'brien@example.com", "a@b.co", "1@2.io"),
    *("first_last@example-company.com", "a@xn--bcher-kva.example", "x@example.xn--p1ai", f"{'a' * 116}@example.com"),
]
BAD = [
    *("", "@", "team", "team@", "@example.com", "team@example", "team@@example.com", "a@b@example.com"),
    *("team@example.com\n", "\nteam@example.com", "team@example.com\r\nBcc: x@example.com", "te\nam@example.com"),
    *("te\x00am@example.com", "te\x1bam@example.com", "te\x7fam@example.com", "te\u200bam@example.com"),
    *("te am@example.com", "team@exam ple.com", "te\tam@example.com", "team@example.com\u2028"),
    *(
        "Team <team@example.com>",
        "<team@example.com>",
        '"team"@example.com',
        '"te am"@example.com',
        "(x)team@example.com",
    ),
    *(".team@example.com", "team.@example.com", "te..am@example.com", "team@.example.com", "team@example..com"),
    *("team@example.com.", "team@-example.com", "team@example-.com", "team@example.c", "team@127.0.0.1", "team@[::1]"),
    *(
        "team@example.com,other@example.com",
        "team@example.com;x@example.com",
        "mailto:team@example.com",
        "te\\am@example.com",
    ),
    *(
        "teäm@example.com",
        "team@exämple.com",
        "team@example.çom",
        f"{'a' * 117}@example.com",
        "team@" + "a" * 64 + ".com",
    ),
]


@pytest.mark.parametrize("text", GOOD, ids=repr)
def test_an_address_is_taken_by_the_api_and_by_the_crds(text: str) -> None:
    assert is_email(text)
    assert Setup(email=text).email == text
    assert re.fullmatch(PATTERN, text)


@pytest.mark.parametrize("text", BAD, ids=repr)
def test_what_is_no_address_alone_is_refused_with_a_sentence(text: str) -> None:
    assert not is_email(text)
    with pytest.raises(ValueError, match=r"must be an e-mail address, such as team@example\.com\.|at most 128"):
        Setup(email=text)


@pytest.mark.parametrize(("model", "fields"), [(AwsAccount, ["email"]), (Customer, ["email", "confirmedEmail"])])
def test_the_crds_have_the_same_rule(model: type[AwsAccount | Customer], fields: list[str]) -> None:
    spec = structural(model)["properties"]["spec"]["properties"]
    for name in fields:
        rules = [one["rule"] for one in spec[name]["x-kubernetes-validations"]]
        assert rules == [f'self.matches(r"^{PATTERN}$")']
        assert spec[name]["maxLength"] == 128


@pytest.mark.parametrize("text", ["Team <team@example.com>", "a@b", "teäm@example.com"])
def test_what_an_earlier_release_took_can_still_be_read(text: str) -> None:
    assert AwsAccount.model_validate({"metadata": {"name": "a"}, "spec": {"email": text}}).spec.email == text
    assert Customer.model_validate({"metadata": {"name": "c"}, "spec": {"email": text}}).spec.email == text
