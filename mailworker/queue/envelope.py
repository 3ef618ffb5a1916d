"""How a job, or a post of somebody else's, travels on Redis.

An envelope is a stream entry with three fields: `v` (the version of this format), `at` (when the client
enqueued it, ISO 8601) and `job` (what the caller gave, as JSON); a post's entry has its `body`, untouched,
instead of a job. `trace` may stand beside them: the caller's trace, as W3C's traceparent; who does not
know it passes over it. A reader takes every version it knows; a writer writes the newest. Version 1 must be
readable for ever. Earlier clients wrote the message's id, a UUID of their own making, into the job; here it
is taken out of it, for no caller may choose a message's id.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mailworker.errors import BadInput
from mailworker.rules.job.attachments import as_json

VERSION = "1"
#: What a job of the contacts' stream has in `do`; it has a `contact`, a `customer` or an `email` beside it.
SYNC_CONTACT = "sync_contact"
SYNC_CUSTOMER = "sync_customer"
DELETE_CONTACT = "delete_contact"
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
#: `2`, `v2` or `2.1`: whatever way a later version may be written.
_LATER = re.compile(r"v?([0-9]{1,18})([.-][\w.-]{0,40})?", re.ASCII)

#: How many milliseconds a job may take to Redis's replicas, where the caller asks for them.
REPLICAS_MS = 1_000

#: The fields of a stream entry, as redis-py wants them typed.
Entry = dict[Any, Any]
#: Where beat's sweep leaves the moment of its last round (ISO 8601), for who asks whether beat still beats.
BEAT_KEY = "mailworker:beat"
#: Where it leaves which beats started such rounds, each with its last moment (a sorted set, Unix seconds).
BEATS_KEY = "mailworker:beats"
#: Beat has a round started every five seconds. Where none was done and more of them wait for the worker of
#: `scans` than this, it is that worker who is missing; beat may be as well, which nobody can see then.
MOST_ROUNDS_WAITING = 3
#: Beat has somebody look every five seconds; four times that is silence.
BEAT_SILENCE = timedelta(seconds=20)


def added_at(entry_id: str) -> datetime:
    """When Redis added this stream entry, by Redis's own clock: its id begins with the milliseconds."""
    return datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A job as it came off the stream. `at` is when the client enqueued it, by the client's clock.

    `own_id` is the message's id where an earlier client made one.
    """

    job: Mapping[str, Any] = field(repr=False)
    at: datetime
    own_id: str | None = None


def seal(job: Mapping[str, Any], at: datetime) -> Entry:
    """The stream entry for a job."""
    return {"v": VERSION, "at": at.isoformat(), "job": _as_text(job)}


def with_trace(entry: Entry, carrier: str) -> Entry:
    """The entry with its caller's trace; the same where there is none."""
    return entry | {"trace": carrier} if carrier else entry


def trace_of(entry: Mapping[Any, Any]) -> str:
    """Its caller's trace; empty where there is none that can be read."""
    carrier = entry.get("trace")
    return carrier if isinstance(carrier, str) and _TRACEPARENT.fullmatch(carrier) else ""


def _as_text(job: Mapping[str, Any]) -> str:
    """JSON in UTF-8; where half a character stands in it, which UTF-8 cannot write, in ASCII."""
    text = json.dumps(job, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(job, default=str)
    return text


def seal_post(body: bytes, at: datetime) -> Entry:
    """The stream entry for what somebody else posted. What is not UTF-8 in it is replaced."""
    return {"v": VERSION, "at": at.isoformat(), "body": body.decode("utf-8", "replace")}


def plain(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job as JSON can carry it: bytes in base64, moments as text."""
    return {name: as_json(value) if name == "attachments" else _moment(value) for name, value in job.items()}


def _moment(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def is_newer(entry: Mapping[Any, Any]) -> bool:
    """Whether a stream entry is of a later version than ours: a newer worker will take it."""
    found = _LATER.fullmatch(str(entry.get("v")))
    return found is not None and (int(found[1]), found[2] or "") > (int(VERSION), "")


def open_envelope(entry: Mapping[Any, Any]) -> Envelope:
    """Read a stream entry. Raises BadInput where it is none of ours, or of a later version."""
    if entry.get("v") != VERSION:
        raise BadInput("envelope: has a version that this worker does not know; update the worker.")
    try:
        job, at = json.loads(entry["job"]), datetime.fromisoformat(entry["at"])
    except (KeyError, ValueError, TypeError, RecursionError):
        raise BadInput("envelope: cannot be read; enqueue jobs with MailClient.") from None
    if not isinstance(job, dict) or at.tzinfo is None:
        raise BadInput("envelope: cannot be read; enqueue jobs with MailClient.")
    return Envelope(job, at, _own_id(job))


def _own_id(job: dict[str, Any]) -> str | None:
    """Take the id out of a job; BadInput where no client of ours can have made it."""
    if "id" not in job:
        return None
    try:
        return str(uuid.UUID(job.pop("id")))
    except (ValueError, AttributeError, TypeError):
        raise BadInput("id: is chosen by MailClient alone; leave it out.") from None
