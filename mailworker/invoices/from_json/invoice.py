"""OmniCRM's invoice JSON -> Invoice, or every fault in it at once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices import totals as adding
from mailworker.invoices.code_lists import FRENCH
from mailworker.invoices.document_types import KIND_OF_CODE, TYPE_NAMES, code_of_type
from mailworker.invoices.from_json.call_detail import usage_of
from mailworker.invoices.from_json.customer import client_of, delivery_of
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.lines import allowance_of, line_of
from mailworker.invoices.from_json.payment import accounting_tax, payments_of, refuse_void, says_paid
from mailworker.invoices.from_json.references import notes_of, payee_of, references_of
from mailworker.invoices.from_json.tax import LineDefaults, exemption_of, operation_of
from mailworker.invoices.model import (
    DocumentAllowance,
    DocumentType,
    Exemption,
    Invoice,
    InvoiceLine,
    Operation,
    Totals,
    VatRow,
)
from mailworker.invoices.money import ZERO, is_currency, minor_units, round_half_up
from mailworker.invoices.requirements import requirements

#: Currencies whose sums are whole, though ISO 4217 gives them decimals.
_MOSTLY_WHOLE = frozenset({"HUF"})
_SUMS = ("total_amount", "amount", "retail_cost")
#: Names under which usage rows may come.
USAGE = ("usage", "calls", "cdrs")
#: Names under which lines may come.
LINES = ("transactions", "transaction_list")


def read_invoice(raw: Mapping[str, Any], settings: InvoiceSettings, *, language: str = "") -> Invoice:
    """Read and check an invoice; BadInput names every fault, and no personal value."""
    faults: list[str] = []
    invoice = _Reader(raw, settings, faults).invoice(language)
    if invoice is not None and not faults and settings.e_invoice != "none":
        faults += requirements(invoice, settings)
    if faults or invoice is None:
        raise BadInput(faults)
    return invoice


class _Reader:
    """One reading of one invoice."""

    def __init__(self, raw: Mapping[str, Any], settings: InvoiceSettings, faults: list[str]) -> None:
        self.fields = InvoiceFields(raw, faults, zone=settings.zone)
        self.settings = settings
        self.faults = faults

    def invoice(self, language: str) -> Invoice | None:
        """The whole invoice; None where a fault leaves nothing to build it from."""
        self._count()
        if self.faults:
            return None
        currency, code = self._currency(), self._type()
        kind = KIND_OF_CODE[code]
        issued, due = self.fields.day("date", required=True), self.fields.day("due_date")
        start, end = self._period()
        number = self.fields.text("invoice_number", required=True, longest=64)
        digits = self._digits(currency)
        defaults = self._defaults(digits, kind)
        client = client_of(self.fields)
        lines = self._lines(defaults)
        allowances = tuple(self._allowances(defaults, lines))
        lines, totals, vat = self._totals(lines, allowances, self._stated(digits, currency))
        if kind is not DocumentType.CREDIT_NOTE:
            refuse_void(self.fields)
            totals = _settled(totals) if says_paid(self.fields) else totals
        self._signs(totals, due, issued, kind)
        return Invoice(
            number=number,
            type=kind,
            type_code=code,
            issued=issued or date.min,
            due=due,
            start=start,
            end=end,
            currency=currency,
            language=language or self.fields.text("language", longest=20) or self.settings.language,
            client=client,
            lines=lines,
            allowances=allowances,
            vat=vat,
            totals=totals,
            operation=self._operation(lines),
            accounting_tax=accounting_tax(self.fields, totals.tax, currency, self._books(currency)),
            **self._rest(currency),
        )

    def _rest(self, currency: str) -> dict[str, Any]:
        """What stands beside the sums, and changes none of them."""
        fields, settings = self.fields, self.settings
        debits = fields.flag("vat_on_debits")
        return {
            "delivery": delivery_of(fields),
            "usage": tuple(usage_of(item) for item in fields.objects(*USAGE)),
            "vat_on_debits": settings.seller.vat_on_debits if debits is None else debits,
            "payments": payments_of(fields, currency),
            "payment_terms": fields.text("payment_terms", longest=1000) or settings.payment_terms,
            "references": references_of(fields),
            "noted": notes_of(fields),
            "payee": payee_of(fields),
            "tax_point": fields.day("tax_point_date"),
            "payment_reference": fields.text("payment_reference", longest=140),
            "invoice_url": fields.url("invoice_url"),
            "pay_url": fields.url("pay_url"),
            "full_call_numbers": fields.flag("full_call_numbers") is True,
        }

    def _count(self) -> None:
        """Refuse a flood of rows before anything reads it."""
        most = self.settings.limits.rows
        for names in (LINES, USAGE, ("discounts", "allowances"), ("charges",)):
            name, value = self.fields.find(*names)
            if isinstance(value, list | tuple) and len(value) > most:
                self.fields.fault(name, f"has {len(value)} rows; the most is {most} (invoice.limits.rows)")

    def _type(self) -> str:
        """The code of the document's type (BT-3)."""
        declared = self.fields.text("type", longest=40).lower()
        code = code_of_type(declared)
        if declared and code is None:
            names = ", ".join(TYPE_NAMES)
            self.fields.fault("type", f"must be one of {names}, or a code of UNTDID 1001 that EN 16931 takes")
        if self.fields.flag("credit_note") and KIND_OF_CODE.get(code or "") is not DocumentType.CREDIT_NOTE:
            return DocumentType.CREDIT_NOTE
        return code or DocumentType.INVOICE

    def _period(self) -> tuple[date | None, date | None]:
        start, end = self.fields.day("start_date"), self.fields.day("end_date")
        if start and end and end < start:
            self.fields.fault("end_date", "is before start_date")
        return start, end

    def _currency(self) -> str:
        currency = self.fields.text("currency").upper() or self.settings.currency
        if is_currency(currency):
            return currency
        self.fields.fault("currency", "is not a code of ISO 4217, such as EUR")
        return self.settings.currency

    def _digits(self, currency: str) -> int:
        """The decimals that sums are rounded to: ISO 4217 gives the forint two, and Hungary uses none."""
        if currency not in _MOSTLY_WHOLE:
            return minor_units(currency)
        sums = [self.fields, *self.fields.objects(*LINES)]
        given = [fields.number(*_SUMS) for fields in sums]
        return 0 if all(value is not None and value == round(value) for value in given) else 2

    def _books(self, currency: str) -> str:
        """The currency of the seller's books: the euro in France (BR-FR-CO-12); else the invoice's own."""
        return "EUR" if self.settings.seller.country in FRENCH else currency

    def _defaults(self, digits: int, kind: DocumentType) -> LineDefaults:
        seller = self.settings.seller
        own = Exemption(seller.exemption_reason, seller.exemption_code)
        return LineDefaults(
            digits,
            reverse_charge=self.fields.flag("reverse_charge") is True,
            exempt=own != Exemption(),
            takes_back=kind is DocumentType.CORRECTIVE,
            exemption=exemption_of(self.fields, LineDefaults(digits, exemption=own)),
        )

    def _lines(self, defaults: LineDefaults) -> tuple[InvoiceLine, ...]:
        """The lines; a transaction that OmniCRM has voided is none."""
        items = self.fields.objects(*LINES)
        return tuple(line_of(item, defaults) for item in items if not _is_void(item))

    def _allowances(
        self, defaults: LineDefaults, lines: tuple[InvoiceLine, ...]
    ) -> Iterator[DocumentAllowance]:
        """Discounts, then charges; one of nothing is none (BR-CO-11)."""
        for name in ("discounts", "allowances", "charges"):
            for item in self.fields.objects(name):
                allowance = allowance_of(item, defaults, lines, charge=name == "charges")
                if allowance.amount:
                    yield allowance

    def _operation(self, lines: tuple[InvoiceLine, ...]) -> Operation:
        """Goods, services or both: as the invoice declares, else as its lines do."""
        declared = operation_of(self.fields)
        kinds = {line.operation for line in lines if line.operation}
        if declared or not kinds:
            return declared or Operation(self.settings.operation[0].upper().replace("G", "B"))
        return kinds.pop() if len(kinds) == 1 and all(line.operation for line in lines) else Operation.MIXED

    def _stated(self, digits: int, currency: str) -> adding.Stated:
        fields = self.fields
        names = ("total_amount", "total_tax", "paid_amount", "rounding_amount")
        values = [fields.number(name) for name in names]
        # OmniCRM's own templates print its sums by "%.2f": with lines they are only compared.
        compared = 2 if fields.find(*LINES)[1] else 0
        for name, value in zip(names[compared:], values[compared:], strict=True):
            if value is not None and value != round(value, digits):
                fields.fault(name, f"has more decimals than {currency} has ({digits})")
        total, tax, paid, rounding = (one if one is None else round_half_up(one, digits) for one in values)
        includes = self.settings.total_amount_includes_tax
        return adding.Stated(total, tax, paid or ZERO, rounding or ZERO, includes, digits, currency)

    def _totals(
        self, lines: tuple[InvoiceLine, ...], allowances: tuple[DocumentAllowance, ...], stated: adding.Stated
    ) -> tuple[tuple[InvoiceLine, ...], Totals, tuple[VatRow, ...]]:
        if self.faults:  # sums of half-read lines would only add false faults
            return lines, adding.nothing(stated), ()
        if not lines:
            return (), *adding.without_lines(stated, self.faults)
        strict = self.settings.e_invoice != "none"
        return adding.with_lines(lines, allowances, stated, self.faults, strict=strict)

    def _signs(self, totals: Totals, due: date | None, issued: date | None, kind: DocumentType) -> None:
        self.faults += adding.negative_total(totals, kind)
        early = due and issued and due < issued and totals.due > 0
        if early and self.settings.seller.country in FRENCH and kind is not DocumentType.PREPAYMENT:
            self.fields.fault("due_date", "is before date (BT-9, BR-FR-CO-07)")


def _settled(totals: Totals) -> Totals:
    """The sums of an invoice that is paid, whatever else they leave to pay."""
    return replace(totals, paid=totals.paid + totals.due, due=ZERO) if totals.due > 0 else totals


def _is_void(item: InvoiceFields) -> bool:
    """Whether OmniCRM voided this transaction; MariaDB has 1 and 0 for it."""
    word = {"1": True, "0": False, "": False}.get(str(item.raw.get("void")))
    return item.flag("void") is True if word is None else word
