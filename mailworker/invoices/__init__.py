"""Invoices: from OmniCRM's JSON to a PDF, a Factur-X e-invoice, and the words of the mail around it.

The renderer starts a process of its own; nothing here loads WeasyPrint into the worker.
"""

from mailworker.invoices.attachment import Fitted, Verdict, decide, encoded_size, fit
from mailworker.invoices.checking import check_invoice
from mailworker.invoices.health import renderer_health
from mailworker.invoices.mail import mail_variables
from mailworker.invoices.rendered import RenderedInvoice
from mailworker.invoices.renderer import InvoiceRenderer
from mailworker.invoices.store import FolderStore, PdfStore, UrlStore, pdf_store

__all__ = [
    "Fitted",
    "FolderStore",
    "InvoiceRenderer",
    "PdfStore",
    "RenderedInvoice",
    "UrlStore",
    "Verdict",
    "check_invoice",
    "decide",
    "encoded_size",
    "fit",
    "mail_variables",
    "pdf_store",
    "renderer_health",
]
