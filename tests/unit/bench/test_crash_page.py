"""The page of the crash matrix."""

from crash.all_lives import LIVES
from crash.matrix import FAILED, NOT_MET, OK, Cell, Matrix
from crash.points import FAULTS, Point
from crash.report import counts, lines

from batteries_sandbox.paths import CHECKOUT


def test_the_page_shows_a_whole_run_without_failures() -> None:
    page = (CHECKOUT / "docs" / "crash-matrix.md").read_text()
    (line,) = [each for each in page.splitlines() if each.startswith("**")]
    rows = [each for each in page.splitlines() if each.startswith("| ") and "#" in each]
    heads = [each for each in page.splitlines() if each.startswith("| point")]
    faults = {cell.strip() for head in heads for cell in head.strip("|").split("|")[1:]}
    ok, not_met = (sum(row.count(f"| {verdict} ") for row in rows) for verdict in (OK, NOT_MET))
    assert line.startswith(f"**{len(rows)} points, {len(faults)} faults, {ok + not_met} cells: {ok} ok, 0 failed")


def test_a_red_cell_is_counted_and_shown() -> None:
    point = Point("aws", "organizations:CreateAccount", 1)
    matrix = Matrix(points={"provisioning": [point]})
    cells = list(matrix.cells())
    assert cells[0] == Cell(LIVES[0], point, FAULTS[0])
    for cell in cells:
        matrix.verdicts[cell.life.name, cell.point, cell.fault.name] = OK
    matrix.verdicts["provisioning", point, FAULTS[1].name] = FAILED
    assert counts(matrix) == "1 points, 5 faults, 5 cells: 4 ok, 1 failed"
    assert matrix.failed == 1
    assert sum("FAILED" in line for line in lines(matrix)) == 1
