"""What an expression is made of."""

from dataclasses import dataclass

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Compare:
    """`age >= 30`; the operator is one of = != < <= > >=."""

    name: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Test:
    """`contains(city, "Saint")`: one of the functions, asked of one property."""

    function: str
    name: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold."""

    part: "Segment"


@dataclass(frozen=True, slots=True)
class Both:
    """All of the parts; of no parts it holds for everybody."""

    parts: tuple["Segment", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of the parts."""

    parts: tuple["Segment", ...]


Segment = Compare | Test | Not | Both | Either

#: What an empty expression means where it is allowed.
EVERYONE = Both(())
