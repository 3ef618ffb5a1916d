"""The invoice that staff or a customer calls by its number."""

from collections.abc import Sequence

from mailworker.crm import CrmSource
from mailworker.crm.instalments import invoice_of_instalment
from mailworker.crm.records import CrmInvoice
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.find_by_invoice_number import invoice_ids_of
from mailworker.rules.crm_facts import InvoiceStatus


def find_invoice(ledger: Ledger, crm: CrmSource, number: str) -> CrmInvoice | None:
    """The invoice of this id or number: by a mail about it, else among the open ones, slowly.

    One with a plan of payments is its oldest unpaid instalment. Raises BadInput where several are called so:
    two companies' invoices have one number, or a number is another's id.
    """
    by_id = crm.invoice(number)
    if by_id is not None and _spelt(by_id.number) == _spelt(number):
        return by_id
    with ledger.read() as connection:
        ids = invoice_ids_of(connection, number)
    known = [one for id_ in ids if (one := crm.invoice(id_)) is not None]
    if by_id is not None:
        return _the_one([by_id, *(one for one in known if one.invoice_id != by_id.invoice_id)], number)
    return _the_one(known or _open_ones(crm, number), number)


def _open_ones(crm: CrmSource, number: str) -> list[CrmInvoice]:
    listed = (one for page in crm.open_invoices() for one in page.records)
    ids = dict.fromkeys(
        invoice_of_instalment(one.invoice_id) for one in listed if _spelt(one.number) == _spelt(number)
    )
    return [one for id_ in ids if (one := crm.invoice(id_)) is not None]


def _the_one(found: Sequence[CrmInvoice], number: str) -> CrmInvoice | None:
    """The one that is meant, one that was cancelled only where there is no other."""
    meant = [one for one in found if one.status is not InvoiceStatus.CANCELLED] or found[:1]
    if len(meant) > 1:
        named = ", ".join(f"the one with the id {one.invoice_id} (number {one.number})" for one in meant)
        raise BadInput(f"{number}: several invoices are called so: {named}. Give what only one of them has.")
    return meant[0] if meant else None


def _spelt(number: str) -> str:
    return number.strip().casefold()
