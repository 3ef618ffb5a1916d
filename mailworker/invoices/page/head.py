"""The head of the page: who sells, who buys, and what the invoice is about."""

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import DocumentType, Invoice, Operation, PostalAddress

Fact = tuple[str, str]


def title_of(invoice: Invoice, say: LocaleFormat) -> str:
    """What kind of document it is."""
    words = say.words
    return (
        words.titles.get(invoice.type_code)
        or {
            DocumentType.INVOICE: words.invoice,
            DocumentType.CREDIT_NOTE: words.credit_note,
            DocumentType.CORRECTIVE: words.corrective,
            DocumentType.PREPAYMENT: words.prepayment,
            DocumentType.SELF_BILLED: words.self_billed,
        }[invoice.type]
    )


def facts_of(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> list[Fact]:
    """The label-and-value pairs of the invoice's head."""
    words = say.words
    facts = [(words.issued, say.day(invoice.issued))]
    if invoice.start and invoice.end:
        period = f"{say.short_day(invoice.start)} {words.period_to} {say.short_day(invoice.end)}"
        facts.append((words.period, period))
    refers, client = invoice.references, invoice.client
    named = (
        (words.customer, client.number),
        (words.order, refers.purchase_order),
        (words.sales_order, refers.sales_order),
        (words.buyer_reference, refers.buyer),
        (words.contract, refers.contract),
        (words.project, refers.project),
        (words.tender, refers.tender),
        (words.invoiced_object, refers.thing),
        (words.despatch, refers.despatch),
        (words.receipt, refers.receipt),
        (words.accounting, refers.accounting),
        (words.corrects, _corrected(invoice, say)),
        ("SIRET" if client.siret else words.your_siren, grouped(client.siret or client.siren)),
        (words.your_company_id, client.company_id),
        (words.your_vat_id, client.vat_id),
        *_delivery(invoice, say),
        (words.tax_point, say.short_day(invoice.tax_point) if invoice.tax_point else ""),
        (words.operation, _operation(invoice, say) if _tells_operation(invoice, settings) else ""),
    )
    return facts + [(label, value) for label, value in named if value]


def grouped(digits: str) -> str:
    """A SIREN or SIRET as people write it: 123 456 824 00013."""
    if len(digits) not in (9, 14) or not digits.isdigit():
        return digits
    return " ".join(filter(None, (digits[:3], digits[3:6], digits[6:9], digits[9:])))


def _corrected(invoice: Invoice, say: LocaleFormat) -> str:
    """The earlier invoices, each with its day where that is known."""
    return ", ".join(
        say.words.corrects_on.format(number=earlier.number, day=say.short_day(earlier.day))
        if earlier.day
        else earlier.number
        for earlier in invoice.references.earlier
    )


def _delivery(invoice: Invoice, say: LocaleFormat) -> list[Fact]:
    """The delivery address (décret 2022-1299 wants it where it is another one) and its day."""
    delivery = invoice.delivery
    if not delivery:
        return []
    place = ", ".join(filter(None, (delivery.name, *delivery.place.block, delivery.number)))
    day = say.short_day(delivery.day) if delivery.day else ""
    return [(say.words.delivered_to, place), (say.words.delivered_on, day)]


def _tells_operation(invoice: Invoice, settings: InvoiceSettings) -> bool:
    """Between French companies the kind of operation is a mention of its own (décret 2022-1299)."""
    return settings.seller.country == "FR" and bool(invoice.client.siren)


def _operation(invoice: Invoice, say: LocaleFormat) -> str:
    words = say.words
    kinds = {Operation.GOODS: words.goods, Operation.SERVICES: words.services, Operation.MIXED: words.mixed}
    return kinds[invoice.operation]


def from_lines(settings: InvoiceSettings, say: LocaleFormat) -> list[str]:
    """The seller's address block, below the logo."""
    seller = settings.seller
    place = PostalAddress(seller.address, seller.postcode, seller.city, seller.state)
    lines = [seller.name, *place.block]
    if seller.vat_id:
        lines.append(f"{say.words.vat_id} {seller.vat_id}")
    return [line for line in lines if line]


def to_lines(invoice: Invoice, settings: InvoiceSettings, say: LocaleFormat) -> list[str]:
    """The customer's address block; the country only where it is not the seller's."""
    client = invoice.client
    abroad = say.country(client.country) if client.country != settings.seller.country else ""
    attention = say.words.attention.format(name=client.contact) if client.contact else ""
    return [line for line in (client.trading_name, attention, *client.place.block, abroad) if line]


def is_long(lines: list[str]) -> bool:
    """Whether an address needs smaller letters to stay in its window: over six lines once wrapped."""
    return sum(1 + len(line) // 40 for line in lines) > 6


def foot(settings: InvoiceSettings, say: LocaleFormat) -> str:
    """The seller's legal line at the foot of every page."""
    seller = settings.seller
    siren = f"SIREN {grouped(seller.siren)}" if seller.siren else seller.company_id
    vat = f"{say.words.vat_id} {seller.vat_id}" if seller.vat_id else ""
    return " · ".join(filter(None, (seller.name, seller.registration, siren, vat, seller.website)))
