"""The contacts that Mailjet should know: what each is to be there, and what was pushed last."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.run_query import Row, all_rows, pairs


def entries(connection: Connection, emails: Collection[str]) -> dict[str, Row]:
    """What the ledger holds of these addresses' Mailjet contacts, locked until the transaction ends."""
    query = select(mailjet_contacts).where(mailjet_contacts.c.email.in_(emails))
    rows = all_rows(connection, query.order_by(mailjet_contacts.c.email).with_for_update())
    return {row["email"]: row for row in rows}


def fingerprints(connection: Connection, emails: Collection[str]) -> dict[str, str]:
    """By address, what the ledger thinks that Mailjet should know."""
    query = select(mailjet_contacts.c.email, mailjet_contacts.c.fingerprint)
    return pairs(connection, query.where(mailjet_contacts.c.email.in_(emails)))


def new_entry(**own: Any) -> dict[str, Any]:
    """A row about an address of which nothing was pushed yet; `own` is what differs."""
    return {
        "told": None,
        "told_lists": [],
        "told_names": [],
        "told_excluded": False,
        "unsubscribed_at": None,
        "left_out": False,
        "state": "pending",
        "batch_limit": 1000,
        "tries": 0,
        "moved_from": None,
        "waits_for": None,
        "note": None,
        "error": None,
        **own,
    }


def add_entries(connection: Connection, rows: Sequence[Row]) -> None:
    """Write new rows."""
    insert_rows(connection, mailjet_contacts, rows)


def change_entries(connection: Connection, rows: Sequence[Row]) -> None:
    """Change rows, each by its address; all of these rows change the same columns."""
    if rows:
        names = [name for name in rows[0] if name != "email"]
        statement = update(mailjet_contacts).where(mailjet_contacts.c.email == bindparam("of"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        given = [{"of": row["email"], **{f"new_{name}": row[name] for name in names}} for row in rows]
        connection.execute(statement.values(values), given)


def drop_entries(connection: Connection, emails: Collection[str]) -> None:
    """Forget these addresses' Mailjet contacts."""
    connection.execute(delete(mailjet_contacts).where(mailjet_contacts.c.email.in_(emails)))


def wait_for_another(connection: Connection, email: str, heir: str | None) -> None:
    """Former addresses that waited for this one wait for its heir; or, where there is none, no longer."""
    waiting = update(mailjet_contacts).where(
        mailjet_contacts.c.waits_for == email, mailjet_contacts.c.email != heir
    )
    if heir is not None:
        connection.execute(waiting.values(waits_for=heir))
        return
    connection.execute(waiting.where(mailjet_contacts.c.state == "waiting").values(state="pending"))
    connection.execute(waiting.values(waits_for=None))


def pushed_properties(connection: Connection, email: str) -> list[str]:
    """The properties of this address that were pushed to Mailjet."""
    query = select(mailjet_contacts.c.told_names).where(mailjet_contacts.c.email == email)
    return connection.execute(query).scalar() or []


def pushed_lists(connection: Connection, email: str) -> list[str]:
    """The lists, by contact type, on which this address was put at Mailjet."""
    query = select(mailjet_contacts.c.told_lists).where(mailjet_contacts.c.email == email)
    return connection.execute(query).scalar() or []
