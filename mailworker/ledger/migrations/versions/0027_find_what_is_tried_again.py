"""Find what is tried again and again without reading all that waits."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Give the messages that were tried three times or more an index of their own."""
    where = sa.text("attempts > 2 AND state IN ('accepted', 'rendering', 'ready', 'sending')")
    op.create_index(
        "messages_tried_again", "messages", ["accepted_at"], sqlite_where=where, postgresql_where=where
    )
