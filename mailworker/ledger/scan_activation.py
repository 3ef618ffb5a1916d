"""Which scans an operator has started, from which day on, and by which policy they may write."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from mailworker.ledger.bulk_insert import upsert
from mailworker.ledger.run_query import first_row
from mailworker.ledger.scan_tables import scan_arming
from mailworker.rules.rehearse_or_write import Arming

_NOT_WAITING: dict[str, Any] = {"waiting_policy": "", "waiting_due": 0}


def arming_of(connection: Connection, scan: str) -> Arming | None:
    """The scan's start; None where nobody has started it."""
    row = first_row(connection, select(scan_arming).where(scan_arming.c.scan == scan))
    return None if row is None else Arming(**row)


def arm(connection: Connection, scan: str, *, policy: str, start_from: date | None, now: datetime) -> None:
    """Let the scan write, by this policy."""
    start = {"armed_at": now, "start_from": start_from, "policy": policy}
    upsert(connection, scan_arming, [{"scan": scan, **start, **_NOT_WAITING}], key="scan")


def accept_policy(connection: Connection, scan: str, policy: str) -> None:
    """Let a started scan go by this policy from now on."""
    _change(connection, scan, policy=policy, **_NOT_WAITING)


def wait_for_operator(connection: Connection, scan: str, policy: str, due: int) -> None:
    """Keep a started scan from writing by this policy until an operator starts it again."""
    _change(connection, scan, waiting_policy=policy, waiting_due=due)


def _change(connection: Connection, scan: str, **values: Any) -> None:
    connection.execute(update(scan_arming).where(scan_arming.c.scan == scan).values(values))
