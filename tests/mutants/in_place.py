"""Puts a changed function in the place of one that has been imported already, everywhere it is referred to."""

import ast
import gc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType

from mutants.kinds import Mutant


class NotInPlaceError(Exception):
    """The change needs a new import."""


@dataclass(frozen=True)
class Function:
    """Where in a module a change is: the outermost function whose body it is in."""

    qualname: str
    lines: range
    """Of its body."""


def changed_function(mutant: Mutant) -> Function | None:
    """None where something else is changed, too: a table, a default, a decorator, a class's field."""
    before, after = ast.parse(mutant.path.read_text()), ast.parse(mutant.source)
    path: list[str] = []
    old: ast.Module | ast.ClassDef = before
    new: ast.Module | ast.ClassDef = after
    while len(old.body) == len(new.body):
        differing = [pair for pair in zip(old.body, new.body, strict=True) if ast.dump(pair[0]) != ast.dump(pair[1])]
        match differing:
            case [(ast.FunctionDef() | ast.AsyncFunctionDef() as was, now)] if _head(was) == _head(now):
                return Function(".".join((*path, was.name)), range(was.body[0].lineno, (was.end_lineno or 0) + 1))
            case [(ast.ClassDef() as was, ast.ClassDef() as now)] if _head(was) == _head(now):
                path.append(was.name)
                old, new = was, now
            case _:
                return None
    return None


def living_functions() -> list[FunctionType]:
    """Every function object there is."""
    return [each for each in gc.get_objects() if isinstance(each, FunctionType)]


def replace_code(mutant: Mutant, function: Function, functions: Iterable[FunctionType]) -> None:
    """Gives every function object that was made of the old code the new one.

    Raises:
        NotInPlaceError: no function is known by that name, or one in use has no counterpart in the mutant.
    """
    file = str(mutant.path)
    changed = compile(mutant.source, file, "exec", dont_inherit=True)
    codes = {(each.co_qualname, each.co_firstlineno): each for each in _nested(changed)}
    inner = f"{function.qualname}.<locals>."
    living = [
        each
        for each in functions
        if each.__code__.co_filename == file
        and (each.__code__.co_qualname == function.qualname or each.__code__.co_qualname.startswith(inner))
        and each.__code__.co_firstlineno <= function.lines.stop
    ]
    if not living:
        raise NotInPlaceError(f"{function.qualname} is nowhere.")
    for each in living:
        code = codes.get((each.__code__.co_qualname, each.__code__.co_firstlineno))
        if code is None or len(code.co_freevars) != len(each.__code__.co_freevars):
            raise NotInPlaceError(f"{each.__qualname__} has no counterpart.")
        each.__code__ = code


def _nested(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _nested(each)


def _head(node: ast.stmt) -> list[str]:
    """All of a function or class but its body."""
    parts = [(name, value) for name, value in ast.iter_fields(node) if name != "body"]
    return [type(node).__name__, *(f"{name} {_dumped(value)}" for name, value in parts)]


def _dumped(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_dumped, value))
    return ast.dump(value) if isinstance(value, ast.AST) else repr(value)
