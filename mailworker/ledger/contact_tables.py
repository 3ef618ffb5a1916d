"""The ledger's tables of contacts: what the CRM has, and what was pushed to Mailjet."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from mailworker.ledger.tables import UtcDateTime, metadata, partial_index

PENDING = text("state = 'pending'")
CALLING = text("state IN ('calling', 'running')")

crm_customers = Table(
    "crm_customers",
    metadata,
    Column("customer_id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("custom_fields", JSON, nullable=False),
    Column("version", BigInteger),
    Column("updated_at", UtcDateTime, nullable=False),
)

crm_contacts = Table(
    "crm_contacts",
    metadata,
    Column("contact_id", String(320), primary_key=True),
    Column("email", String(320), nullable=False, index=True),
    Column("customer_id", String(64), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("contact_type", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("custom_fields", JSON, nullable=False),
    Column("version", BigInteger),
    Column("updated_at", UtcDateTime, nullable=False),
    # When the CRM last spoke of it: what a full reading did not speak of is gone there.
    Column("heard_at", UtcDateTime, nullable=False, index=True),
)

mailjet_contacts = Table(
    "mailjet_contacts",
    metadata,
    Column("email", String(320), primary_key=True),
    # What Mailjet should know.
    Column("name", Text, nullable=False),
    Column("properties", JSON, nullable=False),
    Column("lists", JSON, nullable=False),
    Column("excluded", Boolean),
    # Why campaigns leave it out whatever the CRM has: its entry on the suppression list.
    Column("barred", String(16)),
    Column("fingerprint", String(64), nullable=False),
    # What was pushed to Mailjet, and it may know.
    Column("told", String(64)),
    Column("told_lists", JSON, nullable=False),
    Column("told_names", JSON, nullable=False),
    Column("told_excluded", Boolean, nullable=False),
    # What Mailjet reported.
    Column("unsubscribed_at", UtcDateTime),
    Column("left_out", Boolean, nullable=False),
    Column("looked_at", UtcDateTime),
    # How the one becomes the other.
    Column("state", String(12), nullable=False),
    Column("task", String(8), nullable=False),
    Column("audience", String(32), nullable=False),
    Column("batch_limit", SmallInteger, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("call_id", String(36), index=True),
    Column("sent", String(64)),
    Column("moved_from", String(320)),
    Column("waits_for", String(320), index=True),
    Column("note", Text),
    Column("error", Text),
    Column("changed_at", UtcDateTime, nullable=False),
    partial_index("mailjet_contacts_due", "due_at", where=PENDING),
    partial_index("mailjet_contacts_audience", "task", "audience", "batch_limit", "due_at", where=PENDING),
    # With the state first, SQLite's planner would take this one for what is due, and read all of it.
    Index("mailjet_contacts_state", "task", "state"),
)

contact_calls = Table(
    "contact_calls",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("job_id", BigInteger),
    Column("state", String(8), nullable=False),
    Column("contacts", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("poll_at", UtcDateTime, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("note", Text),
    partial_index("contact_calls_open", "poll_at", where=CALLING),
)

contact_syncs = Table(
    "contact_syncs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("state", String(8), nullable=False, index=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("lease", String(36)),
    Column("lease_until", UtcDateTime),
    Column("report", JSON(none_as_null=True)),
    Column("error", Text),
)

#: Who was erased, under a stand-in: an older message about them brings nobody back.
erased_contacts = Table(
    "erased_contacts",
    metadata,
    Column("stand_in", String(64), primary_key=True),
    Column("erased_at", UtcDateTime, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("way", String(12), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("segment", Text, nullable=False),
    Column("contact_type", Text, nullable=False),
    Column("content", JSON, nullable=False),
    Column("draft_id", BigInteger),
    Column("segment_id", BigInteger),
    Column("send_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    # The last address that was written as a message, and how many were.
    Column("checkpoint", String(320)),
    Column("written", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("note", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)
