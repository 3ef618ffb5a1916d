"""What Prometheus reads."""

from fakeredis import FakeRedis, FakeServer

from mailworker.observability.counters import KEY, count, counted
from mailworker.observability.metrics import Figures, exposition


def lines(figures):
    return dict(line.rsplit(" ", 1) for line in exposition(figures).decode().splitlines() if line[0] != "#")


def test_what_does_not_answer_is_left_out_and_said():
    told = lines(Figures())
    assert told == {"mailworker_ledger_up": "0.0", "mailworker_redis_up": "0.0"}


def test_a_mistake_in_the_books_shows():
    figures = Figures(messages={"sent": 3, "ready": 2}, final=3, waiting=1)
    assert lines(figures)["mailworker_books_imbalance"] == "1.0"
    figures = Figures(messages={"sent": 3, "ready": 2}, final=3, waiting=2)
    assert lines(figures)["mailworker_books_imbalance"] == "0.0"


def test_counts_of_all_processes_come_together():
    server = FakeServer()
    for _ in range(2):
        count(
            FakeRedis(server=server, decode_responses=True), "events", {"open": 2, "spam": 1}, label="event"
        )
    redis = FakeRedis(server=server, decode_responses=True)
    told = lines(Figures(streams={}, counted=counted(redis)))
    assert told['mailworker_events_total{event="open"}'] == "4.0"
    assert told['mailworker_events_total{event="spam"}'] == "2.0"


def test_a_count_that_redis_does_not_take_stops_nobody():
    server = FakeServer()
    redis = FakeRedis(server=server, decode_responses=True)
    server.connected = False
    count(redis, "events", {"open": 1}, label="event")
    server.connected = True
    assert not redis.exists(KEY)
