"""Results of several goes, added up."""

from dataclasses import fields
from typing import Any, Self


class Summable:
    """A dataclass whose instances add up field by field: numbers, tuples, and other such dataclasses."""

    __slots__ = ()

    def __add__(self, other: Self) -> Self:
        names = [one.name for one in fields(self)]  # type: ignore[arg-type] # every subclass is a dataclass
        values: list[Any] = [getattr(self, name) + getattr(other, name) for name in names]
        return type(self)(*values)
