"""Remember which steps were withdrawn before they left: the ladder decides about these anew."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the moment; claims of before have none."""
    op.add_column("said", sa.Column("withdrawn_at", UtcDateTime(), nullable=True))
