"""The head of the page: who sells, who buys, and what the invoice is about."""

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import Invoice, PostalAddress

Fact = tuple[str, str]


def title_of(invoice: Invoice, fmt: LocaleFormat) -> str:
    """What kind of document it is."""
    titles = fmt.labels.titles
    return titles.get(invoice.type_code) or titles[invoice.type]


def facts_of(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> list[Fact]:
    """The label-and-value pairs of the invoice's head."""
    labels = fmt.labels
    facts = [(labels.issued, fmt.day(invoice.issued))]
    if invoice.start and invoice.end:
        period = f"{fmt.short_day(invoice.start)} {labels.period_to} {fmt.short_day(invoice.end)}"
        facts.append((labels.period, period))
    refers, client = invoice.references, invoice.client
    named = (
        (labels.customer, client.number),
        (labels.order, refers.purchase_order),
        (labels.sales_order, refers.sales_order),
        (labels.buyer_reference, refers.buyer),
        (labels.contract, refers.contract),
        (labels.project, refers.project),
        (labels.tender, refers.tender),
        (labels.invoiced_object, refers.thing),
        (labels.despatch, refers.despatch),
        (labels.receipt, refers.receipt),
        (labels.accounting, refers.accounting),
        (labels.corrects, _corrected(invoice, fmt)),
        ("SIRET" if client.siret else labels.your_siren, grouped(client.siret or client.siren)),
        (labels.your_company_id, client.company_id),
        (labels.your_vat_id, client.vat_id),
        *_delivery(invoice, fmt),
        (labels.tax_point, fmt.short_day(invoice.tax_point) if invoice.tax_point else ""),
        (labels.operation, _operation(invoice, settings, fmt)),
    )
    return facts + [(label, value) for label, value in named if value]


def grouped(digits: str) -> str:
    """A SIREN or SIRET as people write it: 123 456 824 00013."""
    if len(digits) not in (9, 14) or not digits.isdigit():
        return digits
    return " ".join(filter(None, (digits[:3], digits[3:6], digits[6:9], digits[9:])))


def _corrected(invoice: Invoice, fmt: LocaleFormat) -> str:
    """The earlier invoices, each with its day where that is known."""
    return ", ".join(
        fmt.labels.corrects_on.format(number=earlier.number, day=fmt.short_day(earlier.day))
        if earlier.day
        else earlier.number
        for earlier in invoice.references.earlier
    )


def _delivery(invoice: Invoice, fmt: LocaleFormat) -> list[Fact]:
    """The delivery address (décret 2022-1299 wants it where it is another one) and its day."""
    delivery = invoice.delivery
    if not delivery:
        return []
    where = ", ".join(filter(None, (delivery.name, *delivery.address.block, delivery.number)))
    day = fmt.short_day(delivery.day) if delivery.day else ""
    return [(fmt.labels.delivered_to, where), (fmt.labels.delivered_on, day)]


def _operation(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> str:
    """Between French companies the kind of operation is a mention of its own (décret 2022-1299)."""
    shown = settings.seller.country == "FR" and invoice.client.siren
    return fmt.labels.operations[invoice.operation] if shown else ""


def from_lines(settings: InvoiceSettings, fmt: LocaleFormat) -> list[str]:
    """The seller's address block, below the logo."""
    seller = settings.seller
    address = PostalAddress(seller.address, seller.postcode, seller.city, seller.state)
    lines = [seller.name, *address.block]
    if seller.vat_id:
        lines.append(f"{fmt.labels.vat_id} {seller.vat_id}")
    return [line for line in lines if line]


def to_lines(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> list[str]:
    """The customer's address block; the country only where it is not the seller's."""
    client = invoice.client
    abroad = fmt.country(client.country) if client.country != settings.seller.country else ""
    attention = fmt.labels.attention.format(name=client.contact) if client.contact else ""
    return [line for line in (client.trading_name, attention, *client.address.block, abroad) if line]


def is_long(lines: list[str]) -> bool:
    """Whether an address needs smaller letters to stay in its window: over six lines once wrapped."""
    return sum(1 + len(line) // 40 for line in lines) > 6


def foot(settings: InvoiceSettings, fmt: LocaleFormat) -> str:
    """The seller's legal line at the foot of every page."""
    seller = settings.seller
    siren = f"SIREN {grouped(seller.siren)}" if seller.siren else seller.company_id
    vat = f"{fmt.labels.vat_id} {seller.vat_id}".replace(" ", "\u00a0") if seller.vat_id else ""
    return " · ".join(filter(None, (seller.name, seller.registration, siren, vat, seller.website)))
