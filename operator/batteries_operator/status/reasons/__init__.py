"""The one table of reasons: what each means and what to do. docs/runbook.md is generated from it.

The reasons themselves, which code gives and programs match on, are `batteries_crds.reasons`.
"""

from batteries_crds.reasons import Reason
from batteries_operator.status.reasons.entry import Entry
from batteries_operator.status.reasons.failures import FAILURES
from batteries_operator.status.reasons.progress import GENERAL, LINES, PROGRESS
from batteries_operator.status.reasons.troubles import TROUBLES

GROUPS: dict[str, dict[Reason, Entry]] = {
    "All is well, or will be": GENERAL | PROGRESS,
    "In a queue": LINES,
    "Trouble: tried again by itself, and Stalled when it lasts": TROUBLES,
    "Failed: waits for somebody to change something": FAILURES,
}

REASONS: dict[Reason, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}
