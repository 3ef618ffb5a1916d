"""What a template is made of, once it is read."""

from dataclasses import dataclass
from typing import Any, Final

#: The absence of a default, which is not the same as an empty one.
NO_DEFAULT: Final = object()


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, or true and false."""

    value: Any


@dataclass(frozen=True, slots=True)
class VariableLookup:
    """`var:order.total:"0"`: namespace, path, default. Without namespace it is a name the template set."""

    namespace: str
    path: tuple[str, ...]
    default: Any = NO_DEFAULT

    @property
    def name(self) -> str:
        """As it stands in the template, without its default."""
        dotted = ".".join(self.path)
        return f"{self.namespace}:{dotted}" if self.namespace else dotted


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` and `-x`."""

    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what joins them."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Function:
    """`Upper(var:name)`."""

    name: str
    arguments: tuple["Expression", ...]


Expression = Literal | VariableLookup | Unary | Binary | Function


@dataclass(frozen=True, slots=True)
class Text:
    """What is copied as it stands; `[[var:x]]` in it is still replaced."""

    text: str


@dataclass(frozen=True, slots=True)
class Print:
    """`{{ expression }}`. `source` is the template around it, for error texts."""

    expression: Expression
    source: str


@dataclass(frozen=True, slots=True)
class Branch:
    """One `if`, `elseif` or `else` (whose condition is true) with what it holds."""

    condition: Expression
    body: tuple["Node", ...]
    source: str


@dataclass(frozen=True, slots=True)
class If:
    """The first branch whose condition holds is rendered."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class For:
    """The body once for each element."""

    name: str
    over: Expression
    body: tuple["Node", ...]
    source: str


@dataclass(frozen=True, slots=True)
class Set:
    """`{% set x = expression %}`."""

    name: str
    expression: Expression
    source: str


Node = Text | Print | If | For | Set
