"""Which page template an invoice is drawn with: plain, with call detail, or the operator's own."""

from collections.abc import Callable

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.model import Invoice

DETAIL = "detail.html"


def prints_calls(invoice: Invoice, settings: InvoiceSettings, *, small: bool) -> bool:
    """Whether its calls are printed: there are some, not too many, and the PDF need not be small."""
    return not small and 0 < len(invoice.usage) <= settings.limits.detail_rows


def template_name(settings: InvoiceSettings, *, ours: Callable[[str], bool], detailed: bool) -> str:
    """The operator's template for calls, ours where the operator has no template at all, or the plain one."""
    plain = settings.template_filename
    if not detailed:
        return plain
    return settings.detail_template_filename or (DETAIL if ours(plain) else plain)
