"""Counting contacts: how many stand where, what Mailjet refused, what is next and how much waits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from mailworker.ledger.contact_tables import CALLING, PENDING, contact_calls, mailjet_contacts
from mailworker.ledger.run_query import Row, all_rows, count_rows, first_value, pairs
from mailworker.ledger.tables import suppressions
from mailworker.rules.contact_sync_cost_and_pauses import Plan

_M = mailjet_contacts.c
#: By task too, for the index begins with it.
REFUSED = (_M.task.in_(("tell", "move", "erase")), _M.state == "refused")

#: Why an address gets no campaign, though its owner did not opt out at Mailjet.
UNSUBSCRIBED = "unsubscribed"


def by_state(connection: Connection) -> dict[str, int]:
    """How many Mailjet contacts stand where: in_step, pending, flying, waiting, refused."""
    return pairs(connection, select(_M.state, func.count()).group_by(_M.state))


def plan(connection: Connection, *, read_back: int = 0) -> Plan:
    """What waits to be pushed."""
    query = select(_M.task, _M.audience, func.count()).where(_M.state.in_(("pending", "waiting")))
    rows = connection.execute(query.group_by(_M.task, _M.audience)).all()
    to_push = {audience: count for task, audience, count in rows if task == "tell"}
    sums = {name: sum(count for task, _, count in rows if task == name) for name in ("move", "erase")}
    return Plan(to_push, sums["move"], sums["erase"], read_back)


def count_pushed(connection: Connection) -> int:
    """How many contacts Mailjet should have, by what was pushed."""
    return count_rows(connection, mailjet_contacts, _M.told.is_not(None))


def refused(connection: Connection, *, limit: int) -> list[Row]:
    """Contacts that Mailjet would not take, with the reason."""
    query = select(_M.email, _M.error, _M.changed_at).where(*REFUSED).order_by(_M.email)
    return all_rows(connection, query.limit(limit))


def noted(connection: Connection, *, limit: int) -> list[Row]:
    """Contacts with a note: an address that several share, a value that is left out."""
    query = select(_M.email, _M.note).where(_M.note.is_not(None)).order_by(_M.email).limit(limit)
    return all_rows(connection, query)


def count_noted(connection: Connection) -> int:
    """How many contacts have a note."""
    return count_rows(connection, mailjet_contacts, _M.note.is_not(None))


def stuck(connection: Connection) -> str | None:
    """Why contacts wait after a failure, in the words of one of them; None where none does."""
    query = select(_M.error).where(_M.state == "pending", _M.error.is_not(None))
    return first_value(connection, query)


def try_again(connection: Connection, now: datetime) -> int:
    """Let refused contacts be pushed again; gives how many."""
    again = update(mailjet_contacts).values(state="pending", due_at=now, tries=0, batch_limit=1000)
    return connection.execute(again.where(*REFUSED)).rowcount


def count_opted_out(connection: Connection) -> int:
    """How many of our contacts unsubscribed at Mailjet."""
    return count_rows(connection, mailjet_contacts, _M.unsubscribed_at.is_not(None))


def count_unsubscribed(connection: Connection) -> int:
    """How many of our contacts want no campaigns, by Mailjet's word or by our own list's."""
    ours = select(suppressions.c.email).where(suppressions.c.reason == UNSUBSCRIBED)
    return count_rows(connection, mailjet_contacts, _M.unsubscribed_at.is_not(None) | _M.email.in_(ours))


def next_move(connection: Connection) -> datetime | None:
    """When the next contact is due to be pushed, or the next call to be looked at; None where nothing is."""
    push = connection.execute(select(func.min(_M.due_at)).where(PENDING)).scalar()
    poll = connection.execute(select(func.min(contact_calls.c.poll_at)).where(CALLING)).scalar()
    return min((moment for moment in (push, poll) if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class ContactBacklog:
    """Contacts that are to be pushed: how many, since when the oldest is due, one's last error."""

    pending: int
    refused: int
    since: datetime | None
    error: str | None


def contact_backlog(connection: Connection, now: datetime) -> ContactBacklog:
    """What of the contacts waits for Mailjet."""
    due = (PENDING, _M.due_at <= now)
    return ContactBacklog(
        count_rows(connection, mailjet_contacts, PENDING),
        count_rows(connection, mailjet_contacts, *REFUSED),
        connection.execute(select(func.min(_M.due_at)).where(*due)).scalar(),
        first_value(connection, select(_M.error).where(*due, _M.error.is_not(None))),
    )
