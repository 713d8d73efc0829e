"""Things that were made and are not known everywhere yet.

AWS's services are eventually consistent and publish no number (IAM user guide, "Changes that I
make are not always immediately visible"). A thing is hidden from the calls that depend on it
until its time has come; the call that made it, and a second one that would, know it at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Propagation:
    """What is hidden, and until when on the stand-in's clock."""

    _visible_at: dict[Hashable, float] = field(default_factory=dict)

    def hide(self, key: Hashable, until: float) -> None:
        """Hides what was made just now."""
        self._visible_at[key] = until

    def hides(self, key: Hashable) -> bool:
        """Whether it is not known yet; `settle` has forgotten what is."""
        return key in self._visible_at

    def settle(self, now: float) -> None:
        """Lets everything be known whose time has come."""
        for key in [key for key, visible_at in self._visible_at.items() if visible_at <= now]:
            del self._visible_at[key]
