"""What a reminder's template prints, as the customer's language writes it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mailworker.core.language_tag import base_language
from mailworker.crm.records import CrmInvoice
from mailworker.invoices.languages.locale_format import locale_format

_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReminderFacts:
    """Where a reminder stands. Of the two counts of days one is 0; both are on the day of the due date.

    `last` is whether no step of the ladder follows. `portal_url` is where a customer sees all invoices.
    """

    days_overdue: int
    days_left: int = 0
    last: bool = False
    portal_url: str = ""


def reminder_variables(
    invoice: CrmInvoice, *, language: str, today: date, portal_url: str = ""
) -> dict[str, Any]:
    """The variables of a reminder about this invoice that leaves on this day."""
    age = (today - invoice.due_date).days
    facts = ReminderFacts(max(0, age), max(0, -age), portal_url=portal_url)
    return variables([invoice], facts, language=language)


def variables(invoices: Sequence[CrmInvoice], facts: ReminderFacts, *, language: str) -> dict[str, Any]:
    """The variables of one mail about these invoices of one customer and currency; the first one leads.

    Numbers are listed and amounts added up; the due date and the link are the first one's. A mail about
    several has each with its own amount, day and link in `invoices`.
    """
    first = invoices[0]
    owed = sum((invoice.owed for invoice in invoices), Decimal(0))
    several = len(invoices) > 1
    return {
        "customer_name": first.customer_name,
        "invoice_number": ", ".join(invoice.number for invoice in invoices),
        "due_date": _day(language, first.due_date),
        "days_overdue": facts.days_overdue,
        "days_left": str(facts.days_left) if facts.days_left else "",
        "total_amount": _money(language, owed, first.currency),
        "pay_url": first.pay_url or first.invoice_url,
        "invoice_url": first.invoice_url,
        "account_url": facts.portal_url,
        "last": "yes" if facts.last else "no",
        "part_paid": "yes" if any(_part_paid(invoice) for invoice in invoices) else "no",
        "invoice_count": str(len(invoices)),
        "instalment": "" if several else _instalment(first, language),
        "invoices": [_line(invoice, language) for invoice in invoices] if several else [],
    }


def _line(invoice: CrmInvoice, language: str) -> dict[str, str]:
    link = invoice.pay_url or invoice.invoice_url
    return {
        "number": invoice.number,
        "due_date": _day(language, invoice.due_date),
        "amount": _money(language, invoice.owed, invoice.currency),
        "pay_url": link if _LINK.fullmatch(link) else "",
    }


def _instalment(invoice: CrmInvoice, language: str) -> str:
    """Which one it is, of how many: `versement 2 sur 3`; empty for a whole invoice."""
    if not invoice.instalment:
        return ""
    words = "versement {} sur {}" if base_language(language) == "fr" else "instalment {} of {}"
    return words.format(invoice.instalment, invoice.instalments)


def _part_paid(invoice: CrmInvoice) -> bool:
    return invoice.owed < invoice.total


# A scan says the same few days and amounts over and over, and Babel takes longer over one than all the rest.


@lru_cache(maxsize=1_000)
def _day(language: str, day: date) -> str:
    return locale_format(language).day(day)


@lru_cache(maxsize=10_000)
def _money(language: str, amount: Decimal, currency: str) -> str:
    return locale_format(language).money(amount, currency)
