"""Mail that does not leave: holds, what waits too long, what failed, what nobody knows."""

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import Connection

from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.age_in_words import age
from mailworker.core.lane import Lane
from mailworker.core.plural import counted
from mailworker.ledger.campaign_rows import stopped
from mailworker.ledger.contact_counts import contact_backlog
from mailworker.ledger.holds import current_holds
from mailworker.ledger.message_counts import (
    failed_since,
    oldest_in_state,
    oldest_ready,
    rejected_since,
    tried_again,
    unheard,
    unknown_because,
    unknown_outcomes,
    waiting_by_lane,
)
from mailworker.ledger.webhook_log import silence
from mailworker.queue.celery_queues import STREAMS, Channel
from mailworker.queue.quarantine import in_quarantine
from mailworker.queue.stream import GroupStream
from mailworker.reconcile.unknown_messages import REFUSED_TO_BE_ASKED
from mailworker.rules.claimable_while_held import EVERYTHING, Hold
from mailworker.rules.late_after import LATE, STREAM_LATE, STUCK

_CURES = {
    "accepted": "is a worker up for the queue render? `mailworker messages list --state accepted`",
    "rendering": "is a worker up for the queue render? `mailworker messages list --state rendering`",
    "sending": "is beat up? Its sweep takes back what dead workers held",
}
#: What waits on a stream, in words; on the others are the jobs of a lane.
_WAITING = {
    "contacts": ("change of contacts", "changes of contacts"),
    "events": ("event of Mailjet's", "events of Mailjet's"),
    "ocs": ("post of CGRateS", "posts of CGRateS"),
}
LATELY = timedelta(hours=24)
#: So many mails of a kind without an event are no accident; an event comes within hours, if any comes.
UNHEARD = 3
UNHEARD_WITHIN, HEARD_AFTER = timedelta(days=3), timedelta(hours=6)


def hold_faults(connection: Connection) -> list[str]:
    """What is held, why, and how it ends."""
    return [_held(hold) for hold in current_holds(connection)]


def _held(hold: Hold) -> str:
    what = "All mail is held" if hold.scope == EVERYTHING else f"{hold.scope} is held"
    again = (
        f"mend the cause; a probe goes out at {hold.probe_at:%H:%M:%S} UTC and ends the hold if it passes"
        if hold.probe_at
        else "it ends only by hand"
    )
    reason = hold.reason.rstrip(".")
    since, cure = f"{hold.since:%Y-%m-%d %H:%M} UTC", f"mailworker holds release '{hold.scope}'"
    return f"{what} since {since}: {reason}; {again}: {cure}."


def waiting_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """What should have left long ago."""
    counts, since = waiting_by_lane(connection, now), oldest_ready(connection, now)
    for lane in Lane:
        if lane in since and now - since[lane] > LATE[lane]:
            yield (
                f"The oldest ready message of the {lane.word} lane has waited {age(now - since[lane])} "
                f"({counts[lane][0]} are ready): are there holds, workers and tokens? See above, "
                f"and `mailworker messages list --state ready --lane {lane.word}`."
            )
    for word, moment in oldest_in_state(connection, now).items():
        if word in _CURES and now - moment > STUCK:
            yield f"A message has been {word} for {age(now - moment)}: {_CURES[word]}."
    for reason, count in tried_again(connection):
        yield (
            f"{counted(count, 'message was', 'messages were')} tried three times or more, and "
            f"{'waits' if count == 1 else 'wait'} to be tried again: "
            f"{(reason or 'without a reason').rstrip('.')}. Mend the cause; then mail goes by itself."
        )


def unknown_faults(connection: Connection, now: datetime, last_lookup: timedelta) -> Iterator[str]:
    """Messages of unknown outcome: a note while Mailjet is asked, a fault after that or where it refuses."""
    refused, why = unknown_because(connection, REFUSED_TO_BE_ASKED)
    if refused and why:
        known = f"Nobody knows whether {counted(refused, 'message was', 'messages were')} sent"
        yield f"{known}. {why.rstrip('.')}: mend that; mailworker asks again every five minutes."
    count, oldest = unknown_outcomes(connection, except_because=REFUSED_TO_BE_ASKED)
    if not count or oldest is None:
        return
    sentence = (
        f"Nobody knows whether {counted(count, 'message was', 'messages were')} sent, "
        f"the oldest for {age(now - oldest)}"
    )
    if now - oldest <= last_lookup:
        yield Note(f"{sentence}: Mailjet is being asked.")
    else:
        yield (
            f"{sentence}: look for their ids at Mailjet; if they are not there: "
            "mailworker messages replay --unknown ID --yes. Which: mailworker messages list --state unknown."
        )


