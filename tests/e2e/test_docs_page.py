"""/docs in a real browser: it draws itself under its own strict policy, and tries what a person asks it to."""

import os
import shutil
from typing import Any

import pytest
import requests

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: `apt-get install chromium`, or set CHROMIUM to the program"
)


def test_a_person_reads_the_page_and_lists_their_accounts_with_it(sandbox: Any) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    base = sandbox.env["API_URL"]
    key = sandbox.sign_up("reader@example.com")["Authorization"].removeprefix("Bearer ")
    asked: list[str] = []
    complaints: list[str] = []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(f"{base}/docs")
        page.wait_for_selector("body[data-ready]")
        api = requests.get(f"{base}/v1/openapi.json", timeout=10).json()
        assert page.locator("article").count() == sum(len(methods) for methods in api["paths"].values())

        operation = page.locator(f"article#{api['paths']['/accounts']['get']['operationId']}")
        page.get_by_label("API key").fill(key)
        operation.get_by_text("Try it").click()
        operation.get_by_role("button", name="Send").click()
        shown = operation.locator("pre")
        playwright.expect(shown).to_contain_text('"accounts": []')
        assert "200 OK" in shown.inner_text()
        assert key not in page.inner_text("body"), "the line to copy names the key, and does not hold it"
        browser.close()
    assert complaints == []
    assert {url for url in asked if not url.startswith((f"{base}/", "data:"))} == set()
