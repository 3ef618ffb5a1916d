"""A file name that survives every mail client."""

import re
import unicodedata

from mailworker.invoices.model import Invoice


def pdf_name(invoice: Invoice) -> str:
    """Facture-FA-2026-0042.pdf: ASCII letters, digits, dots and hyphens only, at most 80 characters."""
    french = invoice.language.lower().startswith("fr")
    word = ("Avoir" if french else "Credit-note") if invoice.credit else ("Facture" if french else "Invoice")
    return f"{word}-{safe_part(invoice.number)}.pdf"


def safe_part(text: str) -> str:
    """The text without accents, slashes, spaces and anything else that a mail client may stumble over."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.]+", "-", plain).strip("-.")[:60] or "document"
