"""The typed keys under which the parts of a running stand-in are found in its aiohttp application."""

from aiohttp import web

from batteries_sandbox.stripe.account import Account
from batteries_sandbox.stripe.idempotency import SavedAnswers
from batteries_sandbox.stripe.settings import StripeSettings
from batteries_sandbox.stripe.webhooks import Webhooks

ACCOUNT = web.AppKey("account", Account)
SAVED_ANSWERS = web.AppKey("saved_answers", SavedAnswers)
SETTINGS = web.AppKey("settings", StripeSettings)
WEBHOOKS = web.AppKey("webhooks", Webhooks)

REQUEST_ID = web.RequestKey("request_id", str)
