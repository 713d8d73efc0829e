"""What a route does not have is refused by its name, on every route; and never is a caller's secret sent back."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from batteries_apiserver.http import body as bodies
from batteries_apiserver.http.body import Body, names_of
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.known_names import nearest, unknown_names
from batteries_apiserver.http.query import Query
from batteries_apiserver.routes import ROUTES

BODIES = list(dict.fromkeys(route.body for route in ROUTES if route.body is not None))
QUERIES = list(dict.fromkeys(route.query for route in ROUTES if route.query is not None))


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every model inside it."""
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from models_in(field.annotation)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_every_body_and_every_object_in_one_refuses_other_fields(model: type[Body]) -> None:
    for each in models_in(model):
        assert each.model_config.get("extra") == "forbid", each
        assert each.model_json_schema()["additionalProperties"] is False, each


def test_no_parameter_has_a_second_name() -> None:
    """`names_of` is what is accepted: an alias that only pydantic knows would be refused as unknown."""
    for model in (*BODIES, *QUERIES):
        for name, field in model.model_fields.items():
            assert field.validation_alias in (None, field.alias), f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("githubrepos", "githubRepos"),
        ("github_repos", "githubRepos"),
        ("GitHub-Repos", "githubRepos"),
        ("repos", "githubRepos"),
        ("githubRepo", "githubRepos"),
        ("gihtubRepos", "githubRepos"),
        ("repositories", None),
        ("budgetUsd", None),
        ("branch", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_offered_only_for_a_likely_slip(given: str, meant: str | None) -> None:
    assert nearest(given, ["githubRepos", "name"]) == meant


@pytest.mark.parametrize(
    ("given", "known", "sentence"),
    [
        (["branch"], ["githubRepos"], "There is no field branch. This request's fields: githubRepos."),
        (
            ["budgetUsd", "githubrepos"],
            ["githubRepos"],
            "There are no fields budgetUsd and githubrepos; did you mean githubRepos? This request's fields: "
            "githubRepos.",
        ),
        (["reason"], [], "There is no field reason. This request has no fields."),
        (["aib_0123"], ["name"], "There is 1 unknown field. This request's fields: name."),
        (["x" * 41, "n\x00"], ["name"], "There are 2 unknown fields. This request's fields: name."),
    ],
)
def test_the_sentence_names_what_is_unknown_and_what_is_known(
    given: list[str], known: list[str], sentence: str
) -> None:
    assert unknown_names(given, known, "field") == sentence


class Owner(Body):
    """An object in a body."""

    email: str


class Nested(Body):
    """A body with an object."""

    owner: Owner
    display_name: str = ""


async def test_a_field_of_an_object_in_a_body_is_named_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(request: Any) -> bytes:
        return b'{"owner": {"email": "a@b.c", "emial": "x"}}'

    monkeypatch.setattr(bodies, "read_bytes", read)
    request: Any = None
    with pytest.raises(BadRequest) as error:
        await bodies.read_body(request, Nested)
    assert names_of(Nested) == ("owner", "owner.email", "displayName")
    assert str(error.value) == (
        "There is no field owner.emial; did you mean owner.email? This request's fields: owner, owner.email, "
        "displayName."
    )


def test_a_query_model_has_no_required_parameter() -> None:
    for model in QUERIES:
        assert issubclass(model, Query)
        assert not [name for name, field in model.model_fields.items() if field.is_required()], model
