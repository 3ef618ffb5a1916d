"""Reading what an invoice names: orders, contracts, earlier invoices, documents, notes, the payee."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.invoices.code_lists import NOTE_SUBJECTS, OBJECT_SCHEMES
from mailworker.invoices.from_json.customer import compact
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.invoice_references import (
    EarlierInvoice,
    Payee,
    References,
    SupportingDocument,
)

MAX_NOTES = 20
#: Names under which callers would put a file itself.
_FILES = ("content", "data", "file", "attachment", "base64")


def references_of(invoice: InvoiceFields) -> References:
    """What the invoice refers to. `corrects` is a number, an object with number and date, or a list."""
    thing, scheme = _object(invoice)
    return References(
        purchase_order=invoice.text("purchase_order", "order_number"),
        sales_order=invoice.text("sales_order"),
        buyer=invoice.text("buyer_reference", "service_code"),
        contract=invoice.text("contract", "contract_number"),
        project=invoice.text("project"),
        receipt=invoice.text("receiving_advice"),
        despatch=invoice.text("despatch_advice"),
        tender=invoice.text("tender"),
        thing=thing,
        thing_scheme=scheme,
        accounting=invoice.text("accounting_reference"),
        earlier=tuple(_earlier(invoice)),
        documents=tuple(_documents(invoice)),
    )


def _object(invoice: InvoiceFields) -> tuple[str, str]:
    """What is invoiced, such as a meter: its number, or an object with `id` and `scheme`."""
    value = invoice.raw.get("invoiced_object")
    if not isinstance(value, Mapping):
        return invoice.text("invoiced_object"), ""
    given = invoice.below(value, "invoiced_object")
    scheme = given.text("scheme", longest=10).upper()
    if scheme and scheme not in OBJECT_SCHEMES:
        given.fault("scheme", "must be a code of UNTDID 1153, such as AVE (BT-18-1)")
    return given.text("id", required=True), scheme


def _several(invoice: InvoiceFields, name: str) -> list[tuple[str, Any]]:
    """One value or a list of them, each with its name."""
    value = invoice.raw.get(name)
    if isinstance(value, list | tuple):
        if len(value) > MAX_NOTES:
            invoice.fault(name, f"has {len(value)} entries; the most is {MAX_NOTES}")
        return [(f"{name}[{index}]", entry) for index, entry in enumerate(value[:MAX_NOTES])]
    return [(name, value)] if value not in (None, "") else []


def _earlier(invoice: InvoiceFields) -> Iterator[EarlierInvoice]:
    for name, value in _several(invoice, "corrects"):
        if isinstance(value, Mapping):
            named = invoice.below(value, name)
            number = named.text("invoice_number", "number", required=True, longest=64)
            yield EarlierInvoice(number, named.day("date"))
        elif number := _text(invoice, name, value, longest=64):
            yield EarlierInvoice(number)


def _text(invoice: InvoiceFields, name: str, value: Any, *, longest: int) -> str:
    """A text that stands in a list."""
    alone = InvoiceFields({name: value}, invoice.faults, invoice.where)
    return alone.text(name, longest=longest)


def _documents(invoice: InvoiceFields) -> Iterator[SupportingDocument]:
    for given in list(invoice.objects("documents"))[:MAX_NOTES]:
        number = given.text("id", "number", required=True, longest=100)
        for name in _FILES:
            if name in given.raw:
                given.fault(name, "cannot be sent: files are not put into the invoice; give `url` (BT-125)")
        yield SupportingDocument(number, given.text("description", "name"), given.url("url"))


def notes_of(invoice: InvoiceFields) -> tuple[tuple[str, str], ...]:
    """Free notes, each a text or `{text, subject}`, and the code of its subject (BT-21, BT-22)."""
    name, _ = invoice.find("notes", "note")
    found = (_note(invoice, where, value) for where, value in _several(invoice, name))
    return tuple(note for note in found if note[0])


def _note(invoice: InvoiceFields, where: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        return _text(invoice, where, value, longest=1000), ""
    given = invoice.below(value, where)
    subject = given.text("subject", longest=10).upper()
    if subject and subject not in NOTE_SUBJECTS:
        given.fault("subject", "must be a code of UNTDID 4451, such as AAI (BT-21)")
    return given.text("text", required=True, longest=1000), subject


def payee_of(invoice: InvoiceFields) -> Payee | None:
    """Who is paid instead of the seller."""
    given = invoice.object("payee")
    if given is None:
        return None
    siren = compact(given.text("siren", longest=20))
    if siren and not re.fullmatch(r"\d{9}", siren):
        given.fault("siren", "must have nine digits (BT-61)")
    iban, bic = compact(given.text("iban", longest=42)), compact(given.text("bic", longest=14))
    return Payee(given.text("name", required=True, longest=100), siren, iban, bic)
