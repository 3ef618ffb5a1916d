"""A worker dies at exactly this moment: claimed, in the call, the answer read, the job written down.

A lock on one of PostgreSQL's tables stops the worker where we want it; a slow Mailjet keeps it in its call.
"""

import os
import signal
import time

import pytest

from mailworker.cli.local_stack import wait_until
from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import MAIL
from tests.faults.scene import children

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

SEND = {"path": "/v3.1/send"}


def kill_all_children(worker):
    pool = children(worker.pid)
    assert pool, "somebody to kill"
    for pid in pool:
        os.kill(pid, signal.SIGKILL)


def arrived(scene):
    return scene.servers.mailbox.counts()["messages"]


def test_after_its_claim_and_before_its_call_with_short_times(open_quick_on_postgres, all_is_well):
    scene = open_quick_on_postgres()
    worker = scene.staff()
    with scene.locked("suppressions"):  # which a worker reads between the two
        scene.enqueue(20)
        assert wait_until(lambda: scene.states()["sending"] > 0, seconds=60)
        assert scene.in_calls() == 0
        kill_all_children(worker)
        assert arrived(scene) == 0

    balance = all_is_well(scene, "SIGKILL between claim and call")

    assert balance.by_state["sent"] == 20
    assert scene.told("nothing had left") > 0


@pytest.mark.parametrize("fault", ["slow", "hang_before"])
def test_in_its_call_whether_mailjet_took_it_or_not_with_short_times(
    open_quick_on_postgres, all_is_well, fault
):
    scene = open_quick_on_postgres()
    worker = scene.staff()
    scene.servers.mailbox.misbehave(fault, match=SEND, seconds=1.5, times=1)
    scene.enqueue(1)
    assert wait_until(lambda: scene.in_calls() > 0 and scene.struck() > 0, seconds=60)
    kill_all_children(worker)
    assert arrived(scene) == (1 if fault == "slow" else 0)

    balance = all_is_well(scene, f"SIGKILL in the call, {'taken' if fault == 'slow' else 'not taken'}")

    assert balance.by_state["sent"] == 1
    assert scene.told("the worker that sent it is gone") == 1
    assert scene.told("Mailjet had it" if fault == "slow" else "sending it again") == 1


def test_after_the_answer_and_before_it_is_written_down_with_short_times(open_quick_on_postgres, all_is_well):
    scene = open_quick_on_postgres()
    worker = scene.staff()
    scene.servers.mailbox.misbehave("slow", match=SEND, seconds=1.5, times=1)
    scene.enqueue(1)
    assert wait_until(lambda: scene.in_calls() > 0 and scene.struck() > 0, seconds=60)
    with scene.locked("attempts"):  # which a worker writes with the answer
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'attempts'::regclass"
        assert wait_until(lambda: bool(scene.ask(waiting)), seconds=10), "the answer is there"
        kill_all_children(worker)

    balance = all_is_well(scene, "SIGKILL between answer and ledger")

    assert balance.by_state["sent"] == 1
    assert scene.told("the worker that sent it is gone") == 1
    assert scene.told("Mailjet had it") == 1


def test_after_the_job_is_written_down_and_before_it_is_acknowledged_with_short_times(
    open_quick_on_postgres, all_is_well
):
    scene = open_quick_on_postgres()
    worker = scene.staff()
    with scene.locked("timeline"):  # which a worker writes with the job
        scene.enqueue(20)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'timeline'::regclass"
        assert wait_until(lambda: bool(scene.ask(waiting)), seconds=30)
        scene.servers.redis.kill()  # nothing can be acknowledged any more
    assert wait_until(lambda: scene.states().total() > 0, seconds=8)
    kill_all_children(worker)
    scene.servers.start_redis()
    redis, stream = scene.redis(), MAIL[Lane.BULK].stream
    assert redis.xlen(stream) > 0, "the jobs are in the ledger, and on the stream as well"
    assert wait_until(lambda: redis.xlen(stream) == 0, seconds=90), "they come again and are acknowledged"
    redis.close()

    assert all_is_well(scene, "killed between ledger and acknowledgement").by_state == {"sent": 20}


def test_a_mail_that_kills_whoever_takes_it_is_given_up_with_short_times(open_quick_on_postgres, all_is_well):
    scene = open_quick_on_postgres(max_attempts=3, lease="5s")
    worker = scene.staff()
    with scene.locked("suppressions"):
        scene.enqueue(1)
        for death in (1, 2, 3):
            claimed = f"SELECT 1 FROM messages WHERE state = 'sending' AND attempts = {death}"
            assert wait_until(lambda claimed=claimed: bool(scene.ask(claimed)), seconds=60)
            kill_all_children(worker)
        assert wait_until(lambda: scene.states()["failed"] == 1, seconds=60)
    scene.enqueue(20, tag="after")

    balance = all_is_well(scene, "a mail that killed three workers")

    assert balance.by_state == {"failed": 1, "sent": 20}
    assert scene.told("workers died with it") == 1


def test_a_task_that_hangs_for_good_is_ended_with_short_times(open_quick_on_postgres, all_is_well):
    scene = open_quick_on_postgres()
    scene.staff()
    with scene.locked("suppressions"):
        scene.enqueue(20)
        assert wait_until(lambda: scene.states()["sending"] > 0, seconds=60)
        log = scene.servers.folder / "logs" / "worker1.log"
        ended = wait_until(lambda: "Hard time limit" in log.read_text("utf-8"), seconds=150)
        assert ended, "Celery's hard limit"

    balance = all_is_well(scene, "a task ended by its time limit")

    assert balance.by_state["sent"] == 20
    assert scene.told("nothing had left") > 0


def test_every_task_and_every_job_comes_many_times(open_scene, all_is_well):
    scene = open_scene()
    scene.staff()
    first = scene.trickle(300, seconds=8)
    twin = scene.trickle(300, seconds=8)  # the same keys at the same time
    for _ in range(80):
        for lane in Lane:
            for task in ("mailworker.dispatch", "mailworker.drain"):
                scene.servers.celery.send_task(task, kwargs={"lane": lane.word}, queue=MAIL[lane].queue)
        for task in ("mailworker.sweep", "mailworker.reconcile"):
            scene.servers.celery.send_task(task, queue="scans")
        time.sleep(0.1)
    first.join()
    twin.join()

    balance = all_is_well(scene, "every task 80 times, every job twice")

    assert balance.accepted == 300
    assert balance.by_state["sent"] == 300
