"""An invoice's facts in EN 16931's terms: addresses in the network, prices' bases, treatment codes."""

from decimal import Decimal

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import CREDIT_TRANSFER, SEPA_TRANSFER
from mailworker.invoices.from_json.customer import FRENCH_DIRECTORY
from mailworker.invoices.invoice_references import Payee
from mailworker.invoices.model import Invoice, InvoiceLine, Party, PaymentMeans
from mailworker.invoices.money import decimals_of

#: Decimals of a price beyond these are carried by a larger base quantity (BT-149).
PRICE_DECIMALS = 6


def treatment(client: Party) -> str:
    """How the French platforms treat the invoice (note BAR, BR-FR-20)."""
    if client.is_french_business:
        return "B2B"
    return "B2BINT" if client.is_organisation else "B2C"


def endpoint_of(client: Party) -> tuple[str, str]:
    """The customer's electronic address and its scheme (BT-49): their own, their SIREN, or their e-mail."""
    if client.endpoint:
        return client.endpoint, client.endpoint_scheme
    if client.siren:
        return client.siren, FRENCH_DIRECTORY
    return client.email, "EM" if client.email else ""


def account_of(invoice: Invoice, settings: InvoiceSettings) -> Payee:
    """Whose account is paid to: the payee's, where the invoice names one; else the seller's."""
    seller, payee = settings.seller, invoice.payee
    if payee and payee.iban:
        return payee
    return Payee(payee.name if payee else seller.name, "", seller.iban, seller.bic)


def means_of(invoice: Invoice, settings: InvoiceSettings) -> tuple[PaymentMeans, ...]:
    """How to pay: the first means that the invoice gives; else by transfer, where the seller has an account.

    All payment means of an e-invoice have the same code and words (CII-SR-467, CII-SR-468), and one card
    (BG-18): the page alone offers the others.
    """
    if invoice.payments or not account_of(invoice, settings).iban:
        return tuple(dict.fromkeys(one for one in invoice.payments if _goes_with(one, invoice.payments[0])))
    return (PaymentMeans(SEPA_TRANSFER if invoice.currency == "EUR" else CREDIT_TRANSFER),)


def _goes_with(other: PaymentMeans, first: PaymentMeans) -> bool:
    return (other.code, other.words, other.card) == (first.code, first.words, first.card)


def base_quantity(line: InvoiceLine) -> Decimal:
    """For how many units the price is given (BT-149), so that it needs six decimals at the most.

    0.00012345 a megabyte is 0.012345 for a hundred: platforms refuse more decimals, and rounding would be
    wrong.
    """
    base = line.price_base
    prices = [line.unit_price, line.gross_price.amount if line.gross_price else line.unit_price]
    while any(decimals_of(price) > PRICE_DECIMALS for price in prices) and base < 10**8:
        base, prices = base * 10, [price * 10 for price in prices]
    return base
