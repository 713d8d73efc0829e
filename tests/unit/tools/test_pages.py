"""The pages for people: their links lead somewhere, all are in the index, and the README stays short."""

import re
from pathlib import Path

import pytest

from batteries_sandbox.paths import CHECKOUT
from batteries_tools.reference import FILES, TABLES

PAGES = sorted(path for path in (*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")))
README_WORDS = 1_200
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def _anchors(page: Path) -> set[str]:
    """Each heading as GitHub makes it an anchor."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _links(page: Path) -> list[str]:
    """The relative links of a page; what stands in code is no link."""
    found = _LINK.findall(_CODE.sub("", page.read_text()))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def _is_there(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in _anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert [link for link in _links(page) if not _is_there(page, link)] == []


def test_every_page_is_in_the_index() -> None:
    index = CHECKOUT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in _links(index)}
    pages = {page for page in PAGES if page.parent == index.parent} - {index}
    assert pages - linked == set()


def test_every_decision_is_in_the_decision_index() -> None:
    folder = CHECKOUT / "docs" / "decisions"
    linked = set(_links(folder / "README.md"))
    assert {page.name for page in folder.glob("*.md")} - {"README.md"} - linked == set()


def test_the_readme_stays_short() -> None:
    assert len((CHECKOUT / "README.md").read_text().split()) <= README_WORDS


def test_pages_with_generated_tables_are_brought_up_to_date() -> None:
    """A page that has a table's markers and is not in FILES would fall behind."""
    marked = {_name(page) for page in PAGES if any(f"<!-- {table} -->" in page.read_text() for table in TABLES)}
    assert marked == set(FILES)
