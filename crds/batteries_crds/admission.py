"""Generates the chart's admission policies from the models and the table in `write_access`.

RBAC knows resources and verbs only: whoever may patch an AwsAccount to suspend it may also patch its owner references,
and have the garbage collector delete it. So each program has one ValidatingAdmissionPolicy for each of our resources,
and for the other resources that it writes. The chart adds names, service accounts and the variables `home` (the
release's namespace), `adminKeySecret`, `issuerKeysSecret`, `lease` and `leaseNamespace`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from batteries_crds.names import (
    ANNOTATION_SET_IN_AWS,
    API_VERSION,
    CREDENTIALS_SUFFIX,
    GROUP,
    LABEL_ACCOUNT_ID,
    LABEL_ISSUER_KEYS,
)
from batteries_crds.resource import Resource
from batteries_crds.schema import Schema, structural
from batteries_crds.write_access import WRITES, Owner, Program, When, Where, Write

Json = dict[str, Any]
Rule = dict[str, str]

_FINALIZERS, _OWNERS = "metadata.?finalizers.orValue([])", "metadata.?ownerReferences.orValue([])"
_LABELS, _ANNOTATIONS = "metadata.?labels.orValue({})", "metadata.?annotations.orValue({})"


def policies(resources: Iterable[type[Resource]]) -> list[Json]:
    """One policy for each program and each resource that it may be able to write."""
    ours = [_policy(program, resource) for resource in resources for program in Program]
    return [*ours, _operators_secrets(), _api_servers_secrets(), _operators_leases()]


def render(resources: Iterable[type[Resource]]) -> str:
    """The chart's file."""
    head = "# Generated from crds/batteries_crds/write_access.py and the models by `make crds`; edit those, not this.\n"
    return head + yaml.safe_dump(policies(resources), sort_keys=False, width=110, allow_unicode=True)


def spec_fields(resource: type[Resource]) -> Mapping[str, Schema]:
    """The fields of the spec by their names in Kubernetes, each with its schema."""
    fields: Mapping[str, Schema] = structural(resource)["properties"]["spec"]["properties"]
    return fields


def _policy(program: Program, resource: type[Resource]) -> Json:
    """Refuses everything of the resource that `access` does not open."""
    plural, kind = resource.definition.plural, resource.definition.kind
    write = WRITES[program].get(resource)
    if write is None:
        rules = [_rule("false", f"The {program.subject} writes no {kind}.")]
    else:
        rules = [
            *_existence(program.subject, kind, write),
            *_spec(program.subject, kind, write, spec_fields(resource)),
            *_metadata(program.subject, kind, write),
        ]
    return _whole(program, GROUP, plural, rules)


def _whole(program: Program, group: str, plural: str, rules: list[Rule]) -> Json:
    return {
        "name": f"{program}-{plural}",
        "program": program.value,
        "apiGroup": group,
        "resources": [plural, f"{plural}/*"],
        "validations": rules,
    }


def _rule(expression: str, message: str) -> Rule:
    return {"expression": expression, "message": message}


def _new(expression: str, message: str) -> Rule:
    return _rule(f"request.operation != 'CREATE' || ({expression})", message)


def _changed(expression: str, message: str) -> Rule:
    return _rule(f"request.operation != 'UPDATE' || ({expression})", message)


def _gone(expression: str, message: str) -> Rule:
    return _rule(f"request.operation != 'DELETE' || ({expression})", message)


def _existence(who: str, kind: str, write: Write) -> list[Rule]:
    """Where the program creates and deletes objects, and whether it writes their status: the one subresource."""
    may_delete = " && ".join(filter(None, (_within(write.deletes), write.deletes_if)))
    subresources = _list(["", "status"] if write.status else [""])
    return [
        _new(_within(write.creates), f"The {who} creates no {kind}{' here' if write.creates else ''}."),
        _gone(may_delete, f"The {who} does not delete this {kind}."),
        _rule(
            f"!has(request.subResource) || request.subResource in {subresources}",
            f"The {who} never changes {_a(kind)}'s status.",
        ),
    ]


def _within(where: Where | None) -> str:
    if where is None:
        return "false"
    return "request.namespace == variables.home" if where is Where.HOME else "true"


