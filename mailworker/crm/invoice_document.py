"""From rows to an invoice in the names of OmniCRM's invoice JSON, with nothing added."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mailworker.config.crm import NO_DOCUMENTS, Question
from mailworker.core.currency import in_units
from mailworker.crm.crm_interface import CrmSource
from mailworker.crm.row_parser import Row, amount, currency, decoded, first_address
from mailworker.errors import PermanentError

#: Columns of the header that belong into the document's `client` begin with this.
_CLIENT = "client_"
#: Columns of a line that show where it belongs, not what it is.
_OURS = {"invoice_id", "position"}
#: What the queries of a document have to return; others are named as in OmniCRM's invoice JSON.
DOCUMENT_COLUMNS: dict[Question, tuple[str, ...]] = {
    "invoice_document": ("invoice_id", "invoice_number", "date", "total_amount", "client_name"),
    "invoice_lines": ("invoice_id", "description"),
}
#: Columns of the header that show what of it is paid; where it has none, the question `invoices` is asked.
PAYMENT_COLUMNS = ("status", "paid", "paid_amount")


def payment_of(header: Row, listed: Row, status: Callable[[Any], str]) -> dict[str, Any]:
    """What a document's payment is by its own header, or by the row of `invoices`, its `owed` and `total`.

    What is paid is rounded to the currency, for sums of floats leave residues, which no invoice may have.
    `status` gives our word for the CRM's own, or raises ValueError.
    """
    found: dict[str, Any] = {}
    with suppress(ValueError, TypeError):
        found["status"] = str(status(header.get("status") or listed.get("status")))
    with suppress(ValueError, TypeError, ArithmeticError):
        paid = in_units(
            amount(listed.get("total")) - amount(listed.get("owed")),
            currency(header.get("currency") or listed.get("currency")),
        )
        found |= {"paid_amount": paid} if paid > 0 else {}
    return found


def document_of(header: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document of this header and these lines.

    Columns keep their names; `client_city` becomes `city` of the `client`. An API's record is a
    document as it is, with its own lines. Columns that are empty are left out.
    """
    known = {name: _plain(value) for name, value in header.items() if _is_there(value)}
    columns = [
        name for name in known if name.startswith(_CLIENT) and not isinstance(known.get("client"), dict)
    ]
    client = {name.removeprefix(_CLIENT): known.pop(name) for name in columns}
    if client:
        known["client"] = client
    if isinstance(whole := known.get("client"), dict) and isinstance(whole.get("email"), str):
        known["client"] = whole | {"email": first_address(whole["email"])}
    if lines:
        known["transactions"] = [_line(line) for line in sorted(lines, key=_position)]
    return known


def gaps(document: Mapping[str, Any]) -> list[str]:
    """What this document of the CRM's lacks and an invoice must have, a sentence each."""
    lines = document.get("transactions") or document.get("transaction_list")
    client = document.get("client")
    faults = []
    if not isinstance(lines, list | tuple) or not lines:
        faults.append("has no lines (transactions)")
    elif not _has_tax(document, lines):
        faults.append("says nothing of tax: neither total_tax nor a tax_rate on each line")
    if not isinstance(client, Mapping) or not client.get("name"):
        faults.append("does not name the customer (client.name)")
    return faults


def _has_tax(document: Mapping[str, Any], lines: Sequence[Any]) -> bool:
    names = ("tax_rate", "tax_percentage", "vat_rate", "tax_category")
    on_each = all(
        isinstance(line, Mapping) and any(_is_there(line.get(name)) for name in names) for line in lines
    )
    return on_each or _is_there(document.get("total_tax")) or document.get("reverse_charge") is True


def _position(row: Mapping[str, Any]) -> list[float]:
    """Where a line stands on its invoice, 1.10 after 1.9; without a number where the database gave it."""
    position = row.get("position") or 0
    if isinstance(position, int | float | Decimal):
        return [float(position)]
    return [float(part) for part in re.findall(r"[0-9]+", str(position))] or [0.0]


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items() if _is_there(value) and name not in _OURS}


def _is_there(value: Any) -> bool:
    return value is not None and value != ""


def _plain(value: Any) -> Any:
    """A database's value as JSON has it: decimals exactly, days and moments in ISO 8601."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return decoded(value)


def crm_document(crm: CrmSource, invoice_id: str) -> Mapping[str, Any]:
    """The whole document. Raises PermanentError where the CRM does not have it, or not all of it."""
    if not crm.offers("invoice_document"):
        raise PermanentError(f"Invoice {invoice_id}: {NO_DOCUMENTS}.")
    document = crm.invoice_document(invoice_id)
    if document is None:
        raise PermanentError(f"The CRM knows no invoice {invoice_id}.")
    if missing := gaps(document):
        raise PermanentError(f"The CRM's document of invoice {invoice_id} {'; '.join(missing)}.")
    return document
