"""Which texts a customer may read: neither ids of others nor words of AWS, and each of the two is enough."""

import pytest

from batteries_crds.customer_messages import FALLBACK, WORDS, is_for_customers, sentence_of

OWN, ANOTHERS = "111122223333", "444455556666"
UUID = "7d0df751-a438-4387-b946-89c612a0004a"


@pytest.mark.parametrize("text", ["", "All is well.", f"AWS account {OWN} is ready.", f"The account {UUID.upper()}."])
def test_a_sentence_with_the_customers_own_ids_is_for_customers(text: str) -> None:
    assert is_for_customers(text, {OWN, UUID})


@pytest.mark.parametrize(
    "text",
    [
        f"AWS account {ANOTHERS}",
        f"AWS accounts {OWN} and {ANOTHERS}",
        "7d0df751-a438-4387-b946-89c612a0004b",
        f"arn:aws:iam::{OWN}:role/x",
        f"{OWN}: AccessDeniedException",
        "Request ID: 1",
        "see o-abcdefghij",
        "AKIAABCDEFGHIJKL",
        "http://internal:8080",
        "batteries.svc",
    ],
)
def test_another_id_or_a_word_of_aws_alone_keeps_it_from_customers(text: str) -> None:
    assert not is_for_customers(text, {OWN, UUID})


def test_a_reason_has_its_sentence_and_all_others_have_one() -> None:
    assert sentence_of("LimitReached") == WORDS["LimitReached"]
    assert sentence_of(None) == sentence_of("") == sentence_of("Unknown") == FALLBACK