def unheard_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """Kinds of which no event tells while events tell of others.

    Mailjet answers success for a sender that is not active, and drops the mail without a word
    (mailjet-apiv3-nodejs#273).
    """
    kinds = unheard(connection, now - UNHEARD_WITHIN, now - HEARD_AFTER)
    if not any(events for _, events in kinds.values()):
        return  # no events at all are the webhook's fault
    for kind, (taken, events) in sorted(kinds.items()):
        if taken >= UNHEARD and not events:
            yield (
                f"Mailjet took {counted(taken, 'mail')} of {kind} within three days, and no event tells "
                "of any, though events tell of others: nobody may have got them. "
                "Is their from_email an active sender? mailworker doctor --only mailjet"
            )


def failed_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """What failed for good within a day, by its reason, and jobs that became no message."""
    for reason, count in failed_since(connection, now - LATELY):
        yield (
            f"{count} failed within 24 h: {(reason or 'without a reason').rstrip('.')}. Mend the cause, then "
            "look at `mailworker messages replay` and do it with --yes."
        )
    if refused := rejected_since(connection, now - LATELY):
        yield (
            f"{counted(refused, 'job or event was', 'jobs or events were')} refused within 24 h: "
            "mailworker messages list --rejected."
        )


def stream_faults(redis: "Redis", now: datetime) -> Iterator[str]:
    """Jobs and events that wait on Redis, unread, and those that no worker survives."""
    for word, channel in STREAMS.items():
        jobs = f"job of the {word} lane", f"jobs of the {word} lane"
        if fault := _stream_fault(redis, now, channel, *_WAITING.get(word, jobs)):
            yield fault
    if count := in_quarantine(redis):
        cure = "`mailworker quarantine list`, then release or delete"
        entries = counted(count, "stream entry is", "stream entries are")
        yield f"{entries} in quarantine: every worker that read one ended: {cure}."


def _stream_fault(redis: "Redis", now: datetime, channel: Channel, one: str, many: str) -> str:
    stream = GroupStream(redis, channel.stream, at_once=1)
    oldest = stream.oldest()
    if oldest is None or (waited := now - oldest) <= STREAM_LATE:
        return ""
    waiting = counted(stream.waiting(), f"{one} waits", f"{many} wait")
    sentence = f"{waiting} on Redis, the oldest for {age(waited)}: "
    if stream.is_oldest_newer():
        newer = "a newer client wrote it than these workers can read: upgrade the workers."
        return f"{sentence}{newer} Nothing of it is lost meanwhile."
    return f"{sentence}does a worker listen to {channel.queue}, and is it well? Its log says what stops it."


def contact_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """Contacts that were not pushed to Mailjet, or that it would not take."""
    state = contact_backlog(connection, now)
    if state.since is not None and now - state.since > LATE[Lane.NORMAL]:
        why = f" ({state.error.rstrip('.')})" if state.error else ""
        contacts = counted(state.pending, "contact waits", "contacts wait")
        yield (
            f"{contacts} to be pushed to Mailjet, the oldest for {age(now - state.since)}{why}: "
            "is a worker up for the queue contacts? See mailworker contacts status."
        )
    if state.refused:
        yield (
            f"Mailjet refused {counted(state.refused, 'contact')}: `mailworker contacts status` says why; "
            "mend them in the CRM, then mailworker contacts retry."
        )


def campaign_faults(connection: Connection) -> Iterator[str]:
    """Campaigns that stopped by themselves and wait for a person, or that wait for Mailjet at their time."""
    for row in stopped(connection):
        if row["state"] == "scheduled":
            yield f"The campaign {row['name']} waits: {row['note'].rstrip('.')}."
            continue
        verb = "resume" if row["state"] == "paused" else "send"
        yield (
            f"The campaign {row['name']} stopped: {row['note'].rstrip('.')}. Once that is mended: "
            f"`mailworker campaign {verb} {shlex.quote(row['name'])}`."
        )


def event_faults(connection: Connection, now: datetime) -> Iterator[str]:
    """Whether Mailjet tells what became of mails."""
    last = silence(connection, now)
    if last.missing_since is not None:
        posted = f"the last {age(now - last.posted)} ago" if last.posted else "none in 14 days"
        yield (
            f"Mails left {age(now - last.missing_since)} ago and Mailjet posted no event since ({posted}): "
            "bounces and complaints stay unknown. `mailworker webhook status` says where it posts; refused "
            "posts are on the operators' page /events. Where it posts here and nothing was refused, nobody "
            "may have got the mails: is each from_email an active sender? mailworker doctor --only mailjet"
        )
