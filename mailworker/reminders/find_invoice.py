"""The invoice that staff or a customer calls by its number."""

from mailworker.crm import CrmSource
from mailworker.crm.instalments import invoice_of_instalment
from mailworker.crm.records import CrmInvoice
from mailworker.ledger import Ledger
from mailworker.ledger.find_by_invoice_number import invoice_id_of


def find_invoice(ledger: Ledger, crm: CrmSource, number: str) -> CrmInvoice | None:
    """The invoice of this id or number: by a mail about it, else among the open ones, slowly.

    One with a plan of payments is its oldest unpaid instalment.
    """
    if (found := crm.invoice(number)) is not None:
        return found
    with ledger.read() as connection:
        known = invoice_id_of(connection, number)
    if known is not None:
        return crm.invoice(known)
    wanted = number.strip().casefold()
    found = next(
        (one for page in crm.open_invoices() for one in page.records if one.number.casefold() == wanted), None
    )
    return crm.invoice(invoice_of_instalment(found.invoice_id)) if found else None
