"""What our own templates print: an Invoice in a customer's language, every value a finished text."""

from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import ClientKind, Invoice
from mailworker.invoices.page.head_and_foot import facts_of, foot, from_lines, is_long, title_of, to_lines
from mailworker.invoices.page.line_table import are_wide, rows_of, shows_gross
from mailworker.invoices.page.sums_and_payment import (
    code_of,
    debit_of,
    due_day,
    due_of,
    legal_notes,
    nothing_note,
    pay_facts,
    payable,
    spaced,
    sums_of,
    terms_of,
    vat_of_view,
)


def view_of(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> dict[str, Any]:
    """Everything that our templates print, beside OmniCRM's own names."""
    seller = settings.seller
    due_label, due = due_of(invoice, fmt)
    rows, gross = rows_of(invoice, fmt), shows_gross(invoice)
    day, debit = due_day(invoice), debit_of(invoice)
    to = to_lines(invoice, settings, fmt)
    return {
        "w": fmt.labels,
        "lang": fmt.language,
        "inv": invoice,
        "title": title_of(invoice, fmt),
        "facts": facts_of(invoice, settings, fmt),
        "rows": rows,
        "gross": gross,
        "wide": are_wide(rows, [fmt.plain(invoice.totals.gross, invoice.currency)], gross=gross),
        "vat": [vat_of_view(row, invoice, fmt) for row in invoice.vat],
        "sums": sums_of(invoice, fmt),
        "due": due,
        "due_label": due_label,
        "due_day": fmt.day(day) if day else "",
        "due_by": fmt.labels.debited_on if debit else fmt.labels.due_by,
        "payable": payable(invoice),
        "pay_online": invoice.pay_url if payable(invoice) and not debit else "",
        "nothing": nothing_note(invoice, fmt),
        "code": code_of(invoice, settings, fmt),
        "pay": pay_facts(invoice, settings, fmt) if payable(invoice) else [],
        "iban": spaced(seller.iban),
        "legal": legal_notes(invoice, settings, fmt),
        "late": terms_of(invoice, settings, fmt),
        # Plain data: a settings object has methods that read files.
        "seller": seller.model_dump(),
        "from_lines": from_lines(settings, fmt),
        "to_lines": to,
        "to_long": is_long([invoice.client.name, *to]),
        "foot": foot(settings, fmt),
        "contact": " · ".join(filter(None, (seller.email, seller.phone))),
        "service": seller.customer_service if invoice.client.kind is ClientKind.CONSUMER else "",
        "terms": invoice.payment_terms,
    }
