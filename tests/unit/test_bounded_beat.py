"""Beat adds to no queue that nobody empties."""

from datetime import timedelta

import pytest
from celery import Celery

from mailworker.tasks import bounded_beat
from mailworker.tasks.app import app as real_app
from mailworker.tasks.bounded_beat import BoundedScheduler

MOST = 3


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_beat, "MOST_WAITING", MOST)
    app = Celery("beats", broker="memory://", set_as_current=False)
    app.conf.update(
        task_routes={"look": {"queue": "looks"}},
        beat_schedule={"look": {"task": "look", "schedule": 5.0}},
        task_ignore_result=True,
    )
    made = BoundedScheduler(app, schedule_filename=str(tmp_path / "schedule"))
    yield made
    made.producer.channel.queue_purge("looks")  # kombu keeps what is in memory for the whole process
    made.close()


def waiting(scheduler):
    return scheduler.producer.channel.queue_declare("looks").message_count


def test_a_queue_that_nobody_empties_stays_short_and_is_filled_again_once_somebody_does(scheduler):
    (look,) = [entry for entry in scheduler.schedule.values() if entry.task == "look"]
    for _ in range(3 * MOST):
        scheduler.apply_entry(look)
    assert waiting(scheduler) == MOST
    scheduler.producer.channel.queue_purge("looks")
    assert scheduler.apply_async(look, advance=False) is not None
    assert waiting(scheduler) == 1


@pytest.mark.parametrize("advance", [True, False])
def test_a_task_is_sent_by_the_given_producer_and_is_due_again_only_where_that_is_wanted(scheduler, advance):
    (look,) = [entry for entry in scheduler.schedule.values() if entry.task == "look"]
    plain, sent = scheduler.producer, []

    class Producer(type(plain)):
        def publish(self, *args, **named):
            sent.append(named["routing_key"])
            return super().publish(*args, **named)

    scheduler.apply_async(look, producer=Producer(plain.channel, auto_declare=False), advance=advance)
    assert sent == ["looks"]
    assert scheduler.schedule["look"].total_run_count == look.total_run_count + advance


@pytest.mark.parametrize("restarted", [True, False])
def test_a_clock_that_was_set_back_by_an_hour_stops_no_task(scheduler, monkeypatch, restarted):
    look = scheduler.schedule["look"]
    now = look.default_now()
    look.last_run_at = now - timedelta(seconds=10)
    assert scheduler.tick() == 0
    assert waiting(scheduler) == 1
    monkeypatch.setattr("celery.schedules.schedule.now", lambda _: now - timedelta(hours=1))
    if restarted:
        scheduler._heap = None
    assert scheduler.tick() <= 5, "it is due again as if it had been sent just now"
    monkeypatch.setattr("celery.schedules.schedule.now", lambda _: now - timedelta(minutes=59))
    assert scheduler.tick() == 0
    assert waiting(scheduler) == 2


def test_what_is_left_out_is_due_again_as_if_it_had_been_sent(scheduler):
    (look,) = [entry for entry in scheduler.schedule.values() if entry.task == "look"]
    for _ in range(MOST):
        scheduler.apply_entry(look)
    assert scheduler.apply_async(look) is None
    assert scheduler.schedule["look"].total_run_count == look.total_run_count + 1


def test_it_is_the_beat_of_the_installation(tmp_path):
    beat = real_app.Beat(schedule=str(tmp_path / "schedule"))
    assert beat.scheduler_cls is BoundedScheduler or str(beat.scheduler_cls).endswith("BoundedScheduler")
