"""Converts pydantic's JSON schema into the structural schema of a CustomResourceDefinition.

Kubernetes' dialect has no $ref, no titles and no anyOf-null, and forbids `additionalProperties: false` beside
`properties` (kubernetes.io, "Specifying a structural schema"). An optional field is simply not required: `kubectl`
never sends null, so it is not `nullable`.
"""

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_NOT_DEFAULTED = "x-not-defaulted"
NOT_DEFAULTED: Schema = {_NOT_DEFAULTED: True}
"""For a field that several managers may write: absent means its default, and Kubernetes doesn't fill it in.

Otherwise whoever creates an object by POST, as `kubectl apply` does, would own a value that nobody wrote, and everybody
else's server-side apply would conflict with it.
"""


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of `model`, by its wire names."""
    raw = model.model_json_schema(by_alias=True, mode="validation")
    return _node(raw, raw.get("$defs", {}))


def _node(node: Schema, definitions: dict[str, Schema]) -> Schema:
    node = _resolve(node, definitions)
    out: Schema = {key: value for key, value in node.items() if key not in _DROPPED}
    if "const" in out:
        out["enum"] = [out.pop("const")]
    if out.pop(_NOT_DEFAULTED, False) or out.get("default") is None:
        out.pop("default", None)
    if "description" in out:
        out["description"] = " ".join(out["description"].split())  # a docstring of several lines
    if "properties" in node:
        out["properties"] = {name: _node(child, definitions) for name, child in node["properties"].items()}
    if "items" in node:
        out["items"] = _node(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _node(node["additionalProperties"], definitions)
    return out


# Everything that structural schemas refuse, or that is for Python only.
_DROPPED = frozenset({"$defs", "title", "properties", "items", "additionalProperties"})


def _resolve(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Replaces a reference by its target, and `X | None` by X; the outer keywords win."""
    node = dict(node)
    if "anyOf" in node:
        branches = [branch for branch in node.pop("anyOf") if branch.get("type") != "null"]
        if len(branches) != 1:
            raise ValueError(f"A structural schema can't say 'one of several': {branches}")
        node = {**_resolve(branches[0], definitions), **node}
    if "$ref" in node:
        target = definitions[node.pop("$ref").rsplit("/", 1)[-1]]
        node = {**_resolve(target, definitions), **node}
    return node
