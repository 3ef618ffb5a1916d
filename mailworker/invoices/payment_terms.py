"""How an invoice is paid, for its page and its XML: to whose account, by which means, at what late fee."""

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import CREDIT_TRANSFER, FRENCH, SEPA_TRANSFER
from mailworker.invoices.invoice_references import Payee
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import ClientKind, Invoice, PaymentMeans


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


def late_note(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> str:
    """What late payment costs; an invoice between businesses in France must print it (L441-9).

    The rate that a public body owes is no seller's choice: Code de la commande publique R2192-31.
    """
    fee = fmt.money(settings.late_fee, "EUR")
    client = invoice.client
    public = client.kind is ClientKind.PUBLIC and client.country in FRENCH
    rate = fmt.labels.late_rate_public if public else settings.late_rate or fmt.labels.late_rate
    return fmt.labels.late.format(rate=rate, fee=fee)
