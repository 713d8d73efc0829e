"""Which values a setting takes, in words, from its JSON schema."""

from typing import Any

Schema = dict[str, Any]


def allowed(schema: Schema) -> str:
    """For example `1 to 60`, `over 0`, or the values themselves; empty where anything will do."""
    some = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return " or ".join(dict.fromkeys(filter(None, map(_of_one, some))))


def _of_one(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    parts = [_range(schema), _length(schema)]
    if "pattern" in schema:
        parts.append(f"in the form `{schema['pattern']}`")
    if "items" in schema:
        parts.append(allowed(schema["items"]))
    return ", ".join(filter(None, parts))


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    over, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f"{least:,} to {most:,}"
    parts = [
        f"{least:,} or more" if least is not None else "",
        f"over {over:,}" if over is not None else "",
        f"up to {most:,}" if most is not None else "",
        f"under {under:,}" if under is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _length(schema: Schema) -> str:
    what = "characters" if schema.get("type") == "string" else "items"
    least, most = (schema.get(f"{word}{'Length' if what == 'characters' else 'Items'}") for word in ("min", "max"))
    parts = [f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else ""]
    found = " and ".join(filter(None, parts))
    return f"{found} {what}" if found else ""
