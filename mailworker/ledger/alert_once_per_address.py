"""Alerts about a balance that several people get: each address gets each of them once."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from mailworker.core.canonical_address import canonical_address, same_address
from mailworker.core.states import FINAL, State
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.tables import messages
from mailworker.rules.balance_key import AlertKey

_COLUMNS = [messages.c[name] for name in ("id", "idempotency_key", "to_email", "state", "accepted_at")]


def notified_before(connection: Connection, alerts: Sequence[tuple[Row, AlertKey]]) -> dict[str, str]:
    """Of these messages, those whose address an earlier one of the same alert reaches: its id, by theirs.

    The scan's message, and one to a single person, have the alert's own key; one of several people has the
    address after it.
    """
    other = {row["id"]: _other_key(row, alert) for row, alert in alerts}
    query = select(*_COLUMNS).where(messages.c.idempotency_key.in_(set(other.values())))
    found = {row["idempotency_key"]: row for row in all_rows(connection, query)}
    return {
        row["id"]: first["id"]
        for row, _ in alerts
        if (first := found.get(other[row["id"]])) is not None and _repeats(first, row)
    }


def _other_key(row: Row, alert: AlertKey) -> str:
    return alert.key if alert.recipient else f"{alert.key}#{canonical_address(row['to_email'])}"


def _repeats(first: Row, row: Row) -> bool:
    """Whether `first` came first, to the same address, and was or will be sent."""
    alive = first["state"] == State.SENT or State(first["state"]) not in FINAL
    same = same_address(first["to_email"] or "", row["to_email"])
    return alive and same and (first["accepted_at"], first["id"]) < (row["accepted_at"], row["id"])
