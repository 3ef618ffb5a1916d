"""What our own templates print: an Invoice in a customer's language, every value a finished text."""

from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import ClientKind, Invoice
from mailworker.invoices.page.head import facts_of, foot, from_lines, is_long, title_of, to_lines
from mailworker.invoices.page.line_table import are_wide, rows_of, shows_gross
from mailworker.invoices.page.sums_and_payment import (
    business,
    code_of,
    debit_of,
    due_of,
    late_note,
    legal_notes,
    nothing_note,
    pay_facts,
    payable,
    spaced,
    sums_of,
    vat_of_view,
)


def view_of(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> dict[str, Any]:
    """Everything that our templates print, beside OmniCRM's own names."""
    seller = settings.seller
    due_label, due = due_of(invoice, say)
    debit = debit_of(invoice)
    rows, gross, sums = rows_of(invoice, say), shows_gross(invoice), sums_of(invoice, say)
    day = (debit.day if debit else None) or invoice.due
    return {
        "w": say.words,
        "lang": say.language,
        "inv": invoice,
        "title": title_of(invoice, say),
        "facts": facts_of(invoice, settings, say),
        "rows": rows,
        "gross": gross,
        "wide": are_wide(rows, [say.plain(invoice.totals.gross, invoice.currency)], gross=gross),
        "vat": [vat_of_view(row, invoice, say) for row in invoice.vat],
        "sums": sums,
        "due": due,
        "due_label": due_label,
        "due_day": say.day(day) if day else "",
        "due_by": say.words.debited_on if debit else say.words.due_by,
        "payable": payable(invoice),
        "nothing": nothing_note(invoice, say),
        "code": code_of(invoice, settings, say),
        "pay": pay_facts(invoice, settings, say) if payable(invoice) else [],
        "iban": spaced(seller.iban),
        "legal": legal_notes(invoice, settings, say),
        "late": f"{late_note(invoice, settings, say)} {say.words.no_discount}" if business(invoice) else "",
        # Plain data: a settings object has methods that read files.
        "seller": seller.model_dump(),
        "from_lines": from_lines(settings, say),
        "to_lines": to_lines(invoice, settings, say),
        "to_long": is_long([invoice.client.name, *to_lines(invoice, settings, say)]),
        "foot": foot(settings, say),
        "contact": " · ".join(filter(None, (seller.email, seller.phone))),
        "service": seller.customer_service if invoice.client.kind is ClientKind.CONSUMER else "",
        "terms": invoice.payment_terms,
    }
