"""How much one address got lately, and the rest of a flood to it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from mailworker.core.canonical_address import canonical_address
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import addressed_to, messages

_M = messages.c
#: So many messages of a flood are stopped in one transaction.
_AT_ONCE = 1000


def ahead_of(connection: Connection, rows: Sequence[Row], since: Mapping[str, datetime]) -> dict[str, int]:
    """How many messages of its kind to its address each of these comes after, by id.

    `since` gives for each kind from when on they count. Those count that left, or may have left, since then,
    and of those that workers hold at this moment the older ones: of many that are claimed side by side, the
    first ones see nobody ahead of them.
    """
    limited = [row for row in rows if row["kind"] in since]
    if not limited:
        return {}
    names = {canonical_address(row["to_email"]) for row in limited}
    left = [
        and_(_M.kind == kind, _M.state.in_((State.SENT, State.UNKNOWN)), _M.called_at > at)
        for kind, at in since.items()
    ]
    held = and_(_M.kind.in_(since), _M.state == str(State.SENDING))
    columns = (_M.id, _M.kind, _M.to_email, _M.called_at, _M.accepted_at)
    query = select(*columns).where(addressed_to(names), or_(held, *left))
    others: dict[tuple[str, str], list[Any]] = {}
    for one in connection.execute(query):
        others.setdefault((one.kind, canonical_address(one.to_email)), []).append(one)
    return {
        row["id"]: sum(
            _is_ahead(one, row) for one in others.get((row["kind"], canonical_address(row["to_email"])), ())
        )
        for row in limited
    }


def _is_ahead(one: Any, row: Row) -> bool:
    if one.id == row["id"]:
        return False
    return one.called_at is not None or (one.accepted_at, one.id) < (row["accepted_at"], row["id"])


def stop_flood(
    connection: Connection,
    floods: Collection[tuple[str, str]],
    *,
    why: Callable[[str], str],
    wipe: Callable[[Row], Mapping[str, Any] | None],
    now: datetime,
) -> None:
    """Stop what else waits of these kinds to these addresses (canonical).

    Without this, each of thousands would be claimed and looked at. `why` gives the reason for a kind, `wipe`
    the variables that may be kept.
    """
    for kind, name in floods:
        query = (
            select(_M.id, _M.kind, _M.variables)
            .where(addressed_to([name]), _M.kind == kind, _M.state == str(State.READY), _M.not_before <= now)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        rows = all_rows(connection, query)
        ended = [Settlement(row["id"], State.SUPPRESSED, why(kind), wiped=wipe(row)) for row in rows]
        settle(connection, ended, now=now, expected=State.READY)
