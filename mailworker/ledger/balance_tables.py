"""The ledger's table of balances seen: what a charging engine forgets, and an alert must know."""

from sqlalchemy import Column, Index, Integer, String, Table

from mailworker.ledger.tables import UtcDateTime, metadata

#: One row for each balance that was ever seen, by the engine's UUID. Values are decimals as text, exactly as
#: the engine has them. The row of BASELINE has when this installation's first scan began and ended.
seen_balances = Table(
    "seen_balances",
    metadata,
    Column("uuid", String(120), primary_key=True),
    Column("account", String(120), nullable=False),
    Column("type", String(60), nullable=False),
    Column("name", String(200), nullable=False),
    Column("value", String(60), nullable=False),
    Column("highest", String(60), nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("topped_up_at", UtcDateTime),
    Column("level_after_top_up", String(60)),
    Column("at_start", String(60)),
    Column("version", Integer, nullable=False),
    Index("seen_balances_account", "account"),
    Index("seen_balances_expires", "expires_at"),
)

#: The key of the row that marks the first scan; no engine makes such a UUID.
BASELINE = "first scan"
