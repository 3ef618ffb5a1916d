"""Secrets that nobody needs any more: of failed messages that cannot be sent again."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from mailworker.core.states import State
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.tables import NOT_SENT, messages

_AT_ONCE = 1000


def claim_unreplayable(
    connection: Connection, kinds: Collection[str], *, now: datetime, failed_before: datetime, after: str
) -> list[Row]:
    """Failed messages of these kinds that cannot be sent again any more, by id, after `after`."""
    too_late = (messages.c.expires_at <= now) | (messages.c.changed_at < failed_before)
    query = (
        select(messages.c.id, messages.c.kind, messages.c.variables)
        .where(messages.c.state == str(State.FAILED), NOT_SENT, messages.c.kind.in_(kinds), too_late)
        .where(messages.c.id > after)
        .order_by(messages.c.id)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return all_rows(connection, query)


def wipe(connection: Connection, variables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write these messages' variables as they may be kept."""
    if variables:
        wiped = update(messages).where(messages.c.id == bindparam("of")).values(variables=bindparam("kept"))
        connection.execute(wiped, [{"of": id_, "kept": dict(kept)} for id_, kept in variables.items()])
