"""The page of the crash matrix, and the README, which quotes it."""

from crash.lives import LIVES
from crash.matrix import FAILED, OK, Cell, Matrix
from crash.points import FAULTS, Point
from crash.report import counts, lines

from batteries_sandbox.places import CHECKOUT


def test_the_readme_quotes_the_matrix_as_it_was_run_last() -> None:
    page, readme = ((CHECKOUT / name).read_text() for name in ("docs/crash-matrix.md", "README.md"))
    (line,) = [each for each in page.splitlines() if each.startswith("**")]
    assert line in readme
    assert "FAILED" not in page


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
