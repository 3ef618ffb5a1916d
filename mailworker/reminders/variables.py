"""What a reminder's template prints, as the customer's language writes it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mailworker.crm.records import CrmInvoice
from mailworker.invoices.locale_format import speech


def reminder_variables(invoice: CrmInvoice, *, language: str, today: date) -> dict[str, Any]:
    """The variables of a reminder about this invoice that leaves on this day.

    A reminder before the due date says 0 days overdue.
    """
    overdue = max(0, (today - invoice.due_date).days)
    return variables([invoice], days_overdue=overdue, language=language)


def variables(invoices: Sequence[CrmInvoice], *, days_overdue: int, language: str) -> dict[str, Any]:
    """The variables of one mail about these invoices of one customer and currency; the first one leads.

    Numbers are listed and amounts added up; the due date and the link are the first one's.
    """
    first = invoices[0]
    owed = sum((invoice.owed for invoice in invoices), Decimal(0))
    return {
        "customer_name": first.customer_name,
        "invoice_number": ", ".join(invoice.number for invoice in invoices),
        "due_date": _day(language, first.due_date),
        "days_overdue": days_overdue,
        "total_amount": _money(language, owed, first.currency),
        "pay_url": first.pay_url or first.invoice_url,
        "invoice_url": first.invoice_url,
    }


# A scan says the same few days and amounts over and over, and Babel takes longer over one than all the rest.


@lru_cache(maxsize=1_000)
def _day(language: str, day: date) -> str:
    return speech(language).day(day)


@lru_cache(maxsize=10_000)
def _money(language: str, amount: Decimal, currency: str) -> str:
    return speech(language).money(amount, currency)
