"""Changes that the CRM is to hear of, and how far the timeline was read for them."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make both tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "callbacks",
        sa.Column("id", number, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("why", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("told", sa.SmallInteger()),
        sa.Column("trouble", sa.Text()),
    )
    waiting = sa.text("ended_at IS NULL")
    op.create_index(
        "callbacks_waiting", "callbacks", ["not_before"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("callbacks_ended", "callbacks", ["ended_at"])
    op.create_table(
        "callback_cursor",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("confirmed", number, nullable=False),
        sa.Column("seen", number, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
    )
