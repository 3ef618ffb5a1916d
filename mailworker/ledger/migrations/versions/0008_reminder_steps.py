"""Remember which step of the ladder a reminder says, for its template and its subject."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the step; messages of before have none."""
    op.add_column("messages", sa.Column("step", sa.SmallInteger(), nullable=True))
