"""Writes the CRD YAML and the chart's admission policies from the models:
`python -m batteries_crds.generate [--check] [--admission FILE] [FOLDER …]`.

The models are the one source; the files are committed because people, helm and Argo CD read them.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from batteries_crds import admission
from batteries_crds.account_pool import AccountPool
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.names import GROUP, VERSION
from batteries_crds.notification import Notification
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.resource import Column, Definition, Resource
from batteries_crds.schema import structural

RESOURCES: tuple[type[Resource], ...] = (
    AwsAccount,
    Customer,
    ApiKey,
    Notification,
    AccountPool,
    PooledAccount,
)


def crd(resource: type[Resource]) -> dict[str, Any]:
    """The CustomResourceDefinition of `resource`."""
    definition = resource.definition
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": definition.singular,
                "shortNames": list(definition.short_names),
                # No empty list: the API server drops it, and applying the same file again would conflict.
                **({"categories": list(definition.categories)} if definition.categories else {}),
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(column) for column in definition.columns],
                    # No empty list, for the same reason.
                    **({"selectableFields": _selectable(definition)} if definition.selectable else {}),
                    "schema": {"openAPIV3Schema": _object_schema(resource)},
                }
            ],
        },
    }


def _selectable(definition: Definition) -> list[dict[str, str]]:
    return [{"jsonPath": path} for path in definition.selectable]


def _column(column: Column) -> dict[str, Any]:
    out: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    if column.description:
        out["description"] = column.description
    if column.wide:
        out["priority"] = 1
    return out


def _object_schema(resource: type[Resource]) -> dict[str, Any]:
    """The whole object's schema; the API server adds apiVersion, kind and metadata."""
    whole = structural(resource)
    rules = {key: whole[key] for key in ("x-kubernetes-validations",) if key in whole}
    return {
        "type": "object",
        "description": whole["description"],
        "required": ["spec"],
        **rules,
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _without_default(whole["properties"]["spec"]),
            "status": _unobserved(_without_default(whole["properties"]["status"])),
        },
    }


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    """Removes all defaults below status: a default would look like an observation that nobody made."""
    schema.pop("default", None)
    return schema


def _unobserved(schema: dict[str, Any]) -> dict[str, Any]:
    """Gives a status with an observedGeneration the initial value 0, which is no object's generation.

    Without it kstatus, and so Flux, would call an object Current that no operator has seen yet.
    """
    if "observedGeneration" in schema["properties"]:
        schema["default"] = {"observedGeneration": 0}
    return schema


class _Dumper(yaml.SafeDumper):
    """Block style, no anchors: the files are read by people and compared by git."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render(resource: type[Resource]) -> str:
    """The YAML file of `resource`."""
    head = "# Generated from crds/batteries_crds by `make crds`; edit the models, not this file.\n"
    return head + yaml.dump(crd(resource), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def main() -> int:
    """Writes the files, or with --check reports which are not current (exit status 1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", default=[Path("crds")], type=Path)
    parser.add_argument("--admission", type=Path, help="also write the admission policies to this file of the chart")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is not current")
    arguments = parser.parse_args()
    texts = {
        folder / f"{resource.definition.plural}.{GROUP}.yaml": render(resource)
        for folder in arguments.folders
        for resource in RESOURCES
    }
    if arguments.admission:
        texts[arguments.admission] = admission.render(RESOURCES)
    stale = []
    for path, text in texts.items():
        if not arguments.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(str(path))
    if stale:
        print(f"Not current: {', '.join(stale)}. Run `make crds` and commit the result.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
