"""OmniCRM's invoice JSON -> Invoice, or every fault in it at once."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices import totals as adding
from mailworker.invoices.json_fields import Fields
from mailworker.invoices.json_lines import MAX_NOTES, allowance_of, client_of, line_of, usage_of
from mailworker.invoices.model import Invoice, InvoiceLine, Totals, Usage, VatRow
from mailworker.invoices.money import ZERO, is_currency, minor_units
from mailworker.invoices.needs import missing_for

#: Names under which usage rows may come.
USAGE = ("usage", "calls", "cdrs")
#: Names under which lines may come.
LINES = ("transactions", "transaction_list")


def read_invoice(raw: Mapping[str, Any], settings: InvoiceSettings, *, language: str = "") -> Invoice:
    """Read and check an invoice; BadInput names every fault, and no personal value."""
    faults: list[str] = []
    invoice = _Reader(raw, settings, faults).invoice(language)
    if invoice is not None and not faults and settings.e_invoice != "none":
        faults += missing_for(invoice, settings)
    if faults or invoice is None:
        raise BadInput(faults)
    return invoice


def is_credit(raw: Mapping[str, Any]) -> bool:
    """Whether the JSON says that it is a credit note: `type: credit_note`, or `credit_note: true`."""
    return raw.get("type") in {"credit_note", "381"} or raw.get("credit_note") is True


class _Reader:
    """One reading of one invoice."""

    def __init__(self, raw: Mapping[str, Any], settings: InvoiceSettings, faults: list[str]) -> None:
        self.fields = Fields(raw, faults)
        self.raw = raw
        self.settings = settings
        self.faults = faults

    def invoice(self, language: str) -> Invoice | None:
        """The whole invoice; None where a fault leaves nothing to build it from."""
        fields = self.fields
        self._count()
        if self.faults:
            return None
        currency = self._currency()
        issued, due = fields.day("date", required=True), fields.day("due_date")
        start, end = self._period()
        number = fields.text("invoice_number", required=True, longest=64)
        client = client_of(fields)
        lines = tuple(line_of(item, self.raw, minor_units(currency)) for item in fields.objects(*LINES))
        allowances = tuple(allowance_of(item, self.raw) for item in fields.objects("discounts", "allowances"))
        stated = self._stated(minor_units(currency), currency)
        totals, vat = self._totals(lines, allowances, stated)
        self._signs(totals)
        corrects, corrects_date = self._corrects()
        return Invoice(
            number=number,
            issued=issued or date.min,
            due=due,
            start=start,
            end=end,
            currency=currency,
            language=language or fields.text("language", longest=20) or self.settings.language,
            credit=is_credit(self.raw),
            corrects=corrects,
            corrects_date=corrects_date,
            client=client,
            lines=lines,
            allowances=allowances,
            usage=self._usage(),
            vat=vat,
            totals=totals,
            purchase_order=fields.text("purchase_order"),
            buyer_reference=fields.text("buyer_reference"),
            notes=self._notes(),
            invoice_url=fields.url("invoice_url"),
            pay_url=fields.url("pay_url"),
        )

    def _count(self) -> None:
        """Refuse a flood of rows before anything reads it."""
        most = self.settings.limits.rows
        for names in (LINES, USAGE, ("discounts",)):
            name, value = self.fields.find(*names)
            if isinstance(value, list | tuple) and len(value) > most:
                self.fields.fault(name, f"has {len(value)} rows; the most is {most} (invoice.limits.rows)")

    def _period(self) -> tuple[date | None, date | None]:
        start, end = self.fields.day("start_date"), self.fields.day("end_date")
        if start and end and end < start:
            self.fields.fault("end_date", "is before start_date")
        return start, end

    def _currency(self) -> str:
        currency = self.fields.text("currency", longest=3).upper() or self.settings.currency
        if is_currency(currency):
            return currency
        self.fields.fault("currency", "is not a code of ISO 4217, such as EUR")
        return self.settings.currency

    def _stated(self, digits: int, currency: str) -> adding.Stated:
        fields = self.fields
        total = fields.number("total_amount")
        tax = fields.number("total_tax")
        paid = fields.number("paid_amount") or ZERO
        for name, value in (("total_amount", total), ("total_tax", tax), ("paid_amount", paid)):
            if value is not None and value != round(value, digits):
                fields.fault(name, f"has more decimals than {currency} has ({digits})")
        includes = self.settings.total_amount_includes_tax
        return adding.Stated(total, tax, paid, includes, digits, currency)

    def _totals(
        self, lines: tuple[InvoiceLine, ...], allowances: tuple[Any, ...], stated: adding.Stated
    ) -> tuple[Totals, tuple[VatRow, ...]]:
        if self.faults:  # sums of half-read lines would only add false faults
            return adding.sums(ZERO, ZERO, ZERO, ZERO), ()
        if not lines:
            return adding.without_lines(stated, self.faults)
        strict = self.settings.e_invoice != "none"
        return adding.with_lines(lines, allowances, stated, self.faults, strict=strict)

    def _signs(self, totals: Totals) -> None:
        if totals.gross < 0:
            self.faults.append(
                "total_amount is negative: send a credit note instead, with `type: credit_note` "
                "and positive amounts."
            )
        elif totals.due < 0:
            self.faults.append("paid_amount is more than the invoice's total.")

    def _usage(self) -> tuple[Usage, ...]:
        return tuple(usage_of(item) for item in self.fields.objects(*USAGE))

    def _notes(self) -> tuple[str, ...]:
        value = self.raw.get("notes") or self.raw.get("note") or ()
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
        if len(texts) > MAX_NOTES:
            self.fields.fault("notes", f"has {len(texts)} entries; the most is {MAX_NOTES}")
        fields = Fields({str(i): text for i, text in enumerate(texts[:MAX_NOTES])}, self.faults, "notes.")
        return tuple(filter(None, (fields.text(key, longest=1000) for key in fields.raw)))

    def _corrects(self) -> tuple[str, date | None]:
        """The invoice that a credit note corrects: its number, or an object with number and date."""
        value = self.raw.get("corrects")
        if not isinstance(value, Mapping):
            return self.fields.text("corrects", longest=64), None
        named = Fields(value, self.faults, "corrects.")
        return named.text("invoice_number", "number", required=True, longest=64), named.day("date")
