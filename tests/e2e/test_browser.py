"""A person signs up with a real browser: from Stripe's page to the key on ours, and to the account it asks for."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: `apt-get install chromium`, or set CHROMIUM to the program"
)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One for each test: a Chromium that dies takes no other test with it."""
    # Its sandbox wants a kernel feature that containers lack; it only sees pages of ours here.
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield running
    running.close()


class Visit:
    """One browser window, and what it asked for and complained about."""

    def __init__(self, context: BrowserContext, sandbox: Any) -> None:
        self.context, self.sandbox, self.page = context, sandbox, context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def begin(self) -> str:
        """A sign-up; opens Stripe's page, and returns the session's id."""
        api = self.sandbox.env["API_URL"]
        setup = requests.post(f"{api}/v1/stripe/setup", json={"email": "ada@example.com"}, timeout=10).json()
        self.page.goto(setup["url"])
        return str(setup["sessionId"])

    def pay(self) -> None:
        """Fills Stripe's form, and waits for our page."""
        self.page.get_by_label("Card number").fill("4242 4242 4242 4242")
        self.page.get_by_label("Expiry").fill("12/34")
        self.page.get_by_label("CVC").fill("123")
        self.page.get_by_role("button", name=re.compile("Save card|Subscribe")).click()
        self.page.wait_for_url("**/checkout/complete?session_id=*")

    def show_key(self) -> str:
        """Presses the button; the key."""
        self.page.get_by_role("button", name="Show my API key").click()
        shown = self.page.get_by_label("API key", exact=True)
        expect(shown).to_have_text(re.compile(r"^aib_[0-9a-f]{8}_[0-9A-Za-z]{36}$"))
        return shown.inner_text()


@pytest.fixture
def visit(browser: Browser, sandbox: Any, request: pytest.FixtureRequest) -> Iterator[Visit]:
    context = browser.new_context(**getattr(request, "param", {}))
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield Visit(context, sandbox)
    context.close()


def listed(sandbox: Any, key: str) -> int:
    """The status of a request with that key."""
    headers = {"Authorization": f"Bearer {key}"}
    return requests.get(f"{sandbox.env['API_URL']}/v1/accounts", headers=headers, timeout=10).status_code


def test_from_stripes_page_to_a_key_that_works(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    expect(visit.page.get_by_role("heading", name="Payment is set up")).to_be_visible()
    key = visit.show_key()
    assert listed(visit.sandbox, key) == 200
    assert visit.complaints == []
    own = urlsplit(visit.sandbox.env["API_URL"]).netloc
    stripe = urlsplit(visit.sandbox.env["STRIPE_API_BASE"]).netloc
    assert {urlsplit(url).netloc for url in visit.requests} == {own, stripe}


def test_the_copy_button_and_the_curl_line_lead_to_an_account(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    key = visit.show_key()
    visit.page.get_by_role("button", name="Copy the API key").click()
    expect(visit.page.get_by_text("Copied").first).to_be_visible()
    assert visit.page.evaluate("navigator.clipboard.readText()") == key
    visit.page.get_by_role("button", name="Copy the command").click()
    visit.page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('curl')")
    line = visit.page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["status"] == "pending"


def test_only_the_button_fetches_the_key_and_what_loads_the_page_again_does_not(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    for _ in range(3):
        visit.page.reload(wait_until="networkidle")
    assert not [url for url in visit.requests if "/v1/stripe/session/" in url]
    visit.show_key()
    assert len([url for url in visit.requests if "/v1/stripe/session/" in url]) == 1


def test_once_shown_the_session_leaves_the_address_and_the_key_leaves_the_page(visit: Visit) -> None:
    session = visit.begin()
    visit.pay()
    key = visit.show_key()
    assert session not in visit.page.url
    focused = visit.page.evaluate("document.activeElement.textContent")
    assert focused == "Your API key"
    visit.page.get_by_role("button", name="Copy the API key").click()
    expect(visit.page.get_by_text("Copied").first).to_be_visible()
    visit.page.goto("about:blank")
    visit.page.go_back()
    assert key not in visit.page.content()


def test_a_key_that_was_not_copied_is_not_left_behind_unasked(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    visit.show_key()
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    visit.page.on("dialog", stay)
    visit.page.close(run_before_unload=True)

    def is_asked() -> bool:
        visit.page.wait_for_timeout(50)  # Playwright hears of dialogs only while it waits
        return bool(asked)

    visit.sandbox.until(is_asked, 10, "a question")
    assert asked == ["beforeunload"]


def test_a_second_visit_says_that_the_key_was_fetched_already(visit: Visit) -> None:
    session = visit.begin()
    visit.pay()
    api = visit.sandbox.env["API_URL"]
    assert requests.get(f"{api}/v1/stripe/session/{session}", timeout=10).status_code == 200
    visit.page.get_by_role("button", name="Show my API key").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("was fetched already")
    expect(visit.page.get_by_role("button", name="Show my API key")).to_be_enabled()


def test_a_lost_connection_is_said_and_the_button_works_again(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    visit.context.set_offline(True)
    visit.page.get_by_role("button", name="Show my API key").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("No response arrived")
    visit.context.set_offline(False)
    visit.show_key()
    expect(visit.page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("visit", [{"java_script_enabled": False}], indirect=True, ids=["no JavaScript"])
def test_without_javascript_the_line_on_the_page_fetches_the_key(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    expect(visit.page.get_by_role("button")).to_be_hidden()
    line = visit.page.locator("noscript code").inner_text()
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True)
    assert listed(visit.sandbox, json.loads(done.stdout)["apiKey"]) == 200


def test_giving_up_on_stripes_page_leads_to_a_page_that_says_how_to_begin_again(visit: Visit) -> None:
    visit.begin()
    visit.page.get_by_role("link", name="Cancel").click()
    expect(visit.page.get_by_role("heading", name="Nothing was charged")).to_be_visible()
    assert visit.complaints == []


SIZES = [
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    {"viewport": {"width": 320, "height": 720}, "color_scheme": "light", "device_scale_factor": 2},
]


@pytest.mark.parametrize("visit", SIZES, indirect=True, ids=["wide", "dark", "narrow"])
def test_it_fits_and_can_be_read_in_every_size_and_scheme(visit: Visit) -> None:
    visit.begin()
    visit.pay()
    _readable(visit.page, "asked")
    visit.show_key()
    _readable(visit.page, "shown")


def _readable(page: Page, name: str) -> None:
    """Nothing sticks out sideways, and every text has a contrast of 4.5, as WCAG 2 AA asks."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRASTS) == []
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        size = page.viewport_size or {"width": 0}
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.screenshot(path=f"{folder}/{name}-{size['width']}{'-dark' if dark else ''}.png", full_page=True)


CONTRASTS = """() => {
  const linear = (part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const channel = (value) => linear(value / 255);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.matches("script, noscript, .unseen")) continue;
    const pair = [light(colour(getComputedStyle(element).color)), light(behind(element))].sort();
    const ratio = (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
    if (ratio < 4.5) poor.push(`${element.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
