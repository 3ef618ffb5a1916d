"""What operators did, on their page and on the command line: one row for each act, never changed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Connection, Integer, String, Table, Text, insert, select

from mailworker.ledger.tables import RowId, UtcDateTime, metadata

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(100), nullable=False),
    Column("source", String(64), nullable=False),
    Column("what", String(20), nullable=False),
    Column("target", String(120), nullable=False),
    Column("why", Text, nullable=False),
    Column("affected", Integer, nullable=False),
)


class Act(StrEnum):
    """What an operator may do on the page; the last two on the command line alone."""

    REPLAY = "replay"
    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    LIFT = "lift"
    EXPORT = "export"
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """One act, on a message, a kind, a lane or a scope: its `target`.

    `source` is the address that it came from, or the command line. No address of a customer stands here: that
    of a lifted suppression is in the list's own history.
    `affected` is how many messages, holds or entries it changed.
    """

    at: datetime
    who: str
    source: str
    what: Act
    target: str
    why: str
    affected: int


def record_action(connection: Connection, action: OperatorAction) -> None:
    """Write down what was done, in the transaction that does it."""
    connection.execute(insert(operator_actions).values(asdict(action)))


def latest_actions(connection: Connection, *, limit: int) -> Sequence[OperatorAction]:
    """The last acts, the youngest first."""
    columns = [column for column in operator_actions.c if column.name != "id"]
    query = select(*columns).order_by(operator_actions.c.id.desc()).limit(limit)
    rows = connection.execute(query).mappings()
    return [OperatorAction(**{**row, "what": Act(row["what"])}) for row in rows]
