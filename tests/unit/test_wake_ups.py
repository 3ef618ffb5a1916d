"""One wake-up for many reasons, and the loop of every task that empties a channel."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisGone

from mailworker.core.lane import Lane
from mailworker.errors import TransientError
from mailworker.queue import celery_queues
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.wake import FLAG_MS, lower_flag, raise_flag, send_wake_up, wake
from mailworker.tasks import time_slices

CHANNEL = celery_queues.DISPATCH[Lane.BULK]


class Celery:
    def __init__(self, fault=None):
        self.sent, self.fault = [], fault

    def send_task(self, name, **how):
        if self.fault:
            raise self.fault
        self.sent.append((name, how["queue"], how["kwargs"], how["countdown"]))


class Gone:
    def __getattr__(self, name):
        def use(*_args, **_more):
            raise RedisGone("gone")

        return use


def all_channels():
    single = [one for one in vars(celery_queues).values() if isinstance(one, celery_queues.Channel)]
    return [*single, *celery_queues.MAIL.values(), *celery_queues.DISPATCH.values()]


def test_a_thousand_reasons_are_one_wake_up(redis):
    celery = Celery()
    for _ in range(1000):
        wake(redis, celery, CHANNEL)
    assert celery.sent == [("mailworker.dispatch", "mail.bulk", {"lane": "bulk"}, None)]
    lower_flag(redis, CHANNEL)
    wake(redis, celery, CHANNEL, after=timedelta(seconds=3))
    assert celery.sent[1:] == [("mailworker.dispatch", "mail.bulk", {"lane": "bulk"}, 3.0)]
    assert FLAG_MS < redis.pttl(CHANNEL.flag) <= FLAG_MS + 3000


def test_a_lost_wake_up_costs_two_seconds_at_most(redis):
    assert raise_flag(redis, CHANNEL)
    assert not raise_flag(redis, CHANNEL)
    assert 0 < redis.pttl(CHANNEL.flag) <= FLAG_MS


@pytest.mark.parametrize("fault", [OperationalError("away"), RedisGone("away"), OSError("away")])
def test_a_broker_that_is_away_stops_nobody(redis, fault):
    assert send_wake_up(Celery(fault), CHANNEL) == type(fault).__name__
    wake(redis, Celery(fault), CHANNEL)


def test_a_redis_that_is_away_is_a_passing_fault():
    for use in (lambda: wake(Gone(), Celery(), CHANNEL), lambda: lower_flag(Gone(), CHANNEL)):
        with pytest.raises(StreamUnavailable):
            use()


def test_no_two_channels_share_a_flag_a_stream_or_a_task():
    every = all_channels()
    assert len({one.flag for one in every}) == len(every) == 15
    assert len({(one.task, one.lane) for one in every}) == len(every)
    streams = [one.stream for one in every if one.stream]
    assert sorted(streams) == sorted(one.stream for one in celery_queues.STREAMS.values())
    assert len(set(streams)) == len(streams)


def test_every_channel_has_its_task_and_its_queue():
    from mailworker.tasks import app  # noqa: PLC0415 - a Celery app of its own

    app.app.loader.import_default_modules()
    assert {one.task for one in all_channels()} <= set(app.app.tasks)
    assert {one.queue for one in all_channels()} <= set(celery_queues.QUEUES)


@pytest.fixture
def run(redis, monkeypatch):
    """Runs a slice over these steps, each a result or a fault; gives what was reported, and who was woken."""
    sent = Celery()
    monkeypatch.setattr(time_slices, "app", sent)

    def work(*steps, seconds=60.0):
        left, reported = iter([*steps, None]), []

        def step():
            found = next(left)
            if isinstance(found, Exception):
                raise found
            return found

        time_slices.run_slice(SimpleNamespace(redis=redis), CHANNEL, step, reported.append, seconds=seconds)
        return reported, len(sent.sent)

    return work


def test_a_slice_goes_on_until_nothing_is_left(run, redis):
    raise_flag(redis, CHANNEL)
    assert run(1, 2, 3) == ([1, 2, 3], 0)
    assert not redis.exists(CHANNEL.flag), "the next reason wakes somebody again"


def test_a_slice_whose_time_is_over_wakes_the_next_worker(run):
    assert run(1, 2, seconds=-1) == ([1], 1)


def test_a_passing_fault_ends_a_slice_and_a_mistake_is_seen(run):
    assert run(1, TransientError("the ledger is away"), 2) == ([1], 0)
    with pytest.raises(ValueError, match="mistake"):
        run(ValueError("mistake"))
