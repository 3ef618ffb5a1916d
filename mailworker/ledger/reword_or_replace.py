"""What a pre-send check changes besides a state: the content, or another message with the rest."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, update

from mailworker.ledger.insert_messages import accept
from mailworker.ledger.notification_log import move, withdraw
from mailworker.ledger.tables import messages
from mailworker.rules.pre_send.verdicts import Cancel, Replace, Reword, Row, Verdict

#: To whom, whose it is, and what. The fingerprint stays: it is of what the caller asked for, and may repeat.
CONTENT = ("to_email", "to_canonical", "to_name", "customer_id", "language", "variables", "content_bytes")


def apply(connection: Connection, verdicts: Mapping[str, Verdict], *, now: datetime) -> None:
    """Do what the verdicts on these messages ask for, in the transaction that settles them."""
    for id_, verdict in verdicts.items():
        if isinstance(verdict, Reword):
            _reword(connection, id_, verdict.fresh)
        elif isinstance(verdict, Replace):
            accept(connection, [verdict.fresh], now)
            move(connection, verdict.keys, old=id_, new=verdict.fresh["id"], now=now)
        if isinstance(verdict, Cancel | Replace):
            withdraw(connection, id_, now=now)


def _reword(connection: Connection, id_: str, fresh: Row) -> None:
    content = {name: fresh[name] for name in CONTENT}
    connection.execute(update(messages).where(messages.c.id == id_).values(content))
