"""By which number a customer calls an invoice, and the messages about it."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, func, select

from mailworker.ledger.bulk_insert import insert_new
from mailworker.ledger.tables import invoice_numbers, messages

_LONGEST = 120


def numbers_of(row: Mapping[str, Any]) -> frozenset[str]:
    """The numbers that a message is about: its invoice's, or each of a grouped reminder's."""
    invoice, variables = _object(row.get("invoice")), _object(row.get("variables"))
    lines = variables.get("invoices")
    several = [_object(line).get("number") for line in lines] if isinstance(lines, list) else []
    named = [one for one in several if one] or [
        invoice.get("invoice_number") or variables.get("invoice_number")
    ]
    return frozenset(spelt(str(number)) for number in named if isinstance(number, str | int) and number)


def _object(value: Any) -> Mapping[str, Any]:
    """What a caller gave as an object; empty where it is anything else, which is for others to refuse."""
    return value if isinstance(value, Mapping) else {}


def spelt(number: str) -> str:
    """A number as it is compared: letter case and spaces at its ends do not matter."""
    return number.strip().lower()[:_LONGEST]


def remember(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write down the numbers of these messages."""
    pairs = [
        {"number": number, "message_id": row["id"]} for row in rows for number in sorted(numbers_of(row))
    ]
    insert_new(connection, invoice_numbers, pairs)


def messages_about(number: str) -> Select[Any]:
    """The ids of the messages about the invoice of this number."""
    return select(invoice_numbers.c.message_id).where(invoice_numbers.c.number == spelt(number))


def invoice_ids_of(connection: Connection, number: str) -> list[str]:
    """The CRM's ids of the invoices of this number that messages were about, the latest message's first."""
    last = func.max(messages.c.accepted_at)
    query = (
        select(messages.c.invoice_id)
        .where(messages.c.id.in_(messages_about(number)), messages.c.invoice_id.is_not(None))
        .group_by(messages.c.invoice_id)
        .order_by(last.desc())
    )
    return list(connection.execute(query).scalars())
