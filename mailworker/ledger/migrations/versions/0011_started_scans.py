"""Keep which scans an operator has started; those that ran before go on as they did."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the starts, one for each scan that has run, and what each run was allowed to do."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "scan_arming",
        sa.Column("scan", sa.String(30), primary_key=True),
        sa.Column("armed_at", moment, nullable=False),
        sa.Column("start_from", sa.Date()),
        sa.Column("policy", sa.String(64), nullable=False),
        sa.Column("waiting_policy", sa.String(64), nullable=False),
        sa.Column("waiting_due", sa.Integer(), nullable=False),
    )
    op.execute(
        "INSERT INTO scan_arming (scan, armed_at, policy, waiting_policy, waiting_due) "
        "SELECT scan, min(started_at), '', '', 0 FROM scan_runs WHERE finished_at IS NOT NULL GROUP BY scan"
    )
    op.add_column("scan_runs", sa.Column("mode", sa.String(10), nullable=False, server_default="real"))
