"""Why no VAT is charged: the words that the law wants on the page, and the codes of the VATEX list."""

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import Invoice, VatCategory, VatRow

#: Codes of a whole category (EN 16931 BT-121); plain exemption has one only if the invoice gives it.
_CATEGORY_CODES = {
    VatCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    VatCategory.INTRA_COMMUNITY: "VATEX-EU-IC",
    VatCategory.EXPORT: "VATEX-EU-G",
    VatCategory.OUTSIDE: "VATEX-EU-O",
}
FRANCHISE = "VATEX-FR-FRANCHISE"
#: Overseas departments where no VAT is charged at all (CGI article 294).
_NO_VAT = frozenset({"GF", "YT"})


def exemption_code(row: VatRow) -> str:
    """The code of a VAT row's exemption; empty where there is none."""
    return _CATEGORY_CODES.get(row.category) or row.exemption.code


def exemption_text(row: VatRow, settings: InvoiceSettings, fmt: LocaleFormat) -> str:
    """The words for a VAT row's exemption; empty for a row that bears VAT, or zero-rated."""
    labels = fmt.labels
    if row.exemption.reason or row.category is not VatCategory.EXEMPT:
        return row.exemption.reason or labels.exemptions.get(row.category, "")
    if row.exemption.code == FRANCHISE:
        return labels.franchise
    return labels.no_vat_overseas if settings.seller.country in _NO_VAT else labels.exempt


def unexplained(invoice: Invoice, settings: InvoiceSettings) -> bool:
    """Whether a row is exempt, and the article is not given."""
    return any(
        row.category is VatCategory.EXEMPT
        and not row.exemption.reason
        and row.exemption.code != FRANCHISE
        and settings.seller.country not in _NO_VAT
        for row in invoice.vat
    )
