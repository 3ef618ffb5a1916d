"""The lines of an invoice, what identifies their items, and the discounts and charges on the whole of it."""

import re
from collections.abc import Iterator, Sequence

from mailworker.invoices.code_lists import CLASS_LISTS, COUNTRIES, country_code
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.quantity_price_amount import price_of, reason_code, share_of
from mailworker.invoices.from_json.references import MAX_NOTES
from mailworker.invoices.from_json.tax import LineDefaults, exemption_for, operation_of, tax_of
from mailworker.invoices.invoice_references import ItemFacts
from mailworker.invoices.model import DocumentAllowance, InvoiceLine
from mailworker.invoices.money import ZERO, round_half_up


def item_facts_of(item: InvoiceFields) -> ItemFacts:
    """What identifies a line's item."""
    gtin = item.text("gtin", longest=14)
    if gtin and not re.fullmatch(r"\d{8}|\d{12,14}", gtin):
        item.fault("gtin", "must have 8, 12, 13 or 14 digits (BT-157)")
    origin = country_code(item.text("origin_country", longest=60))
    if origin and origin not in COUNTRIES:
        item.fault("origin_country", "must be a code of ISO 3166-1, such as FR (BT-159)")
    return ItemFacts(
        gtin=gtin,
        buyer_item=item.text("buyer_product_id", longest=64),
        classes=tuple(_classes(item)),
        attributes=tuple(_attributes(item)),
        origin=origin,
        order_line=item.text("order_line", longest=64),
        accounting=item.text("accounting_reference", longest=64),
    )


def _classes(item: InvoiceFields) -> Iterator[tuple[str, str, str]]:
    for given in list(item.objects("classifications"))[:MAX_NOTES]:
        scheme = given.text("scheme", required=True, longest=10).upper()
        if scheme and scheme not in CLASS_LISTS:
            given.fault("scheme", "must be a code of UNTDID 7143, such as HS or STI (BT-158-1)")
        version = given.text("version", longest=20)
        yield given.text("code", required=True, longest=64), scheme, version


def _attributes(item: InvoiceFields) -> Iterator[tuple[str, str]]:
    given = item.object("attributes")
    for name in list(given.raw)[:MAX_NOTES] if given else ():
        if given and str(name).strip() and (value := given.text(name)):
            yield str(name).strip()[:100], value


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
