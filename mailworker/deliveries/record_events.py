"""Recording events: find the message, keep the event once, show it, advance the mail, prove, suppress."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from mailworker.core.chunks import chunked
from mailworker.core.kind import Kind
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.core.summable import Summable
from mailworker.deliveries.erased_addresses import under_stand_ins
from mailworker.deliveries.kept_event_fields import EventRecord, record_from_event, record_from_row
from mailworker.deliveries.suppress_from_events import suppress_by, weigh_soft_bounces
from mailworker.ledger import Ledger, delivery_events
from mailworker.ledger.confirm_sent import PROVABLE, prove
from mailworker.ledger.run_query import Row
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.suppressions import let_pass
from mailworker.ledger.webhook_log import forget_minutes
from mailworker.mailjet.bounce_classification import SuppressionVerdict
from mailworker.mailjet.parse_webhook import WebhookEvent
from mailworker.rules.delivery_status import OF_A_COPY, OUR_FAULT, Delivery, furthest
from mailworker.rules.secret_variables import wiped
from mailworker.rules.suppression_reasons import PASSING, TEMPORARY

#: An event with its message, or with None where we do not know one.
Pair = tuple[EventRecord, Row | None]
Matched = tuple[EventRecord, Row]

AT_ONCE = 500
#: How long an event waits for its message. Mail that others send over the same account has none here.
UNMATCHED_FOR = timedelta(days=30)
_LATE_AT_ONCE = 2000
#: Seconds between tries to get at messages that somebody else has; a worker has them for milliseconds.
_NAPS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)
#: A lock that has lasted for longer is no worker's: the events wait on their stream.
_LONGEST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Recorded(Summable):
    """What a number of events did.

    `words` counts the new ones by Mailjet's word for them, `lags` are the seconds that each took to get here.
    """

    new: int = 0
    repeated: int = 0
    unmatched: int = 0
    proved: int = 0
    suppressed: int = 0
    words: Counter[str] = field(default_factory=Counter)
    alarms: tuple[str, ...] = ()
    lags: tuple[float, ...] = ()


class Deliveries:
    """Updates messages and addresses from Mailjet's events. Safe to run in many workers at once."""

    def __init__(self, ledger: Ledger, kinds: Mapping[str, Kind]) -> None:
        self._ledger = ledger
        self._kinds = kinds
        self._optional = frozenset(name for name, kind in kinds.items() if kind.optional)

    def record(self, events: Sequence[WebhookEvent], *, now: datetime) -> Recorded:
        """Record events, 500 in one transaction; those that are known already change nothing.

        Raises LedgerUnavailable; recording the same events again completes what was left undone.
        """
        by_id = {event.id: event for event in events}
        unique = [record_from_event(event, id_, now=now) for id_, event in by_id.items()]
        done = Recorded(repeated=len(events) - len(unique))
        for some in chunked(unique, AT_ONCE):
            done += self._in_turn(partial(self._record, records=some, now=now))
        return done

    def match_late(self, *, now: datetime) -> Recorded:
        """Give events that came before their message, or without its id, to the message known by now."""
        return self._in_turn(partial(self._match, now=now))

    def tidy(self, *, now: datetime) -> None:
        """Forget events that nobody's message will match any more, and let passing suppressions pass."""
        with self._ledger.write() as connection:
            let_pass(connection, PASSING, before=now - TEMPORARY, now=now)
            delivery_events.forget_unmatched(connection, before=now - UNMATCHED_FOR)
            forget_minutes(connection, now)

    def _in_turn(self, work: Callable[[Connection], Recorded]) -> Recorded:
        """Where a worker has one of the messages just now, let go of all, and come back when it is done."""
        naps, began = iter(_NAPS), time.monotonic()
        while True:
            try:
                with self._ledger.write() as connection:
                    return work(connection)
            except LedgerUnavailable as fault:
                nap = next(naps, None)
                lasts = time.monotonic() - began > _LONGEST_SECONDS
                if nap is None or lasts or not delivery_events.is_busy(fault):
                    raise
                time.sleep(nap)

    def _match(self, connection: Connection, now: datetime) -> Recorded:
        waiting = delivery_events.unmatched(connection, since=now - UNMATCHED_FOR, limit=_LATE_AT_ONCE)
        pairs = _pair(connection, [record_from_row(row) for row in waiting])
        matched = [(one, row) for one, row in pairs if row is not None]
        delivery_events.attach(connection, {one.id: row["id"] for one, row in matched})
        return self._update_messages(connection, matched, now)

    def _record(self, connection: Connection, records: Sequence[EventRecord], now: datetime) -> Recorded:
        pairs = under_stand_ins(connection, _pair(connection, records))
        new = delivery_events.keep(connection, [one.row(received_at=now, message=row) for one, row in pairs])
        fresh = [(one, row) for one, row in pairs if one.id in new]
        matched = [(one, row) for one, row in fresh if row is not None]
        suppressed = suppress_by(connection, fresh, optional=self._optional, now=now)
        return self._update_messages(connection, matched, now) + Recorded(
            new=len(new),
            repeated=len(pairs) - len(new),
            unmatched=len(fresh) - len(matched),
            suppressed=suppressed,
            words=Counter(one.word for one, _ in fresh),
            lags=tuple((now - one.at).total_seconds() for one, _ in fresh),
        )

    def _update_messages(self, connection: Connection, matched: Sequence[Matched], now: datetime) -> Recorded:
        delivery_events.note_on_timelines(connection, [_timeline_entry(one, row) for one, row in matched])
        proved = self._prove(connection, matched, now)
        _advance(connection, matched)
        suppressed = weigh_soft_bounces(connection, matched, now=now)
        return Recorded(proved=proved, suppressed=suppressed, alarms=tuple(_alarms(matched)))

    def _prove(self, connection: Connection, matched: Sequence[Matched], now: datetime) -> int:
        """An event about our CustomID proves that Mailjet has the message."""
        proofs = {row["id"]: self._proof(one, row) for one, row in matched if row["state"] in PROVABLE}
        moved = prove(connection, list(proofs.values()), now=now)
        receipts = [
            (row["id"], one.mailjet_id, one.mailjet_uuid)
            for one, row in matched
            if one.mailjet_id is not None and row["mailjet_id"] is None and one.is_for(row)
        ]
        delivery_events.set_receipts(connection, receipts)
        return moved

    def _proof(self, one: EventRecord, row: Row) -> Settlement:
        kind = self._kinds.get(row["kind"]) or Kind(row["kind"], ())
        why = f"accepted by Mailjet: its event {one.word!r} proves it"
        return Settlement(row["id"], State.SENT, why, wiped=wiped(kind, row["variables"]))


