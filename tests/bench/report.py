"""What the run says: a table for the terminal, JSON for programs, a picture, and the section in docs/performance.md."""

import json
import os
import platform
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import psutil
from bench.figure import Figure

matplotlib.use("Agg")  # no display is needed to write a file

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
_WORDS = {True: "yes", False: "**no**", None: ""}


def machine() -> str:
    """Processor, cores and memory."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(figures: Sequence[dict[str, Any]]) -> str:
    """Markdown, which reads well in a terminal too; the points of a curve (`name@accounts`) are in the picture."""
    rows = [["what", "measured", "limit, measured in the same run", "ratio", "goal", "met"]]
    rows += [_row(each) for each in figures if "@" not in each["key"]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]])


def _row(figure: dict[str, Any]) -> list[str]:
    limit = f"{_number(figure['limit'])} {figure['unit']}: " if figure["limit"] else ""
    note = f" ({figure['note']})" if figure["note"] else ""
    ratio = "" if figure["ratio"] is None else _number(figure["ratio"])
    return [
        figure["what"] + note,
        f"{_number(figure['value'])} {figure['unit']}",
        limit + figure["against"],
        ratio,
        _goal(figure),
        _WORDS[figure["met"]],
    ]


def _goal(figure: dict[str, Any]) -> str:
    goal = figure["goal"]
    if goal is None:
        return ""
    sign = "≥" if goal["sense"] == "at least" else "≤"
    return f"{sign} {goal['bound']:g} {figure['unit'] if goal['of'] == 'value' else 'of the limit'}"


def _number(value: float) -> str:
    """Three figures, or all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(folder: Path, figures: Sequence[Figure], about: dict[str, str]) -> dict[str, Any]:
    """Writes results.json and growth.svg; gives back what is in the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {**about, "figures": [each.to_json() for each in figures]}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    draw(results["figures"], folder / "growth.svg")
    return results


def draw(figures: Sequence[dict[str, Any]], path: Path) -> None:
    """Each cost against the number of accounts, beside a line that grows as they do; nothing where there is none."""
    from matplotlib import pyplot  # costs a second

    curves: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in figures:
        if "@" in each["key"]:
            curves[each["key"].split("@")[0]].append(each)
    if not curves:
        return
    rows = -(-len(curves) // 3)
    picture, axes = pyplot.subplots(rows, 3, figsize=(12, 3.2 * rows), layout="constrained", squeeze=False)
    for axis in axes.flat[len(curves) :]:
        axis.set_axis_off()
    for axis, points in zip(axes.flat, curves.values(), strict=False):
        sizes = [int(each["key"].split("@")[1]) for each in points]
        values = [each["value"] for each in points]
        axis.plot(sizes, [values[0] * size / sizes[0] for size in sizes], ":", color="gray", label="linear")
        axis.plot(sizes, values, "o-", label="measured")
        axis.set_title(points[0]["what"].rpartition(", ")[0], fontsize="medium")
        axis.set_xlabel("accounts")
        axis.set_ylabel(points[0]["unit"])
        axis.set_ylim(0, max(values) * 1.2 or 1)
        axis.legend(fontsize="small")
    picture.savefig(path)
    pyplot.close(picture)


def section(results: dict[str, Any]) -> str:
    """What stands in a document between the markers."""
    said = f"`{results['command']}` on {results['date'][:10]}: {results['machine']}. {results['seconds']} s."
    return f"{said}\n\n{table(results['figures'])}"


def put_into(checkout: Path, results: dict[str, Any]) -> None:
    """Rewrites the section in docs/performance.md, and the picture beside it.

    Raises:
        ValueError: the markers are not there.
    """
    _put(checkout / "docs" / "performance.md", section(results))
    draw(results["figures"], checkout / "docs" / "growth.svg")


def _put(page: Path, said: str) -> None:
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n{said}\n{END}{after}")
