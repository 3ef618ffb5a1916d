"""Keep which kinds of mail somebody has switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the choices, by the pseudonym of an address."""
    op.create_table(
        "opt_outs",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(100), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
