"""From a reminder that is due to its mail."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.plural import counted
from mailworker.crm.instalments import invoice_of_instalment
from mailworker.crm.records import CrmInvoice
from mailworker.ledger.notification_log import Claim, about_invoice
from mailworker.reminders.reminder_variables import ReminderFacts, reminder_variables, variables
from mailworker.rules.reminder_due import Due
from mailworker.rules.reminder_grouping import Reminder
from mailworker.scans.message_drafts import Draft, MessageDrafts
from mailworker.scans.runner import ScanClaim


def written(
    reminder: Reminder[CrmInvoice], drafts: MessageDrafts, *, not_before: datetime, now: datetime
) -> ScanClaim:
    """The mail of this reminder. Raises BadInput where something that it needs is missing or wrong."""
    first, due = reminder.leading
    invoices = [invoice for invoice, _ in reminder.all]
    language = drafts.language(first.language, due.step.kind)
    facts = ReminderFacts(due.days_overdue, due.days_left, due.last, drafts.portal_url)
    draft = Draft(
        key=reminder.key,
        kind=due.step.kind,
        about=f"Invoice {', '.join(invoice.invoice_id for invoice in invoices)}",
        email=first.email,
        name=first.customer_name,
        language=language,
        customer_id=first.customer_id,
        not_before=not_before,
        hours=drafts.reminder_hours,
        timezone=first.timezone,
        variables=variables(invoices, facts, language=language),
    )
    row = drafts.row(draft, now=now) | {"step": due.step.days}
    if len(invoices) == 1:
        row["invoice_id"] = invoice_of_instalment(first.invoice_id)
    claims = (
        Claim(one.key, about_invoice(invoice.invoice_id), one.step.days) for invoice, one in reminder.all
    )
    return ScanClaim(row, tuple(claims), "; ".join(_why(invoice, one) for invoice, one in reminder.all))


def reader_of(invoice: CrmInvoice) -> str:
    """Who reads the mail about this invoice: one mailbox, however its address is written."""
    return canonical_address(invoice.email)


def fill_gaps(invoice: CrmInvoice, row: Mapping[str, Any]) -> CrmInvoice:
    """The invoice as the CRM has it; its gaps (one query may have fewer columns) filled from a mail."""
    variables = row["variables"] or {}
    links = {name: variables.get(name) or "" for name in ("pay_url", "invoice_url")}
    known = {"language": row["language"]} | links
    return replace(invoice, **{name: it for name, it in known.items() if not getattr(invoice, name)})


def by_hand(
    invoice: CrmInvoice, row: Mapping[str, Any], drafts: MessageDrafts, *, today: date, now: datetime
) -> dict[str, Any]:
    """The row of a reminder that staff sent, as it would be if they sent it today to the same address.

    Raises BadInput where something that it needs is missing or wrong.
    """
    draft = Draft(
        key=row["idempotency_key"],
        kind=row["kind"],
        about=f"Invoice {invoice.invoice_id}",
        email=row["to_email"],
        name=row["to_name"] or "",
        language=row["language"],
        customer_id=row["customer_id"] or invoice.customer_id,
        not_before=now,
        hours=drafts.reminder_hours,
        variables=reminder_variables(
            fill_gaps(invoice, row), language=row["language"], today=today, portal_url=drafts.portal_url
        ),
    )
    return drafts.row(draft, now=now)


def _why(invoice: CrmInvoice, due: Due) -> str:
    """`FA-7: step d+7, 8 days overdue (d+1 missed)`."""
    missed = f" ({', '.join(step.name for step in due.skipped)} missed)" if due.skipped else ""
    if due.step.days < 0:
        return f"{invoice.number}: step {due.step.name}, due on {invoice.due_date}{missed}"
    days = counted(due.days_overdue, "day")
    return f"{invoice.number}: step {due.step.name}, {days} overdue{missed}"
