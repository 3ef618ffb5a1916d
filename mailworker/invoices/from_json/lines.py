"""The lines of an invoice, and the discounts and charges on the whole of it."""

from collections.abc import Sequence

from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.item import item_facts_of
from mailworker.invoices.from_json.quantity_price_amount import price_of, reason_code, share_of
from mailworker.invoices.from_json.tax import LineDefaults, exemption_for, operation_of, tax_of
from mailworker.invoices.model import DocumentAllowance, InvoiceLine
from mailworker.invoices.money import ZERO, round_half_up


def line_of(item: InvoiceFields, defaults: LineDefaults) -> InvoiceLine:
    """One transaction."""
    priced = price_of(item, defaults.digits)
    rate, category = tax_of(item, defaults)
    description, detail = _words(item)
    return InvoiceLine(
        description=description,
        quantity=priced.quantity,
        unit=item.text("unit", longest=20),
        unit_price=priced.unit_price,
        price_base=priced.price_base,
        amount=priced.amount,
        rate=rate,
        tax=item.number("tax_amount"),
        category=category,
        start=item.day("start_date", "date", "created"),
        end=item.day("end_date"),
        allowances=priced.allowances,
        gross_price=priced.gross_price,
        computed=priced.computed,
        unrounded=priced.unrounded,
        detail=detail,
        note=item.text("note", longest=1000),
        item=item.text("item", "product_slug", "product_id", longest=64),
        account=item.text("line", "account", "phone_number", "msisdn", longest=64),
        section=item.text("section"),
        operation=operation_of(item),
        exemption=exemption_for(item, category, defaults),
        facts=item_facts_of(item),
    )


def _words(item: InvoiceFields) -> tuple[str, str]:
    """What was sold, and more of it below. OmniCRM has a short title and a description, or one of them."""
    title = item.text("title", "name", longest=1000)
    text = item.text("description", required=not title, longest=1000)
    return title or text, text if title and text != title else ""


def allowance_of(
    item: InvoiceFields, defaults: LineDefaults, lines: Sequence[InvoiceLine] = (), *, charge: bool
) -> DocumentAllowance:
    """A discount on the whole invoice, or a charge. A share without a base is of the lines at its rate."""
    rate, category = tax_of(item, defaults)
    whole = sum((line.amount for line in lines if (line.category, line.rate) == (category, rate)), ZERO)
    given, percent, base = share_of(item, whole if lines else None, defaults.digits)
    amount = round_half_up(given, defaults.digits)
    if amount < 0 and not defaults.takes_back:
        item.fault("amount", "must be positive: a discount is taken off, a charge is added")
    words = item.text("description", "reason", "title", required=True)
    code = reason_code(item, charge=charge)
    exemption = exemption_for(item, category, defaults)
    return DocumentAllowance(words, amount, rate, category, charge, code, percent, base, exemption)
