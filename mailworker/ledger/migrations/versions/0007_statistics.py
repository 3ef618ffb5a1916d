"""Counts by hour, kind and fate."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A table of its own, so that figures stay when messages are forgotten."""
    op.create_table(
        "statistics",
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("delivery", sa.String(length=16), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "kind", "state", "delivery"),
    )
