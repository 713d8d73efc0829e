"""The matrix as a table: rows the points, columns the faults."""

from collections import Counter
from collections.abc import Iterator

from crash.lives import LIVES
from crash.matrix import FAILED, NOT_MEANT, NOT_MET, OK, Matrix
from crash.points import DELETED, FAULTS

COLUMNS = [fault.name for fault in (*FAULTS, DELETED)]


def lines(matrix: Matrix) -> Iterator[str]:
    """The whole of it, as Markdown."""
    for life in LIVES:
        yield f"\n### {life.name}\n"
        yield f"| {'point':<52} | {' | '.join(f'{name:<13}' for name in COLUMNS)} |"
        yield f"| {'-' * 52} | {' | '.join('-' * 13 for _ in COLUMNS)} |"
        for point in matrix.points.get(life.name, []):
            cells = [matrix.verdicts.get((life.name, point, name), NOT_MEANT) for name in COLUMNS]
            yield f"| {point!s:<52} | {' | '.join(f'{cell:<13}' for cell in cells)} |"


def counts(matrix: Matrix) -> str:
    """One line, as it heads the page."""
    points = sum(len(each) for each in matrix.points.values())
    told = Counter(matrix.verdicts.values())
    line = f"{points} points, {len(COLUMNS)} faults, {len(matrix.verdicts)} cells: {told[OK]} ok, {told[FAILED]} failed"
    return f"{line}, {told[NOT_MET]} not met" if told[NOT_MET] else line
