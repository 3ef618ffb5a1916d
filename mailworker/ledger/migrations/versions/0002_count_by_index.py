"""Count messages by their state without reading them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give the index of changes the state, and all that is not sent an index of its own."""
    op.drop_index("messages_changed", "messages")
    op.create_index("messages_changed", "messages", ["changed_at", "state"])
    where = sa.text("state <> 'sent'")
    op.create_index(
        "messages_not_sent", "messages", ["state", "changed_at"], sqlite_where=where, postgresql_where=where
    )
