"""What identifies the item of a line: its GTIN, origin, classes, attributes and references."""

import re
from collections.abc import Iterator

from mailworker.invoices.code_lists import CLASS_LISTS, COUNTRIES, country_code
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.references import MAX_NOTES
from mailworker.invoices.invoice_references import ItemFacts


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
