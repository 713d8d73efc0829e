"""Resources that were created and are not known everywhere yet.

AWS's services are eventually consistent and publish no number (IAM user guide, "Changes that I make are not always
immediately visible"). A new resource is hidden from the calls that depend on it until it is due; the call that created
it, and a second one that would, know it at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Propagation:
    """The hidden resources, and until when on the stand-in's clock."""

    _visible_at: dict[Hashable, float] = field(default_factory=dict)

    def hide(self, key: Hashable, until: float) -> None:
        """Hides a resource that was created just now."""
        self._visible_at[key] = until

    def hides(self, key: Hashable) -> bool:
        """Whether it is still hidden; `settle` has removed what is not."""
        return key in self._visible_at

    def count_of(self, account_id: str, kind: str) -> int:
        """How many users or roles of an account are hidden still."""
        return sum(isinstance(key, tuple) and key[:2] == (account_id, kind) for key in self._visible_at)

    def settle(self, now: float) -> None:
        """Reveals everything that is due."""
        for key in [key for key, visible_at in self._visible_at.items() if visible_at <= now]:
            del self._visible_at[key]
