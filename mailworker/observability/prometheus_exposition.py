"""The figures that Prometheus reads. Labels are our own words: nothing personal in them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from mailworker.observability.metric_definitions import COUNTERS, HISTOGRAMS, CounterOf, HistogramOf
from mailworker.observability.redis_counters import ABOVE, BOUND, SUM, Labelled

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand at one moment. Ages are in seconds; None where the source does not answer."""

    messages: Mapping[str, int] | None = None
    final: int = 0
    waiting: int = 0
    ready: Mapping[str, int] = field(default_factory=dict)
    scheduled: Mapping[str, int] = field(default_factory=dict)
    oldest_ready: Mapping[str, float] = field(default_factory=dict)
    rejected: int = 0
    tried_again: int = 0
    #: Campaigns that could not go on by themselves, each with why.
    stopped_campaigns: tuple[tuple[str, str], ...] = ()
    ledger_takes_writes: bool = True
    #: The scopes that are held; for how long, in seconds, a person has held some of them.
    holds: tuple[str, ...] = ()
    held_by_hand: Mapping[str, float] = field(default_factory=dict)
    streams: Mapping[str, int] | None = None
    calls_last_minute: int = 0
    calls_limit: int = 0
    beat_age: float | None = None
    #: What beat sent for the worker of `scans`, and nobody took yet.
    rounds_waiting: int = 0
    counted: Mapping[Labelled, int] = field(default_factory=dict)
    #: Since when, in seconds: messages in a state that they should leave by themselves, entries of a stream.
    oldest_in_state: Mapping[str, float] = field(default_factory=dict)
    oldest_entry: Mapping[str, float] = field(default_factory=dict)
    contacts_pending: int = 0
    contacts_refused: int = 0
    oldest_contact: float = 0.0
    beats: int = 0
    #: For how long, in seconds, each scan has written no mail though it should.
    scans_late: Mapping[str, float] = field(default_factory=dict)
    #: For how long, in seconds, Mailjet has posted no event about mail that left; 0.0 while it posts.
    events_missing: float = 0.0
    #: Which share of Redis's memory is used.
    redis_full: float = 0.0
    redis_takes_writes: bool = True
    #: Since when, in seconds, the circuit breaker has been open; 0.0 while Mailjet answers.
    breaker_open: float = 0.0
    #: For how many seconds nobody calls yet, for Mailjet answered HTTP 429.
    calls_paused: float = 0.0
    version: str = ""


def exposition(figures: Figures) -> bytes:
    """The figures in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Once(figures))
    return generate_latest(registry)


class _Once:
    """Gives figures that were gathered already."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        answers = self._figures.messages is not None
        yield _gauge("ledger_up", "Whether the ledger answers.", float(answers))
        takes = float(answers and self._figures.ledger_takes_writes)
        yield _gauge("ledger_takes_writes", "0 while the ledger refuses writers, or is locked.", takes)
        yield _gauge("redis_up", "Whether Redis answers.", float(self._figures.streams is not None))
        if self._figures.version:
            yield _gauges("build_info", "Which version answers here.", "version", {self._figures.version: 1})
        yield from _of_ledger(self._figures)
        yield from _of_redis(self._figures)


def _of_ledger(figures: Figures) -> Iterator[Metric]:
    if figures.messages is None:
        return
    accepted = sum(figures.messages.values())
    yield _gauges("messages", "Messages in the ledger.", "state", figures.messages)
    yield _gauge("messages_unknown", "Messages of unknown outcome.", figures.messages.get("unknown", 0))
    yield _gauge("messages_accepted", "All messages in the ledger.", accepted)
    yield _gauge("messages_final", "Messages to which nothing will happen by itself.", figures.final)
    yield _gauge("messages_waiting", "Messages on their way.", figures.waiting)
    yield _gauge(
        "books_imbalance",
        "Accepted minus final minus waiting: anything but 0 is a mistake of ours.",
        accepted - figures.final - figures.waiting,
    )
    yield _gauges("ready", "Messages that could go now.", "lane", figures.ready)
    yield _gauges("scheduled", "Messages that go at a later time.", "lane", figures.scheduled)
    yield _gauges(
        "oldest_ready_seconds", "How long the oldest could have gone.", "lane", figures.oldest_ready
    )
    yield _gauges(
        "oldest_seconds",
        "How long the oldest message has stood in a state that it should leave by itself.",
        "state",
        figures.oldest_in_state,
    )
    yield from _that_need_a_person(figures)


