"""Invoices: from OmniCRM's JSON to a PDF, a Factur-X e-invoice, and the words of the mail around it.

The renderer starts a process of its own; nothing here loads WeasyPrint into the worker.
"""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.invoices.attachment_size import Fitted, fit
    from mailworker.invoices.faults_and_warnings import InvoiceReview, review_invoice
    from mailworker.invoices.file_store import FolderStore, PdfStore, UrlStore, pdf_store
    from mailworker.invoices.render_process.result import RenderedInvoice
    from mailworker.invoices.render_process.supervisor import InvoiceRenderer
    from mailworker.invoices.render_self_test import renderer_health

__all__ = [
    "Fitted",
    "FolderStore",
    "InvoiceRenderer",
    "InvoiceReview",
    "PdfStore",
    "RenderedInvoice",
    "UrlStore",
    "fit",
    "pdf_store",
    "renderer_health",
    "review_invoice",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Fitted": "attachment_size",
        "FolderStore": "file_store",
        "InvoiceRenderer": "render_process.supervisor",
        "InvoiceReview": "faults_and_warnings",
        "PdfStore": "file_store",
        "RenderedInvoice": "render_process.result",
        "UrlStore": "file_store",
        "fit": "attachment_size",
        "pdf_store": "file_store",
        "renderer_health": "render_self_test",
        "review_invoice": "faults_and_warnings",
    },
)
