"""The one check of data that callers give: is it JSON that every server on its way takes?

Python's own JSON knows NaN, half characters (lone surrogates) and nesting without end; UTF-8, PostgreSQL or a
reader's stack do not. What passes here can be sealed, kept in both databases, and read again unchanged.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

MAX_DEPTH = 32
#: Values in one job beside its files: an invoice with 20,000 usage rows has about 200,000.
MAX_VALUES = 300_000
#: Characters of all its texts together.
MAX_CHARACTERS = 8_000_000
MAX_NAME = 200
#: Longer numbers fit into no integer of a database, and lose digits in many readers.
LARGEST = 10**18
#: Sentences are for people, who need no more of them.
MAX_FAULTS = 20

_HALF_OR_NUL = re.compile("[\x00\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}", re.ASCII)
_CUT = "(too deep)"
_END = object()


def printable_name(name: Any) -> str:
    """A name that the caller gave, for a sentence about it; whatever looks like no name may be a person's."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "(a name that is none)"


def json_faults(value: Any, where: str) -> list[str]:
    """One sentence for each thing that is no plain JSON, with its path below `where`, never its content."""
    faults: list[str] = []
    characters = 0
    for values, (names, one) in enumerate(_walk(value, where), start=1):
        characters += len(one) if isinstance(one, str) else 0
        if len(names) > MAX_DEPTH:
            return [f"{where or 'job'}: is nested more than {MAX_DEPTH} deep."]
        if values > MAX_VALUES or characters > MAX_CHARACTERS:
            most = f"{MAX_VALUES:,} values or {MAX_CHARACTERS:,} characters"
            return [f"{where or 'job'}: has more than {most}; send less at once."]
        if fault := _fault(one):
            faults.append(f"{_path(names)}: {fault}.")
            if len(faults) == MAX_FAULTS:
                break
    return faults


def _walk(value: Any, where: str) -> Iterator[tuple[Sequence[Any], Any]]:
    """Every value with the names that lead to it, containers before what they hold."""
    names: list[Any] = []
    inside: list[Iterator[tuple[Any, Any]]] = [iter([(where, value)])]
    while inside:
        name, one = next(inside[-1], (_END, None))
        if name is _END:
            inside.pop()
            del names[-1:]
            continue
        names.append(name)
        yield names, one
        if isinstance(one, Mapping):
            inside.append(iter(one.items()))
        elif isinstance(one, list | tuple):
            inside.append(iter(enumerate(one)))
        else:
            names.pop()


def _path(names: Sequence[Any]) -> str:
    """`invoice.client.name` or `messages[3]`."""
    inner = (f"[{name}]" if isinstance(name, int) else f".{printable_name(name)}" for name in names[1:])
    return (names[0] + "".join(inner)).removeprefix(".") or "job"


def _fault(one: Any) -> str | None:
    if isinstance(one, Mapping):
        return None if all(map(_is_name, one)) else f"must have names of at most {MAX_NAME} characters"
    if isinstance(one, str):
        return "must be text without NUL or half a character" if _HALF_OR_NUL.search(one) else None
    if isinstance(one, int | float | Decimal):
        return None if _is_number(one) else "must be a number of at most 18 digits"
    # A Python caller may write these for JSON's text; a datetime is a date.
    if one is None or isinstance(one, list | tuple | date | UUID):
        return None
    return "must be text, a number, a list or an object"


def _is_number(one: Any) -> bool:
    """Whether it is finite, and no longer than databases take; no comparison with NaN holds."""
    return not (isinstance(one, Decimal) and one.is_nan()) and abs(one) <= LARGEST


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= MAX_NAME and not _HALF_OR_NUL.search(name)


def storable(value: Any, depth: int = 1) -> Any:
    """The nearest to it that passes the check: for showing people what was refused."""
    if depth == MAX_DEPTH and isinstance(value, Mapping | list | tuple):
        return _CUT
    if isinstance(value, Mapping):
        return {storable_text(str(name)[:MAX_NAME]): storable(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one, depth + 1) for one in value]
    if isinstance(value, str):
        return storable_text(value)
    return value if _fault(value) is None else storable_text(repr(value)[:MAX_NAME])


def storable_text(text: str) -> str:
    """The text with a question mark for each character that no database takes."""
    return _HALF_OR_NUL.sub("?", text)
