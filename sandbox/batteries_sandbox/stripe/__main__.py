"""`python -m batteries_sandbox.stripe`: one stand-in as a process, until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys

from batteries_sandbox.stripe.server import serve
from batteries_sandbox.stripe.settings import StripeSettings


def main() -> int:
    """Runs until SIGTERM or SIGINT; returns 1 if it can't listen on the address."""
    try:
        asyncio.run(_run(_settings(sys.argv[1:])))
    except OSError as failure:
        print(f"stripe stand-in: {failure}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: StripeSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings) as url:
        print(f"stripe stand-in ready on {url}", flush=True)
        await stop.wait()


def _settings(arguments: list[str]) -> StripeSettings:
    given = _parser().parse_args(arguments)
    return StripeSettings(
        host=given.host,
        port=given.port,
        secret_key=given.secret_key,
        webhook_secret=given.webhook_secret,
        webhook_url=given.webhook_url,
        webhook_events=frozenset(given.webhook_events.split(",")),
        retry_delays=tuple(float(delay) for delay in given.webhook_retry_delays.split(",") if delay),
        webhook_timeout=given.webhook_timeout,
        public_url=given.public_url,
        price_ids=tuple(given.price_ids.split(",")),
    )


def _parser() -> argparse.ArgumentParser:
    default = StripeSettings()
    parser = argparse.ArgumentParser(
        prog="python -m batteries_sandbox.stripe",
        description="A stateful stand-in for Stripe.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default=default.host, help="address to listen on")
    add("--port", type=int, default=default.port, help="port to listen on; 0 is any free one")
    add("--secret-key", default=default.secret_key, help="the only API key that is accepted")
    add("--webhook-secret", default=default.webhook_secret, help="what webhooks are signed with")
    add("--webhook-url", default=default.webhook_url, help="where webhooks go; without it there are none")
    add("--webhook-events", default=",".join(sorted(default.webhook_events)), help="event types to deliver")
    add(
        "--webhook-retry-delays",
        default=",".join(f"{delay:g}" for delay in default.retry_delays),
        help="seconds before each further try",
    )
    add(
        "--webhook-timeout",
        type=float,
        default=default.webhook_timeout,
        help="seconds within which an endpoint must respond",
    )
    add("--public-url", default=default.public_url, help="where a browser reaches the checkout page, if elsewhere")
    add("--price-ids", default=",".join(default.price_ids), help="the monthly prices that exist")
    return parser


if __name__ == "__main__":
    sys.exit(main())
