"""Find what comes too late without reading all that waits."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Give waiting messages an index by the end of their time."""
    where = sa.text("state = 'ready'")
    op.create_index("messages_late", "messages", ["expires_at"], sqlite_where=where, postgresql_where=where)
