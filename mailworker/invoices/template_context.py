"""What our own templates print: an Invoice in a customer's language, every value a finished text."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.locale_format import LocaleFormat
from mailworker.invoices.model import Invoice, InvoiceLine, VatCategory, VatRow
from mailworker.invoices.payment_qr import epc_payload, qr_picture

#: Stands where a page prints how many pages there are. No data has this character: `clean` takes it out.
PAGES = "\x1f"


@dataclass(frozen=True, slots=True)
class Row:
    """One printed line."""

    description: str
    note: str
    quantity: str
    price: str
    rate: str
    amount: str


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """The QR code with the words beneath it."""

    picture: bytes
    caption: str


def rate_text(rate: Decimal | None, say: LocaleFormat) -> str:
    """How a rate is printed; reverse charge and its like stand as 0 % with a note below."""
    return say.rate(rate) if rate is not None else "–"  # noqa: RUF001 - an en dash for people


def row_of(line: InvoiceLine, invoice: Invoice, say: LocaleFormat) -> Row:
    """A line as it is printed."""
    notes = []
    if line.start and line.end:
        notes.append(f"{say.short_day(line.start)} – {say.short_day(line.end)}")  # noqa: RUF001
    elif line.start:
        notes.append(say.short_day(line.start))
    if line.discount:
        notes.append(f"{say.words.discount} {say.money(line.discount, invoice.currency)}")
    quantity = say.number(line.quantity)
    return Row(
        description=line.description,
        note=" · ".join(notes),
        quantity=f"{quantity} {line.unit}".strip(),
        price=say.price(line.unit_price, invoice.currency),
        rate=rate_text(line.rate, say),
        amount=say.plain(line.amount, invoice.currency),
    )


def rows_of(invoice: Invoice, say: LocaleFormat) -> list[Row]:
    """The printed lines; an invoice that is only its total gets one line for all of it."""
    if invoice.lines:
        return [row_of(line, invoice, say) for line in invoice.lines]
    rate = invoice.vat[0].rate if invoice.vat else None
    net = invoice.totals.net
    price, amount = say.price(net, invoice.currency), say.plain(net, invoice.currency)
    return [Row(say.words.all_services, "", "1", price, rate_text(rate, say), amount)]


def facts_of(invoice: Invoice, say: LocaleFormat) -> list[tuple[str, str]]:
    """The label-and-value pairs of the invoice's head."""
    words = say.words
    facts = [(words.issued, say.day(invoice.issued))]
    if invoice.start and invoice.end:
        period = f"{say.short_day(invoice.start)} {words.period_to} {say.short_day(invoice.end)}"
        facts.append((words.period, period))
    named = (
        (words.customer, invoice.client.number),
        (words.order, invoice.purchase_order),
        (words.corrects, invoice.corrects),
        (words.vat_id, invoice.client.vat_id),
    )
    return facts + [(label, value) for label, value in named if value]


def sums_of(invoice: Invoice, say: LocaleFormat) -> list[tuple[str, str]]:
    """The column of totals above the amount due."""
    totals, words = invoice.totals, say.words
    rows: list[tuple[str, Decimal]] = []
    if totals.allowances:
        rows.append((words.subtotal, totals.lines))
        rows += [(allowance.description, -allowance.amount) for allowance in invoice.allowances]
    rows += [(words.net, totals.net), (words.tax, totals.tax), (words.gross, totals.gross)]
    if totals.paid:
        rows.append((words.paid, -totals.paid))
    return [(label, say.money(amount, invoice.currency)) for label, amount in rows]


def vat_of_view(row: VatRow, invoice: Invoice, say: LocaleFormat) -> tuple[str, str, str]:
    """One row of the VAT table: rate, basis, tax."""
    return (
        rate_text(row.rate, say),
        say.plain(row.basis, invoice.currency),
        say.plain(row.tax, invoice.currency),
    )


def legal_notes(invoice: Invoice, say: LocaleFormat) -> list[str]:
    """Why no VAT is charged where none is; the wording that has to stand on the page."""
    words = say.words
    reasons = {
        VatCategory.REVERSE_CHARGE: words.reverse_charge,
        VatCategory.EXEMPT: words.exempt,
        VatCategory.INTRA_COMMUNITY: words.intra_community,
        VatCategory.EXPORT: words.export,
        VatCategory.OUTSIDE: words.outside,
    }
    present = {row.category for row in invoice.vat}
    return [text for category, text in reasons.items() if category in present]


