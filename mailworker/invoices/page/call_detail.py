"""Call detail over many pages: rows set in columns, with subtotals carried from page to page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import Invoice, Usage
from mailworker.invoices.money import ZERO
from mailworker.invoices.page.quantity_text import volume_text

#: Rows that fit on one A4 page of our detail template, its head and subtotals left room for.
ROWS_PER_SHEET = 62
#: Widths in characters: date, service, party, volume, amount. Their sum fills the page's width.
WIDTHS = (18, 28, 32, 16, 13)

#: Every other so many rows stand on a tint.
BAND = 5
#: The height of one row, in points; the stylesheet's line height of `.rows`.
ROW_HEIGHT = 10.4


@dataclass(frozen=True, slots=True)
class _Entry:
    """One printed row and what it adds to the running sum."""

    text: str
    amount: Decimal
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of detail: parts are runs of rows, those marked True being headings and subtotals.

    `carried` and `carry` are empty on the first and the last page. `bands` are the tints, by their rows.
    """

    head: str
    parts: tuple[tuple[bool, str], ...]
    carried: str
    carry: str
    total: str
    rows: int
    bands: tuple[int, ...]


def height_rules() -> str:
    """CSS for blocks of one to a full page's rows."""
    heights = range(1, ROWS_PER_SHEET + 1)
    return "".join(f".n{rows}{{height:{rows * ROW_HEIGHT:.1f}pt}}" for rows in heights)


def sheets_of(invoice: Invoice, fmt: LocaleFormat) -> Iterator[Sheet]:
    """The pages, each holding as many rows as fit; long texts are cut to their column."""
    entries = list(_entries(invoice.usage, invoice, fmt))
    running = ZERO
    for start in range(0, len(entries), ROWS_PER_SHEET):
        page = entries[start : start + ROWS_PER_SHEET]
        before, running = running, running + sum((entry.amount for entry in page), ZERO)
        last = start + ROWS_PER_SHEET >= len(entries)
        yield Sheet(
            head=_columns(
                fmt.labels.when, fmt.labels.service, fmt.labels.party, fmt.labels.volume, fmt.labels.amount
            ),
            parts=tuple(_runs(page)),
            carried=_sum(fmt.labels.carried, before, invoice, fmt) if start else "",
            carry="" if last else _sum(fmt.labels.carry, running, invoice, fmt),
            total=fmt.money(running, invoice.currency) if last else "",
            rows=len(page),
            bands=tuple(min(BAND, len(page) - top) for top in range(0, len(page), 2 * BAND)),
        )


def _runs(page: Sequence[_Entry]) -> Iterator[tuple[bool, str]]:
    """Rows that look alike, joined: each run is one piece of text to lay out."""
    for marked, run in groupby(page, key=lambda entry: entry.marked):
        yield marked, "".join(f"{entry.text}\n" for entry in run)


def _entries(usage: Sequence[Usage], invoice: Invoice, fmt: LocaleFormat) -> Iterator[_Entry]:
    """Every printed row in turn; each account gets a heading and a subtotal."""
    account, subtotal = "", ZERO
    for row in usage:
        if row.account != account:
            if account:
                yield _subtotal(account, subtotal, invoice, fmt)
                yield _Entry("", ZERO, marked=True)
            account, subtotal = row.account, ZERO
            yield _Entry(account, ZERO, marked=True)
        subtotal += row.amount
        amount = fmt.plain(row.amount, invoice.currency)
        text = _columns(when_text(row.when), row.service, row.party, volume_text(row.volume, fmt), amount)
        yield _Entry(text, row.amount)
    if account:
        yield _subtotal(account, subtotal, invoice, fmt)


def _sum(label: str, amount: Decimal, invoice: Invoice, fmt: LocaleFormat) -> str:
    """A line that carries a subtotal over the edge of a page."""
    return _columns("", label, "", "", fmt.plain(amount, invoice.currency))


def _subtotal(account: str, amount: Decimal, invoice: Invoice, fmt: LocaleFormat) -> _Entry:
    return _Entry(_sum(f"{fmt.labels.line_total} {account}", amount, invoice, fmt), ZERO, marked=True)


def _columns(*texts: str) -> str:
    """One row in fixed columns: words to the left, volume and amount to the right."""
    when, service, party, volume, amount = texts
    a, b, c, d, e = WIDTHS
    if not party and not volume:  # a subtotal's words may run on
        return f"{when:<{a}.{a}}{service:<{b + c + d}.{b + c + d}}{amount:>{e}.{e}}"
    return f"{when:<{a}.{a - 1}}{service:<{b}.{b - 1}}{party:<{c}.{c - 1}}{volume:>{d}.{d}}{amount:>{e}.{e}}"


def when_text(when: str) -> str:
    """2026-01-31T09:15:02 as 31/01/2026 09:15; anything else as it came."""
    if len(when) >= 10 and when[4] == "-" and when[7] == "-":
        clock = when[11:16]
        return f"{when[8:10]}/{when[5:7]}/{when[:4]} {clock}".strip()
    return when


def duration_text(duration: str) -> str:
    """Whole seconds as h:mm:ss; a text such as "12 min" as it came."""
    if not duration.isascii() or not duration.isdigit():
        return duration
    minutes, seconds = divmod(int(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
