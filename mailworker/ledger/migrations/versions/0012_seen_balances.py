"""Balances seen: their first sight, highest value, top-ups and end."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "seen_balances",
        sa.Column("uuid", sa.String(120), primary_key=True),
        sa.Column("account", sa.String(120), nullable=False),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("value", sa.String(60), nullable=False),
        sa.Column("highest", sa.String(60), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("topped_up_at", UtcDateTime()),
        sa.Column("level_after_top_up", sa.String(60)),
        sa.Column("at_start", sa.String(60)),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("seen_balances_account", "seen_balances", ["account"])
    op.create_index("seen_balances_expires", "seen_balances", ["expires_at"])
