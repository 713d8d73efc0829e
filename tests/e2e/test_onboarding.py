"""Sign-up at the running system, by many at once: one key for a session, and no limit in honest callers' way."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

CARD = {"cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
AT_ONCE = 20


def test_of_twenty_who_fetch_one_sessions_key_at_once_one_gets_it(sandbox: Any) -> None:
    api = sandbox.env["API_URL"]
    setup = requests.post(f"{api}/v1/stripe/setup", json={"email": "race@example.com"}, timeout=10).json()
    form = {"email": "race@example.com", **CARD}
    assert requests.post(setup["url"], data=form, allow_redirects=False, timeout=10).status_code == 303

    def fetch(_: int) -> int:
        return requests.get(f"{api}/v1/stripe/session/{setup['sessionId']}", timeout=30).status_code

    with ThreadPoolExecutor(AT_ONCE) as racers:
        statuses = sorted(racers.map(fetch, range(AT_ONCE)))
    assert statuses == [200] + [404] * (AT_ONCE - 1)


def test_one_key_asks_for_twenty_accounts_at_once(sandbox: Any) -> None:
    headers = sandbox.sign_up("twenty@example.com")

    def ask(_: int) -> requests.Response:
        return requests.post(f"{sandbox.env['API_URL']}/v1/accounts", headers=headers, timeout=30)

    with ThreadPoolExecutor(AT_ONCE) as askers:
        answers = list(askers.map(ask, range(AT_ONCE)))
    assert [answer.status_code for answer in answers] == [202] * AT_ONCE
    assert len({answer.json()["accountId"] for answer in answers}) == AT_ONCE
    assert answers[0].headers["RateLimit-Policy"].startswith('"key";q=')
