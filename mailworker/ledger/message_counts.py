"""Counting: how many messages stand where, how long the oldest has waited, and what failed lately.

Every question here is answered from an index, however many messages were sent long ago.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, TextClause, case, func, select

from mailworker.core.lane import Lane
from mailworker.core.states import FINAL, WAITING
from mailworker.ledger.failure_reasons import reason_alone
from mailworker.ledger.run_query import count_rows, first_value, pairs
from mailworker.ledger.tables import NOT_SENT, TRIED_AGAIN, in_state, messages, rejected_jobs

#: By which moment a message counts as waiting in its state.
_SINCE = {
    "accepted": messages.c.not_before,
    "rendering": messages.c.changed_at,
    "sending": messages.c.changed_at,
    "unknown": messages.c.called_at,
}


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """The balance: every accepted message is either final or waiting.

    A state that nobody here knows is neither: a newer version's, or somebody's by hand. It counts as it is.
    """

    by_state: Mapping[str, int]

    @property
    def accepted(self) -> int:
        """All messages in the ledger."""
        return sum(self.by_state.values())

    @property
    def final(self) -> int:
        """Those that nothing will happen to by itself."""
        return sum(count for state, count in self.by_state.items() if state in FINAL)

    @property
    def waiting(self) -> int:
        """Those on their way."""
        return sum(count for state, count in self.by_state.items() if state in WAITING)


def unheard(connection: Connection, since: datetime, until: datetime) -> dict[str, tuple[int, int]]:
    """By kind: how many mails Mailjet took in this time, and of how many of them an event came."""
    query = (
        select(messages.c.kind, func.count(), func.count(messages.c.delivery))
        .where(messages.c.changed_at >= since, messages.c.changed_at < until, messages.c.state == "sent")
        .group_by(messages.c.kind)
    )
    return {kind: (taken, reported) for kind, taken, reported in connection.execute(query)}


def tally(connection: Connection) -> MessageCounts:
    """All messages by state: the few that were not sent are counted, the rest was."""
    query = select(messages.c.state, func.count()).where(NOT_SENT).group_by(messages.c.state)
    by_state = pairs(connection, query)
    sent = count_rows(connection, messages) - sum(by_state.values())
    return MessageCounts(by_state | {"sent": sent} if sent else by_state)


def changed_since(connection: Connection, since: datetime) -> dict[str, int]:
    """Messages by the state that they came to since this moment."""
    query = select(messages.c.state, func.count()).where(messages.c.changed_at >= since)
    return pairs(connection, query.group_by(messages.c.state))


def ended_in_hour(
    connection: Connection, hour: datetime, what: ColumnElement[str], *where: ColumnElement[bool]
) -> list[tuple[str, str, str, int]]:
    """How many messages came to a final state in this hour: by `what`, state and delivery ("" for none)."""
    column = messages.c
    query = (
        select(what, column.state, func.coalesce(column.delivery, ""), func.count())
        .where(column.changed_at >= hour, column.changed_at < hour + timedelta(hours=1))
        .where(column.state.in_([str(state) for state in FINAL]), *where)
        .group_by(what, column.state, column.delivery)
    )
    return [tuple(row) for row in connection.execute(query)]


def oldest_ready(connection: Connection, now: datetime) -> dict[Lane, datetime]:
    """For each lane with messages that could go now: since when its oldest could."""
    due = select(messages.c.not_before).where(in_state("ready"), messages.c.not_before <= now)
    query = due.order_by(messages.c.not_before, messages.c.id)
    found = {lane: first_value(connection, query.where(messages.c.lane == int(lane))) for lane in Lane}
    return {lane: since for lane, since in found.items() if since is not None}


def waiting_by_lane(connection: Connection, now: datetime) -> dict[Lane, tuple[int, int]]:
    """For each lane, how many ready messages could go now, and how many at a later time only."""
    due = func.sum(case((messages.c.not_before <= now, 1), else_=0))
    query = select(messages.c.lane, due, func.count()).where(in_state("ready")).group_by(messages.c.lane)
    return {Lane(lane): (int(now_), count - int(now_)) for lane, now_, count in connection.execute(query)}


def rejected(connection: Connection) -> int:
    """How many jobs could not become messages."""
    return count_rows(connection, rejected_jobs)


def oldest_in_state(connection: Connection, now: datetime) -> dict[str, datetime]:
    """For each state that a message should leave by itself: since when its oldest has been able to."""
    oldest = {
        state: connection.execute(select(func.min(since)).where(in_state(state))).scalar()
        for state, since in _SINCE.items()
    }
    return {state: moment for state, moment in oldest.items() if moment is not None and moment <= now}


def unknown_outcomes(connection: Connection, *, except_because: str) -> tuple[int, datetime | None]:
    """How many messages are of unknown outcome, and when the first of them was called.

    Without those whose reason begins with `except_because`.
    """
    others = ~func.coalesce(messages.c.reason, "").startswith(except_because)
    query = select(func.count(), func.min(messages.c.called_at)).where(in_state("unknown"), others)
    count, oldest = connection.execute(query).one()
    return count, oldest


def unknown_because(connection: Connection, beginning: str) -> tuple[int, str | None]:
    """How many messages are of unknown outcome for a reason that begins so, and one such reason."""
    query = select(func.count(), func.max(messages.c.reason)).where(in_state("unknown"))
    count, reason = connection.execute(query.where(messages.c.reason.startswith(beginning))).one()
    return count, reason


def tried_again(connection: Connection) -> Sequence[tuple[str | None, int]]:
    """Of messages that were tried three times or more and are still on their way: reasons, with how many.

    Each try puts a message off, so none of them ever counts as ready for long.
    """
    return _reasons(connection, TRIED_AGAIN)


def count_tried_again(connection: Connection) -> int:
    """How many those are."""
    return count_rows(connection, messages, TRIED_AGAIN)


def failed_since(connection: Connection, since: datetime) -> Sequence[tuple[str | None, int]]:
    """The most frequent reasons of messages that failed since then, with how many."""
    return _reasons(connection, NOT_SENT, messages.c.state == "failed", messages.c.changed_at >= since)


def _reasons(
    connection: Connection, *where: ColumnElement[bool] | TextClause
) -> Sequence[tuple[str | None, int]]:
    """The five most frequent reasons of these messages."""
    count, alone = func.count().label("count"), reason_alone(connection).label("alone")
    query = select(alone, count).where(*where).group_by(alone).order_by(count.desc(), alone).limit(5)
    return [(reason, number) for reason, number in connection.execute(query)]


def rejected_since(connection: Connection, since: datetime) -> int:
    """How many jobs became no message since then."""
    return count_rows(connection, rejected_jobs, rejected_jobs.c.at >= since)
