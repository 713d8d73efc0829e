"""Reads and evaluates policy documents: wildcards, statements, conditions.

Pure functions, after the IAM user guide's "IAM JSON policy elements". Anything unknown fails closed: an unknown
operator never admits anybody, and never exempts from a Deny.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any


def values(value: Any) -> list[str]:
    """A policy element that may be one text or a list of them, as a list."""
    if value is None:
        return []
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statements of a policy, of which a single one needs no list."""
    found = document.get("Statement", [])
    return found if isinstance(found, list) else [found]


def matches(text: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """Whether a text matches a pattern with * and ?; both cross / and :."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def conditions_hold(condition: Mapping[str, Any], context: Mapping[str, list[str]], *, unknown: bool = False) -> bool:
    """Whether all operators and all keys of a Condition hold; `unknown` is what an unknown operator counts as."""
    return all(
        _holds(operator, values(wanted), context.get(key.lower(), []), unknown)
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


_POSITIVE = ("StringEquals", "StringLike", "StringEqualsIgnoreCase", "ArnLike", "ArnEquals")


def _holds(operator: str, wanted: list[str], actual: list[str], unknown: bool) -> bool:
    quantifier, _, name = operator.rpartition(":")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if name == "Null" and not quantifier:
        return any((not actual) is (value == "true") for value in wanted)
    if quantifier == "ForAllValues" and name in _POSITIVE:
        return all(any(_equal(name, value, pattern) for pattern in wanted) for value in actual)  # of no value too
    if quantifier not in ("", "ForAnyValue"):
        return unknown
    positive = name.replace("Not", "")
    if positive not in _POSITIVE:
        return unknown
    if not actual:
        # An absent key fails a positive operator, and each that asks for any value.
        return optional or (positive != name and not quantifier)
    if quantifier and positive != name:
        return any(not any(_equal(positive, value, pattern) for pattern in wanted) for value in actual)
    found = any(_equal(positive, value, pattern) for value in actual for pattern in wanted)
    return found if positive == name else not found


def _equal(operator: str, value: str, pattern: str) -> bool:
    if operator == "StringEquals":
        return value == pattern
    if operator == "StringEqualsIgnoreCase":
        return value.lower() == pattern.lower()
    if operator == "StringLike":
        return matches(value, pattern)
    return _arn_matches(value, pattern)


def _arn_matches(value: str, pattern: str) -> bool:
    """ARN operators look at each of the six parts between colons on its own; a lone * is any ARN."""
    parts, wanted = value.split(":", 5), pattern.split(":", 5)
    if pattern == "*":
        return True
    return len(parts) == len(wanted) and all(matches(part, want) for part, want in zip(parts, wanted, strict=True))


def denies(
    document: Mapping[str, Any], action: str, resources: Sequence[str], context: Mapping[str, list[str]]
) -> bool:
    """Whether a statement of a policy denies the action on any of the resources."""
    return any(
        statement.get("Effect") == "Deny"
        and _names_action(statement, action)
        and any(_names_resource(statement, resource, context) for resource in resources or ("*",))
        and conditions_hold(statement.get("Condition") or {}, context, unknown=True)
        for statement in statements(document)
    )


def permits(
    documents: Sequence[Mapping[str, Any]], action: str, resources: Sequence[str], context: Mapping[str, list[str]]
) -> bool:
    """Whether policies together allow the action on every resource; of none given, none is looked at."""
    allowing = [
        statement
        for document in documents
        for statement in statements(document)
        if statement.get("Effect") == "Allow"
        and _names_action(statement, action)
        and conditions_hold(statement.get("Condition") or {}, context)
    ]
    if not resources:
        return bool(allowing)
    return all(any(_names_resource(statement, resource, context) for statement in allowing) for resource in resources)


def _names_action(statement: Mapping[str, Any], action: str) -> bool:
    listed = values(statement.get("Action", statement.get("NotAction")))
    return any(matches(action, pattern, ignore_case=True) for pattern in listed) is ("Action" in statement)


def _names_resource(statement: Mapping[str, Any], resource: str, context: Mapping[str, list[str]]) -> bool:
    wanted = values(statement.get("NotResource", statement.get("Resource", "*")))
    return any(matches(resource, _filled(pattern, context)) for pattern in wanted) is ("NotResource" not in statement)


def _filled(pattern: str, context: Mapping[str, list[str]]) -> str:
    """A pattern with IAM's variables, such as ${aws:PrincipalAccount}; one without a value matches nothing."""
    return _VARIABLE.sub(lambda found: (context.get(found[1].lower()) or ["\0"])[0], pattern)


_VARIABLE = re.compile(r"\$\{([\w:/.-]+)\}")


def allows(
    document: Mapping[str, Any],
    action: str,
    principal_kind: str,
    principals: set[str],
    context: Mapping[str, list[str]],
) -> bool:
    """Whether a trust policy lets one of these names of a principal do the action: any Deny wins."""
    verdicts = [
        statement.get("Effect")
        for statement in statements(document)
        if any(matches(action, pattern, ignore_case=True) for pattern in values(statement.get("Action")))
        and _names(statement.get("Principal"), principal_kind, principals)
        and conditions_hold(statement.get("Condition") or {}, context, unknown=statement.get("Effect") == "Deny")
    ]
    return "Allow" in verdicts and "Deny" not in verdicts


def _names(principal: Any, kind: str, principals: set[str]) -> bool:
    if principal == "*":
        return True
    named = values(principal.get(kind)) if isinstance(principal, Mapping) else []
    return "*" in named or not principals.isdisjoint(named)
