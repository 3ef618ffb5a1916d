"""Which number is this? An invoice's number counts within its sort of document and its issuer's year."""

import re
from collections.abc import Mapping
from typing import Any

_CREDIT = {"381", "credit_note", "creditnote", "credit"}
_INVOICE = {"", "380", "invoice"}
_YEAR = re.compile(r"\b(20\d\d)\b")


def document_sequence(document: Mapping[str, Any]) -> str:
    """What distinguishes documents of the same number; empty for an invoice whose number has its year.

    A credit note may have an invoice's number, and next year's numbers may begin again at 1.
    """
    sort, year = _sort(document), _year(document)
    number = str(document.get("invoice_number") or "")
    return ":".join(part for part in (sort, "" if year in number else year) if part)


def _sort(document: Mapping[str, Any]) -> str:
    word = str(document.get("type") or document.get("document_type") or "").strip().lower()
    if word in _CREDIT or document.get("credit_note") is True:
        return "credit_note"
    return "" if word in _INVOICE else re.sub(r"\W+", "_", word)[:40]


def _year(document: Mapping[str, Any]) -> str:
    """The year of issue; of a date in words the year in it."""
    found = _YEAR.search(str(document.get("date") or document.get("invoice_date") or ""))
    return found[1] if found else ""
