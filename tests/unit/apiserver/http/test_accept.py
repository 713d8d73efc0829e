"""Which form of a page a request prefers, by the rules of RFC 9110."""

import pytest

from batteries_apiserver.http.accept import preferred

HTML, MARKDOWN, JSON = "text/html", "text/markdown", "application/json"
OFFERED = MARKDOWN, HTML, JSON


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", MARKDOWN),
        ("*/*", MARKDOWN),
        ("image/png", MARKDOWN),
        ("text/html", HTML),
        ("TEXT/HTML", HTML),
        ("text/html;q=0.5, application/json;q=0.6", JSON),
        ("text/html;q=0.5, application/json;q=0.5", HTML),
        ("application/json, text/html", JSON),
        ("text/*;q=0.9, application/json", JSON),
        ("*/*, application/json", JSON),
        ("*/*;q=0.9, application/json;q=0.8", MARKDOWN),
        ("*/*, text/markdown;q=0.1", HTML),
        ("text/*, */*;q=0.1, text/markdown;q=0", HTML),
        ("application/*", JSON),
        ("text/html;level=1;q=0.3, application/json;Q=0.4", JSON),
        ("text/html;q=2, application/json;q=0.1", HTML),
        ("nonsense, text/html", HTML),
        ("text/html;q=0", MARKDOWN),
        ("text/html;q=0.0, application/json;q=0", MARKDOWN),
        ("text/*;q=0, */*;q=0", MARKDOWN),
        ("text/*;q=0, */*;q=0.1", JSON),
    ],
)
def test_the_best_accepted_form_is_chosen_and_the_first_if_none_is(accept: str, chosen: str) -> None:
    assert preferred(accept, OFFERED) == chosen


def test_no_more_than_the_beginning_of_a_long_header_is_read() -> None:
    assert preferred("x/y," * 200 + "text/html", OFFERED) == HTML
    assert preferred("x/y," * 260 + "text/html", OFFERED) == MARKDOWN
