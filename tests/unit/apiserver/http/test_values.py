"""Values of fields and parameters: no text that means something may be empty, and each refusal is a plain sentence."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.line import Line
from batteries_apiserver.http.violations import sentence_of
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.routes import ROUTES

BODIES = list(dict.fromkeys(route.body for route in ROUTES if route.body is not None))
MODELS = [*BODIES, *dict.fromkeys(route.query for route in ROUTES if route.query is not None)]
BLANK = ["", " ", "\t", "\n", "\u3000", "\u00a0", "\x00"]
WRONG: list[Any] = [
    *(None, True, 1, 1.5, -5, 10**30, "9" * 30, [], [1], ["x"] * 200, {}, "x", "x" * 5000),
    *BLANK,
]


def fields(models: list[Any]) -> Iterator[tuple[Any, str]]:
    for model in models:
        for name, field in model.model_fields.items():
            yield model, field.alias or name


def refusals(model: Any, name: str, value: Any) -> list[str]:
    """The sentence about the field, if it is refused."""
    try:
        model.model_validate({name: value}, by_alias=True, by_name=False)
    except ValidationError as error:
        mine = [each for each in error.errors() if each["loc"] and each["loc"][0] == name and each["type"] != "missing"]
        if mine:
            made = ValidationError.from_exception_data("x", [_again(each) for each in mine])
            return [sentence_of(made, "field")]
    return []


def _again(error: Any) -> Any:
    kept = {key: error[key] for key in ("type", "loc", "input")}
    return {**kept, "ctx": error["ctx"]} if "ctx" in error else kept


def is_text(model: Any, name: str) -> bool:
    """Whether the field holds text, or a list of it, that its sender chooses."""
    schema = model.model_json_schema()["properties"][name]
    return any("'string'" in str(one) and "enum" not in one for one in (schema, *schema.get("anyOf", ())))


@pytest.mark.parametrize(("model", "name"), [one for one in fields(BODIES) if is_text(*one)], ids=str)
def test_no_text_of_a_body_may_be_empty(model: type[Body], name: str) -> None:
    is_list = model.model_json_schema()["properties"][name].get("type") == "array"
    # A token is right or wrong as a whole: a blank one is a 404, as any other that was never sent.
    for blank in BLANK[:1] if name == "token" else BLANK:
        assert refusals(model, name, [blank] if is_list else blank), f"{model.__name__}.{name} takes {blank!r}"


def test_every_refusal_is_a_plain_sentence_about_the_field() -> None:
    seen = set()
    for model, name in fields(MODELS):
        for value in WRONG:
            seen |= {(name, sentence) for sentence in refusals(model, name, value)}
    assert len(seen) > 20
    for name, sentence in seen:
        assert name in sentence or "repositor" in sentence, sentence
        assert sentence.endswith("."), sentence
        assert not re.search(r"[Ii]nput|should|valid string|instance|Value error|parse|another value", sentence), (
            sentence
        )


NAME: TypeAdapter[str] = TypeAdapter(Annotated[Line, Field(max_length=100)])


@pytest.mark.parametrize("name", ["CI", " CI ", "C\u00e9 \u2603", "名前\u3000二", "👩‍💻", "a" * 100, "-"])
def test_a_name_is_any_line_that_one_can_read(name: str) -> None:
    assert NAME.validate_python(name) == name
    assert re.search(NAME.json_schema()["pattern"], name)


@pytest.mark.parametrize("name", [*BLANK, "a\nb", "a\x00", "a\r", "\x1b[31mred", "a\u2028b", "a\u202eb", "a" * 101])
def test_a_name_that_one_can_not_read_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)
    schema = NAME.json_schema()
    assert len(name) > schema["maxLength"] or not re.search(schema["pattern"], name), "the document says so too"


def test_the_sentence_about_a_name_says_what_is_wrong() -> None:
    assert refusals(NewKeyBody, "name", "") == ["The field name must not be empty."]
    assert refusals(NewKeyBody, "name", "a" * 101) == ["The field name must have at most 100 characters."]
    assert refusals(NewKeyBody, "name", 1) == ["The field name must be a string."]
    assert refusals(NewKeyBody, "scope", "all") == ["The field scope must be one of 'full', 'read' or 'aws'."]
