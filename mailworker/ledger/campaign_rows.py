"""Campaigns, and the messages that our own lane made of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from mailworker.core.message import Lane
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.ledger.contact_rows import people_at
from mailworker.ledger.contact_tables import campaigns, crm_contacts, mailjet_contacts
from mailworker.ledger.one_row import any_row
from mailworker.ledger.record_outcome import settle
from mailworker.ledger.tables import in_state, messages
from mailworker.rules.campaign_rules import key_of
from mailworker.rules.contact_diff import field_of
from mailworker.rules.mail_statistics import figures_of

Row = Mapping[str, Any]
_C = campaigns.c
#: States in which a message of a campaign has still something before it.
_OPEN = ("accepted", "rendering", "ready", "sending", "unknown", "held")


def add(connection: Connection, row: Row) -> None:
    """Write a new campaign."""
    connection.execute(insert(campaigns).values(**row))


def find(connection: Connection, name: str) -> Row | None:
    """The campaign of this name, or of this id."""
    query = select(campaigns).where((_C.name == name) | (_C.id == name))
    row = connection.execute(query.order_by(_C.name == name)).mappings().first()
    return dict(row) if row is not None else None


def names(connection: Connection) -> list[str]:
    """Every campaign's name."""
    return list(connection.execute(select(_C.name)).scalars())


def latest(connection: Connection, *, limit: int) -> list[Row]:
    """Campaigns, the youngest first."""
    query = select(campaigns).order_by(_C.created_at.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def move(connection: Connection, id_: str, expected: str, target: str, *, now: datetime, **more: Any) -> bool:
    """Change a campaign's state, if it still is the expected one; give whether it was."""
    statement = update(campaigns).where(_C.id == id_, _C.state == expected)
    result = connection.execute(statement.values(state=target, changed_at=now, **more))
    return result.rowcount > 0


def note(connection: Connection, id_: str, *, now: datetime, **values: Any) -> None:
    """Keep something about a campaign."""
    connection.execute(update(campaigns).where(_C.id == id_).values(changed_at=now, **values))


def in_progress(connection: Connection, way: str, now: datetime) -> list[Row]:
    """Campaigns of this way that are being sent, or whose time has come."""
    due = (_C.state == "scheduled") & (_C.send_at <= now)
    query = select(campaigns).where(_C.way == way, (_C.state == "sending") | due).order_by(_C.created_at)
    return [dict(row) for row in connection.execute(query).mappings()]


def lock(connection: Connection, id_: str) -> Row | None:
    """The campaign, while it is being sent, and nobody else's until the transaction ends."""
    query = select(campaigns).where(_C.id == id_, _C.state == "sending").with_for_update()
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None


def owners(connection: Connection, emails: Collection[str]) -> dict[str, str]:
    """By address, the CRM's id of the contact that has it; of several, always the same; or the address."""
    query = select(crm_contacts.c.email, func.min(crm_contacts.c.contact_id))
    rows = connection.execute(query.where(crm_contacts.c.email.in_(emails)).group_by(crm_contacts.c.email))
    return {email: email for email in emails} | {email: str(id_) for email, id_ in rows}


def languages(connection: Connection, emails: Collection[str]) -> dict[str, str]:
    """By address, the language of the contact that was changed last there; who has none is left out."""
    found: dict[str, str] = {}
    for email, people in people_at(connection, emails).items():
        if people:
            person, company = max(people, key=lambda one: (one[0].stamp.at, one[0].contact_id))
            if language := field_of("contact.language", person, company):
                found[email] = language
    return found


def written_to(connection: Connection, campaign_id: str, emails: Collection[str]) -> set[str]:
    """Of these addresses, those that a campaign has written a message to."""
    query = select(messages.c.to_canonical).where(messages.c.to_canonical.in_(emails), *_of(campaign_id))
    return set(connection.execute(query).scalars())


def contacts_after(
    connection: Connection,
    email: str,
    *,
    limit: int,
    changed_since: datetime | None = None,
    only: str | None = None,
) -> list[Row]:
    """The next contacts by address: all, those that changed since then, or the `only` one.

    Those that belong to nobody are left in: `lists` is empty then.
    """
    columns = [mailjet_contacts.c[name] for name in ("email", "name", "properties", "lists")]
    flags = [
        mailjet_contacts.c[name]
        for name in ("excluded", "barred", "left_out", "unsubscribed_at", "state", "task")
    ]
    query = select(*columns, *flags).where(mailjet_contacts.c.email > email)
    if changed_since is not None:
        query = query.where(mailjet_contacts.c.changed_at >= changed_since)
    if only is not None:
        query = query.where(mailjet_contacts.c.email == only)
    rows = connection.execute(query.order_by(mailjet_contacts.c.email).limit(limit)).mappings()
    return [dict(row) for row in rows]


def contact_at(connection: Connection, email: str) -> Row | None:
    """The contact with this canonical address, as `contacts_after` gives it; None where there is none."""
    found = contacts_after(connection, email[:-1], limit=1, only=email)
    return found[0] if found else None


def waiting_in_bulk(connection: Connection, *, at_most: int) -> int:
    """How many messages of the bulk lane could go now; counted up to `at_most`."""
    ready = select(messages.c.id).where(in_state("ready"), messages.c.lane == int(Lane.BULK)).limit(at_most)
    return connection.execute(select(func.count()).select_from(ready.subquery())).scalar_one()


def anything_open(connection: Connection, campaign_id: str) -> bool:
    """Whether a message of this campaign is not final yet."""
    query = select(messages.c.id).where(messages.c.state.in_(_OPEN), *_of(campaign_id))
    return any_row(connection, query)


def shift(
    connection: Connection, campaign_id: str, old: State, new: State, *, why: str, now: datetime
) -> int:
    """Move all of a campaign's messages of one state to another; gives how many moved."""
    moved = 0
    while True:
        query = select(messages.c.id).where(messages.c.state == str(old), *_of(campaign_id)).limit(1000)
        ids = list(connection.execute(query).scalars())
        again = [Settlement(id_, new, why) for id_ in ids]
        changed = settle(connection, again, now=now, expected=old) if again else 0
        moved += changed
        if not changed:
            return moved


def figures(connection: Connection, campaign_id: str) -> dict[str, int]:
    """How many of a campaign's messages stand where, and what became of the sent ones."""
    query = select(messages.c.state, messages.c.delivery, func.count()).where(*_of(campaign_id))
    tallies = connection.execute(query.group_by(messages.c.state, messages.c.delivery)).all()
    found: dict[str, int] = {}
    for state, _, count in tallies:
        found[state] = found.get(state, 0) + count
    became = figures_of((state, delivery or "", count) for state, delivery, count in tallies)
    return found | {name: count for name, count in became.counts().items() if count}


def waiting(found: Mapping[str, int]) -> int:
    """Of a campaign's figures those messages that have still something before them."""
    return sum(found.get(state, 0) for state in _OPEN)


def _of(campaign_id: str) -> Sequence[ColumnElement[bool]]:
    """The campaign's messages: a range of keys, which an index finds; `;` follows `:`."""
    start, end = key_of(campaign_id, ""), f"campaign:{campaign_id};"
    return messages.c.idempotency_key >= start, messages.c.idempotency_key < end
