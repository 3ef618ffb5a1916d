"""One at a time among threads, and among processes of one parent; whoever dies holds nothing."""

import fcntl
import os
import signal
import threading
from contextlib import contextmanager

import pytest

from mailworker.core.lane import Lane
from mailworker.core.process_lock import ProcessLock
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.limits.breaker_state import BreakerUnavailable
from mailworker.queue.drain import drain
from mailworker.queue.stream import READ_BYTES, GroupStream
from mailworker.rules.fill_call import LARGE_BODY
from tests.doubles import FakeBreaker, FakeFiles, MemoryJournal, settings
from tests.redis_clock import simulated_redis
from tests.rows import NOW, row
from tests.unit.test_dispatch import World
from tests.unit.test_stream_dead_letters import ScriptedSink

PATIENCE = 20.0


@pytest.fixture
def lock():
    made = ProcessLock()
    made.share()
    return made


@contextmanager
def another_process(lock):
    """A forked process that has the lock, until it is killed."""
    ready, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        lock.take()
        os.write(writable, b"x")
        signal.pause()
    try:
        os.read(ready, 1)
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(writable)


def test_another_process_keeps_it_until_it_dies(lock):
    with another_process(lock):
        assert not lock.is_free()
        assert not lock.take(wait=False)
    assert lock.take()
    lock.give_back()
    assert lock.is_free()


def test_another_thread_keeps_it(lock):
    lock.take()
    there = threading.Event()

    def wait():
        lock.take()
        there.set()
        lock.give_back()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not lock.is_free()
    assert not there.is_set()
    lock.give_back()
    thread.join(PATIENCE)
    assert there.is_set()


def test_what_is_not_shared_is_each_process_s_own():
    lock = ProcessLock()
    with another_process(lock):
        assert lock.is_free()


# --- large entries of a stream ----------------------------------------------------------------------------


def readers(count):
    redis, lock = simulated_redis(), ProcessLock()
    return redis, lock, [GroupStream(redis, "jobs", at_once=200, large_reads=lock) for _ in range(count)]


def add(redis, name, size=0, nature="good"):
    redis.xadd("jobs", {"v": "1", "name": name, "nature": nature, "file": "x" * size})


def test_a_large_entry_comes_whole_and_only_while_nobody_else_reads_one():
    redis, lock, (first, second, third) = readers(3)
    add(redis, "small")
    add(redis, "large", READ_BYTES)
    add(redis, "next large", READ_BYTES)
    add(redis, "after them")
    assert [(fields["name"], len(fields["file"])) for _, fields in first.fresh()] == [("small", 0), ("large", READ_BYTES)]  # fmt: skip
    assert not lock.is_free()
    names, sink = [], ScriptedSink()
    waiting = threading.Thread(target=lambda: names.extend(f["name"] for _, f in second.fresh()))
    waiting.start()
    while redis.xpending("jobs", "workers")["pending"] < 3:
        assert waiting.is_alive()
    assert drain(third, sink, NOW).results == (1,)
    assert sink.kept == ["after them"], "small ones wait for no large one"
    assert names == []
    first.let_go()
    waiting.join(PATIENCE)
    assert names == ["next large"]
    second.let_go()
    assert lock.is_free()


@pytest.mark.parametrize("nature", ["good", "guilty", "unkeepable"])
def test_whatever_becomes_of_a_large_entry_the_next_may_be_read(nature):
    redis, lock, (stream,) = readers(1)
    add(redis, "large", READ_BYTES, nature)
    sink = ScriptedSink()
    assert drain(stream, sink, NOW)
    assert lock.is_free()
    assert stream.waiting() == 0


# --- large calls ------------------------------------------------------------------------------------------


class LargeWorld(World):
    """A dispatcher whose worker has one lock for large calls."""

    def __init__(self, path, **options):
        super().__init__(path, **options)
        self.lock = ProcessLock()
        self.breaker = FakeBreaker()
        deps = DispatchDependencies(
            self.ledger,
            self.bucket,
            self.post,
            FakeFiles(),
            lambda _rows: {},
            self.breaker,
            MemoryJournal(),
            large_calls=self.lock,
        )
        self.dispatcher = Dispatcher(settings(), deps, clock=self.clock)


@pytest.fixture
def world(ledger_file):
    made = LargeWorld(ledger_file)
    yield made
    made.ledger.close()


LARGE = LARGE_BODY + 1


def test_while_a_large_call_is_under_way_all_others_leave(world):
    world.put(*[row(f"large{number:02}", content_bytes=LARGE) for number in range(60)], row("small"))
    world.lock.take()
    assert world.go().outcomes == {"sent": 1}
    assert world["small"]["state"] == "sent"
    assert world.go() is None, "nobody takes a token in vain"
    assert not world.dispatcher.waiting(Lane.NORMAL)
    world.lock.give_back()
    assert world.dispatcher.waiting(Lane.NORMAL)
    world.until_nothing_is_left()
    assert {world[f"large{number:02}"]["state"] for number in range(60)} == {"sent"}
    assert world.lock.is_free()


