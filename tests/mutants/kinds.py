"""Which small faults can be made in a module: each is a replacement of one node of its syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROSE = {"description", "title", "summary", "examples", "help", "documentation", "frozen", "slots", "kw_only"}
_LOG_LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
_FOLDS = {"lower", "upper", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix"}
_NEIGHBOURS = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "any": "all", "all": "any"}
_UNITS = {"milliseconds": "seconds", "seconds": "minutes", "minutes": "hours", "hours": "days", "days": "hours"}
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
}
_OTHER_SUM: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Div(),
    ast.Div: ast.Mult(),
    ast.FloorDiv: ast.Div(),
}


@dataclass(frozen=True)
class Change:
    """One fault: the node that it replaces, and with what text."""

    kind: str
    node: ast.AST
    text: str


@dataclass(frozen=True)
class Mutant:
    """One changed module."""

    path: Path
    line: int
    last_line: int
    kind: str
    source: str


def places(source: str) -> list[list[Change]]:
    """The mutable places of a module in their order, each with the faults that it can have.

    Left out is what no test should fix: docstrings, descriptions, log lines, types, asserts for the type checker, and
    what stands in an f-string, for whose parts Python 3.11 knows no position.
    """
    return [found for node in _visited(ast.parse(source)) if (found := list(_changes(node)))]


def mutant(path: Path, source: str, change: Change) -> Mutant | None:
    """The module with the change; None where that is no Python or the same program."""
    node = change.node
    assert isinstance(node, ast.expr | ast.stmt | ast.keyword)
    lines = source.encode().splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    changed = (source.encode()[:start] + change.text.encode() + source.encode()[end:]).decode()
    try:
        is_same = ast.dump(ast.parse(changed)) == ast.dump(ast.parse(source))
    except SyntaxError:
        return None
    return None if is_same else Mutant(path, node.lineno, node.end_lineno, change.kind, changed)


def _visited(node: ast.AST, *, in_type: bool = False) -> Iterator[ast.AST]:
    """The nodes that may be changed, parents first."""
    if isinstance(node, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom) or _is_log_line(node):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "__name__ == '__main__'"}:
        return
    if isinstance(node, ast.keyword) and node.arg in _PROSE:
        return
    in_type = in_type and not isinstance(node, ast.Call)  # Annotated[int, Field(le=5)]: the bound is code
    if not in_type:
        yield node
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or (name == "decorator_list" and "dataclass" in ast.unparse(child)):
                continue
            yield from _visited(child, in_type=in_type or name in {"annotation", "returns"})


def _is_log_line(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=logger, attr=level))):
            return level in _LOG_LEVELS and ast.unparse(logger).endswith("log")
        case ast.Expr(value=ast.Constant()):
            return True  # a docstring
    return False


def _changes(node: ast.AST) -> Iterator[Change]:
    yield from _of_decisions(node)
    yield from _of_statements(node)
    yield from _of_values(node)
    yield from _of_constants(node)


def _of_decisions(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare():
            yield from _comparison(node)
        case ast.BoolOp():
            yield from _arms(node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield Change("negation dropped", node, f"bool({ast.unparse(operand)})")
        case ast.If() | ast.While() | ast.IfExp():
            yield from _condition(node)
        case ast.comprehension(ifs=[*conditions]):
            yield from (Change("filter dropped", each, "True") for each in conditions)
        case ast.match_case(guard=ast.expr() as guard):
            yield Change("guard dropped", guard, "True")


def _of_statements(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Try():
            yield from _handlers(node)
        case ast.Raise():
            yield Change("raise removed", node, "pass")
        case ast.Expr(value=ast.Await() | ast.Call()):
            kind = "awaited call removed" if isinstance(node.value, ast.Await) else "call removed"
            yield Change(kind, node, "pass")
        case ast.arguments():
            for default in [*node.defaults, *node.kw_defaults]:
                if isinstance(default, ast.Constant) and isinstance(default.value, str):
                    yield Change("default changed", default, repr(default.value + "_"))


def _of_values(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.BinOp(op=operator) if type(operator) in _OTHER_SUM and not _is_text(node):
            other = ast.BinOp(node.left, _OTHER_SUM[type(operator)], node.right)
            yield Change("arithmetic", node, f"({ast.unparse(other)})")
        case ast.Call():
            yield from _call(node)


def _of_constants(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Subscript(slice=ast.Constant(value=str() as key) as where):
            yield Change("key changed", where, repr(key + "_"))
        case ast.Dict():
            for each in node.keys:
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield Change("key changed", each, repr(each.value + "_"))
        case ast.Constant(value=bool() as value):
            yield Change("truth flipped", node, str(not value))
        case ast.Constant(value=int() | float() as number):
            yield Change("number changed", node, str(number + 1))
            yield Change("number changed", node, f"({number - 1})")


def _comparison(node: ast.Compare) -> Iterator[Change]:
    for at, operator in enumerate(node.ops):
        for other in _FLIPPED[type(operator)]:
            operators = [*node.ops[:at], other(), *node.ops[at + 1 :]]
            text = ast.unparse(ast.Compare(node.left, operators, node.comparators))
            yield Change("comparison flipped", node, text)


def _arms(node: ast.BoolOp) -> Iterator[Change]:
    for at in range(len(node.values)):
        left = [*node.values[:at], *node.values[at + 1 :]]
        text = ast.unparse(ast.BoolOp(node.op, left) if len(left) > 1 else left[0])
        yield Change("arm dropped", node, f"({text})")
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield Change("and/or", node, f"({ast.unparse(ast.BoolOp(other, node.values))})")


def _condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[Change]:
    if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], _ENDS):
        yield Change("precondition removed", node.test, "False")
    if not isinstance(node.test, ast.Constant):
        yield Change("condition negated", node.test, f"not ({ast.unparse(node.test)})")


def _handlers(node: ast.Try) -> Iterator[Change]:
    for handler in node.handlers:
        if not isinstance(handler.body[0], ast.Pass):
            yield Change("error swallowed", _body(handler.body), "pass")


def _body(statements: list[ast.stmt]) -> ast.stmt:
    """One node that spans all of them."""
    first, last = statements[0], statements[-1]
    return ast.Expr(
        ast.Constant(None),
        lineno=first.lineno,
        col_offset=first.col_offset,
        end_lineno=last.end_lineno,
        end_col_offset=last.end_col_offset,
    )


def _call(node: ast.Call) -> Iterator[Change]:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _NEIGHBOURS:
            text = ast.unparse(node.func)
            yield Change("neighbour", node.func, text[: len(text) - len(name)] + _NEIGHBOURS[name])
        case ast.Attribute(value=value, attr=name) if name in _FOLDS:
            yield Change("folding removed", node, ast.unparse(value))
        case ast.Attribute(attr="get" | "pop" | "setdefault" | "getall") if node.args:
            key = node.args[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield Change("key changed", key, repr(key.value + "_"))
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in _PROSE:
            yield from _keyword(node, keyword)


def _keyword(node: ast.Call, keyword: ast.keyword) -> Iterator[Change]:
    if keyword.arg in _UNITS and ast.unparse(node.func).endswith("timedelta"):
        yield Change("unit changed", keyword, f"{_UNITS[keyword.arg]}={ast.unparse(keyword.value)}")
    left = [each for each in node.keywords if each is not keyword]
    yield Change("keyword dropped", node, ast.unparse(ast.Call(node.func, node.args, left)))


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )
