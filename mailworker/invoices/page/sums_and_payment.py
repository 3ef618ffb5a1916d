"""The end of the page: sums, VAT, how to pay, and what the law wants to be printed about it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.code_lists import DEBITS, TRANSFERS
from mailworker.invoices.languages.locale_format import LocaleFormat
from mailworker.invoices.model import (
    DocumentAllowance,
    Invoice,
    PaymentMeans,
    PostalAddress,
    VatCategory,
    VatRow,
)
from mailworker.invoices.page.head_and_foot import Fact
from mailworker.invoices.page.line_table import rate_text
from mailworker.invoices.page.payment_qr import epc_payload, qr_picture
from mailworker.invoices.payment_terms import account_of, late_note
from mailworker.invoices.vat_exemptions import exemption_text


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """The QR code with the words beneath it."""

    picture: bytes
    caption: str


def sums_of(invoice: Invoice, fmt: LocaleFormat) -> list[Fact]:
    """The column of totals above the amount due."""
    totals, labels = invoice.totals, fmt.labels
    rows: list[tuple[str, Decimal]] = []
    if invoice.allowances:
        rows.append((labels.subtotal, totals.lines))
        rows += [
            (_reason(allowance, fmt), allowance.amount if allowance.charge else -allowance.amount)
            for allowance in invoice.allowances
        ]
    rows += [(labels.net, totals.net), (labels.tax, totals.tax), (labels.gross, totals.gross)]
    if totals.paid:
        rows.append((labels.paid, -totals.paid))
    if totals.rounding:
        rows.append((labels.rounding, totals.rounding))
    return [(label, fmt.money(amount, invoice.currency)) for label, amount in rows]


def _reason(allowance: DocumentAllowance, fmt: LocaleFormat) -> str:
    """Why something is taken off or added, with its share where it is one."""
    share = "" if allowance.percent is None else f" ({fmt.rate(allowance.percent)})"
    return f"{allowance.description}{share}"


def due_of(invoice: Invoice, fmt: LocaleFormat) -> Fact:
    """The amount that stands out, with its label; a balance in the customer's favour is labelled as one."""
    labels, due = fmt.labels, invoice.totals.due
    if due < 0:
        return labels.balance_for_you, fmt.money(-due, invoice.currency)
    label = labels.amount_credited if invoice.credit else labels.amount_due
    return label, fmt.money(due, invoice.currency)


#: What distinguishes two rows of 0 %: the letter of their category, which the note below repeats.
_LETTERED = (VatCategory.EXEMPT, VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY, VatCategory.EXPORT)


def _letter(row: VatRow, invoice: Invoice) -> str:
    rates = [other.rate for other in invoice.vat]
    return f" ({row.category})" if row.category in _LETTERED and rates.count(row.rate) > 1 else ""


def vat_of_view(row: VatRow, invoice: Invoice, fmt: LocaleFormat) -> tuple[str, str, str]:
    """One row of the VAT table: rate, basis, tax."""
    return (
        rate_text(row.rate, fmt) + _letter(row, invoice),
        fmt.plain(row.basis, invoice.currency),
        fmt.plain(row.tax, invoice.currency),
    )


