"""Which messages are still to leave: now, at a later time, or once their campaign goes on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_search import LINE
from mailworker.ledger.query_planner import in_index_order
from mailworker.ledger.run_query import Row, all_rows
from mailworker.ledger.tables import NOT_SENT, in_state, messages
from mailworker.rules.claimable_while_held import hold_on
from mailworker.rules.why_it_waits import LeavingTime, leaving_time


class When(StrEnum):
    """Which of them: those whose time is still to come, those that could leave now, and paused campaigns'."""

    LATER = "later"
    NOW = "now"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class UpcomingFilter:
    """Which upcoming messages. `beyond` is the last row of the page before: its moment and its id."""

    when: When = When.LATER
    kind: str | None = None
    lane: Lane | None = None
    beyond: tuple[datetime, str] | None = None

    def moment(self, row: Row) -> datetime:
        """The moment by which this list is in order."""
        at: datetime = row["changed_at"] if self.when is When.HELD else row["not_before"]
        return at


class UpcomingMessage(NamedTuple):
    """A message that is still to leave, and when it does."""

    row: Row
    leaves: LeavingTime


def departures(
    connection: Connection, wanted: UpcomingFilter, *, now: datetime, limit: int, outage: bool
) -> list[UpcomingMessage]:
    """The same as `upcoming`, each with what it waits for. `outage`: Mailjet is out of order."""
    holds = current_holds(connection)
    return [
        UpcomingMessage(
            row,
            leaving_time(
                row, now=now, hold=hold_on(holds, row["kind"], Lane(row["lane"]).word), outage=outage
            ),
        )
        for row in upcoming(connection, wanted, now=now, limit=limit)
    ]


def upcoming(connection: Connection, wanted: UpcomingFilter, *, now: datetime, limit: int) -> list[Row]:
    """The first that leave, in their order; of a campaign that is paused, the first that were held.

    Each state and lane is asked by itself, in the order of its own index, however many wait.
    """
    in_index_order(connection)
    column = messages.c.changed_at if wanted.when is When.HELD else messages.c.not_before
    found: list[Row] = []
    for queue in _queues(wanted, now):
        query = select(*LINE, messages.c.expires_at).where(queue, *_further(wanted, column))
        found += all_rows(connection, query.order_by(column, messages.c.id).limit(limit))
    return sorted(found, key=lambda row: (wanted.moment(row), row["id"]))[:limit]


def _queues(wanted: UpcomingFilter, now: datetime) -> list[ColumnElement[bool]]:
    lanes = [messages.c.lane == int(lane) for lane in ([wanted.lane] if wanted.lane is not None else Lane)]
    if wanted.when is When.HELD:
        own = [] if wanted.lane is None else lanes
        return [and_(NOT_SENT, messages.c.state == str(State.HELD), *own)]
    at = messages.c.not_before
    time = at > now if wanted.when is When.LATER else at <= now
    accepted = and_(in_state("accepted"), time, *([] if wanted.lane is None else lanes))
    return [accepted, *(and_(in_state("ready"), lane, time) for lane in lanes)]


def _further(wanted: UpcomingFilter, column: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
    conditions = [] if wanted.kind is None else [messages.c.kind == wanted.kind]
    if wanted.beyond is not None:
        at, id_ = wanted.beyond
        conditions.append(and_(column >= at, or_(column > at, messages.c.id > id_)))
    return conditions
