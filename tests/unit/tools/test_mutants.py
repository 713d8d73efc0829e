"""A mutant of a function takes its place in a module that is imported already, and nothing else does."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from mutants.in_place import NotInPlaceError, changed_function, living_functions, replace_code
from mutants.kinds import Mutant

SOURCE = '''
import functools

LIMIT = 3

def decorated(f):
    @functools.wraps(f)
    def inner(*given):
        return f(*given)
    return inner

@decorated
def is_small(number, most=LIMIT):
    """Whether it is."""
    return number < most

class Door:
    width = 1

    @property
    def is_open(self):
        return True

    def opener(self):
        def turn():
            return self.is_open and [each for each in range(2)]
        return turn

TURN = Door().opener()
'''


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Mutant]:
    path = tmp_path / "batteries_x.py"
    path.write_text(SOURCE)

    def made(before: str, after: str) -> Mutant:
        assert SOURCE.count(before) == 1
        return Mutant(path, 1, 1, "x", SOURCE.replace(before, after))

    return made


def imported(mutant: Mutant) -> ModuleType:
    spec = importlib.util.spec_from_file_location("batteries_x", mutant.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put(mutant: Mutant) -> None:
    function = changed_function(mutant)
    assert function is not None
    replace_code(mutant, function, living_functions())


def test_a_changed_function_is_changed_wherever_it_is_referred_to(changed: Callable[[str, str], Mutant]) -> None:
    mutant = changed("number < most", "number <= most")
    module = imported(mutant)
    kept = module.is_small
    assert not kept(3)
    put(mutant)
    assert kept(3)
    assert module.is_small(3)
    assert not module.is_small(4)


def test_methods_and_functions_that_others_made_are_changed(changed: Callable[[str, str], Mutant]) -> None:
    mutant = changed("return True", "return False")
    module = imported(mutant)
    assert module.TURN() == [0, 1]
    put(mutant)
    assert module.TURN() is False
    mutant = changed("range(2)", "range(3)")
    module = imported(mutant)
    put(mutant)
    assert module.TURN() == [0, 1, 2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("width = 1", "width = 2"),
        ("most=LIMIT", "most=5"),
        ("@property", "@functools.cached_property"),
        ("TURN = Door().opener()", "pass"),
    ],
)
def test_what_runs_when_the_module_is_imported_is_no_function(
    changed: Callable[[str, str], Mutant], before: str, after: str
) -> None:
    assert changed_function(changed(before, after)) is None


def test_a_function_that_nobody_has_imported_or_that_lost_its_inner_one_is_refused(
    changed: Callable[[str, str], Mutant],
) -> None:
    mutant = changed("number < most", "number <= most")
    with pytest.raises(NotInPlaceError):
        put(mutant)
    opener = SOURCE[SOURCE.index("        def turn()") : SOURCE.index("TURN =")]
    mutant = changed(opener, "        pass\n\n")
    module = imported(mutant)
    with pytest.raises(NotInPlaceError):
        put(mutant)
    assert module.TURN() == [0, 1]


def test_the_lines_of_its_body_are_known(changed: Callable[[str, str], Mutant]) -> None:
    function = changed_function(changed("number < most", "number <= most"))
    assert function is not None
    assert function.qualname == "is_small"
    assert SOURCE.splitlines()[function.lines[-1] - 1].strip() == "return number < most"
    assert len(function.lines) == 2
