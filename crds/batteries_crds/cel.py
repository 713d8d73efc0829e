"""CEL rules as pydantic metadata: the API server enforces them, the generator writes them out.

A rule carries a sentence that says what to do, because the sentence is all that a person with kubectl sees.
"""

from typing import Any


def rule(expression: str, message: str, *, reason: str = "FieldValueInvalid") -> dict[str, str]:
    """One `x-kubernetes-validations` entry."""
    return {"rule": expression, "message": message, "reason": reason}


def rules(*entries: dict[str, str]) -> dict[str, Any]:
    """For `json_schema_extra`: the rules of a field or model."""
    return {"x-kubernetes-validations": list(entries)}
