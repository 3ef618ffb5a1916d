"""The line table: every row as it is printed, with the sum that the page's edge carries over."""

from dataclasses import astuple, dataclass
from decimal import Decimal

from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import ClientKind, Invoice, InvoiceLine
from mailworker.invoices.money import ZERO, minor_units, vat_of
from mailworker.invoices.page.quantity_text import quantity_text


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """One printed line. `gross` is its amount with tax, for consumers; `section` is a heading above it.

    `carry` and `report` are what the page shows if it ends after this row, and the next one begins with it.
    """

    description: str
    note: str
    quantity: str
    price: str
    rate: str
    amount: str
    gross: str = ""
    section: str = ""
    carry: str = ""
    report: str = ""


def rate_text(rate: Decimal | None, fmt: LocaleFormat) -> str:
    """How a rate is printed; reverse charge and its like stand as 0 % with a note below."""
    return fmt.rate(rate) if rate is not None else "–"  # noqa: RUF001 - an en dash for people


def shows_gross(invoice: Invoice) -> bool:
    """Whether each line also shows its amount with tax: consumers see what they pay."""
    return invoice.client.kind is ClientKind.CONSUMER and all(line.rate is not None for line in invoice.lines)


def note_of(line: InvoiceLine, invoice: Invoice, fmt: LocaleFormat) -> str:
    """What stands below a line's description: its phone number, period, discount and note."""
    notes = []
    if line.account:
        notes.append(f"{fmt.labels.line} {line.account}")
    if line.start and line.end:
        notes.append(f"{fmt.short_day(line.start)} – {fmt.short_day(line.end)}")  # noqa: RUF001
    elif line.start:
        notes.append(fmt.short_day(line.start))
    if line.gross_price and line.gross_price.discount:
        whole, off = (fmt.price(part, invoice.currency) for part in astuple(line.gross_price))
        notes.append(fmt.labels.price_before_discount.format(price=whole, discount=off))
    for one in line.allowances:
        share = f" {fmt.rate(one.percent)}" if one.percent is not None else ""
        words = one.reason or (fmt.labels.charge if one.charge else fmt.labels.discount)
        notes.append(f"{words}{share} {fmt.money(one.amount, invoice.currency)}")
    notes += [f"{name}: {value}" for name, value in line.facts.attributes]
    return " · ".join(filter(None, (*notes, line.detail, line.note)))


def rows_of(invoice: Invoice, fmt: LocaleFormat) -> list[PrintedRow]:
    """The printed lines; an invoice that is only its total gets one line for all of it."""
    if not invoice.lines:
        return [_all_in_one(invoice, fmt)]
    rows, running, section = [], ZERO, ""
    gross = shows_gross(invoice)
    for line in invoice.lines:
        running += line.amount
        heading, section = (line.section if line.section != section else ""), line.section
        sum_so_far = fmt.plain(running, invoice.currency)
        price = fmt.price(line.unit_price, invoice.currency)
        if line.price_base != 1:
            price = f"{price} {fmt.labels.per.format(count=fmt.number(line.price_base))}"
        rows.append(
            PrintedRow(
                description=line.description,
                note=note_of(line, invoice, fmt),
                quantity=quantity_text(line.quantity, line.unit, fmt),
                price=price,
                rate=rate_text(line.rate, fmt),
                amount=fmt.plain(line.amount, invoice.currency),
                gross=fmt.plain(_with_tax(line, invoice), invoice.currency) if gross else "",
                section=heading,
                carry=f"{fmt.labels.carry} {sum_so_far}",
                report=f"{fmt.labels.carried} {sum_so_far}",
            )
        )
    return rows


#: Figures that a column of amounts has room for; with a column more, each has less.
_ROOM, _ROOM_WITH_GROSS = 13, 12


def are_wide(rows: list[PrintedRow], sums: list[str], *, gross: bool) -> bool:
    """Whether an amount needs wider columns and smaller figures to stay on one line."""
    texts = [text for row in rows for text in (row.price, row.amount, row.gross)]
    longest = max((len(word) for text in [*texts, *sums] for word in text.split(" ")), default=0)
    return longest > (_ROOM_WITH_GROSS if gross else _ROOM)


def _with_tax(line: InvoiceLine, invoice: Invoice) -> Decimal:
    return line.amount + vat_of(line.amount, line.rate or ZERO, minor_units(invoice.currency))


def _all_in_one(invoice: Invoice, fmt: LocaleFormat) -> PrintedRow:
    rate = invoice.vat[0].rate if invoice.vat else None
    net = invoice.totals.net
    price, amount = fmt.price(net, invoice.currency), fmt.plain(net, invoice.currency)
    gross = fmt.plain(invoice.totals.gross, invoice.currency) if shows_gross(invoice) else ""
    return PrintedRow(fmt.labels.all_services, "", "1", price, rate_text(rate, fmt), amount, gross)
