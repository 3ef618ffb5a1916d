"""What an invoice's record says of itself: that it is paid, or that nobody has to pay it.

OmniCRM keeps flags beside an invoice, as MariaDB and JSON have them; other CRMs have a word for both.
"""

from typing import Any

from mailworker.invoices.from_json.fields import InvoiceFields

_YES = frozenset({"1", "true", "t", "yes", "y"})
_PAID = frozenset({"paid", "settled"})
_VOID = frozenset({"void", "voided", "cancelled", "canceled"})


def says_paid(fields: InvoiceFields) -> bool:
    """Whether all of it is paid. A `paid` that is an amount or a date says nothing by itself."""
    return _word(fields.raw.get("paid")) in _YES or _word(fields.raw.get("status")) in _PAID


def refuse_void(fields: InvoiceFields) -> None:
    """Add the fault of an invoice that is void: its mail would ask for money that nobody owes."""
    name = "void" if _word(fields.raw.get("void")) in _YES else "status"
    if name == "void" or _word(fields.raw.get("status")) in _VOID:
        fields.fault(name, "shows that nobody has to pay it: it is void or written off, or no invoice yet")


def _word(value: Any) -> str:
    return str(value).strip().casefold() if isinstance(value, str | int) else ""
