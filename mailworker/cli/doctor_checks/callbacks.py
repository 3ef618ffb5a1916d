"""Whether callbacks reach the CRM."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from mailworker.config.callbacks import CallbackSettings
from mailworker.core.plural import counted
from mailworker.ledger.callback_tables import callbacks
from mailworker.ledger.run_query import count_rows, first_value

#: A change that waits for so long met a CRM that does not take it.
_LATE = timedelta(minutes=15)
_LOOKED_BACK = timedelta(days=7)


def callback_faults(settings: CallbackSettings, connection: Connection, *, now: datetime) -> Iterator[str]:
    """What keeps callbacks from the CRM, a sentence each."""
    if settings.url and (fault := settings.fault_of_secret()):
        yield fault
    late = (callbacks.c.ended_at.is_(None), callbacks.c.at < now - _LATE)
    if waiting := count_rows(connection, callbacks, *late):
        why = first_value(connection, select(callbacks.c.trouble).where(*late)) or "not tried yet"
        yield f"callbacks: {counted(waiting, 'change waits', 'changes wait')} for the CRM: {why}"
    given_up = (callbacks.c.told == 0, callbacks.c.ended_at > now - _LOOKED_BACK)
    if lost := count_rows(connection, callbacks, *given_up):
        changes = counted(lost, "change of the last week was", "changes of the last week were")
        yield f"callbacks: {changes} given up; check callbacks.url."
