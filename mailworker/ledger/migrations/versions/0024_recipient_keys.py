"""Nobody has two messages under one caller's key, whichever workers take its jobs at the same moment."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the column, unique where it is given; messages of before have none."""
    op.add_column("messages", sa.Column("recipient_key", sa.String(36), nullable=True))
    where = sa.text("recipient_key IS NOT NULL")
    op.create_index(
        "messages_recipient_key",
        "messages",
        ["recipient_key"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
