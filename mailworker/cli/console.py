"""How commands speak: tables, short moments, one console."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import typer

from mailworker.core.safe_text import escaped_json, shown

if TYPE_CHECKING:  # what speaks to programs needs none of it
    from rich.console import Console, JustifyMethod, OverflowMethod
    from rich.table import Table
    from rich.text import Text

#: The clock on which people read moments: `worker.timezone` once a command has its configuration.
SHOWN_IN: ContextVar[tzinfo] = ContextVar("SHOWN_IN", default=UTC)
#: Columns whose values are typed again, into the next command.
_COPIED = frozenset({"id", "kind", "message"})
#: Columns of text. In a narrower console a table is cut to fit, ids too: their beginning will do.
_WIDE = 120
#: A state's colour: what is well, what waits, what needs a person.
COLOURS = {
    "sent": "green",
    "failed": "red",
    "unknown": "red",
    "held": "yellow",
    "expired": "yellow",
    "suppressed": "yellow",
    "cancelled": "dim",
}


def console() -> "Console":
    """Standard output as it is at this moment. Wide where it is no terminal, so that no id is cut off."""
    from mailworker.cli.safe_console import SafeConsole

    out = SafeConsole()
    return out if out.is_terminal else SafeConsole(width=max(out.width, 160))


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "") -> "Table":
    """A table of plain values; a column whose name begins with `#` holds numbers.

    Long texts are broken; ids and kinds, which people copy, stay whole where the console is wide.
    """
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold", box=None)
    cells = [
        [value if isinstance(value, Text) else Text(shown(plain(value))) for value in row] for row in rows
    ]
    wide = console().width >= _WIDE
    for column in columns:
        justify: JustifyMethod = "right" if column.startswith("#") else "left"
        overflow: OverflowMethod = "fold" if wide else "ellipsis"
        made.add_column(
            column.removeprefix("#"), justify=justify, overflow=overflow, no_wrap=wide and column in _COPIED
        )
    for row in cells:
        made.add_row(*row)
    return made


def state(word: str) -> "Text":
    """A state in its colour."""
    from rich.text import Text

    return Text(word, style=COLOURS.get(word, ""))


def plain(value: Any) -> str:
    """A value for people: nothing for None, moments without microseconds."""
    if value is None:
        return ""
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(value: datetime) -> str:
    """A moment to the second, on the clock of `SHOWN_IN`, and that by its name: `CET`, or `Z` for UTC."""
    zone = SHOWN_IN.get()
    return in_utc(value) if zone is UTC else f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def in_utc(value: datetime) -> str:
    """The same in UTC, as JSON has it in a sentence."""
    return f"{value:%Y-%m-%d %H:%M:%S}Z"


def write_json(value: Any) -> None:
    """One document on standard output, for programs; moments in ISO 8601."""
    sys.stdout.write(f"{json_text(value, indent=2)}\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON that steers no terminal; moments in ISO 8601."""
    return escaped_json(json.dumps(value, ensure_ascii=False, indent=indent, default=as_text))


def as_text(value: Any) -> str:
    """A value as JSON and CSV have it: moments in ISO 8601."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def short(kind: str) -> str:
    """A kind without what all kinds begin with."""
    return re.sub("^api_crmCommunications?(?=[A-Z])", "", kind)


def answer(words: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """The sentence, or the facts as one JSON document."""
    if as_json:
        write_json(facts)
    else:
        typer.echo(shown(words))
