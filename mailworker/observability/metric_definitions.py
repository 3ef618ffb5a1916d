"""Every count and every measured time: its name, its meaning, its labels, and a histogram's buckets.

Labels hold our own words and Mailjet's codes: nothing that names a person, and few values each.
"""

from dataclasses import dataclass
from itertools import product

#: Seconds, from what nobody notices to what everybody does.
_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class CounterOf:
    """Something that is counted. Prometheus reads it as `mailworker_<name>_total`.

    `values` are those of each label that are known beforehand. They are there from the first scrape on, as 0:
    Prometheus sees no increase in a series that begins with 1, so the first fault would alarm nobody.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    values: tuple[tuple[str, ...], ...] = ()

    @property
    def beginnings(self) -> tuple[tuple[str, ...], ...]:
        """The labels' values of each series that begins at 0."""
        return tuple(product(*self.values)) if len(self.values) == len(self.labels) else ()


@dataclass(frozen=True, slots=True)
class HistogramOf:
    """Something that is measured: how many of its values lie at or below each bound."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = _SECONDS


ACCEPTED = CounterOf(
    "accepted",
    "Jobs by their lane and result: new, repeated, rejected; by_task from the plain tasks.",
    ("lane", "result"),
    (("urgent", "normal", "bulk"), ("new", "repeated", "rejected", "by_task")),
)
REFUSED_LOGINS = CounterOf(
    "refused_logins",
    "Wrong passwords, by where they were tried: webhook, ocs, operators.",
    ("door",),
    (("webhook", "ocs", "operators"),),
)
OUTCOMES = CounterOf(
    "outcomes",
    "What became of messages: sent, ready or accepted (to be tried again), failed, unknown ...",
    ("outcome",),
    (("sent", "ready", "accepted", "failed", "unknown", "suppressed", "expired"),),
)
#: The code of what failed by our own word, without Mailjet's.
OWN = "own"
FAILED = CounterOf(
    "failed", "Messages that failed for good, by Mailjet's code or `own`.", ("code",), ((OWN,),)
)
CALLS = CounterOf(
    "calls",
    "Calls of the Send API, by how they ended.",
    ("result",),
    (("sent", "failed", "unknown", "put_back"),),
)
EVENTS = CounterOf(
    "events",
    "Mailjet's events, recorded.",
    ("event",),
    (("sent", "open", "click", "bounce", "blocked", "spam", "unsub"),),
)
OCS_POSTS = CounterOf(
    "cgrates_posts",
    "CGRateS's posts: taken, ignored (no account of ours), rejected.",
    ("result",),
    (("taken", "ignored", "rejected"),),
)
RENDERED = CounterOf("prepared", "Messages with an invoice that were prepared.", ())

ENQUEUE_TO_ACCEPT = HistogramOf(
    "enqueue_to_accept_seconds", "From the caller's enqueueing to the ledger's row.", ("lane",)
)
ACCEPT_TO_CALL = HistogramOf(
    "accept_to_call_seconds", "From the moment a message may go to its call.", ("lane",)
)
CALL_SECONDS = HistogramOf("call_seconds", "How long Mailjet took to answer a call of the Send API.", ())
CALL_MESSAGES = HistogramOf(
    "call_messages", "How many messages a call carried; 50 is full.", (), (1, 2, 5, 10, 20, 30, 40, 49, 50)
)
PREPARE_SECONDS = HistogramOf("prepare_seconds", "To fetch, render, fit and store one invoice.", ())
WEBHOOK_LAG = HistogramOf("webhook_lag_seconds", "From an event at Mailjet to its record here.", ())

COUNTERS = (ACCEPTED, OUTCOMES, FAILED, CALLS, EVENTS, OCS_POSTS, RENDERED, REFUSED_LOGINS)
HISTOGRAMS = (
    ENQUEUE_TO_ACCEPT,
    ACCEPT_TO_CALL,
    CALL_SECONDS,
    CALL_MESSAGES,
    PREPARE_SECONDS,
    WEBHOOK_LAG,
)
