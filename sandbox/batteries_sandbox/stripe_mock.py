"""stripe-mock, Stripe's own check of requests against Stripe's own schema: built from source once, kept by version.

It has no state and canned answers, so nothing runs on it; tests ask it whether Stripe would understand our requests.
"""

from pathlib import Path

from batteries_sandbox.binaries import build_go_tool
from batteries_sandbox.paths import CHECKOUT

SOURCE = CHECKOUT / "sandbox" / "stripe_mock"
_PACKAGE = "github.com/stripe/stripe-mock"


def provide() -> Path:
    """The program.

    Raises:
        SandboxError: it can't be built.
    """
    return build_go_tool("stripe-mock", SOURCE, _PACKAGE, _PACKAGE, seconds=30)
