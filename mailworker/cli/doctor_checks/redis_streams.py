"""What waits on Redis's streams, unread, and what no worker survives."""

from collections.abc import Iterator
from datetime import datetime

from redis import Redis

from mailworker.core.age_in_words import age
from mailworker.core.plural import counted
from mailworker.queue.celery_queues import STREAMS, Channel
from mailworker.queue.quarantine import in_quarantine
from mailworker.queue.stream import GroupStream
from mailworker.rules.late_after import STREAM_LATE

#: What waits on a stream, in words; on the others are the jobs of a lane.
_WAITING = {
    "contacts": ("change of contacts", "changes of contacts"),
    "events": ("event of Mailjet's", "events of Mailjet's"),
    "ocs": ("post of CGRateS", "posts of CGRateS"),
}


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
