"""Sends events to the webhook endpoint: signed, at least once, unordered, again and again until it responds 2xx.

Facts: https://docs.stripe.com/webhooks. A redirect counts as a failure; each try is signed again (the timestamp is part
of the signature) over the same body. The body is indented and unescaped UTF-8, as Stripe's is, so a receiver that
verifies anything but the raw bytes fails here.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import aiohttp
import stripe

from batteries_sandbox.stripe.objects import JsonObject
from batteries_sandbox.stripe.settings import StripeSettings

_CONNECTIONS = 20


@dataclass(slots=True)
class Delivery:
    """One event on its way to the endpoint."""

    event: JsonObject
    body: str
    tries: int = 0
    last_status: int | None = None
    last_error: str | None = None
    state: Literal["pending", "delivered", "given_up"] = "pending"

    def shown(self) -> JsonObject:
        return {
            "event": self.event["id"],
            "type": self.event["type"],
            "tries": self.tries,
            "last_status": self.last_status,
            "last_error": self.last_error,
            "state": self.state,
        }


class Webhooks:
    """All deliveries to the one endpoint."""

    def __init__(self, settings: StripeSettings) -> None:
        self.deliveries: list[Delivery] = []
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._http: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Delivers until the block ends; what is still on its way then is dropped."""
        timeout = aiohttp.ClientTimeout(total=self._settings.webhook_timeout)
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as self._http:
            try:
                yield
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def paused(self) -> bool:
        return not self._flowing.is_set()

    def pause(self) -> None:
        """Holds every try back, begun or not, until `resume`."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def send(self, event: JsonObject) -> None:
        """Begins to deliver an event, if the endpoint asked for its type."""
        if self._settings.webhook_url is not None and event["type"] in self._settings.webhook_events:
            self._begin(event, self._settings.webhook_url)

    def redeliver(self, event: JsonObject) -> bool:
        """Delivers an event once more, delivered already or not; false: there is no endpoint."""
        if self._settings.webhook_url is None:
            return False
        self._begin(event, self._settings.webhook_url)
        return True

    def _begin(self, event: JsonObject, url: str) -> None:
        event["pending_webhooks"] = 1
        delivery = Delivery(event, json.dumps(event, indent=2, ensure_ascii=False))
        self.deliveries.append(delivery)
        task = asyncio.create_task(self._deliver(delivery, url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, url: str) -> None:
        for delay in (0.0, *self._settings.retry_delays):
            await asyncio.sleep(delay)
            await self._flowing.wait()
            await self._try(delivery, url)
            if delivery.last_status is not None and 200 <= delivery.last_status < 300:
                delivery.state = "delivered"
                delivery.event["pending_webhooks"] = 0
                return
        delivery.state = "given_up"

    async def _try(self, delivery: Delivery, url: str) -> None:
        assert self._http is not None, "deliveries begin only while running"
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": stripe.WebhookSignature.generate_signature_header(
                delivery.body, self._settings.webhook_secret
            ),
        }
        delivery.tries += 1
        delivery.last_status = delivery.last_error = None
        try:
            async with self._http.post(
                url, data=delivery.body.encode(), headers=headers, allow_redirects=False
            ) as response:
                delivery.last_status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            delivery.last_error = f"{type(failure).__name__}: {failure}"
