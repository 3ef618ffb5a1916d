"""Reads a template: text, prints, and the statements that open and close one another."""

import re
from functools import lru_cache

from mailworker.templates.language.expressions import read_expression
from mailworker.templates.language.lexer import Piece, pieces
from mailworker.templates.language.syntax import Branch, For, If, Literal, Node, Print, Set, Text
from mailworker.templates.language.template_error import TemplateError, not_valid, too_much

_MOST_NESTED = 40
_NEAR = 60
_FOR = re.compile(r"for\s+([^\W\d]\w*)\s+in\s+(.+)", re.DOTALL)
_SET = re.compile(r"set\s+([^\W\d]\w*)\s*=\s*(.+)", re.DOTALL)
_IF = re.compile(r"(?:if|elseif)\b(.+)", re.DOTALL)


@lru_cache(maxsize=256)
def parse(source: str) -> tuple[Node, ...]:
    """The template's nodes; kept, since the same template is rendered for many. Raises TemplateError."""
    reader = _Reader(source)
    nodes = reader.nodes(0)
    if reader.at < len(reader.pieces):
        raise reader.invalid()
    return nodes


class _Reader:
    """A position in a template's pieces."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.pieces = list(pieces(source))
        self.at = 0

    def invalid(self) -> TemplateError:
        """The error for the statement that stands here, or for the end that came too early."""
        position = (
            self.pieces[self.at].position if self.at < len(self.pieces) else max(0, len(self.source) - 20)
        )
        return not_valid(self.source, position)

    def nodes(self, depth: int) -> tuple[Node, ...]:
        """Everything up to a statement that belongs to whoever opened this block, which is left to it."""
        if depth > _MOST_NESTED:
            raise too_much(f"statements nested over {_MOST_NESTED} deep")
        found: list[Node] = []
        while self.at < len(self.pieces):
            node = self._node(self.pieces[self.at], depth)
            if node is None:
                break
            found.append(node)
        return tuple(found)

    def _node(self, piece: Piece, depth: int) -> Node | None:
        if piece.kind == "text":
            self.at += 1
            return Text(piece.text)
        if piece.kind == "print":
            self.at += 1
            near = _near(piece)
            return Print(read_expression(piece.text, near), near)
        return self._statement(piece, depth)

    def _statement(self, piece: Piece, depth: int) -> Node | None:
        match _keyword(piece):
            case "if":
                return self._if(depth)
            case "for":
                return self._for(piece, depth)
            case "set":
                return self._set(piece)
            case "elseif" | "else" | "endif" | "endfor" if depth:
                return None
            case _:
                raise self.invalid()

    def _if(self, depth: int) -> If:
        branches: list[Branch] = []
        while (keyword := self._keyword_here()) != "endif":
            if keyword not in ("if", "elseif", "else") or (keyword == "if" and branches):
                raise self.invalid()
            branches.append(self._branch(self.pieces[self.at], depth))
            if keyword == "else" and self._keyword_here() != "endif":
                raise self.invalid()
        self.at += 1
        return If(tuple(branches))

    def _branch(self, piece: Piece, depth: int) -> Branch:
        near = _near(piece)
        found = _IF.fullmatch(piece.text)
        if found is None and piece.text != "else":
            raise self.invalid()
        condition = read_expression(found.group(1), near) if found else Literal(value=True)
        self.at += 1
        return Branch(condition, self.nodes(depth + 1), near)

    def _for(self, piece: Piece, depth: int) -> For:
        found = _FOR.fullmatch(piece.text)
        if found is None:
            raise self.invalid()
        near = _near(piece)
        over = read_expression(found.group(2), near)
        self.at += 1
        body = self.nodes(depth + 1)
        if self._keyword_here() != "endfor":
            raise self.invalid()
        self.at += 1
        return For(found.group(1), over, body, near)

    def _set(self, piece: Piece) -> Set:
        found = _SET.fullmatch(piece.text)
        if found is None:
            raise self.invalid()
        self.at += 1
        near = _near(piece)
        return Set(found.group(1), read_expression(found.group(2), near), near)

    def _keyword_here(self) -> str:
        if self.at >= len(self.pieces):
            raise self.invalid()
        return _keyword(self.pieces[self.at])


def _near(piece: Piece) -> str:
    """The statement without its closing delimiter, as Mailjet quotes it."""
    opening = "{{" if piece.kind == "print" else "{% "
    return (opening + piece.text)[:_NEAR]


def _keyword(piece: Piece) -> str:
    return piece.text.split(None, 1)[0].split("(", 1)[0] if piece.text else ""
