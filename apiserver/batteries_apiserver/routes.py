"""Every URL on one screen, and who may use it: `with_key` asks for an API key, the others are public."""

from aiohttp import hdrs, web

from batteries_apiserver import health
from batteries_apiserver.access import with_key
from batteries_apiserver.accounts import handlers as accounts
from batteries_apiserver.answer import error_answer
from batteries_apiserver.billing import handlers as billing
from batteries_apiserver.billing import landing, webhook
from batteries_apiserver.request_log import HEADER, request_id_of


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answers the Expect header in our error shape: aiohttp's own refusal would bypass the middlewares."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        sentence = "The only expectation that is known here is 100-continue."
        return error_answer(417, "expectation_failed", sentence, {HEADER: request_id_of(request)})
    if request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None


ROUTES = (
    web.post("/v1/accounts", with_key(accounts.create), expect_handler=expect),
    web.get("/v1/accounts", with_key(accounts.list_own), expect_handler=expect),
    web.get("/v1/accounts/{id}", with_key(accounts.show), expect_handler=expect),
    web.patch("/v1/accounts/{id}", with_key(accounts.change), expect_handler=expect),
    web.post("/v1/stripe/setup", billing.setup, expect_handler=expect),
    web.get("/v1/stripe/session/{id}", billing.retrieve_key, allow_head=False, expect_handler=expect),
    web.post("/v1/stripe/callback", webhook.receive, expect_handler=expect),
    web.get("/checkout/complete", landing.complete, expect_handler=expect),
    web.get("/checkout/cancelled", landing.cancelled, expect_handler=expect),
    web.get("/healthz", health.live, expect_handler=expect),
    web.get("/readyz", health.ready, expect_handler=expect),
)
