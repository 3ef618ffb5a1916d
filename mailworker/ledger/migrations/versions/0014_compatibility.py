"""Keep in the ledger which code can use its tables."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
compatible_down_to = "0014"  # the first whose code reads this word


def upgrade() -> None:
    """Add the table of one row; it is filled after each migration."""
    op.create_table(
        "ledger_schema",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("compatible_down_to", sa.String(12), nullable=False),
    )