def test_many_that_are_large_together_are_a_smaller_call_while_another_is_large(world):
    world.put(*[row(f"m{number}", content_bytes=LARGE_BODY // 3) for number in range(5)])
    world.lock.take()
    assert world.go().outcomes == {"sent": 2}
    world.lock.give_back()
    assert world.go().outcomes == {"sent": 3}
    assert world.lock.is_free()


@pytest.mark.parametrize("broken", ["weigh", "send"])
def test_a_large_call_that_breaks_is_over_too(world, broken):
    def breaks(*_arguments, **_named):
        raise RuntimeError

    world.put(row("large", content_bytes=LARGE))
    setattr(world.post, broken, breaks)
    with pytest.raises(RuntimeError):
        world.go()
    assert world.lock.is_free()


def test_a_breaker_that_cannot_note_a_large_call_leaves_none_under_way(world):
    def away(*_arguments):
        raise BreakerUnavailable("Redis does not answer")

    world.put(row("large", content_bytes=LARGE))
    world.breaker.carry = away
    with pytest.raises(BreakerUnavailable):
        world.go()
    assert world.lock.is_free()


def test_one_that_is_stopped_by_the_last_checks_was_no_call(world):
    world.put(row("large", content_bytes=LARGE, expires_at=NOW))
    world.go()
    assert world["large"]["state"] == "expired"
    assert world.lock.is_free()


# --- what the kernel says ---------------------------------------------------------------------------------


def test_sharing_it_again_keeps_what_was_shared(lock):
    with another_process(lock):
        lock.share()
        assert not lock.is_free(), "it is the same file still"


class Refusing:
    """The kernel's lock call, which fails with this fault for as long as there is one."""

    def __init__(self, monkeypatch, fault):
        self.fault = fault
        self.lockf = fcntl.lockf
        monkeypatch.setattr(fcntl, "lockf", self)

    def __call__(self, *given):
        if self.fault is not None:
            raise self.fault
        self.lockf(*given)


@pytest.mark.parametrize("fault", [OSError("interrupted"), KeyboardInterrupt(), MemoryError()])
def test_a_fault_of_the_kernel_reaches_who_waits_and_leaves_it_free(lock, monkeypatch, fault):
    kernel = Refusing(monkeypatch, fault)
    with pytest.raises(type(fault)):
        lock.take()
    kernel.fault = None
    assert lock.take(wait=False)
    lock.give_back()


def test_who_does_not_wait_takes_the_kernels_no_for_an_answer(lock, monkeypatch):
    kernel = Refusing(monkeypatch, BlockingIOError())
    assert lock.take(wait=False) is False
    kernel.fault = None
    assert lock.is_free()


def test_what_is_no_answer_of_the_kernels_is_raised_and_leaves_it_free(lock, monkeypatch):
    kernel = Refusing(monkeypatch, MemoryError())
    with pytest.raises(MemoryError):
        lock.take(wait=False)
    kernel.fault = None
    assert lock.is_free()


def test_asking_whether_it_is_free_does_not_keep_it(lock):
    assert (lock.is_free(), lock.is_free()) == (True, True)
    assert lock.take(wait=False) is True
    assert (lock.is_free(), lock.take(wait=False)) == (False, False)
    lock.give_back()
    assert lock.is_free()


def test_what_one_process_gave_back_another_may_take(lock):
    lock.take()
    lock.give_back()
    with another_process(lock):
        assert not lock.is_free()


def test_who_waits_for_another_process_gets_it_when_that_is_done(lock):
    got = threading.Event()

    def wait():
        lock.take()
        got.set()

    with another_process(lock):
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        assert not got.is_set()
    assert got.wait(PATIENCE)
    lock.give_back()


# --- letting go of large entries --------------------------------------------------------------------------


def test_a_reader_takes_its_turn_once_and_gives_it_back_once():
    redis, lock, (stream,) = readers(1)
    add(redis, "one", READ_BYTES)
    add(redis, "two", READ_BYTES)
    assert [fields["name"] for _, fields in stream.fresh()] == ["one"]
    assert [fields["name"] for _, fields in stream.fresh()] == ["two"], "it has its turn already"
    stream.let_go()
    assert lock.is_free()
    lock.take()
    stream.let_go()
    assert not lock.is_free(), "it gives back nothing of somebody else's"


def test_small_entries_need_no_turn():
    redis, lock, (stream,) = readers(1)
    add(redis, "small", READ_BYTES // 2)
    lock.take()
    assert [fields["name"] for _, fields in stream.fresh()] == ["small"]
    stream.let_go()
    assert not lock.is_free()


def test_a_large_entry_that_somebody_else_took_meanwhile_is_theirs():
    redis, lock, (stream,) = readers(1)
    add(redis, "small")
    add(redis, "large", READ_BYTES)
    take = lock.take

    def late():
        redis.xdel("jobs", redis.xrange("jobs")[-1][0])
        return take()

    lock.take = late
    assert [fields["name"] for _, fields in stream.fresh()] == ["small"]
