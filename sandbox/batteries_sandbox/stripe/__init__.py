"""A stateful stand-in for Stripe, for the real and unmodified `stripe` library.

It exists because a sign-up can't be rehearsed without the service that takes the card, and because a canned mock
(fixtures, no state, no webhooks) would let wrong code pass. The invariant of the whole package: it is never more
lenient than Stripe. It refuses what it does not know with an error that says so; it never ignores a parameter.

`serve` runs it inside a test; `python -m batteries_sandbox.stripe` runs it as a process.
"""

from batteries_sandbox.stripe.server import serve
from batteries_sandbox.stripe.settings import StripeSettings

__all__ = ["StripeSettings", "serve"]
