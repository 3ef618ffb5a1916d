"""Marks before the statements of the product, put there while it is imported.

Lines are those that coverage.py counts: the first of each statement, decorators, `except` and `case` of their own.
"""

import ast
import builtins
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import TypeVar
from zlib import crc32

Node = TypeVar("Node", ast.expr, ast.stmt, ast.pattern)

ROOT = Path(__file__).parents[2]
PACKAGES = ("mailworker", "tasks")
#: Where a mark is found from every module, and from no module's own names.
NAME = "__ran__"
#: Byte code with other marks is of no use.
_KIND = f"marked-{crc32(Path(__file__).read_bytes()):08x}"


class Marker(ast.NodeTransformer):
    """Puts the marks of one file: calls with its path and the line, which return None."""

    def __init__(self, file: str) -> None:
        self._file = file

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for part in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, part, None), list):
                setattr(
                    node, part, [new for at, one in enumerate(block) for new in self._with_marks(one, at)]
                )
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        if node.type is None:
            node.body.insert(0, self._statement(node.lineno))
        else:
            node.type = self._and_then(node.lineno, node.type)
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        self.generic_visit(node)
        tried: list[int] = []
        for case in node.cases:
            tried.append(case.pattern.lineno)
            case.body[:0] = [self._statement(line) for line in tried]
        if not _takes_all(node.cases[-1]):
            node.cases.append(ast.match_case(ast.MatchAs(), body=[self._statement(line) for line in tried]))
            ast.fix_missing_locations(_at(node.cases[-1].pattern, tried[-1]))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        node.body = self._and_then(node.body.lineno, node.body)
        return node

    def _with_marks(self, statement: ast.stmt, place: int) -> list[ast.stmt]:
        lines = [decorator.lineno for decorator in getattr(statement, "decorator_list", [])]
        marks = [self._statement(line) for line in [*lines, statement.lineno]]
        if place == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return [statement]  # a docstring is no line, and has to be the first
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return [statement, *marks]
        return [*marks, statement]

    def _mark(self, line: int) -> ast.Call:
        call = ast.Call(ast.Name(NAME, ast.Load()), [ast.Constant(f"{self._file}:{line}")], [])
        return ast.fix_missing_locations(_at(call, line))

    def _and_then(self, line: int, value: ast.expr) -> ast.expr:
        return ast.copy_location(ast.BoolOp(ast.Or(), [self._mark(line), value]), value)

    def _statement(self, line: int) -> ast.Expr:
        return _at(ast.Expr(self._mark(line)), line)


def _at(node: Node, line: int) -> Node:
    node.lineno = node.end_lineno = line
    node.col_offset = node.end_col_offset = 0
    return node


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


class MarkingLoader(SourceFileLoader):
    """Loads a module with its marks, whose byte code is kept beside that without."""

    get_code = SourceFileLoader.get_code

    def source_to_code(self, data, path, *, _optimization=-1):
        tree = Marker(str(Path(path).relative_to(ROOT))).visit(ast.parse(data))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimization)

    def get_data(self, path: str) -> bytes:
        return super().get_data(_kept(path))

    def set_data(self, path: str, data: bytes, **more) -> None:
        super().set_data(_kept(path), data, **more)


def _kept(path: str) -> str:
    return f"{path.removesuffix('.pyc')}.{_KIND}.pyc" if path.endswith(".pyc") else path


def mark_imports() -> set[str]:
    """Mark what is imported from now on; the set gets the marks, as `path:line`, when they are met."""
    plain, folders = SourceFileLoader.get_code, tuple(f"{ROOT / package}/" for package in PACKAGES)

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        ours = loader.path.startswith(folders)
        return MarkingLoader(name, loader.path).get_code(name) if ours else plain(loader, name)

    SourceFileLoader.get_code = get_code
    ran: set[str] = set()
    setattr(builtins, NAME, ran.add)
    return ran
