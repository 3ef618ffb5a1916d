"""What must not be sent for now: holds on everything or on one kind."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from mailworker.ledger.bulk_insert import upsert
from mailworker.ledger.tables import holds
from mailworker.rules.claimable_while_held import Hold

_FIRST_PROBE = timedelta(seconds=60)
_LAST_PROBE = timedelta(minutes=15)


def current_holds(connection: Connection) -> list[Hold]:
    """All holds, the oldest first."""
    columns = (holds.c.scope, holds.c.reason, holds.c.since, holds.c.probe_at, holds.c.probes)
    rows = connection.execute(select(*columns).order_by(holds.c.since))
    return [Hold(*row) for row in rows]


def hold(connection: Connection, scope: str, *, reason: str, code: str, now: datetime) -> None:
    """Hold a scope; where it is held already and a probe failed, put the next one off for twice as long.

    Calls that were under way when the hold began fail too: they were no probes, and change nothing.
    """
    query = select(holds.c.probes, holds.c.probe_at).where(holds.c.scope == scope)
    known = connection.execute(query).one_or_none()
    if known is not None and (known.probe_at is None or known.probe_at > now):
        return
    probes = 0 if known is None else known.probes + 1
    pause = min(_FIRST_PROBE * 2 ** min(probes, 10), _LAST_PROBE)
    _write(connection, scope, now, reason=reason, code=code, probe_at=now + pause, probes=probes)


def hold_by_hand(connection: Connection, scope: str, *, reason: str, now: datetime) -> None:
    """Hold a scope until an operator releases it: no probe."""
    _write(connection, scope, now, reason=reason, code=None, probe_at=None, probes=0)


def _write(connection: Connection, scope: str, now: datetime, **values: Any) -> None:
    """Hold the scope; one that is held already has been so since its first hold."""
    upsert(connection, holds, [{"scope": scope, "since": now, **values}], key="scope", keep=["since"])


def release(connection: Connection, scopes: Collection[str]) -> int:
    """End these holds; give how many there were."""
    return connection.execute(delete(holds).where(holds.c.scope.in_(scopes))).rowcount
