"""An invoice that is paid in instalments: each of them is reminded of by its own due date.

What was paid counts for the oldest instalments first, as French law has it if nothing else was agreed (Code
civil, article 1342-10), unless the plan itself has what is left of each.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from mailworker.core.currency import in_units
from mailworker.crm.records import CrmInvoice, PaymentPlan
from mailworker.rules.crm_facts import InvoiceStatus

_ID = re.compile(r"(?P<invoice>.+)/instalment-(?P<number>[1-9][0-9]{0,2})", re.DOTALL)


def instalment_id(invoice_id: str, number: int) -> str:
    """The id of an instalment, the first one being 1: it stands in keys, and must never change."""
    return f"{invoice_id}/instalment-{number}"


def invoice_of_instalment(id_: str) -> str:
    """The id of the invoice of which this is an instalment; any other id as it is."""
    found = _ID.fullmatch(id_)
    return found["invoice"] if found else id_


def instalments(invoice: CrmInvoice) -> Sequence[CrmInvoice]:
    """Each instalment as an invoice of its own: its id, due date, amount and what is left of it.

    An invoice without a plan is its own only one.
    """
    plan = invoice.payment_plan
    if plan is None:
        return (invoice,)
    left = [in_units(amount, invoice.currency) for amount in _left(plan, invoice.owed)]
    return [
        replace(
            invoice,
            invoice_id=instalment_id(invoice.invoice_id, number),
            due_date=one.due_date,
            owed=owed,
            total=in_units(one.amount, invoice.currency),
            status=InvoiceStatus.PAID if _is_paid(invoice, owed) else invoice.status,
            paid_part_on=invoice.paid_part_on if 0 < owed < one.amount else None,
            instalment=number,
            instalments=len(plan.instalments),
            payment_plan=None,
        )
        for number, (one, owed) in enumerate(zip(plan.instalments, left, strict=True), start=1)
    ]


def current(invoice: CrmInvoice) -> CrmInvoice:
    """The invoice as a reminder that staff send shows it: by its oldest instalment that is not paid."""
    own = instalments(invoice)
    chosen = next((one for one in own if one.status is not InvoiceStatus.PAID), own[-1])
    return replace(chosen, invoice_id=invoice.invoice_id)


def named(invoice: CrmInvoice, id_: str) -> CrmInvoice | None:
    """The invoice, or its instalment, that this id names; None where the plan has no such instalment."""
    if invoice_of_instalment(id_) == id_:
        return current(invoice)
    if invoice.payment_plan is None:
        return None
    number = int(id_.rpartition("-")[2])
    return next((one for one in instalments(invoice) if one.instalment == number), None)


def _is_paid(invoice: CrmInvoice, owed: Decimal) -> bool:
    return owed <= 0 and invoice.status is not InvoiceStatus.CANCELLED


def _left(plan: PaymentPlan, owed: Decimal) -> list[Decimal]:
    """What is left of each instalment, the later ones wholly before the earlier ones."""
    if all(one.owed is not None for one in plan.instalments):
        return [one.owed or Decimal(0) for one in plan.instalments]
    left: list[Decimal] = []
    for one in reversed(plan.instalments):
        part = max(Decimal(0), min(one.amount, owed - sum(left)))
        left.insert(0, part)
    # What the plan does not cover was due before it.
    left[0] += max(Decimal(0), owed - sum(left))
    return left
