"""Know a person by one form of their address, and keep who changed the suppression list."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from mailworker.core.canonical_address import canonical_address
from mailworker.ledger.tables import UtcDateTime
from mailworker.rules.contact_diff import TargetContact
from mailworker.rules.suppression_reasons import Listing, weightier

revision = "0010"
down_revision = "0009"

_AT_ONCE = 1000
_WITHOUT = sa.text("to_canonical IS NULL AND to_email IS NOT NULL")


def upgrade() -> None:
    """Add the columns, bring old rows into the form, and only then build the indexes."""
    op.add_column("messages", sa.Column("to_canonical", sa.String(320)))
    op.add_column("suppressions", sa.Column("added_by", sa.String(100)))
    op.add_column("suppressions", sa.Column("why", sa.Text))
    op.add_column("mailjet_contacts", sa.Column("barred", sa.String(16)))
    op.create_table(
        "suppression_changes",
        _row_id(),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("what", sa.String(8), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
    )
    op.create_index("suppression_changes_email", "suppression_changes", ["email", "at"])
    op.create_table(
        "former_addresses",
        _row_id(),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("contact_id", sa.String(320), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("left_at", UtcDateTime, nullable=False),
    )
    op.create_index("former_addresses_email", "former_addresses", ["email"])
    op.create_index("former_addresses_left_at", "former_addresses", ["left_at"])
    connection = op.get_bind()
    _fill_messages(connection)
    _merge_suppressions(connection)
    _rewrite_unmatched_events(connection)
    _bar_contacts(connection)
    op.drop_index("messages_to_email", "messages")
    op.create_index("messages_to_canonical", "messages", ["to_canonical", "accepted_at"])
    op.create_index(
        "messages_without_canonical",
        "messages",
        ["to_email"],
        sqlite_where=_WITHOUT,
        postgresql_where=_WITHOUT,
    )


def _row_id() -> "sa.Column[int]":
    numbered = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("id", numbered, primary_key=True, autoincrement=True)


def _fill_messages(connection: Connection) -> None:
    """Nearly all addresses are ASCII, which the database folds by itself; the others one by one."""
    connection.execute(
        sa.text("UPDATE messages SET to_canonical = lower(to_email) WHERE to_email IS NOT NULL")
    )
    messages = sa.table("messages", sa.column("id"), sa.column("to_email"), sa.column("to_canonical"))
    of_bytes = (
        sa.func.octet_length(messages.c.to_email)
        if connection.dialect.name == "postgresql"
        else sa.func.length(sa.cast(messages.c.to_email, sa.LargeBinary))
    )
    odd = sa.func.lower(messages.c.to_email).contains("xn--") | (
        of_bytes != sa.func.length(messages.c.to_email)
    )
    last = ""
    while True:
        query = sa.select(messages.c.id, messages.c.to_email).where(odd, messages.c.id > last)
        rows = connection.execute(query.order_by(messages.c.id).limit(_AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].id
        statement = sa.update(messages).where(messages.c.id == sa.bindparam("of"))
        changes = [{"of": row.id, "to": canonical_address(row.to_email)} for row in rows]
        connection.execute(statement.values(to_canonical=sa.bindparam("to")), changes)


def _merge_suppressions(connection: Connection) -> None:
    """Several spellings of one address become one row, with the weightiest of their reasons."""
    table = sa.table(
        "suppressions",
        sa.column("email"),
        sa.column("reason"),
        sa.column("since", UtcDateTime),
        sa.column("source"),
    )
    rows = connection.execute(sa.select(table).where(table.c.email.like("%@%"))).all()
    odd = [row for row in rows if canonical_address(row.email) != row.email]
    if not odd:
        return
    found: dict[str, Listing] = {}
    names = {canonical_address(row.email) for row in odd}
    for row in rows:
        name = canonical_address(row.email)
        if name in names:
            listing = Listing(row.reason, row.since, row.source or "")
            found[name] = weightier(found[name], listing) if name in found else listing
    connection.execute(
        sa.delete(table).where(table.c.email == sa.bindparam("of")), [{"of": row.email} for row in odd]
    )
    connection.execute(
        sa.delete(table).where(table.c.email == sa.bindparam("of")), [{"of": name} for name in found]
    )
    connection.execute(
        sa.insert(table),
        [
            {"email": name, "reason": one.reason, "since": one.since, "source": one.source}
            for name, one in found.items()
        ],
    )


def _rewrite_unmatched_events(connection: Connection) -> None:
    events = sa.table("events", sa.column("id"), sa.column("detail", sa.JSON))
    query = sa.select(events).where(sa.cast(events.c.detail, sa.String).contains("xn--"))
    changes: list[dict[str, Any]] = [
        {"of": row.id, "to": {**row.detail, "email": canonical_address(row.detail["email"])}}
        for row in connection.execute(query)
        if isinstance(row.detail, dict) and isinstance(row.detail.get("email"), str)
    ]
    if changes:
        statement = sa.update(events).where(events.c.id == sa.bindparam("of"))
        connection.execute(statement.values(detail=sa.bindparam("to", type_=sa.JSON)), changes)


def _bar_contacts(connection: Connection) -> None:
    """Contacts whose address is on the list already wait to be told to Mailjet as left out of campaigns."""
    names = ("email", "name", "state", "task", "fingerprint", "barred")
    contacts = sa.table(
        "mailjet_contacts",
        *(sa.column(name) for name in names),
        sa.column("properties", sa.JSON),
        sa.column("lists", sa.JSON),
    )
    listed = sa.table("suppressions", sa.column("email"), sa.column("reason"))
    query = sa.select(contacts, listed.c.reason).join(listed, listed.c.email == contacts.c.email)
    changes = [
        {
            "of": row.email,
            "reason": row.reason,
            "print": TargetContact(row.name, row.properties, tuple(row.lists), excluded=True).fingerprint,
            "then": "pending" if row.state == "in_step" and row.lists else row.state,
        }
        for row in connection.execute(query).all()
    ]
    if changes:
        statement = sa.update(contacts).where(contacts.c.email == sa.bindparam("of"))
        statement = statement.values(
            barred=sa.bindparam("reason"), fingerprint=sa.bindparam("print"), state=sa.bindparam("then")
        )
        connection.execute(statement, changes)
