"""Whatever a path names, the answer is the caller's 4xx: Kubernetes refuses some names with 400 instead of 404."""

from typing import Any

import pytest
from fakes.callers import admin, sign_up

from batteries_apiserver.routes import ROUTES

NAMED = [route for route in ROUTES if "{" in route.path]
HOSTILE = [
    "%25X", "a%25", "%2E", "%2E%2E", "a%2Fb", "%2Fa", "a%5Cb", "%00", "%0A", "%02", "%C2%88", "%F2%B5%B0%AB", "A",
    "a..b", "-a", "a-", "a_b", "a:b", "a;b", "a%3Fb", "a%23b", "%20", "%C5%BF", "a" * 254, "5b8a54a8",
]  # fmt: skip


@pytest.mark.parametrize("route", NAMED, ids=lambda route: f"{route.method} {route.path}")
async def test_a_name_that_no_object_has_is_the_callers_mistake(world: Any, route: Any) -> None:
    for person in (await admin(world), await sign_up(world)):
        answers = {name: await person.send(route.method, route.path.replace("{id}", name), json={}) for name in HOSTILE}
        wrong = {name: answer for name, answer in answers.items() if not 400 <= answer[0] < 500 or answer[0] == 429}
        assert wrong == {}
