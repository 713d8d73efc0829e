"""Customers read words that they know: none of ours, none of Kubernetes', and no stilted ones.

Administrators may: what only they are told is left out here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import batteries_apiserver
from batteries_apiserver.guide.document import document
from batteries_apiserver.guide.landing import _html, _markdown
from batteries_apiserver.guide.llms import llms_txt
from batteries_apiserver.http import errors
from batteries_apiserver.http.error_codes import ERRORS
from batteries_apiserver.http.route import Access
from batteries_apiserver.projections import message
from batteries_apiserver.routes import ROUTES
from batteries_apiserver.settings import Settings

INTERNAL = re.compile(
    r"\b(namespaces?|conditions?|CRDs?|custom resources?|reconcil\w+|operators?|kubectl|Kubernetes|etcd|kopf|pods?|"
    r"replicas?|caches?|cached|watch(es|ed)|annotations?|finalizers?|AwsAccounts?|ApiKeys?|resourceVersion|informers?|"
    r"Leases?|pipeline|kube|projection|derived|contract|stand-in|TypedDict|pydantic|aiohttp)\b"
)
STILTED = re.compile(
    r"as it shall|what there is|[Aa]t most so many|is not right|[Ii]nput should|valid (string|integer)|\bwhereof\b|"
    r"\bnought\b|answered? for|in vain"
)
BASE = "https://api.example.com"
PACKAGE = Path(batteries_apiserver.__file__).parent
NOT_FOR_CUSTOMERS = {"admin", "health.py", "first_admin_key.py", "admin_key.py"}
FOR_CUSTOMERS = [route for route in ROUTES if route.access is not Access.ADMIN]


def texts(schema: Any) -> Iterator[str]:
    """What people read in a part of the document: not names of fields and references, which are names."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name in ("description", "summary", "error", "title") and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from texts(value)


def sentences() -> Iterator[tuple[str, str]]:
    """Each text of an error that the source raises, with its file."""
    raisers = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {"error_response"}
    for path in PACKAGE.rglob("*.py"):
        if NOT_FOR_CUSTOMERS & set(path.relative_to(PACKAGE).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in raisers:
                for argument in node.args:
                    for part in ast.walk(argument):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield path.name, part.value


def test_the_document_of_what_customers_call_has_none() -> None:
    whole = document(FOR_CUSTOMERS, BASE)
    for text in texts(whole):
        assert not INTERNAL.search(text), text
        assert not STILTED.search(text), text


def test_the_guide_has_none_but_where_it_speaks_to_administrators() -> None:
    guide = llms_txt(ROUTES, BASE)
    only_admins = {code for code in ERRORS if not any(code in route.codes for route in FOR_CUSTOMERS)}
    for line in re.sub(r"(?ms)^## Admin$.*?(?=^## )", "", guide).splitlines():
        if not line.startswith(tuple(f"- `{code}`" for code in only_admins)):
            assert not INTERNAL.search(line), line
            assert not STILTED.search(line), line


def test_the_catalogue_of_errors_has_none() -> None:
    for route in FOR_CUSTOMERS:
        for code in route.codes:
            assert not INTERNAL.search(ERRORS[code].meaning), code
    for code in ERRORS:
        assert not STILTED.search(ERRORS[code].meaning), code


def test_no_sentence_of_an_error_has_one() -> None:
    found = list(sentences())
    assert len(found) > 100
    for where, text in found:
        assert not INTERNAL.search(text), (where, text)
        assert not STILTED.search(text), (where, text)


def test_the_pages_and_an_accounts_message_have_none() -> None:
    pages = [path.read_text() for path in PACKAGE.rglob("*.html")]
    pages += [_html(Settings()), _markdown(Settings())]
    pages += [*message._DOING.values(), *message._NOT_USABLE.values()]
    for text in pages:
        assert not INTERNAL.search(text), text
        assert not STILTED.search(text), text


@pytest.mark.parametrize(
    "text", ["Derived from conditions, never set", "in the namespace test", "the operator is gone"]
)
def test_the_words_that_were_there_are_found(text: str) -> None:
    assert INTERNAL.search(text.lower())
