"""JSON schemas of the routes' models: one set of components, and the references to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from typing_extensions import TypedDict

from batteries_apiserver.http.route import Route

Schema = dict[str, Any]
_REFERENCE = "#/components/schemas/{model}"


class Error(TypedDict):
    """The body of every error."""

    error: Annotated[str, Field(description="What is wrong and what to do, as a sentence for people.")]
    code: Annotated[str, Field(description="A stable code for machines.")]


class _Plain(GenerateJsonSchema):
    """Omits the titles that pydantic makes from field names, which add nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Schemas:
    """The components by name, and the reference to each model's schema."""

    components: Schema
    _references: dict[tuple[int, JsonSchemaMode], Schema]

    def response(self, model: Any) -> Schema:
        """The reference to a response's model."""
        return self._references[id(model), "serialization"]

    def request(self, model: Any) -> Schema:
        """The reference to a request's model."""
        return self._references[id(model), "validation"]


def schemas_of(routes: Iterable[Route]) -> Schemas:
    """The schemas of all models of the routes, and of errors."""
    modes: list[tuple[Any, JsonSchemaMode]] = [(Error, "serialization")]
    for route in routes:
        modes += [
            (response.model, "serialization") for response in route.responses.values() if response.model is not None
        ]
        modes += [(route.body, "validation")] if route.body else []
    wanted = {(id(model), mode): TypeAdapter(model) for model, mode in modes}
    references, definitions = TypeAdapter.json_schemas(
        [(key[0], key[1], adapter) for key, adapter in wanted.items()],
        ref_template=_REFERENCE,
        schema_generator=_Plain,
    )
    components = {name: _bare(schema) for name, schema in definitions.get("$defs", {}).items()}
    return Schemas(components, {key: references[key] for key in wanted})


def schema_of(annotation: Any) -> Schema:
    """The schema of one parameter or header."""
    return _bare(TypeAdapter(annotation).json_schema(schema_generator=_Plain))


def fields_of(model: Any) -> Iterable[tuple[str, Schema, bool]]:
    """The fields of a query model: name, schema, and whether it is required."""
    schema = TypeAdapter(model).json_schema(schema_generator=_Plain)
    definitions = schema.get("$defs", {})
    for name, field in schema.get("properties", {}).items():
        yield name, _without_null(_inlined(field, definitions)), name in schema.get("required", ())


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "title"}


def _inlined(value: Any, definitions: Schema) -> Any:
    """A parameter's schema with its references inlined, because its definitions are not among the components."""
    if isinstance(value, list):
        return [_inlined(one, definitions) for one in value]
    if not isinstance(value, dict):
        return value
    rest = {key: _inlined(one, definitions) for key, one in value.items() if key not in ("$ref", "title")}
    if "$ref" not in value:
        return rest
    return _inlined(definitions[value["$ref"].rpartition("/")[2]], definitions) | rest


def _without_null(schema: Schema) -> Schema:
    """Removes null from a schema: a query string has no null, so None only means that the parameter is absent."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "default" or value is not None}
    if len(options) != 1:
        return rest
    rest.pop("anyOf")
    option: Schema = options[0]
    return option | rest
