"""llms.txt: tells an agent how to get from no account to a deployed role, in the format of llmstxt.org.

That format is a title, a quote, free text without headings, then lists of links under headings. The text is written by
hand in `pages/llms.md`; every endpoint, error code, status and step in it comes from the code.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from textwrap import indent

from batteries_apiserver.accounts.workflow_text import Roles, workflow_of
from batteries_apiserver.guide.document import described
from batteries_apiserver.guide.granted import GRANTED
from batteries_apiserver.http.error_codes import ALWAYS, ERRORS
from batteries_apiserver.http.route import LONGEST_WAIT, Access, Route
from batteries_apiserver.tokens.instructions import SAMPLE
from batteries_crds.github.trust_policy import every_run
from batteries_crds.names import Phase, ProvisioningStep

COST = "__COST__"
"""Stands for the sentence about what a sign-up costs, which Stripe knows; filled in when the guide is read."""
_SAMPLE_ROLE = "arn:aws:iam::123456789012:role/GitHubActionsDeployRole"
_STORY = (Path(__file__).parent / "pages" / "llms.md").read_text()


def llms_txt(routes: Iterable[Route], public_url: str) -> str:
    """The guide."""
    api = described(routes)
    filled = {
        "__ENDPOINTS__": _endpoints(api),
        "__ERRORS__": "\n".join(f"- `{code}` ({error.status}): {error.meaning}" for code, error in ERRORS.items()),
        "__ALWAYS__": ", ".join(f"`{code}`" for code in ALWAYS),
        "__PHASES__": _names(Phase),
        "__STEPS__": _names(ProvisioningStep),
        "__POLLING__": _polling(api),
        "__WORKFLOW__": _indented(
            workflow_of(Roles(_SAMPLE_ROLE, every_run(["my-org/my-app", "my-org/infra"])), "us-east-1")
        ),
        "__GRANTED__": GRANTED,
        "__CREDENTIALS__": indent(SAMPLE.markdown(), " " * 3),
        "__BASE__": public_url,
    }
    story = _STORY
    for place, text in filled.items():
        story = story.replace(place, text)
    return story


def _endpoints(routes: Iterable[Route]) -> str:
    sections = []
    for tag, group in groupby(routes, key=lambda route: route.tag):
        lines = [f"- [{route}](__BASE__{route.path}): {_note(route)}" for route in group]
        sections.append("\n".join([f"## {tag}", "", *lines]))
    return "\n\n".join(sections)


def _note(route: Route) -> str:
    """A route in one line, because the format allows no more."""
    parts = [f"{route.summary}."]
    if route.details:
        parts.append(" ".join(route.details.split()))
    parts.append("Anyone may call it." if route.access is Access.ANYONE else f"Needs {route.access.value}.")
    if route.body:
        fields = [f"`{field.alias or name}`" for name, field in route.body.model_fields.items()]
        parts.append(f"Body: {', '.join(fields)}{'' if route.body_required else ' (optional)'}.")
    query = [f"`{field.alias or name}`" for name, field in route.query.model_fields.items()] if route.query else []
    if query:
        parts.append(f"Query: {', '.join(query)}.")
    headers = [
        f"`{given.name}` ({given.description.rstrip('.')})" for given in route.parameters if given.where == "header"
    ]
    if headers:
        parts.append(f"Headers: {', '.join(headers)}.")
    parts.append(f"Responses: {', '.join(map(str, route.responses))}.")
    parts.append(f"Errors: {', '.join(f'`{code}`' for code in route.codes if code not in ALWAYS)}.")
    return " ".join(parts)


def _polling(routes: Iterable[Route]) -> str:
    """How to wait, depending on what the routes offer."""
    offered = {given.name for route in routes if "/accounts" in route.path for given in route.parameters}
    advice = [
        "It takes seconds if `message` says that it is from the pool, and about five minutes otherwise. Poll every 10 "
        "seconds, or as `Retry-After` says, but not more often."
    ]
    if "Prefer" in offered:
        advice.append(
            f"Better: send `Prefer: wait={LONGEST_WAIT}`, the longest that this server waits; then the response comes "
            "once the state is final, or after that time, and `Preference-Applied` says how long it could have waited."
        )
    if "Last-Event-ID" in offered:
        advice.append(
            "Or follow `GET /v1/accounts/{id}/events` with `Accept: text/event-stream`: its last event is `active`, "
            "`failed` or `suspended`, with the account as data, and then the stream ends. Resume one that was cut off "
            "with `Last-Event-ID`; the response 204 means that there is nothing more to come."
        )
    return " ".join(advice)


def _indented(text: str) -> str:
    """As a block of code below an item of a list."""
    return indent(text.rstrip("\n"), " " * 7)


def _names(kind: type[StrEnum]) -> str:
    return ", ".join(f"`{one.value}`" for one in kind)
