"""The ledger's tables."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    and_,
    column,
    func,
    or_,
    text,
)
from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments; SQLite keeps no zone, so it gets UTC without one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("The ledger takes aware moments only.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


metadata = MetaData()

#: Rows are numbered as they come; SQLite numbers only INTEGER keys by itself.
RowId = BigInteger().with_variant(Integer, "sqlite")


def partial_index(name: str, *columns: str, where: TextClause, unique: bool = False) -> Index:
    """An index over some rows only, as a migration makes it.

    The condition is noted for readers and tests: a dialect's own option would load PostgreSQL's dialect into
    each command that looks into a ledger of any database.
    """
    return Index(name, *columns, unique=unique, info={"where": where.text})


def _by_state(name: str, table_state: str, *columns: str) -> Index:
    """As small as that queue, whatever the ledger holds."""
    return partial_index(name, *columns, where=text(f"state = '{table_state}'"))


BLOCKED = text("delivery = 'blocked'")
NOT_SENT = text("state <> 'sent'")
#: Tried three times or more and still on its way: no accident any more.
TRIED_AGAIN = text("attempts > 2 AND state IN ('accepted', 'rendering', 'ready', 'sending')")
WITHOUT_CANONICAL = text("to_canonical IS NULL AND to_email IS NOT NULL")
ABOUT_INVOICE = text("invoice_id IS NOT NULL")
UNDER_A_CALLERS_KEY = text("recipient_key IS NOT NULL")

messages = Table(
    "messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("idempotency_key", String(600), nullable=False, unique=True),
    # One for each person whom a caller's key names, alone or among others; NULL without such a key.
    Column("recipient_key", String(36)),
    Column("fingerprint", String(64), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("language", String(8), nullable=False),
    Column("customer_id", String(64)),
    Column("to_email", String(320)),
    # Its canonical form, by which people are compared; NULL in rows of a worker from before there was one.
    Column("to_canonical", String(320)),
    Column("to_name", Text),
    Column("cc", JSON(none_as_null=True)),
    Column("bcc", JSON(none_as_null=True)),
    Column("variables", JSON(none_as_null=True)),
    Column("invoice", JSON(none_as_null=True)),
    Column("invoice_id", String(100)),
    Column("attachments", JSON(none_as_null=True)),
    Column("recipients", SmallInteger, nullable=False),
    Column("content_bytes", BigInteger, nullable=False),
    Column("batch_limit", SmallInteger, nullable=False, default=50),
    Column("state", String(12), nullable=False),
    Column("reason", Text),
    Column("not_before", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("lease", String(36)),
    Column("lease_until", UtcDateTime),
    # In the call that is under way, or whose outcome was not seen; and in whichever was the last.
    Column("called_at", UtcDateTime),
    Column("last_call_at", UtcDateTime),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lookups", Integer, nullable=False, default=0),
    Column("mailjet_id", BigInteger),
    Column("mailjet_uuid", String(36)),
    Column("delivery", String(16)),
    Column("step", SmallInteger),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    _by_state("messages_ready", "ready", "lane", "not_before", "id"),
    _by_state("messages_late", "ready", "expires_at"),
    _by_state("messages_sending", "sending", "lease_until"),
    _by_state("messages_rendering", "rendering", "lease_until"),
    _by_state("messages_accepted", "accepted", "not_before"),
    _by_state("messages_unknown", "unknown", "not_before"),
    Index("messages_to_canonical", "to_canonical", "accepted_at"),
    partial_index("messages_without_canonical", "to_email", where=WITHOUT_CANONICAL),
    Index("messages_customer", "customer_id", "accepted_at"),
    Index("messages_mailjet_id", "mailjet_id"),
    partial_index("messages_invoice", "invoice_id", where=ABOUT_INVOICE),
    partial_index("messages_recipient_key", "recipient_key", where=UNDER_A_CALLERS_KEY, unique=True),
    # The state too, so that a day's messages are counted in the index alone.
    Index("messages_changed", "changed_at", "state"),
    # Everything but what was sent: small whatever the ledger holds, and enough for the balance of messages.
    partial_index("messages_blocked", "changed_at", where=BLOCKED),
    partial_index("messages_not_sent", "state", "changed_at", where=NOT_SENT),
    partial_index("messages_tried_again", "accepted_at", where=TRIED_AGAIN),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("message_id", String(36), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("what", String(16), nullable=False),
    Column("why", Text),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("message_id", String(36), nullable=False, index=True),
    Column("call_id", String(36), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("code", String(16)),
    Column("why", Text),
)

events = Table(
    "events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("message_id", String(36), index=True),
    Column("mailjet_id", BigInteger),
    Column("event", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("detail", JSON(none_as_null=True)),
)

suppressions = Table(
    "suppressions",
    metadata,
    # In its canonical form, or the pseudonym of one that was erased.
    Column("email", String(320), primary_key=True),
    Column("reason", String(16), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("source", Text),
    # Who listed it by hand, and why.
    Column("added_by", String(100)),
    Column("why", Text),
)

#: The numbers of the invoices that messages are about, in small letters.
invoice_numbers = Table(
    "invoice_numbers",
    metadata,
    Column("number", String(120), primary_key=True),
    Column("message_id", String(36), primary_key=True),
    Index("invoice_numbers_message", "message_id"),
)

#: Kinds of mail that a person, by the pseudonym of their address, has switched off.
opt_outs = Table(
    "opt_outs",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("kind", String(100), primary_key=True),
    Column("since", UtcDateTime, nullable=False),
)

#: What people did to the suppression list. An event from before an address was lifted lists it no more.
suppression_changes = Table(
    "suppression_changes",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("email", String(320), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("what", String(8), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Index("suppression_changes_email", "email", "at"),
)

holds = Table(
    "holds",
    metadata,
    Column("scope", String(110), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("code", String(16)),
    Column("since", UtcDateTime, nullable=False),
    Column("probe_at", UtcDateTime),
    Column("probes", Integer, nullable=False, default=0),
)

rejected_jobs = Table(
    "rejected_jobs",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("entry_id", String(64), unique=True),
    Column("at", UtcDateTime, nullable=False),
    Column("source", String(16), nullable=False),
    Column("kind", String(100)),
    Column("message_id", String(36)),
    Column("faults", JSON, nullable=False),
    Column("payload", JSON(none_as_null=True)),
)

statistics = Table(
    "statistics",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("kind", String(100), primary_key=True),
    Column("state", String(12), primary_key=True),
    Column("delivery", String(16), primary_key=True),
    Column("messages", Integer, nullable=False),
)


def in_state(word: str) -> Any:
    """`state = 'ready'` with the word written into the SQL: only so do planners use the partial indexes."""
    return column("state", _selectable=messages) == text(f"'{word}'")


def addressed_to(names: Collection[str]) -> ColumnElement[bool]:
    """Messages to these addresses (canonical) or pseudonyms, those of workers of before included."""
    own = messages.c.to_canonical.in_(names)
    return or_(own, and_(WITHOUT_CANONICAL, func.lower(messages.c.to_email).in_(names)))
