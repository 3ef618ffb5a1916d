"""Invoices: from OmniCRM's JSON to a PDF, a Factur-X e-invoice, and the words of the mail around it.

The renderer starts a process of its own; nothing here loads WeasyPrint into the worker.
"""

from mailworker.invoices.attachment_size import Fitted, SizeVerdict, decide, encoded_size, fit
from mailworker.invoices.check import InvoiceReview, check_invoice, review_invoice
from mailworker.invoices.file_store import FolderStore, PdfStore, UrlStore, pdf_store
from mailworker.invoices.mail_variables import mail_variables
from mailworker.invoices.render_result import RenderedInvoice
from mailworker.invoices.render_supervisor import InvoiceRenderer
from mailworker.invoices.self_test import renderer_health

__all__ = [
    "Fitted",
    "FolderStore",
    "InvoiceRenderer",
    "InvoiceReview",
    "PdfStore",
    "RenderedInvoice",
    "SizeVerdict",
    "UrlStore",
    "check_invoice",
    "decide",
    "encoded_size",
    "fit",
    "mail_variables",
    "pdf_store",
    "renderer_health",
    "review_invoice",
]
