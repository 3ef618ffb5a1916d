"""Counts of campaigns' messages by hour."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make the table; the hourly roll-up fills it for the days whose messages may still change."""
    op.create_table(
        "campaign_statistics",
        sa.Column("hour", UtcDateTime(), primary_key=True),
        sa.Column("campaign", sa.String(12), primary_key=True),
        sa.Column("state", sa.String(12), primary_key=True),
        sa.Column("delivery", sa.String(16), primary_key=True),
        sa.Column("messages", sa.Integer(), nullable=False),
    )
