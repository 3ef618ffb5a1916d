"""The ledger's tables of scans: notifications about invoices and balances, and the scans that ran."""

from sqlalchemy import (
    JSON,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from mailworker.ledger.tables import RowId, UtcDateTime, metadata, partial_index

UNFINISHED = text("finished_at IS NULL")

#: One row for each step of each invoice, and each alert of each balance, that was ever sent. They stay when
#: their messages are forgotten: "once" has no end. `about` is `invoice:ID` or `balance:ID`. `run_id` is the
#: scan that wrote it, none for an alert that OmniCRM enqueued. `withdrawn_at` is when its mail, not yet
#: gone, was found to be true no more.
notifications = Table(
    "said",
    metadata,
    Column("key", String(600), primary_key=True),
    Column("about", String(120), nullable=False),
    Column("days", SmallInteger),
    Column("message_id", String(36), nullable=False),
    Column("run_id", RowId),
    Column("at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index("said_about", "about"),
    Index("said_message", "message_id"),
    Index("said_run", "run_id"),
)

#: One row for each scan that an operator has let write to customers.
scan_arming = Table(
    "scan_arming",
    metadata,
    Column("scan", String(30), primary_key=True),
    Column("armed_at", UtcDateTime, nullable=False),
    Column("start_from", Date),
    Column("policy", String(64), nullable=False),
    Column("waiting_policy", String(64), nullable=False),
    Column("waiting_due", Integer, nullable=False),
)

#: One row for each scan that was started. An unfinished one is its own lock and its own checkpoint.
scan_runs = Table(
    "scan_runs",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("scan", String(30), nullable=False),
    Column("slot", UtcDateTime),
    Column("as_of", UtcDateTime),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("lease", String(36)),
    Column("lease_until", UtcDateTime),
    Column("cursor", JSON(none_as_null=True)),
    Column("expected", Integer),
    Column("seen", Integer, nullable=False),
    Column("found", Integer, nullable=False),
    Column("written", Integer, nullable=False),
    Column("skipped", JSON, nullable=False),
    Column("faults", JSON, nullable=False),
    Column("trouble", Text),
    Column("mode", String(10), nullable=False, server_default="real"),
    # Of one moment in the timetable, one scan; and never two at once.
    UniqueConstraint("scan", "slot", name="scan_runs_slot"),
    partial_index("scan_runs_open", "scan", unique=True, where=UNFINISHED),
    Index("scan_runs_latest", "scan", "id"),
)