def _pair(connection: Connection, records: Sequence[EventRecord]) -> list[Pair]:
    ids = {one.custom_id for one in records if one.custom_id}
    numbers = {one.mailjet_id for one in records if one.mailjet_id is not None}
    found = delivery_events.messages_of_events(connection, ids, numbers)
    by_id = {row["id"]: row for row in found}
    by_number = {row["mailjet_id"]: row for row in found if row["mailjet_id"] is not None}
    return [(one, by_id.get(one.custom_id) or by_number.get(one.mailjet_id)) for one in records]


def _timeline_entry(one: EventRecord, row: Row) -> dict[str, Any]:
    detail = "; ".join(part for part in (one.cause, one.reply) if part)
    why = detail if one.is_for(row) else f"{OF_A_COPY}{': ' if detail else ''}{detail}"
    if one.verdict is SuppressionVerdict.ALERT:
        why += " (the fault is ours: template, content or sender)"
    return {"message_id": row["id"], "at": one.at, "what": str(one.delivery or one.word), "why": why or None}


def _advance(connection: Connection, matched: Sequence[Matched]) -> None:
    """Move each mail's delivery status on, never back; one statement for each status and reason.

    It follows the mail to its own recipient: what became of a copy stands on the timeline alone.
    """
    changes = sorted(_changes([(one, row) for one, row in matched if one.is_for(row)]))
    for values, group in groupby(changes, key=lambda change: change[0]):
        delivery_events.set_delivery(connection, [id_ for _, id_ in group], dict(values))


def _changes(matched: Sequence[Matched]) -> Iterator[tuple[tuple[tuple[str, str], ...], str]]:
    by_message: dict[str, list[Matched]] = {}
    for one, row in matched:
        by_message.setdefault(row["id"], []).append((one, row))
    for id_, pairs in by_message.items():
        before = pairs[0][1]["delivery"]
        after = furthest([Delivery(before) if before else None, *(one.delivery for one, _ in pairs)])
        values = {"delivery": str(after)} if after is not None and after != before else {}
        faults = sorted(one.cause for one, _ in pairs if one.verdict is SuppressionVerdict.ALERT)
        if faults:
            values["reason"] = f"Mailjet did not deliver it: {faults[-1]}. {OUR_FAULT}"
        if values:
            yield tuple(sorted(values.items())), id_


def _alarms(matched: Sequence[Matched]) -> Iterator[str]:
    """Lines for a person to act on: one for each kind and cause, not one for each mail."""
    ours = Counter(
        (row["kind"], one.cause) for one, row in matched if one.verdict is SuppressionVerdict.ALERT
    )
    for (kind, cause), count in ours.items():
        yield f"MAILJET DID NOT DELIVER {count} MAIL(S) OF KIND {kind}, AND THE FAULT IS OURS: {cause}"
    lost = {row["id"] for _, row in matched if row["state"] not in {State.SENT, *PROVABLE}}
    if lost:
        some = ", ".join(sorted(lost)[:5])
        yield f"MAILJET HAS {len(lost)} MESSAGE(S) BELIEVED NOT SENT; do not replay them: {some}"
