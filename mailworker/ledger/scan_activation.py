"""Which scans an operator has started, from which day on, and by which policy they may write."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from mailworker.ledger.bulk_insert import insert_into
from mailworker.ledger.scan_tables import scan_arming
from mailworker.rules.rehearse_or_write import Arming


def arming_of(connection: Connection, scan: str) -> Arming | None:
    """The scan's start; None where nobody has started it."""
    row = connection.execute(select(scan_arming).where(scan_arming.c.scan == scan)).mappings().one_or_none()
    return None if row is None else Arming(**row)


def arm(connection: Connection, scan: str, *, policy: str, start_from: date | None, now: datetime) -> None:
    """Let the scan write, by this policy."""
    change: dict[str, Any] = {"armed_at": now, "start_from": start_from, "policy": policy}
    change |= {"waiting_policy": "", "waiting_due": 0}
    statement = insert_into(connection.dialect, scan_arming).values(scan=scan, **change)
    connection.execute(statement.on_conflict_do_update(index_elements=["scan"], set_=change))


def accept_policy(connection: Connection, scan: str, policy: str) -> None:
    """Let a started scan go by this policy from now on."""
    change = {"policy": policy, "waiting_policy": "", "waiting_due": 0}
    connection.execute(update(scan_arming).where(scan_arming.c.scan == scan).values(change))


def wait_for_operator(connection: Connection, scan: str, policy: str, due: int) -> None:
    """Keep a started scan from writing by this policy until an operator starts it again."""
    change = {"waiting_policy": policy, "waiting_due": due}
    connection.execute(update(scan_arming).where(scan_arming.c.scan == scan).values(change))