def _that_need_a_person(figures: Figures) -> Iterator[Metric]:
    yield _gauge("contacts_pending", "Contacts that Mailjet is to be told of.", figures.contacts_pending)
    yield _gauge("contacts_refused", "Contacts that Mailjet would not take.", figures.contacts_refused)
    yield _gauge("oldest_contact_seconds", "How long the oldest of them is due.", figures.oldest_contact)
    yield _gauge("rejected_jobs", "Jobs that could not become messages.", figures.rejected)
    yield _gauge(
        "tried_again", "Messages on their way that were tried three times or more.", figures.tried_again
    )
    stopped = len(figures.stopped_campaigns)
    yield _gauge("campaigns_stopped", "Campaigns that stopped by themselves, or cannot begin.", stopped)
    yield _gauges(
        "scan_late_seconds",
        "How long a scan has written no mail though it should.",
        "scan",
        figures.scans_late,
    )
    yield _gauge(
        "events_missing_seconds",
        "How long Mailjet has posted no event of mail that left.",
        figures.events_missing,
    )
    held = dict.fromkeys(figures.holds, 1)
    yield _gauges("hold", "What is held: a kind, or * for all mail.", "scope", held)
    by_hand = figures.held_by_hand
    yield _gauges("hold_by_hand_seconds", "For how long a person has held it.", "scope", by_hand)
    yield _gauge("holds", "How many holds there are.", len(figures.holds))


def _of_redis(figures: Figures) -> Iterator[Metric]:
    if figures.streams is None:
        return
    yield _gauges("stream_entries", "Entries that wait on a Redis Stream.", "stream", figures.streams)
    yield _gauges(
        "oldest_stream_seconds",
        "How long the oldest entry of a Redis Stream has waited.",
        "stream",
        figures.oldest_entry,
    )
    takes = float(figures.redis_takes_writes)
    yield _gauge("redis_takes_writes", "0 while Redis is full, a replica, or forbids what is needed.", takes)
    yield _gauge("redis_memory_used_ratio", "Which share of maxmemory Redis uses.", figures.redis_full)
    yield _gauge("calls_last_minute", "Calls to Mailjet in the last 60 s.", figures.calls_last_minute)
    yield _gauge("breaker_open", "1 while Mailjet is out of order.", float(figures.breaker_open > 0))
    yield _gauge("breaker_open_seconds", "For how long Mailjet has been out of order.", figures.breaker_open)
    yield _gauge("calls_limit", "How many calls a minute are allowed.", figures.calls_limit)
    if figures.beat_age is not None:
        yield _gauge("beat_age_seconds", "Since beat's last sweep.", figures.beat_age)
    yield _gauge("beats", "How many beats have had rounds started lately.", figures.beats)
    for counter in COUNTERS:
        yield _counter(counter, figures.counted)
    for histogram in HISTOGRAMS:
        yield _histogram(histogram, figures.counted)


def _counter(what: CounterOf, counted: Mapping[Labelled, int]) -> Metric:
    family = CounterMetricFamily(f"mailworker_{what.name}", what.meaning, labels=what.labels)
    sums: Counter[tuple[str, ...]] = Counter(dict.fromkeys(what.beginnings, 0))
    for (name, labels), number in counted.items():
        if name == what.name:
            sums[tuple(value for _, value in labels)] += number
    for values, number in sorted(sums.items()):
        family.add_metric(values, number)
    return family


def _histogram(what: HistogramOf, counted: Mapping[Labelled, int]) -> Metric:
    family = HistogramMetricFamily(f"mailworker_{what.name}", what.meaning, labels=what.labels)
    for values, by_bound in sorted(_by_labels(what, counted).items()):
        bounds = [*(f"{bound:g}" for bound in what.bounds), ABOVE]
        sums = accumulate(by_bound.get(bound, 0) for bound in bounds)
        family.add_metric(values, list(zip(bounds, sums, strict=True)), by_bound.get(SUM, 0) / 1_000_000)
    return family


def _by_labels(what: HistogramOf, counted: Mapping[Labelled, int]) -> dict[tuple[str, ...], dict[str, int]]:
    """For each combination of labels: how many values fell under which bound."""
    found: dict[tuple[str, ...], dict[str, int]] = {} if what.labels else {(): {}}
    for (name, labels), number in counted.items():
        if name == what.name:
            values = tuple(value for label, value in labels if label != BOUND)
            found.setdefault(values, {})[dict(labels)[BOUND]] = number
    return found


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"mailworker_{name}", meaning, value=value)


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"mailworker_{name}", meaning, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family
