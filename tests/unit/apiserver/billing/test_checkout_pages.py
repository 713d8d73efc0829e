"""The pages that Stripe sends people back to."""

import re

import pytest
from fakes.api_world import Client


@pytest.mark.parametrize(
    "path", ["/checkout/complete?session_id=cs_test_secret0", "/checkout/done", "/checkout/cancelled"]
)
async def test_a_page_is_kept_by_nobody_framed_by_nobody_and_runs_only_our_own_script(
    client: Client, path: str
) -> None:
    response = await client.get(path)
    assert response.status == 200
    assert response.content_type == "text/html"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    text = await response.text()
    assert not re.search(r"<style|<script>| style=| on[a-z]+=|https?://(?!localhost:8080)", text)


async def test_loading_the_page_and_all_that_it_loads_asks_stripe_for_nothing(client: Client) -> None:
    # Stripe is down in these tests: a page that asked would answer 503.
    text = await (await client.get("/checkout/complete?session_id=cs_test_secret0")).text()
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        response = await client.get(f"/checkout/{address}")
        assert response.status == 200, address
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("session", ['"><script>alert(1)</script>', "cs_<b>", "x", "", "cs_test_" + "a" * 300])
async def test_only_what_can_be_a_session_is_put_into_the_page(client: Client, session: str) -> None:
    text = await (await client.get("/checkout/complete", params={"session_id": session})).text()
    assert "v1/stripe/session/&lt;the session_id" in text
    assert len(session) < 3 or session not in text


async def test_without_javascript_the_page_gives_the_whole_line_to_paste(client: Client) -> None:
    text = await (await client.get("/checkout/complete?session_id=cs_test_secret0")).text()
    [line] = re.findall(r"<noscript>.*?<code>(.*?)</code>", text, re.DOTALL)
    assert line == "curl http://localhost:8080/v1/stripe/session/cs_test_secret0"
