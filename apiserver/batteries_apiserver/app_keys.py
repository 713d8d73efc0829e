"""The typed places where the application keeps what its handlers need."""

from aiohttp import web

from batteries_apiserver.auth.authenticator import Authenticator
from batteries_apiserver.billing.context import Billing
from batteries_apiserver.drain import Drain
from batteries_apiserver.events.stream import Streams
from batteries_apiserver.kube import Kube
from batteries_apiserver.notices import Notices
from batteries_apiserver.settings import SETTINGS as SETTINGS

DRAIN = web.AppKey("drain", Drain)
KUBE = web.AppKey("kube", Kube)
AUTHENTICATOR = web.AppKey("authenticator", Authenticator)
STREAMS = web.AppKey("streams", Streams)
NOTICES = web.AppKey("notices", Notices)
BILLING = web.AppKey("billing", Billing)
