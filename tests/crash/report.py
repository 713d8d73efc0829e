"""The matrix as a table: rows the points, columns the faults."""

from collections import Counter
from collections.abc import Iterator

from crash.all_lives import LIVES
from crash.matrix import FAILED, NOT_MEANT, NOT_MET, OK, Matrix
from crash.points import DELETED, FAULTS

COMMON = (*FAULTS, DELETED)
"""The columns that every table has."""


def lines(matrix: Matrix) -> Iterator[str]:
    """The whole of it, as Markdown."""
    for life in LIVES:
        columns = [fault.name for fault in (*COMMON, *(each for each in life.more if each not in COMMON))]
        yield f"\n### {life.name}\n"
        yield f"| {'point':<52} | {' | '.join(f'{name:<13}' for name in columns)} |"
        yield f"| {'-' * 52} | {' | '.join('-' * 13 for _ in columns)} |"
        for point in matrix.points.get(life.name, []):
            cells = [matrix.verdicts.get((life.name, point, name), NOT_MEANT) for name in columns]
            yield f"| {point!s:<52} | {' | '.join(f'{cell:<13}' for cell in cells)} |"


def counts(matrix: Matrix) -> str:
    """One line, as it heads the page."""
    points = sum(len(each) for each in matrix.points.values())
    told = Counter(matrix.verdicts.values())
    faults = {*COMMON, *(fault for life in LIVES if life.name in matrix.points for fault in life.more)}
    line = f"{points} points, {len(faults)} faults, {len(matrix.verdicts)} cells: {told[OK]} ok, {told[FAILED]} failed"
    return f"{line}, {told[NOT_MET]} not met" if told[NOT_MET] else line
