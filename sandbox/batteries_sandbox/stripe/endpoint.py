"""What one API endpoint is: a method, a path, the library's type for its parameters, and a function that runs it.

`routes.py` is the table of them; `pipeline.py` runs them. A resource module knows nothing of HTTP.
"""

from collections.abc import Callable
from dataclasses import dataclass

from batteries_sandbox.stripe.account import Account, Cause
from batteries_sandbox.stripe.objects import JsonObject


@dataclass(frozen=True, slots=True)
class Call:
    """One request that passed the checks of form: the id in its path, its typed parameters, what caused it."""

    path_id: str
    params: JsonObject
    cause: Cause


Run = Callable[[Account, Call], JsonObject]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A row of the route table; `clearable` names strings that an empty value unsets."""

    method: str
    path: str
    params: type
    run: Run
    clearable: frozenset[str] = frozenset()
