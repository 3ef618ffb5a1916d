"""One mail for several reminders of one customer."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from mailworker.core.chunks import chunked
from mailworker.core.mailjet_limits import LIST_ELEMENTS
from mailworker.rules.crm_facts import InvoiceFacts
from mailworker.rules.reminder_due import Due

InvoiceT = TypeVar("InvoiceT", bound=InvoiceFacts)


@dataclass(frozen=True, slots=True)
class Reminder(Generic[InvoiceT]):
    """One mail. `keys` are the keys of all its steps, at least one.

    Each must be claimed in the ledger together with the mail, so that a later scan finds every one of them
    sent.
    """

    all: tuple[tuple[InvoiceT, Due], ...]

    @property
    def leading(self) -> tuple[InvoiceT, Due]:
        """What it is first about: the oldest invoice at the latest step."""
        return self.all[0]

    @property
    def key(self) -> str:
        """The mail's idempotency key; that of the step itself where it is about one invoice."""
        if len(self.all) == 1:
            return self.leading[1].key
        together = hashlib.sha256("\n".join(sorted(self.keys)).encode()).hexdigest()
        return f"reminders:{self.leading[0].customer_id}:{together[:24]}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The key of every step of this mail."""
        return tuple(due.key for _, due in self.all)

    @property
    def not_before(self) -> datetime:
        """When all of it may leave, in UTC."""
        return max(due.not_before for _, due in self.all)

    @property
    def owed(self) -> Decimal:
        """The sum of what is owed, in the one currency that all share."""
        return sum((invoice.owed for invoice, _ in self.all), Decimal(0))


def merge(due: Iterable[tuple[InvoiceT, Due]], reader: Callable[[InvoiceT], str]) -> list[Reminder[InvoiceT]]:
    """One mail for each customer, `reader`, currency, and side of the due date: due soon is not overdue.

    A customer's invoices may go to several people, of whom each reads only their own. A mail names fifty
    invoices at most, for Mailjet takes no longer list; what is more makes another mail.
    """
    groups: dict[tuple[str, str, str, bool], list[tuple[InvoiceT, Due]]] = {}
    for invoice, reminder in due:
        group = invoice.customer_id, reader(invoice), invoice.currency, reminder.step.days < 0
        groups.setdefault(group, []).append((invoice, reminder))
    mails = (chunked(together(members).all, LIST_ELEMENTS) for members in groups.values())
    return [Reminder(tuple(part)) for parts in mails for part in parts]


def alone(due: Iterable[tuple[InvoiceT, Due]]) -> list[Reminder[InvoiceT]]:
    """One mail for each invoice."""
    return [Reminder((one,)) for one in due]


def together(members: Iterable[tuple[InvoiceT, Due]]) -> Reminder[InvoiceT]:
    """One mail for all of these: the latest steps first, and of those the oldest invoices."""
    in_order = sorted(members, key=lambda one: (-one[1].step.days, one[0].due_date, one[0].invoice_id))
    return Reminder(tuple(in_order))
