"""Counting contacts, and comparing the ledger with what was seen at Mailjet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, not_, or_, select, update

from mailworker.ledger.contact_tables import PENDING, contact_calls, contact_syncs, mailjet_contacts
from mailworker.ledger.one_row import first_value
from mailworker.ledger.suppressions import lifted_at, suppress_all
from mailworker.ledger.tables import suppressions
from mailworker.rules.contact_sync_cost_and_pauses import Plan
from mailworker.rules.suppression_reasons import Listing

Row = Mapping[str, Any]
_M = mailjet_contacts.c
_S = contact_syncs.c
#: By task too, for the index begins with it.
REFUSED = (_M.task.in_(("tell", "move", "erase")), _M.state == "refused")

#: Why an address gets no campaign, though its owner did not opt out at Mailjet.
UNSUBSCRIBED = "unsubscribed"


def by_state(connection: Connection) -> dict[str, int]:
    """How many Mailjet contacts stand where: in_step, pending, flying, waiting, refused."""
    rows = connection.execute(select(_M.state, func.count()).group_by(_M.state))
    return {key: value for key, value in rows}  # noqa: C416 - rows are no pairs to mypy


def plan(connection: Connection, *, read_back: int = 0) -> Plan:
    """What waits to be pushed."""
    query = select(_M.task, _M.audience, func.count()).where(_M.state.in_(("pending", "waiting")))
    rows = connection.execute(query.group_by(_M.task, _M.audience)).all()
    to_push = {audience: count for task, audience, count in rows if task == "tell"}
    sums = {name: sum(count for task, _, count in rows if task == name) for name in ("move", "erase")}
    return Plan(to_push, sums["move"], sums["erase"], read_back)


def count_pushed(connection: Connection) -> int:
    """How many contacts Mailjet should have, by what was pushed."""
    query = select(func.count()).select_from(mailjet_contacts).where(_M.told.is_not(None))
    return connection.execute(query).scalar_one()


def refused(connection: Connection, *, limit: int) -> list[Row]:
    """Contacts that Mailjet would not take, with the reason."""
    query = select(_M.email, _M.error, _M.changed_at).where(*REFUSED).order_by(_M.email)
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def noted(connection: Connection, *, limit: int) -> list[Row]:
    """Contacts with a note: an address that several share, a value that is left out."""
    query = select(_M.email, _M.note).where(_M.note.is_not(None)).order_by(_M.email).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def count_noted(connection: Connection) -> int:
    """How many contacts have a note."""
    query = select(func.count()).select_from(mailjet_contacts).where(_M.note.is_not(None))
    return connection.execute(query).scalar_one()


def stuck(connection: Connection) -> str | None:
    """Why contacts wait after a failure, in the words of one of them; None where none does."""
    query = select(_M.error).where(_M.state == "pending", _M.error.is_not(None))
    return first_value(connection, query)


def try_again(connection: Connection, now: datetime) -> int:
    """Let refused contacts be pushed again; gives how many."""
    statement = update(mailjet_contacts).where(*REFUSED)
    return connection.execute(
        statement.values(state="pending", due_at=now, tries=0, batch_limit=1000)
    ).rowcount


def seen(connection: Connection, excluded: Mapping[str, bool], *, now: datetime) -> int:
    """Note which addresses were seen at Mailjet, and whether campaigns leave them out; how many are ours.

    An exclusion that we pushed ourselves is not Mailjet's own.
    """
    ours = 0
    for left_out in (False, True):
        emails = [email for email, value in excluded.items() if value is left_out]
        statement = update(mailjet_contacts).where(_M.email.in_(emails))
        its_own = or_(_M.left_out, not_(_M.told_excluded)) if left_out else False
        ours += connection.execute(statement.values(looked_at=now, left_out=its_own)).rowcount
    return ours


def put_back_unseen(connection: Connection, *, pulled_since: datetime, pushed_before: datetime) -> int:
    """Contacts that were pushed and are not at Mailjet any more wait to be pushed again; gives how many.

    Those pushed since `pushed_before` may not be in Mailjet's index yet.
    """
    unseen = (_M.looked_at.is_(None)) | (_M.looked_at < pulled_since)
    statement = update(mailjet_contacts).where(
        _M.state == "in_step", _M.task == "tell", _M.due_at < pushed_before, unseen
    )
    change = {"state": "pending", "told": None, "due_at": pulled_since}
    return connection.execute(statement.values(change)).rowcount


def unsubscribed(connection: Connection, left: Mapping[str, datetime | None], *, now: datetime) -> set[str]:
    """Note who unsubscribed at Mailjet, by canonical address, and when; gives contacts of whom it is news.

    Also who is no contact of the CRM is listed: a contact may take that address tomorrow. What an operator
    lifted since then, or at a time that Mailjet does not say, does not count.
    """
    lifted = lifted_at(connection, left)
    counts = {
        email: at or now for email, at in left.items() if email not in lifted or (at and at > lifted[email])
    }
    known = _M.email.in_(counts), _M.unsubscribed_at.is_(None)
    statement = update(mailjet_contacts).where(*known).values(unsubscribed_at=now)
    news = set(connection.execute(statement.returning(_M.email)).scalars())
    listings = {email: Listing("unsubscribed", at, "mailjet list") for email, at in counts.items()}
    suppress_all(connection, listings, now=now)
    return news


def count_opted_out(connection: Connection) -> int:
    """How many of our contacts unsubscribed at Mailjet."""
    query = select(func.count()).select_from(mailjet_contacts).where(_M.unsubscribed_at.is_not(None))
    return connection.execute(query).scalar_one()


def count_unsubscribed(connection: Connection) -> int:
    """How many of our contacts want no campaigns, by Mailjet's word or by our own list's."""
    ours = select(suppressions.c.email).where(suppressions.c.reason == UNSUBSCRIBED)
    query = select(func.count()).select_from(mailjet_contacts)
    return connection.execute(query.where(_M.unsubscribed_at.is_not(None) | _M.email.in_(ours))).scalar_one()


def next_move(connection: Connection) -> datetime | None:
    """When the next contact is due to be pushed, or the next call to be looked at; None where nothing is."""
    open_ = contact_calls.c.state.in_(("calling", "running"))
    queries = (
        select(func.min(_M.due_at)).where(PENDING),
        select(func.min(contact_calls.c.poll_at)).where(open_),
    )
    moments = [moment for query in queries if (moment := connection.execute(query).scalar()) is not None]
    return min(moments, default=None)


@dataclass(frozen=True, slots=True)
class ContactBacklog:
    """Contacts that are to be pushed: how many, since when the oldest is due, one's last error."""

    pending: int
    refused: int
    since: datetime | None
    error: str | None


def contact_backlog(connection: Connection, now: datetime) -> ContactBacklog:
    """What of the contacts waits for Mailjet."""
    c = mailjet_contacts.c
    due = (PENDING, c.due_at <= now)
    since = connection.execute(select(func.min(c.due_at)).where(*due)).scalar()
    error = first_value(connection, select(c.error).where(*due, c.error.is_not(None)))
    count = select(func.count()).select_from(mailjet_contacts)
    pending = connection.execute(count.where(PENDING)).scalar_one()
    refused = connection.execute(count.where(*REFUSED)).scalar_one()
    return ContactBacklog(pending, refused, since, error)
