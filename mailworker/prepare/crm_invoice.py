"""What a mail says of an invoice that the CRM knows."""

from typing import Any

from mailworker.crm.records import CrmInvoice


def invoice_document(invoice: CrmInvoice) -> dict[str, Any]:
    """The CRM's invoice in the names of OmniCRM's invoice JSON, as far as the CRM's listing knows them."""
    return {
        "invoice_number": invoice.number,
        "date": (invoice.issue_date or invoice.due_date).isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "total_amount": str(invoice.total),
        "currency": invoice.currency,
        "client": {"name": invoice.customer_name, "email": invoice.email},
        "invoice_url": invoice.invoice_url,
        "pay_url": invoice.pay_url,
        "language": invoice.language or None,
    }
