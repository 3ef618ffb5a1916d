"""Find what Mailjet blocked without reading all that was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Give blocked messages an index of their own."""
    where = sa.text("delivery = 'blocked'")
    op.create_index(
        "messages_blocked", "messages", ["changed_at"], sqlite_where=where, postgresql_where=where
    )
