"""What Mailjet's webhook brought, by minute."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "webhook_minutes",
        sa.Column("minute", UtcDateTime(), primary_key=True),
        sa.Column("what", sa.String(24), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False),
    )
