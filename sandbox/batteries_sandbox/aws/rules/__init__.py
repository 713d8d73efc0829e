"""What AWS does and moto doesn't: one module for each subject, plain functions.

The chain's tuple names every one of them; a rule that is not there does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.wire import Answer

Proceed = Callable[[Call], Answer]