def _spec(who: str, kind: str, write: Write, fields: Mapping[str, Schema]) -> list[Rule]:
    """Limits which fields of the spec may change, and which ones a new object may have.

    Raises:
        ValueError: the table opens a field that the model does not have.
    """
    unknown = sorted(write.spec.keys() - fields.keys())
    if unknown:
        raise ValueError(f"access.py opens fields that {kind}.spec does not have: {', '.join(unknown)}.")
    closed = [name for name in fields if name not in write.spec]
    fixed = [name for name in fields if write.spec.get(name, When.AT_CREATION) is When.AT_CREATION]
    at_home = [name for name in fields if write.spec.get(name) is When.AT_HOME]
    rules = []
    if write.creates and closed:
        absent = " && ".join(_unset(name, fields[name]) for name in closed)
        rules.append(_new(absent, f"The {who} creates no {kind} with {_named(closed)}."))
    if not write.spec:
        rules.append(_changed("object.spec == oldObject.spec", f"The {who} never changes {_a(kind)}'s spec."))
    elif fixed:
        rules.append(_changed(_same(fixed), f"The {who} never changes {_named(fixed)} of {_a(kind)}."))
    if at_home:
        rules.append(
            _changed(
                f"request.namespace == variables.home || ({_same(at_home)})",
                f"Outside its own namespace the {who} never changes {_named(at_home)} of {_a(kind)}.",
            )
        )
    return rules


def _same(names: Iterable[str]) -> str:
    return " && ".join(f"object.spec.?{name} == oldObject.spec.?{name}" for name in names)


def _unset(name: str, schema: Schema) -> str:
    """Requires that nobody set the field: it is absent, or has the default that Kubernetes fills in."""
    default = schema.get("default")
    if default is None:
        return f"!has(object.spec.{name})"
    return f"object.spec.?{name}.orValue({json.dumps(default)}) == {json.dumps(default)}"


def _metadata(who: str, kind: str, write: Write) -> list[Rule]:
    """Limits finalizers, owner references, labels and annotations: each can decide what happens to an object."""
    but = " but those that it needs" if write.annotations else ""
    rules = [
        _changed(
            _same_but(_FINALIZERS, write.finalizers),
            f"The {who} changes no finalizer of {_a(kind)}{' but its own' if write.finalizers else ''}.",
        ),
        _changed(_kept(_OWNERS), f"The {who} never changes the owner references of {_a(kind)}."),
        _changed(_kept(_LABELS), f"The {who} never changes the labels of {_a(kind)}."),
        _changed(_same_annotations(write.annotations), f"The {who} changes no annotation of {_a(kind)}{but}."),
    ]
    if write.creates is None:
        return rules
    annotations = (*write.annotations_at_creation, *write.annotations)
    return [
        *rules,
        _new(f"object.{_FINALIZERS}.size() == 0", f"The {who} creates no {kind} with finalizers."),
        _new(_owned_by(write.owner), f"The {who} creates no {kind} with owner references that it does not need."),
        _new(_only(_LABELS, write.labels), f"The {who} creates no {kind} with labels that it does not need."),
        _new(_only(_ANNOTATIONS, annotations), f"The {who} creates no {kind} with annotations that it does not need."),
    ]


def _kept(path: str) -> str:
    return f"object.{path} == oldObject.{path}"


def _same_but(path: str, exempt: tuple[str, ...]) -> str:
    """Requires that a list is unchanged, apart from some of its items."""
    if not exempt:
        return _kept(path)
    new, old = (f"{side}.{path}.filter(one, !(one in {_list(exempt)}))" for side in ("object", "oldObject"))
    return f"{new} == {old}"


def _same_annotations(exempt: tuple[str, ...]) -> str:
    """Requires that the annotations are unchanged, apart from some keys."""
    if not exempt:
        return _kept(_ANNOTATIONS)
    spared = f"key in {_list(exempt)}"
    before = "object.metadata.?annotations[?key] == oldObject.metadata.?annotations[?key]"
    return (
        f"object.{_ANNOTATIONS}.all(key, {spared} || {before}) && "
        f"oldObject.{_ANNOTATIONS}.all(key, {spared} || key in object.{_ANNOTATIONS})"
    )


def _only(path: str, allowed: tuple[str, ...]) -> str:
    return f"object.{path}.all(key, key in {_list(allowed)})"


def _owned_by(owner: Owner | None) -> str:
    if owner is None:
        return f"object.{_OWNERS}.size() == 0"
    return f"object.{_OWNERS}.all(owner, {_is_a(owner.kind)} && owner.name == {owner.name})"


