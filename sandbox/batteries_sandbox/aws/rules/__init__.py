"""What AWS does and moto doesn't: one module for each subject, plain functions.

The tuple in `ordered` names every rule; one that is not there has no effect.
"""

from __future__ import annotations

from collections.abc import Callable

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.wire import Answer

Proceed = Callable[[Call], Answer]
