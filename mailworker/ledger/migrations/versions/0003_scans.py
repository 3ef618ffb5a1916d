"""What was said about invoices and balances, and the scans that said it."""

import sqlalchemy as sa
from alembic import op

from mailworker.ledger.tables import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make their tables, and find messages by their invoice."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "said",
        sa.Column("key", sa.String(600), primary_key=True),
        sa.Column("about", sa.String(120), nullable=False),
        sa.Column("days", sa.SmallInteger()),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("run_id", number),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_index("said_about", "said", ["about"])
    op.create_index("said_message", "said", ["message_id"])
    op.create_index("said_run", "said", ["run_id"])
    op.create_table(
        "scan_runs",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("scan", sa.String(30), nullable=False),
        sa.Column("slot", UtcDateTime()),
        sa.Column("as_of", UtcDateTime()),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("lease", sa.String(36)),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("cursor", sa.JSON(none_as_null=True)),
        sa.Column("expected", sa.Integer()),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.JSON(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("trouble", sa.Text()),
        sa.UniqueConstraint("scan", "slot", name="scan_runs_slot"),
    )
    unfinished = sa.text("finished_at IS NULL")
    op.create_index(
        "scan_runs_open",
        "scan_runs",
        ["scan"],
        unique=True,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_index("scan_runs_latest", "scan_runs", ["scan", "id"])
    about = sa.text("invoice_id IS NOT NULL")
    op.create_index(
        "messages_invoice", "messages", ["invoice_id"], sqlite_where=about, postgresql_where=about
    )
