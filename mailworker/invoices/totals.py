"""Sums: VAT by rate as EN 16931 rounds it, and whether the caller's totals agree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mailworker.invoices.model import (
    NO_EXEMPTION,
    DocumentAllowance,
    DocumentType,
    Exemption,
    InvoiceLine,
    Totals,
    VatCategory,
    VatRow,
)
from mailworker.invoices.money import ZERO, apportioned, round_half_up, vat_of

_Key = tuple[VatCategory, Decimal | None]


@dataclass(frozen=True, slots=True)
class Stated:
    """The sums that the caller names; None where it names none."""

    total: Decimal | None
    tax: Decimal | None
    paid: Decimal
    rounding: Decimal
    includes_tax: bool
    digits: int
    currency: str

    def off(self, name: str, given: Decimal, found: Decimal, what: str) -> str:
        """The sentence for a sum that does not add up. Sums are no personal values: they help to mend it."""
        return (
            f"{name} is {given} but {what} make {found}: the difference is "
            f"{given - found:+f} {self.currency}."
        )


def _parts(
    lines: Iterable[InvoiceLine], allowances: Iterable[DocumentAllowance]
) -> Iterable[tuple[_Key, Decimal, Exemption]]:
    """Everything that adds to a taxable amount: its category and rate, its amount, and why it is exempt."""
    for line in lines:
        yield (line.category, line.rate), line.amount, line.exemption
    for allowance in allowances:
        signed = allowance.amount if allowance.charge else -allowance.amount
        yield (allowance.category, allowance.rate), signed, allowance.exemption


def vat_rows(
    lines: Sequence[InvoiceLine], allowances: Sequence[DocumentAllowance], digits: int
) -> tuple[VatRow, ...]:
    """One row for each category and rate, the highest rate first (EN 16931 BG-23, BR-CO-17)."""
    basis: dict[_Key, Decimal] = {}
    reasons: dict[_Key, list[Exemption]] = {}
    for key, amount, exemption in _parts(lines, allowances):
        basis[key] = basis.get(key, ZERO) + amount
        if exemption not in reasons.setdefault(key, []) and exemption != NO_EXEMPTION:
            reasons[key].append(exemption)
    rows = [
        VatRow(category, rate, amount, vat_of(amount, rate or ZERO, digits), joined(reasons[category, rate]))
        for (category, rate), amount in basis.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.rate or ZERO), row.category)))


def joined(exemptions: Sequence[Exemption]) -> Exemption:
    """The one reason that one row can give (BR-E-08): all the words, and the code if there is one only."""
    codes = {exemption.code for exemption in exemptions}
    words = dict.fromkeys(exemption.reason for exemption in exemptions if exemption.reason)
    return Exemption("; ".join(words), codes.pop() if len(codes) == 1 else "")


def taxed_by_line(
    lines: Sequence[InvoiceLine], allowances: Sequence[DocumentAllowance], digits: int
) -> tuple[VatRow, ...] | None:
    """The breakdown if tax was rounded line by line, as OmniCRM does; None unless every line states its tax.

    Each line's tax must be right for its rate to within one minor unit.
    """
    if allowances or any(line.tax is None for line in lines):
        return None
    taxes: dict[_Key, Decimal] = {}
    for line in lines:
        key, tax = (line.category, line.rate), line.tax or ZERO
        if abs(tax - vat_of(line.amount, line.rate or ZERO, digits)) > Decimal(1).scaleb(-digits):
            return None
        taxes[key] = taxes.get(key, ZERO) + tax
    rounded = dict(zip(taxes, apportioned(list(taxes.values()), digits), strict=True))
    rows = {(row.category, row.rate): row for row in vat_rows(lines, (), digits)}
    return tuple(replace(rows[key], tax=rounded[key]) for key in taxes)


def tax_unstated(lines: Sequence[InvoiceLine], allowances: Sequence[DocumentAllowance]) -> bool:
    """Whether no line names its rate, so that only the stated tax shows it."""
    rates = [line.rate for line in lines] + [allowance.rate for allowance in allowances]
    return all(rate is None for rate in rates)


def single_row(net: Decimal, tax: Decimal, digits: int) -> VatRow:
    """The breakdown where no line names a rate: the rate is derived if a whole tenth of a per cent fits."""
    if not tax:
        return VatRow(VatCategory.STANDARD, None, net, ZERO)
    rate = round_half_up(tax / net * 100, 1) if net else None
    fits = rate is not None and vat_of(net, rate, digits) == tax
    return VatRow(VatCategory.STANDARD, rate if fits else None, net, tax)


def sums(net_lines: Decimal, allowances: Sequence[DocumentAllowance], tax: Decimal, stated: Stated) -> Totals:
    """The totals of EN 16931 BG-22 (BR-CO-10 to BR-CO-16)."""
    less = sum((allowance.amount for allowance in allowances if not allowance.charge), ZERO)
    more = sum((allowance.amount for allowance in allowances if allowance.charge), ZERO)
    net = net_lines - less + more
    gross = net + tax
    due = gross - stated.paid + stated.rounding
    return Totals(net_lines, less, more, net, tax, gross, stated.paid, stated.rounding, due)


def negative_total(totals: Totals, kind: DocumentType) -> list[str]:
    """Why a total below zero is refused, and what to send instead; nothing where it may be, or is not."""
    if totals.gross >= 0 or kind is DocumentType.CORRECTIVE:
        return []
    if kind is DocumentType.CREDIT_NOTE:
        return ["total_amount is negative: what a credit note gives back stands on it as positive amounts."]
    return [
        "total_amount is negative: send a credit note instead, with `type: credit_note` and positive amounts."
    ]


def nothing(stated: Stated) -> Totals:
    """Totals that stand in where a fault leaves none to reckon."""
    return sums(ZERO, (), ZERO, stated)


def without_lines(stated: Stated, faults: list[str]) -> tuple[Totals, tuple[VatRow, ...]]:
    """Totals of an invoice that is only its total, as a minimal job brings it."""
    if stated.total is None:
        faults.append("total_amount is missing, and there are no transactions to sum up.")
        return nothing(stated), ()
    tax = stated.tax or ZERO
    net = stated.total - tax if stated.includes_tax else stated.total
    if net < 0 <= stated.total:
        faults.append("total_tax is more than total_amount.")
    rows = (single_row(net, tax, stated.digits),) if stated.tax is not None else ()
    return sums(net, (), tax, stated), rows


def with_lines(
    lines: Sequence[InvoiceLine],
    allowances: Sequence[DocumentAllowance],
    stated: Stated,
    faults: list[str],
    *,
    strict: bool,
) -> tuple[tuple[InvoiceLine, ...], Totals, tuple[VatRow, ...]]:
    """The lines, their totals and taxes; a stated sum that differs is a fault that names the difference.

    Amounts that were given with parts of a cent are rounded each by itself, or, where the stated sum is their
    own rounded once, so that the lines add up to it (BR-CO-10): 8.34, 8.33 and 8.33 of three times 8.3333.
    `strict` takes only VAT rounded by rate, as an e-invoice must; else VAT rounded line by line passes, too.
    """
    ways = (tuple(lines), _adding_up(lines, stated.digits))
    found = [(one, *_added_up(one, allowances, stated, strict=strict)) for one in ways]
    fitting = [one for one in found if not one[-1]]
    before_tax = [one for one in fitting if one[1].net == stated.total]
    kept, totals, rows, wrong = (before_tax or fitting or found)[0]
    faults += wrong
    return kept, totals, rows


def _adding_up(lines: Sequence[InvoiceLine], digits: int) -> tuple[InvoiceLine, ...]:
    """The lines with amounts that make the rounded sum of the unrounded ones."""
    exact = [line.amount if line.unrounded is None else line.unrounded for line in lines]
    both = zip(lines, apportioned(exact, digits), strict=True)
    return tuple(line if line.amount == part else replace(line, amount=part) for line, part in both)


def _added_up(
    lines: Sequence[InvoiceLine], allowances: Sequence[DocumentAllowance], stated: Stated, *, strict: bool
) -> tuple[Totals, tuple[VatRow, ...], list[str]]:
    """The sums of these lines, and how the stated ones differ."""
    net = sum((line.amount for line in lines), ZERO)
    rows = _breakdown(lines, allowances, stated, sums(net, allowances, ZERO, stated).net, strict=strict)
    tax = sum((row.tax for row in rows), ZERO)
    totals = sums(net, allowances, tax, stated)
    if stated.tax is not None and stated.tax != tax:
        what = "the lines, taxed by rate and rounded half up,"
        return totals, rows, [stated.off("total_tax", stated.tax, tax, what)]
    if stated.total is not None and stated.total not in _totals_meant(totals):
        what = f"the lines with their tax ({totals.net} before tax)"
        return totals, rows, [stated.off("total_amount", stated.total, totals.gross, what)]
    return totals, rows, []


def _totals_meant(totals: Totals) -> tuple[Decimal, ...]:
    """What a stated total may be: before tax, with tax, or rounded to what is paid in cash."""
    return totals.net, totals.gross, totals.gross + totals.rounding


def _breakdown(
    lines: Sequence[InvoiceLine],
    allowances: Sequence[DocumentAllowance],
    stated: Stated,
    net: Decimal,
    *,
    strict: bool,
) -> tuple[VatRow, ...]:
    if tax_unstated(lines, allowances) and stated.tax is not None:
        return (single_row(net, stated.tax, stated.digits),)
    rows = vat_rows(lines, allowances, stated.digits)
    if strict or stated.tax in (None, sum((row.tax for row in rows), ZERO)):
        return rows
    by_line = taxed_by_line(lines, allowances, stated.digits)
    agrees = by_line is not None and sum((row.tax for row in by_line), ZERO) == stated.tax
    return by_line if by_line is not None and agrees else rows