def _is_a(kind: str) -> str:
    """Requires that `owner` is one of our objects, and does not block its deletion."""
    return f"owner.apiVersion == '{API_VERSION}' && owner.kind == '{kind}' && !owner.?blockOwnerDeletion.orValue(false)"


def _credentials(side: str) -> str:
    """Requires that a Secret is one with a first password: by its type, name, label and owner."""
    name = f"{side}.metadata.name == owner.name + '{CREDENTIALS_SUFFIX}'"
    return (
        f"{side}.type == 'Opaque' && '{LABEL_ACCOUNT_ID}' in {side}.{_LABELS} && "
        f"{side}.{_OWNERS}.exists(owner, {_is_a('AwsAccount')} && {name})"
    )


def _operators_secrets() -> Json:
    """Lets the operator create the Secrets with first passwords, mark that AWS accepted the password, and delete them.

    All are of type Opaque: into other types Kubernetes may put more, such as a token of any service account.
    """
    no_other = "The operator writes no Secrets but those with IAM users' first passwords, beside their AwsAccounts."
    unchanged = " && ".join(map(_kept, ("type", "?data", "?immutable", _FINALIZERS, _OWNERS, _LABELS)))
    sizes = ((_OWNERS, 1), (_LABELS, 1), (_ANNOTATIONS, 0), (_FINALIZERS, 0))
    nothing_more = " && ".join(f"object.{path}.size() == {size}" for path, size in sizes)
    rules = [
        _new(f"{_credentials('object')} && {nothing_more}", no_other),
        _changed(_credentials("oldObject"), no_other),
        _changed(
            f"{unchanged} && {_same_annotations((ANNOTATION_SET_IN_AWS,))}",
            f"The operator changes nothing of a Secret but its annotation {ANNOTATION_SET_IN_AWS}.",
        ),
        _gone(_credentials("oldObject"), no_other),
    ]
    return _whole(Program.OPERATOR, "", "secrets", rules)


def _api_servers_secrets() -> Json:
    """Lets the API server create the Secret with the first administrator's key and the one with the issuer's keys,
    change the keys in the latter, and delete passwords that it reveals.
    """
    no_other = (
        "The API server creates no Secret but those with the first administrator's key and with the keys of its issuer."
    )
    plain = " && ".join(f"object.{path}.size() == 0" for path in (_FINALIZERS, _OWNERS, _ANNOTATIONS))
    of_admin = f"object.metadata.name == variables.adminKeySecret && object.{_LABELS}.size() == 0"
    of_issuer = (
        f"object.metadata.name == variables.issuerKeysSecret && object.{_LABELS} == {{'{LABEL_ISSUER_KEYS}': 'true'}}"
    )
    unchanged = " && ".join(map(_kept, ("type", "?immutable", _FINALIZERS, _OWNERS, _LABELS, _ANNOTATIONS)))
    rules = [
        _new(
            f"request.namespace == variables.home && object.type == 'Opaque' && {plain} && "
            f"(({of_admin}) || ({of_issuer}))",
            no_other,
        ),
        _changed(
            "request.namespace == variables.home && object.metadata.name == variables.issuerKeysSecret && "
            f"oldObject.type == 'Opaque' && '{LABEL_ISSUER_KEYS}' in oldObject.{_LABELS}",
            "The API server changes no Secret but the one with the keys of its issuer.",
        ),
        _changed(unchanged, "The API server changes nothing of a Secret but the keys in it."),
        _gone(
            f"request.namespace == variables.home && {_credentials('oldObject')}",
            "The API server deletes no Secrets but those with IAM users' first passwords.",
        ),
    ]
    return _whole(Program.API_SERVER, "", "secrets", rules)


def _operators_leases() -> Json:
    """Lets the operator write the one Lease of its leader election."""
    ours = "request.namespace == variables.leaseNamespace && object.metadata.name == variables.lease"
    rules = [
        _rule(f"request.operation != 'DELETE' && {ours}", "The operator writes no Lease but its own."),
        _changed(
            " && ".join(map(_kept, (_FINALIZERS, _OWNERS, _LABELS))),
            "The operator changes nothing in the metadata of its Lease.",
        ),
        _new(
            f"object.{_FINALIZERS}.size() == 0 && object.{_OWNERS}.size() == 0",
            "The operator creates no Lease with finalizers or owner references.",
        ),
    ]
    return _whole(Program.OPERATOR, "coordination.k8s.io", "leases", rules)


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


def _named(fields: Iterable[str]) -> str:
    return ", ".join(f"spec.{name}" for name in fields)


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
