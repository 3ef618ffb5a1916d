"""The rows of usage: one call, message or session each."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mailworker.core.safe_text import unbroken
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.model import Usage
from mailworker.invoices.money import ZERO, parse_decimal
from mailworker.invoices.page.call_detail import duration_text


def usage_of(item: InvoiceFields) -> Usage:
    """One usage row; read straight, as there may be tens of thousands."""
    raw = item.raw
    amount = raw.get("amount", raw.get("retail_cost"))
    duration = raw.get("duration")
    return Usage(
        when=_short(raw.get("date") or raw.get("time") or ""),
        service=_short(raw.get("service") or raw.get("type") or raw.get("description") or ""),
        party=_short(raw.get("destination") or raw.get("number") or raw.get("to") or ""),
        volume=_volume(raw) if duration is None else duration_text(_short(duration)),
        amount=ZERO if amount in (None, "") else _amount(item, amount),
        account=_short(raw.get("line") or raw.get("account") or ""),
    )


def _volume(raw: Mapping[str, Any]) -> str:
    return _short(f"{raw.get('quantity', '')} {raw.get('unit') or ''}".strip())


def _amount(item: InvoiceFields, value: Any) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError as wrong:
        item.fault("amount", str(wrong))
        return ZERO


def _short(value: Any) -> str:
    return unbroken(str(value))[:120]
