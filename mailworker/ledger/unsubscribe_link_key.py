"""The key that signs links in mails: made once, the same for every worker and web process of a ledger."""

import secrets

from sqlalchemy import Column, String, Table, select

from mailworker.ledger.bulk_insert import insert_new
from mailworker.ledger.database import Ledger
from mailworker.ledger.tables import metadata

ledger_keys = Table(
    "ledger_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)
_UNSUBSCRIBE = "unsubscribe"


def unsubscribe_key(ledger: Ledger) -> bytes:
    """The key of links to unsubscribe. It reveals nothing, and lets nobody do anything but unsubscribe."""
    query = select(ledger_keys.c.value).where(ledger_keys.c.name == _UNSUBSCRIBE)
    with ledger.read() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        fresh = {"name": _UNSUBSCRIBE, "value": secrets.token_hex(32)}
        with ledger.write() as connection:
            insert_new(connection, ledger_keys, [fresh])
            found = connection.execute(query).scalar_one()
    return bytes.fromhex(found)
