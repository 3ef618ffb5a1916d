"""What Prometheus reads."""

import json
from pathlib import Path

import pytest
from fakeredis import FakeRedis, FakeServer
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mailworker.observability import metric_definitions
from mailworker.observability.metric_definitions import (
    CALL_MESSAGES,
    CALL_SECONDS,
    COUNTERS,
    EVENTS,
    HISTOGRAMS,
    OUTCOMES,
    PREPARE_SECONDS,
    HistogramOf,
)
from mailworker.observability.prometheus_exposition import Figures, exposition
from mailworker.observability.redis_counters import KEY, CounterTally, count, counted


def lines(figures):
    return dict(line.rsplit(" ", 1) for line in exposition(figures).decode().splitlines() if line[0] != "#")


def test_what_does_not_answer_is_left_out_and_said():
    told = lines(Figures())
    assert told == dict.fromkeys(
        ("mailworker_ledger_up", "mailworker_ledger_takes_writes", "mailworker_redis_up"), "0.0"
    )


def test_every_figure_has_its_name_its_words_and_its_place():
    figures = Figures(
        messages={"ready": 2, "sent": 3, "unknown": 4}, final=5, waiting=1, ready={"urgent": 7}, scheduled={"bulk": 8},
        oldest_ready={"urgent": 9.5}, rejected=10, holds=("*", "k"), held_by_hand={"k": 3600}, streams={"normal": 11}, calls_last_minute=12,
        calls_limit=13, beat_age=14, oldest_in_state={"unknown": 15}, oldest_entry={"normal": 16}, contacts_pending=17,
        contacts_refused=18, oldest_contact=19, beats=20, breaker_open=21, version="1.2", tried_again=22, scans_late={"balances": 23}, events_missing=24, redis_full=0.25,
        stopped_campaigns=(("autumn", "no way out"),),
    )  # fmt: skip
    written = Path(__file__).with_name("exposition.txt").read_text("utf-8")
    assert exposition(figures).decode().splitlines() == written.splitlines()


def test_a_mistake_in_the_books_shows():
    figures = Figures(messages={"sent": 3, "ready": 2}, final=3, waiting=1)
    assert lines(figures)["mailworker_books_imbalance"] == "1.0"
    figures = Figures(messages={"sent": 3, "ready": 2}, final=3, waiting=2)
    assert lines(figures)["mailworker_books_imbalance"] == "0.0"


@pytest.fixture
def server():
    return FakeServer()


def client(server):
    return FakeRedis(server=server, decode_responses=True)


def told_by(server):
    return lines(Figures(streams={}, counted=counted(client(server))))


def test_counts_of_all_processes_come_together(server):
    for _ in range(2):
        count(client(server), EVENTS, {"open": 2, "spam": 1})
    told = told_by(server)
    assert told['mailworker_events_total{event="open"}'] == "4.0"
    assert told['mailworker_events_total{event="spam"}'] == "2.0"


def test_counts_that_an_older_version_wrote_are_kept(server):
    client(server).hincrby(KEY, json.dumps(["events", "event", "open"]), 3)
    count(client(server), EVENTS, {"open": 2})
    redis = client(server)
    assert sum(n for (name, labels), n in counted(redis).items() if labels == (("event", "open"),)) >= 2
    assert told_by(server)['mailworker_events_total{event="open"}'] == "5.0"


def test_a_count_that_redis_does_not_take_stops_nobody(server):
    redis = client(server)
    server.connected = False
    tally = CounterTally()
    tally.count(OUTCOMES, outcome="sent")
    tally.observe(CALL_SECONDS, 0.2)
    tally.write(redis)
    server.connected = True
    assert not redis.exists(KEY)


def test_what_was_written_is_not_written_again(server):
    tally = CounterTally()
    tally.count(OUTCOMES, 50, outcome="sent")
    tally.write(client(server))
    tally.write(client(server))
    assert told_by(server)['mailworker_outcomes_total{outcome="sent"}'] == "50.0"


def test_times_of_all_processes_come_together(server):
    for seconds in (0.05, 0.3, 9.0, 10_000.0):
        tally = CounterTally()
        tally.observe(PREPARE_SECONDS, seconds)
        tally.write(client(server))
    told = told_by(server)
    assert told['mailworker_prepare_seconds_bucket{le="0.1"}'] == "1.0"
    assert told['mailworker_prepare_seconds_bucket{le="0.5"}'] == "2.0"
    assert told['mailworker_prepare_seconds_bucket{le="10"}'] == "3.0"
    assert told['mailworker_prepare_seconds_bucket{le="+Inf"}'] == "4.0"
    assert told["mailworker_prepare_seconds_count"] == "4.0"
    assert float(told["mailworker_prepare_seconds_sum"]) == pytest.approx(10_009.35)


@given(st.lists(st.floats(-5, 5000), max_size=20), st.sampled_from([CALL_SECONDS, CALL_MESSAGES]))
def test_a_histogram_counts_every_value_once_at_or_below_its_bound(values, what: HistogramOf):
    server, tally = FakeServer(), CounterTally()
    for value in values:
        tally.observe(what, value)
    tally.write(client(server))
    text = exposition(Figures(streams={}, counted=counted(client(server)))).decode()
    (family,) = [f for f in text_string_to_metric_families(text) if f.name == f"mailworker_{what.name}"]
    for sample in family.samples:
        if "le" in sample.labels:
            bound = float(sample.labels["le"])
            assert sample.value == sum(max(value, 0) <= bound for value in values), sample


def test_every_instrument_is_among_those_that_are_shown():
    made = [
        one
        for one in vars(metric_definitions).values()
        if isinstance(one, metric_definitions.CounterOf | HistogramOf)
    ]
    assert {one.name for one in made} == {one.name for one in (*COUNTERS, *HISTOGRAMS)}


def test_every_instrument_is_shown_before_anything_was_counted():
    text = exposition(Figures(streams={})).decode()
    for one in (*COUNTERS, *HISTOGRAMS):
        assert f"# TYPE mailworker_{one.name}" in text
        assert one.meaning.rstrip(".") in text


@pytest.mark.parametrize(
    ("value", "bound", "micros"),
    [(-3, "0.1", 0), (-0.5, "0.1", 0), (0.1, "0.1", 100_000), (0.11, "0.25", 110_000), (3601, "+Inf", 3_601_000_000)],
)  # fmt: skip
def test_a_value_falls_under_the_first_bound_that_holds_it(server, value, bound, micros):
    tally = CounterTally()
    tally.observe(CALL_SECONDS, value)
    tally.write(client(server))
    assert {labels[0][1]: n for (_, labels), n in counted(client(server)).items()} == {
        bound: 1,
        "sum": micros,
    }
