"""What waits, since when; what failed lately. All of it from indexes over what was not sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from mailworker.ledger.contact_stats import REFUSED
from mailworker.ledger.contact_tables import PENDING, mailjet_contacts
from mailworker.ledger.failure_reasons import reason_alone
from mailworker.ledger.one_row import first_value
from mailworker.ledger.tables import NOT_SENT, in_state, messages, rejected_jobs

_M = messages.c
#: By which moment a message counts as waiting in its state.
_SINCE = {
    "accepted": _M.not_before,
    "rendering": _M.changed_at,
    "sending": _M.changed_at,
    "unknown": _M.called_at,
}


def oldest_in_state(connection: Connection, now: datetime) -> dict[str, datetime]:
    """For each state that a message should leave by itself: since when its oldest has been able to."""
    found = {}
    for state, since in _SINCE.items():
        query = select(func.min(since)).where(in_state(state))
        moment = connection.execute(query).scalar()
        if moment is not None and moment <= now:
            found[state] = moment
    return found


def unknown(connection: Connection) -> tuple[int, datetime | None]:
    """How many messages are of unknown outcome, and when the first of them was called."""
    query = select(func.count(), func.min(_M.called_at)).where(in_state("unknown"))
    count, oldest = connection.execute(query).one()
    return count, oldest


def failed_since(
    connection: Connection, since: datetime, *, limit: int = 5
) -> Sequence[tuple[str | None, int]]:
    """The most frequent reasons of messages that failed since then, with how many."""
    count, alone = func.count().label("count"), reason_alone(connection).label("alone")
    query = (
        select(alone, count)
        .where(NOT_SENT, _M.state == "failed", _M.changed_at >= since)
        .group_by(alone)
        .order_by(count.desc(), alone)
        .limit(limit)
    )
    return [(reason, number) for reason, number in connection.execute(query)]


def rejected_since(connection: Connection, since: datetime) -> int:
    """How many jobs became no message since then."""
    query = select(func.count()).select_from(rejected_jobs).where(rejected_jobs.c.at >= since)
    return connection.execute(query).scalar_one()


@dataclass(frozen=True, slots=True)
class ContactBacklog:
    """Contacts that Mailjet is to be told of: how many, since when the oldest is due, one's last error."""

    pending: int
    refused: int
    since: datetime | None
    error: str | None


def contacts(connection: Connection, now: datetime) -> ContactBacklog:
    """How the contacts stand."""
    c = mailjet_contacts.c
    due = (PENDING, c.due_at <= now)
    since = connection.execute(select(func.min(c.due_at)).where(*due)).scalar()
    error = first_value(connection, select(c.error).where(*due, c.error.is_not(None)))
    count = select(func.count()).select_from(mailjet_contacts)
    pending = connection.execute(count.where(PENDING)).scalar_one()
    refused = connection.execute(count.where(*REFUSED)).scalar_one()
    return ContactBacklog(pending, refused, since, error)
