"""What an e-invoice needs and this invoice lacks, by the number that EN 16931 gives each field.

Each sentence stands for a rule of the official schematrons; the tests run these over drawn invoices, so that
what passes here is valid there.
"""

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import FRENCH
from mailworker.invoices.model import Invoice
from mailworker.invoices.requirements.en16931 import european
from mailworker.invoices.requirements.france import french


def requirements(invoice: Invoice, settings: InvoiceSettings) -> list[str]:
    """One sentence for each fault; empty when the e-invoice will be valid."""
    faults = [*european(invoice, settings)]
    if settings.seller.country in FRENCH:
        faults += french(invoice, settings)
    return faults


__all__ = ["requirements"]
