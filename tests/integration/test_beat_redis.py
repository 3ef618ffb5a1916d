"""Beat goes on by itself once Redis takes writes again: its process lives, so that nobody would restart it."""

import contextlib

import pytest
from celery import Celery
from celery.beat import SchedulingError
from redis.exceptions import ResponseError

from mailworker.tasks.app import app as real_app
from mailworker.tasks.bounded_beat import BoundedScheduler

pytestmark = pytest.mark.integration


@pytest.fixture
def scheduler(tmp_path, valkey):
    app = Celery("beats", broker=valkey.url, set_as_current=False)
    app.conf.update(
        task_routes={"look": {"queue": "looks"}},
        beat_schedule={"look": {"task": "look", "schedule": 5.0}},
        task_ignore_result=True,
        task_publish_retry_policy=real_app.conf.task_publish_retry_policy,
    )
    made = BoundedScheduler(app, schedule_filename=str(tmp_path / "schedule"))
    yield made
    made.close()


@contextlib.contextmanager
def full(redis):
    redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        redis.config_set("maxmemory", 0)


@contextlib.contextmanager
def replica(redis):
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("refusing", [full, replica])
@pytest.mark.parametrize("sent_before", [True, False], ids=["while it beats", "from the start"])
def test_what_redis_refused_is_sent_once_it_takes_it(scheduler, valkey_redis, refusing, sent_before):
    (look,) = [entry for entry in scheduler.schedule.values() if entry.task == "look"]
    if sent_before:
        scheduler.apply_entry(look, producer=scheduler.producer)
    with refusing(valkey_redis):
        for _ in range(3):
            scheduler.apply_entry(look, producer=scheduler.producer)  # logs the refusal, as Celery does
        with pytest.raises((ResponseError, SchedulingError)):  # Redis's own words, and no mistake of ours
            scheduler.apply_async(look, producer=scheduler.producer)
    scheduler.apply_entry(look, producer=scheduler.producer)
    assert valkey_redis.llen("looks") == 1 + sent_before