def legal_notes(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> list[str]:
    """Why no VAT is charged where none is, and how it is due; the wording that has to stand on the page."""
    notes = [
        f"{reason}{_letter(row, invoice)}"
        for row in invoice.vat
        if (reason := exemption_text(row, settings, fmt))
    ]
    agent = settings.seller.tax_representative
    if agent.name:
        address = PostalAddress(agent.address, agent.postcode, agent.city).block
        representative = ", ".join((agent.name, *address, f"{fmt.labels.vat_id} {agent.vat_id}"))
        notes.append(fmt.labels.tax_representative.format(who=representative))
    if invoice.vat_on_debits:
        notes.append(fmt.labels.vat_on_debits)
    if books := invoice.accounting_tax:
        amount = fmt.money(books.amount, books.currency)
        notes.append(fmt.labels.vat_in_books.format(currency=books.currency, amount=amount))
    return notes


def payable(invoice: Invoice) -> bool:
    """Whether the customer has something to pay."""
    return not invoice.credit and invoice.totals.due > 0


def debit_of(invoice: Invoice) -> PaymentMeans | None:
    """The direct debit by which the amount will be taken; a customer who pays so must not pay again."""
    first = invoice.payments[0] if invoice.payments else None
    return first if first and first.code in DEBITS else None


def due_day(invoice: Invoice) -> date | None:
    """When the amount is due, or taken, where a direct debit has a day of its own."""
    debit = debit_of(invoice)
    return (debit and debit.day) or invoice.due


def takes_transfer(invoice: Invoice) -> bool:
    """Whether the page shows our account: where a transfer is named, or no way to pay at all."""
    return not invoice.payments or any(means.code in TRANSFERS for means in invoice.payments)


def debit_facts(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> list[Fact]:
    """What the page shows of a direct debit; of the account, its last digits only."""
    debit, labels = debit_of(invoice), fmt.labels
    if not debit:
        return []
    day = due_day(invoice)
    when = f"{labels.debited_on.lower()} {fmt.day(day)}" if day else ""
    account = labels.debit_account.format(account=masked(debit.debited_iban)) if debit.debited_iban else ""
    text = " ".join(filter(None, (when, account))) or labels.means[debit.code]
    facts = [(labels.by_debit, text[:1].upper() + text[1:])]
    named = ((labels.mandate, debit.mandate), (labels.creditor, settings.seller.creditor_id))
    return facts + [(label, value) for label, value in named if value]


def masked(iban: str) -> str:
    """An account of which only its owner knows the rest: FR76 •••• 0189."""
    text = f"{iban[:4]} •••• {iban[-4:]}" if len(iban) > 8 else f"•••• {iban}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def pay_facts(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> list[Fact]:
    """The rows under "how to pay", without the link."""
    labels, account = fmt.labels, account_of(invoice, settings)
    facts = debit_facts(invoice, settings, fmt)
    if invoice.payee:
        siren = f"SIREN {invoice.payee.siren}" if invoice.payee.siren else ""
        facts.append((labels.payee, " · ".join(filter(None, (invoice.payee.name, siren)))))
    if account.iban and takes_transfer(invoice):
        facts += [(labels.by_transfer, account.name), ("IBAN", spaced(account.iban))]
        facts += [("BIC", account.bic)] if account.bic else []
        facts.append((labels.reference, invoice.reference))
    shown = TRANSFERS | DEBITS
    others = [
        means.words or labels.means.get(means.code, labels.another_means)
        for means in invoice.payments
        if means.code not in shown
    ]
    if others:
        text = ", ".join(dict.fromkeys(others))
        facts.append((labels.other_means if facts else "", text[:1].upper() + text[1:]))
    return facts


def spaced(iban: str) -> str:
    """An IBAN in groups of four."""
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def code_of(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> PaymentCode | None:
    """The payment QR code, or None where there is nothing to pay, it is debited, or no way is known."""
    if not payable(invoice) or debit_of(invoice):
        return None
    account = account_of(invoice, settings)
    payload = None
    if account.iban and invoice.currency == "EUR" and takes_transfer(invoice):
        payload = epc_payload(
            name=account.name,
            iban=account.iban,
            bic=account.bic,
            amount=invoice.totals.due,
            reference=invoice.reference,
        )
    caption = fmt.labels.scan_sepa if payload else fmt.labels.scan_link
    if payload := payload or invoice.pay_url or None:
        return PaymentCode(qr_picture(payload), caption)
    return None


def terms_of(invoice: Invoice, settings: InvoiceSettings, fmt: LocaleFormat) -> str:
    """The terms of late and of early payment, which the page owes to companies and public bodies alone."""
    terms = f"{late_note(invoice, settings, fmt)} {fmt.labels.no_discount}"
    return terms if invoice.client.is_organisation else ""


def nothing_note(invoice: Invoice, fmt: LocaleFormat) -> str:
    """What stands in place of the payment block; an invoice of nothing was not "settled"."""
    if payable(invoice) or invoice.credit or invoice.totals.due < 0:
        return ""
    return fmt.labels.nothing_due if invoice.totals.paid else fmt.labels.nothing_to_pay
