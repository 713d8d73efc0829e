"""Writes the chart's values.schema.json from values.yaml: `python -m batteries_tools.values_schema [--check]`.

A value's type is its default's; the sentence above it becomes its description, and a comment `# schema: {…}` adds what
a default can't express. Names that values.yaml lacks are refused, so that a typing error is noticed; an empty map
accepts any.
"""

import argparse
import json
import sys
from typing import Any

import yaml

from batteries_sandbox.errors import SandboxError
from batteries_sandbox.helm import CHART

_MARK = "schema:"
_TYPES = {
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:float": "number",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:null": "null",
}
_OPEN = (
    *("requests", "limits", "labels"),
    *("podSecurityContext", "containerSecurityContext", "capabilities", "seccompProfile"),
)
"""Maps with defaults to which an installation may add names."""
_SCALAR = ["string", "number", "boolean", "null"]
_LABELS = ("commonLabels", "labels", "podLabels", "nodeSelector")
_ANNOTATIONS = ("annotations", "podAnnotations")
_LABEL: dict[str, Any] = {
    "type": _SCALAR,
    "maxLength": 63,
    "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
}
"""The values that Kubernetes accepts for a label. The chart quotes numbers and booleans."""


def schema(text: str) -> dict[str, Any]:
    """The JSON schema of the values that `text`, a values.yaml, describes.

    Raises:
        SandboxError: a value has no sentence above it.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    whole = _mapping(root, text.splitlines(), "")
    # `global` belongs to helm: a parent chart shares values by it.
    whole["properties"]["global"] = {"type": "object", "description": "Values shared by charts, which helm passes on."}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values", **whole}


def _mapping(node: yaml.MappingNode, lines: list[str], path: str) -> dict[str, Any]:
    properties = {}
    for key, value in node.value:
        where = f"{path}.{key.value}".lstrip(".")
        sentence, more = _comment(lines, key.start_mark.line)
        if not sentence:
            raise SandboxError(f"values.yaml: {where} needs a sentence above it that says what it is.")
        properties[key.value] = {"description": sentence, **_value(key.value, value, lines, where), **more}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _value(name: str, node: yaml.Node, lines: list[str], path: str) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {"type": "array"}
    if isinstance(node, yaml.MappingNode):
        if name in _LABELS:
            return {"type": "object", "additionalProperties": _LABEL}
        if name in _ANNOTATIONS:
            return {"type": "object", "additionalProperties": {"type": _SCALAR}}
        is_open = not node.value or name in _OPEN
        return {"type": "object"} if is_open else _mapping(node, lines, path)
    return {"type": _TYPES[node.tag]}


def _comment(lines: list[str], line: int) -> tuple[str, dict[str, Any]]:
    """The comment right above `line`: its words, and its additions to the schema."""
    words: list[str] = []
    more: dict[str, Any] = {}
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        text = lines[line].lstrip().removeprefix("#").strip()
        if text.startswith(_MARK):
            more = yaml.safe_load(text.removeprefix(_MARK))
        else:
            words.insert(0, text)
    return " ".join(words), more


def main() -> int:
    """Writes the file, or with --check reports that it is not current (exit status 1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is not current")
    check = parser.parse_args().check
    path = CHART / "values.schema.json"
    try:
        text = json.dumps(schema((CHART / "values.yaml").read_text()), indent=2, ensure_ascii=False) + "\n"
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    if not check:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        print("helm/ai-batteries-included/values.schema.json is not current. Run `make chart` and commit the result.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
