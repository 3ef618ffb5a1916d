"""When a message was last in a call: where Redis knows of a later one, the ledger lost it."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column; messages that were called before have none, and Redis knows of no call of theirs."""
    op.add_column("messages", sa.Column("last_call_at", UtcDateTime(), nullable=True))
