"""How an invoice is paid, and whether it is: means, status, and the tax in the currency of the books."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mailworker.invoices.code_lists import CURRENCIES, DEBITS, PAYMENT_NAMES, payment_code
from mailworker.invoices.from_json.customer import compact
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.model import AccountingTax, PaymentMeans
from mailworker.invoices.money import round_half_up

MAX_PAYMENTS = 10
_YES = frozenset({"1", "true", "t", "yes", "y"})
_PAID = frozenset({"paid", "settled"})
_VOID = frozenset({"void", "voided", "cancelled", "canceled"})


def payments_of(invoice: InvoiceFields, currency: str) -> tuple[PaymentMeans, ...]:
    """The ways to pay, the first being the one that is asked for; empty where the invoice names none.

    `payment_method` is a name or an object, `payment_methods` a list of either; `direct_debit` has the
    details of a debit: `mandate`, `iban` (or its last digits) and `date`.
    """
    name, value = invoice.find("payment_methods", "payment_method", "payment_means")
    given = value if isinstance(value, list | tuple) else [] if value is None else [value]
    if len(given) > MAX_PAYMENTS:
        invoice.fault(name, f"has {len(given)} entries; the most is {MAX_PAYMENTS}")
        return ()
    debited = invoice.raw.get("direct_debit")
    debit = invoice.object("direct_debit") if not isinstance(debited, bool) else None
    means = [_means(invoice, entry, debit, currency) for entry in given]
    if (debit or debited is True) and not any(one and one.code in DEBITS for one in means):
        means.insert(0, _means(invoice, "direct_debit", debit, currency))
    return tuple(one for one in means if one)


def _means(
    invoice: InvoiceFields, entry: Any, debit: InvoiceFields | None, currency: str
) -> PaymentMeans | None:
    own = invoice.below(entry, "payment_method") if isinstance(entry, Mapping) else None
    named = own.text("method", "name", "code", "type", longest=40) if own else str(entry)
    code = payment_code(named, currency)
    words = own.text("text", longest=140) if own else ""
    if code is None:
        invoice.fault("payment_method", f"must be one of {', '.join(PAYMENT_NAMES)}")
        return None
    details = own if own and "mandate" in own.raw else debit
    if code not in DEBITS or details is None:
        card, holder = (own.text(name, longest=40) for name in ("card", "card_holder")) if own else ("", "")
        return PaymentMeans(code, words=words, card=card[-4:], card_holder=holder)
    return PaymentMeans(
        code,
        words=words,
        mandate=details.text("mandate", "mandate_id", "rum", longest=35),
        debited_iban=compact(details.text("iban", longest=42)),
        day=details.day("date", "debit_date"),
    )


def accounting_tax(invoice: InvoiceFields, tax: Decimal, currency: str, home: str) -> AccountingTax | None:
    """The VAT in the currency of the seller's books, where that is another one than the invoice's.

    By `total_tax_in_tax_currency`, or by `exchange_rate`: what one unit of the invoice's currency is worth.
    """
    books = invoice.text("tax_currency", longest=3).upper() or home
    if books not in CURRENCIES:
        invoice.fault("tax_currency", "is not a code of ISO 4217, such as EUR")
        return None
    rate = invoice.number("exchange_rate")
    if rate is not None and rate <= 0:
        invoice.fault("exchange_rate", "must be above 0")
        return None
    if books == currency:
        return None
    amount = invoice.number("total_tax_in_tax_currency")
    if amount is None and (rate is not None or not tax):
        amount = tax * (rate or 1)
    return None if amount is None else AccountingTax(books, round_half_up(amount, 2), rate)


def says_paid(fields: InvoiceFields) -> bool:
    """Whether all of it is paid: OmniCRM keeps flags beside an invoice, other CRMs have a word.

    A `paid` that is an amount or a date says nothing by itself.
    """
    return _word(fields.raw.get("paid")) in _YES or _word(fields.raw.get("status")) in _PAID


def refuse_void(fields: InvoiceFields) -> None:
    """Add the fault of an invoice that is void: its mail would ask for money that nobody owes."""
    name = "void" if _word(fields.raw.get("void")) in _YES else "status"
    if name == "void" or _word(fields.raw.get("status")) in _VOID:
        fields.fault(name, "shows that nobody has to pay it: it is void or written off, or no invoice yet")


def _word(value: Any) -> str:
    return str(value).strip().casefold() if isinstance(value, str | int) else ""
