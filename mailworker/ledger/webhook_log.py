"""What Mailjet posted, counted by minute: posts, events by their word, faults; nothing of a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, select

from mailworker.ledger.bulk_insert import insert_into
from mailworker.ledger.run_query import first_row
from mailworker.ledger.tables import UtcDateTime, messages, metadata

#: How long a minute is kept; each has at most one row for each word below.
KEPT = timedelta(days=14)
#: How long after a mail left its first event is waited for.
QUIET = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
#: What is counted beside the events' own words: posts that were taken; events that were known already, that
#: are of no message here, that could not be read; posts that were refused, by the status of the answer.
POSTS, REPEATED, UNMATCHED, UNREADABLE, REFUSED = "posts", "repeated", "unmatched", "unreadable", "refused:"
_EVENT = "event:"
#: Labels must not come from outside; the rest is `other`.
_WORDS = frozenset({"sent", "open", "click", "bounce", "blocked", "spam", "unsub"})

webhook_minutes = Table(
    "webhook_minutes",
    metadata,
    Column("minute", UtcDateTime, primary_key=True),
    Column("what", String(24), primary_key=True),
    Column("number", Integer, nullable=False),
)


def known_words(words: Mapping[str, int]) -> Counter[str]:
    """How many events there were of each of Mailjet's words; those that we do not know are `other`."""
    known: Counter[str] = Counter()
    for word, number in words.items():
        known[word if word in _WORDS else "other"] += number
    return known


class WebhookTally:
    """Counts of some posts, until they are written."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[datetime, str]] = Counter()

    def count(self, at: datetime, what: str, number: int = 1) -> None:
        """Count it in the minute of that moment."""
        if number:
            self.counts[at.replace(second=0, microsecond=0), what] += number

    def count_events(self, at: datetime, words: Mapping[str, int]) -> None:
        """Count new events by Mailjet's word for them."""
        for word, number in known_words(words).items():
            self.count(at, _EVENT + word, number)

    def write(self, connection: Connection) -> None:
        """Add them to what is there, in one order, so that no two who do so wait for each other."""
        insert = insert_into(connection.dialect, webhook_minutes)
        added = {"number": webhook_minutes.c.number + insert.excluded.number}
        statement = insert.on_conflict_do_update(index_elements=["minute", "what"], set_=added)
        counts = sorted(self.counts.items())
        if counts:
            rows = [{"minute": minute, "what": what, "number": number} for (minute, what), number in counts]
            connection.execute(statement, rows)


@dataclass(frozen=True, slots=True)
class WebhookMinute:
    """One minute's posts: `events` are the new ones by their word, `refused` posts by the answer's status."""

    minute: datetime
    posts: int
    events: Mapping[str, int]
    repeated: int
    unmatched: int
    unreadable: int
    refused: Mapping[str, int]


def latest_minutes(
    connection: Connection, *, limit: int, before: datetime | None = None
) -> Sequence[WebhookMinute]:
    """The last minutes in which anything was posted, the youngest first."""
    column = webhook_minutes.c
    minutes = select(column.minute).distinct().order_by(column.minute.desc()).limit(limit)
    if before is not None:
        minutes = minutes.where(column.minute < before)
    found: dict[datetime, dict[str, int]] = {minute: {} for minute in connection.execute(minutes).scalars()}
    if not found:
        return []
    counts = select(column.minute, column.what, column.number)
    shown = column.minute.between(min(found), max(found))
    for minute, what, number in connection.execute(counts.where(shown)):
        found[minute][what] = number
    return [_minute(minute, counts) for minute, counts in found.items()]


def _minute(minute: datetime, counts: Mapping[str, int]) -> WebhookMinute:
    def by(beginning: str) -> dict[str, int]:
        alike = [what for what in sorted(counts) if what.startswith(beginning)]
        return {what.removeprefix(beginning): counts[what] for what in alike}

    posts, repeated, unmatched, unreadable = (
        counts.get(what, 0) for what in (POSTS, REPEATED, UNMATCHED, UNREADABLE)
    )
    return WebhookMinute(minute, posts, by(_EVENT), repeated, unmatched, unreadable, by(REFUSED))


@dataclass(frozen=True, slots=True)
class WebhookSilence:
    """When Mailjet posted last, and the mail since which it should have: None where nothing is missing."""

    posted: datetime | None
    missing_since: datetime | None


def silence(connection: Connection, now: datetime) -> WebhookSilence:
    """Whether events come at all: about a mail that left an hour ago Mailjet has mostly posted one by now."""
    minutes, mails = webhook_minutes.c, messages.c
    posted = connection.execute(select(func.max(minutes.minute)).where(minutes.what == POSTS)).scalar()
    old_enough = mails.changed_at.between(now - KEPT, now - QUIET)
    query = select(mails.changed_at, mails.delivery).where(mails.state == "sent", old_enough)
    mail = first_row(connection, query.order_by(mails.changed_at.desc()))
    if mail is None or mail["delivery"] is not None:
        return WebhookSilence(posted, None)
    posted_since = posted is not None and posted + _MINUTE > mail["changed_at"]
    return WebhookSilence(posted, None if posted_since else mail["changed_at"])


def forget_minutes(connection: Connection, now: datetime) -> None:
    """Delete what is older than it is kept."""
    connection.execute(delete(webhook_minutes).where(webhook_minutes.c.minute < now - KEPT))