def payable(invoice: Invoice) -> bool:
    """Whether the customer has something to pay."""
    return not invoice.credit and invoice.totals.due > 0


def code_of(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> PaymentCode | None:
    """The payment QR code, or None where there is nothing to pay or no way to say how."""
    if not payable(invoice):
        return None
    seller = settings.seller
    payload = None
    if seller.iban and invoice.currency == "EUR":
        payload = epc_payload(
            name=seller.name,
            iban=seller.iban,
            bic=seller.bic,
            amount=invoice.totals.due,
            reference=invoice.number,
        )
    caption = say.words.scan_sepa if payload else say.words.scan_link
    if payload := payload or invoice.pay_url or None:
        return PaymentCode(qr_picture(payload), caption)
    return None


def business(invoice: Invoice) -> bool:
    """Whether the customer is a company, as far as the invoice tells."""
    return bool(invoice.client.siren or invoice.client.vat_id)


def late_note(settings: InvoiceSettings, say: LocaleFormat) -> str:
    """What late payment costs; an invoice between businesses in France must say it (L441-9)."""
    fee = say.money(settings.late_fee, "EUR")
    return say.words.late.format(rate=settings.late_rate or say.words.late_rate, fee=fee)


def from_lines(settings: InvoiceSettings, say: LocaleFormat) -> list[str]:
    """The seller's address block, below the logo."""
    seller = settings.seller
    lines = [seller.name, *seller.address, f"{seller.postcode} {seller.city}".strip()]
    if seller.vat_id:
        lines.append(f"{say.words.vat_id} {seller.vat_id}")
    return [line for line in lines if line]


def to_lines(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> list[str]:
    """The customer's address block; the country only where it is not the seller's."""
    client = invoice.client
    abroad = say.country(client.country) if client.country != settings.seller.country else ""
    return [line for line in (*client.block, abroad) if line]


def is_long(lines: list[str]) -> bool:
    """Whether an address needs smaller letters to stay in its window: over six lines once wrapped."""
    return sum(1 + len(line) // 40 for line in lines) > 6


def foot(settings: InvoiceSettings, say: LocaleFormat) -> str:
    """The seller's legal line at the foot of every page."""
    seller = settings.seller
    siren = f"SIREN {seller.siren}" if seller.siren else ""
    vat = f"{say.words.vat_id} {seller.vat_id}" if seller.vat_id else ""
    return " · ".join(filter(None, (seller.name, seller.registration, siren, vat, seller.website)))


def view_of(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> dict[str, Any]:
    """Everything that our templates print, beside OmniCRM's own names."""
    seller = settings.seller
    return {
        "w": say.words,
        "pages": PAGES,
        "lang": say.language,
        "inv": invoice,
        "title": say.words.credit_note if invoice.credit else say.words.invoice,
        "facts": facts_of(invoice, say),
        "rows": rows_of(invoice, say),
        "vat": [vat_of_view(row, invoice, say) for row in invoice.vat],
        "sums": sums_of(invoice, say),
        "due": say.money(invoice.totals.due, invoice.currency),
        "due_day": say.day(invoice.due) if invoice.due else "",
        "payable": payable(invoice),
        "code": code_of(invoice, settings, say),
        "iban": " ".join(seller.iban[i : i + 4] for i in range(0, len(seller.iban), 4)),
        "legal": legal_notes(invoice, say),
        "late": f"{late_note(settings, say)} {say.words.no_discount}" if business(invoice) else "",
        # Plain data: a settings object has methods that read files.
        "seller": seller.model_dump(),
        "from_lines": from_lines(settings, say),
        "to_lines": to_lines(invoice, settings, say),
        "to_long": is_long([invoice.client.name, *to_lines(invoice, settings, say)]),
        "foot": foot(settings, say),
        "contact": " · ".join(filter(None, (seller.email, seller.phone))),
        "terms": settings.payment_terms,
    }
