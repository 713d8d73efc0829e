"""What is said of a value that a model refuses, to the word."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from batteries_apiserver.http.violations import place_of, sentence_of


def _ours(value: str) -> str:
    if value == "must":
        raise ValueError("must be something else")
    if value == "sentence":
        raise ValueError("Say something else.")
    return value


class Sample(BaseModel):
    """A value of each kind."""

    text: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    long: Annotated[str, Field(min_length=2)] = "ab"
    checked: Annotated[str, AfterValidator(str), Field(min_length=2, max_length=3)] = "ab"
    some: Annotated[list[str], Field(min_length=1, max_length=2)] = ["a"]
    many: Annotated[list[str], Field(min_length=2)] = ["a", "b"]
    number: Annotated[int, Field(gt=1, lt=9)] = 2
    within: Annotated[int, Field(ge=1, le=9)] = 2
    one: Literal["a", "b"] = "a"
    own: Annotated[str, AfterValidator(_ours)] = "x"
    inner: dict[str, list[int]] = {}
    needed: str


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"text": ""}, "The field text must not be empty."),
        ({"text": "abcd"}, "The field text must have at most 3 characters."),
        ({"long": "a"}, "The field long must have at least 2 characters."),
        ({"checked": "a"}, "The field checked must have at least 2 characters."),
        ({"checked": "abcd"}, "The field checked must have at most 3 characters."),
        ({"some": []}, "The field some must not be empty."),
        ({"some": ["a"] * 3}, "The field some must have at most 2 items."),
        ({"many": ["a"]}, "The field many must have at least 2 items."),
        ({"number": 1}, "The field number must be more than 1."),
        ({"number": 9}, "The field number must be less than 9."),
        ({"within": 0}, "The field within must be 1 or more."),
        ({"within": 10}, "The field within must be 9 or less."),
        ({"one": "c"}, "The field one must be one of 'a' or 'b'."),
        ({"own": "must"}, "The field own must be something else."),
        ({"own": "sentence"}, "Say something else."),
        ({"needed": None}, "The field needed must be a string."),
        ({"inner": {"a": [1, "x"]}}, "The field inner.a[1] must be a whole number."),
    ],
    ids=str,
)
def test_a_refusal_says_the_field_and_what_it_must_be(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Sample.model_validate({"needed": "x", **given})
    assert sentence_of(refused.value, "field") == sentence


def test_what_is_missing_is_required() -> None:
    with pytest.raises(ValidationError) as refused:
        Sample.model_validate({})
    assert sentence_of(refused.value, "parameter") == "The parameter needed is required."


def test_a_place_in_a_list_is_a_number_in_brackets() -> None:
    assert place_of(("githubRepos", 1)) == "githubRepos[1]"
    assert place_of(("a", 0, "b", "c")) == "a[0].b.c"
    assert place_of(()) == ""
