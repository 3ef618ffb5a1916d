"""One invoice, from OmniCRM's JSON to its PDF, within this process."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.choose_template import prints_calls, template_name
from mailworker.invoices.facturx_pdf import embed
from mailworker.invoices.facturx_xml import CiiWriter
from mailworker.invoices.file_name import pdf_name
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.from_json.unknown_keys import unknown_keys
from mailworker.invoices.jinja_sandbox import Templates
from mailworker.invoices.languages.locale_format import LocaleFormat, page_format
from mailworker.invoices.model import Invoice
from mailworker.invoices.page.call_detail import sheets_of
from mailworker.invoices.page.called_numbers_privacy import printed_usage
from mailworker.invoices.page.template_context import view_of
from mailworker.invoices.page_reuse.draw_call_rows import can_stamp
from mailworker.invoices.render_process.result import RenderedInvoice
from mailworker.invoices.requirements.warn_of_missing_mentions import other_amounts
from mailworker.invoices.weasyprint.engine import PagePart, RenderEngine


class InvoicePrinter:
    """Engine and templates together. One per process; not for threads."""

    def __init__(self, settings: InvoiceSettings) -> None:
        self.settings = settings
        self.templates = Templates(settings)
        self.engine = RenderEngine(settings)
        self.cii = CiiWriter(settings) if settings.e_invoice == "factur-x" else None

    def print(self, raw: Mapping[str, Any], *, language: str, small: bool = False) -> RenderedInvoice:
        """The PDF. `small` leaves the call detail to the portal and shrinks pictures to 96 dpi."""
        invoice = read_invoice(raw, self.settings, language=language)
        fmt = page_format(invoice.language)
        detailed = prints_calls(invoice, self.settings, small=small)
        name = template_name(self.settings, ours=self.templates.is_ours, detailed=detailed)
        context = self._context(raw, invoice, fmt, detailed=detailed)
        source = self.templates.write(name, context)
        code = context["ours"]["code"]
        page = PagePart(
            source=source,
            ours=self.templates.is_ours(name),
            title=f"{context['ours']['title']} {invoice.number}",
            language=fmt.language,
            issued=invoice.issued,
            stamped=context["ours"]["sheets"] if context["ours"]["stamped"] else (),
            qr=code.picture if code else b"",
            variant=self._variant(),
            tagged=self.settings.accessible,
            dpi=96 if small else None,
        )
        finish = embed(self.cii.write(invoice, fmt), invoice, self.settings) if self.cii else None
        pdf = self.engine.draw(page, finish)
        digest = sha256(pdf).hexdigest()
        unread = tuple(unknown_keys(raw)) if page.ours else ()
        warnings = (*self.engine.warnings, *unread, *other_amounts(invoice))
        return RenderedInvoice(pdf, pdf_name(invoice), digest, warnings)

    def _variant(self) -> str | None:
        """The kind of PDF: an e-invoice is PDF/A-3, and its accessible sort is the tagged one."""
        if self.cii is None:
            return None
        return "pdf/a-3a" if self.settings.accessible else "pdf/a-3b"

    def _context(
        self, raw: Mapping[str, Any], invoice: Invoice, fmt: LocaleFormat, *, detailed: bool
    ) -> dict[str, Any]:
        """OmniCRM's names exactly as they were given, and what our own templates print as `ours`."""
        shown = printed_usage(invoice, self.settings)
        sheets = list(sheets_of(replace(invoice, usage=shown), fmt)) if detailed else []
        ours = view_of(invoice, self.settings, fmt) | {
            "sheets": sheets,
            "stamped": bool(sheets) and not self.settings.accessible and can_stamp(sheets),
            "hidden_rows": 0 if detailed else len(invoice.usage),
        }
        return {"currency": invoice.currency, "language": invoice.language, **raw, "ours": ours}
