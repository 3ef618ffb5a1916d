"""The task that sends: what it does, what it says of itself, and whom it wakes."""

from contextlib import nullcontext

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisGone

from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt
from mailworker.core.states import State
from mailworker.dispatch import Dispatched
from mailworker.dispatch.interfaces import CallFacts, SentMail
from mailworker.errors import Refused, Throttled, TransientError, UnknownOutcome
from mailworker.intake.job_stream import JobsDrained
from mailworker.observability.redis_counters import counted
from mailworker.queue.celery_queues import DISPATCH
from mailworker.tasks import dispatch as module
from mailworker.tasks import flower_mail_events
from mailworker.tasks.app import app
from mailworker.tasks.flower_mail_events import MailEvents
from mailworker.tasks.message_traces import trace_accepted, trace_called
from tests.doubles import box
from tests.rows import NOW, STRICT, URGENT, after, row
from tests.unit.task_scene import Log, TaskScene
from tests.unit.test_dispatch import World

NORMAL = DISPATCH[Lane.NORMAL]


@pytest.fixture
def world(ledger_file):
    made = World(ledger_file)
    yield made
    made.ledger.close()


@pytest.fixture
def scene(world, monkeypatch):
    return TaskScene(monkeypatch, dispatcher=world.dispatcher).listen(monkeypatch, module)


def figures(scene):
    """The counts without the sums of times."""
    return {
        " ".join([name, *(value for _, value in labels)]): number
        for (name, labels), number in counted(scene.redis).items()
        if labels[-1:] != (("le", "sum"),)
    }


def mail(number, state=State.SENT, lane=Lane.NORMAL, **more):
    return SentMail(f"m{number}", more.pop("kind", STRICT), lane, more.pop("waited", 0.5), state, **more)


def called(*mails, outcomes=None, seconds=0.5, **more):
    return Dispatched(True, outcomes or {State.SENT: len(mails)}, call=CallFacts(seconds, mails), **more)


def test_what_is_ready_is_sent_and_the_result_names_no_person(scene, world):
    world.put(row("a"), row("b", kind=URGENT), row("c"))
    scene.redis.set(NORMAL.flag, "1")
    assert module.dispatch("normal") == {
        "calls": 1,
        "outcomes": {"sent": 3},
        "kinds": {STRICT: 2, URGENT: 1},
        "messages": ["a", "b", "c"],
    }
    assert not scene.redis.exists(NORMAL.flag), "the next reason wakes somebody again"
    assert scene.woken == []
    found = figures(scene)
    assert found["calls sent"] == 1
    assert found["outcomes sent"] == 3
    assert sum(number for name, number in found.items() if name.startswith("accept_to_call")) == 3
    assert scene.log.lines == [("info", "dispatched", {"lane": "normal", "called": True, "sent": 3})]


def test_where_nothing_waits_it_did_nothing(scene):
    assert module.dispatch("bulk") == {}
    assert (scene.woken, figures(scene)) == ([], {})


def test_after_a_full_call_somebody_else_helps(scene, world):
    world.put(*(row(f"m{number:03}", to_email=f"p{number}@client.example") for number in range(50)))
    assert module.dispatch("normal")["outcomes"] == {"sent": 50}
    assert scene.woken == [NORMAL]


def test_a_call_that_is_not_full_wakes_nobody(scene, world):
    world.put(*(row(f"m{number:03}", to_email=f"p{number}@client.example") for number in range(49)))
    module.dispatch("normal")
    assert scene.woken == []


def test_what_the_breaker_stops_waits_and_nobody_is_woken(scene, world):
    world.put(row("a"))
    world.post.answer = silence
    module.dispatch("normal")
    assert scene.woken == []


def silence(_mail):
    raise UnknownOutcome("Mailjet did not answer")


@pytest.mark.parametrize(
    ("waits", "woken"), [([False, False], []), ([True, False], [NORMAL]), ([False, True], [NORMAL])]
)
def test_what_waits_at_the_end_of_its_time_is_somebody_elses(monkeypatch, waits, woken):
    answers = iter(waits)
    idle = box(prepare=lambda *_, **__: None, waiting=lambda lane: lane is Lane.NORMAL and next(answers))
    scene = TaskScene(monkeypatch, dispatcher=idle)
    assert module.dispatch("normal") == {}
    assert scene.woken == woken
    assert next(answers, None) is None, "asked before and after the last answers came"


def test_a_passing_fault_ends_it_with_what_was_done_until_then(monkeypatch):
    def away(*_args, **_more):
        raise TransientError("the ledger does not answer")

    scene = TaskScene(monkeypatch, dispatcher=box(prepare=away)).listen(monkeypatch, module)
    assert module.dispatch("normal") == {"stopped": "the ledger does not answer"}
    assert scene.log.at("warning") == ["dispatch stopped, the sweep resumes it"]


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ({State.SENT: 1, State.FAILED: 9}, "sent"),
        ({State.FAILED: 1, State.UNKNOWN: 3, State.READY: 3}, "failed"),
        ({State.UNKNOWN: 1, State.READY: 1}, "unknown"),
        ({State.READY: 2}, "put_back"),
        ({State.SENT: 0, State.READY: 2}, "put_back"),
        ({}, "put_back"),
    ],
)
def test_a_call_counts_by_the_best_that_it_did(scene, outcomes, word):
    module._measure(Dispatched(True, outcomes, call=CallFacts(0.5, [mail(1)]))).write(scene.redis)
    assert figures(scene)[f"calls {word}"] == 1


def test_what_ended_without_a_call_counts_no_call(scene):
    module._measure(Dispatched(outcomes={State.CANCELLED: 2})).write(scene.redis)
    assert figures(scene) == {"outcomes cancelled": 2}


def test_what_counts_of_a_call(scene):
    mails = [mail(1, waited=3.0), mail(2, State.FAILED, Lane.BULK, code="send-0010", waited=7.0)]
    outcomes = {State.SENT: 1, State.FAILED: 1}
    module._measure(called(*mails, outcomes=outcomes, seconds=0.25)).write(scene.redis)
    sums = {
        (name, labels[:-1]): number
        for (name, labels), number in counted(scene.redis).items()
        if labels[-1:] == (("le", "sum"),)
    }
    assert sums == {
        ("call_seconds", ()): 250_000,
        ("call_messages", ()): 2_000_000,
        ("accept_to_call_seconds", (("lane", "normal"),)): 3_000_000,
        ("accept_to_call_seconds", (("lane", "bulk"),)): 7_000_000,
    }
    assert figures(scene)["failed send-0010"] == 1


def test_of_many_calls_the_result_adds_up_and_names_a_hundred_messages(scene):
    report = module._Report(scene.container, Lane.NORMAL, "w1@host")
    report(called(*(mail(number, kind="a") for number in range(40))))
    report(
        called(
            *(mail(number, kind="b") for number in range(40, 120)), outcomes={State.SENT: 79, State.READY: 1}
        )
    )
    report(Dispatched(outcomes={State.CANCELLED: 1}, alarms=("look here",)))
    assert report.result() == {
        "calls": 2,
        "outcomes": {"sent": 119, "ready": 1, "cancelled": 1},
        "kinds": {"a": 40, "b": 80},
        "messages": [f"m{number}" for number in range(100)],
    }
    assert scene.log.at("error") == ["look here"]


def test_flower_is_told_of_each_calls_mails_and_of_what_was_stopped_before(scene, monkeypatch):
    told, traced = [], []
    monkeypatch.setattr(
        module.MailEvents, "announce", lambda events, mails: told.append((events._hostname, mails))
    )
    monkeypatch.setattr(module, "trace_called", lambda container, done: traced.append(done))
    report = module._Report(scene.container, Lane.NORMAL, "w1@host")
    done = called(mail(1))
    idle = Dispatched(outcomes={State.CANCELLED: 1}, stopped=[mail(2, State.CANCELLED)])
    report(done)
    report(idle)
    assert told == [("w1@host", tuple(done.call.mails)), ("w1@host", (mail(2, State.CANCELLED),))]
    assert report.result()["messages"] == ["m1", "m2"]
    assert traced == [done, idle]


def test_a_token_that_does_not_come_is_a_passing_fault(monkeypatch):
    def busy(*_args, **_more):
        raise Throttled("too fast", retry_after=3)

    TaskScene(monkeypatch, dispatcher=box(prepare=busy))
    assert module.dispatch("urgent") == {"stopped": "too fast"}


def test_what_the_last_checks_stop_is_named_with_its_state(world):
    world.put(row("late", accepted_at=after(-9), not_before=after(-9), expires_at=after(-1)), row("a"))
    made = world.go()
    late = (STRICT, Lane.NORMAL, 9.0, State.EXPIRED)
    assert [(it.id, (it.kind, it.lane, it.waited, it.state)) for it in made.stopped] == [("late", late)]
    assert [it.id for it in made.mails] == ["late", "a"]
    assert made.outcomes == {State.EXPIRED: 1, State.SENT: 1}
    world.put(row("late2", expires_at=after(-1)))
    alone = world.go()
    assert (alone.called, [it.id for it in alone.stopped]) == (False, ["late2"])


def test_how_long_a_message_waited_for_its_call_and_what_it_failed_of(world):
    def refuse(mail):
        if mail.id == "b":
            return Refused("no such template", code="mj-0013")
        return Receipt(1, "u")

    world.post.answer = refuse
    world.put(
        row("a", accepted_at=after(-9), not_before=after(-4)),
        row("b", accepted_at=after(-3), not_before=after(-5)),
        row("c", accepted_at=NOW, not_before=NOW),
    )
    made = world.go()
    assert {
        mail.id: (mail.kind, mail.lane, mail.waited, mail.state, mail.code) for mail in made.call.mails
    } == {
        "a": (STRICT, Lane.NORMAL, 4.0, State.SENT, ""),
        "b": (STRICT, Lane.NORMAL, 3.0, State.FAILED, "mj-0013"),
        "c": (STRICT, Lane.NORMAL, 0.0, State.SENT, ""),
    }


# --- Flower -----------------------------------------------------------------------------------------------


@pytest.fixture
def flower(monkeypatch):
    """What Celery's events would carry, as (type, fields); how they would travel stands in `how`."""
    told, how = [], {}

    class Dispatcher:
        def __init__(self, connection, **options):
            assert connection == "connection"
            how.update(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def send(self, kind, **fields):
            told.append((kind, fields))

        def flush(self):
            how["flushed"] = len(told)

    monkeypatch.setitem(app.conf, "worker_send_task_events", True)
    pool = box(acquire=lambda *, block: nullcontext("connection" if block else None))
    monkeypatch.setattr(type(app), "pool", pool)
    monkeypatch.setattr(flower_mail_events, "EventDispatcher", Dispatcher)
    monkeypatch.setattr(flower_mail_events, "time", box(time=lambda: 1000.0))
    return box(told=told, how=how)


def test_each_mail_is_a_finished_task_under_its_own_id(flower):
    MailEvents("w1@host").announce(
        [mail(1, waited=1.23456), mail(2, State.FAILED, Lane.URGENT, code="mj-0013")]
    )
    same = {"name": STRICT, "args": "()"}
    assert flower.told == [
        ("task-succeeded", same | {
            "uuid": "m1", "kwargs": "{'lane': 'normal'}", "received": 1000 - 1.23456, "runtime": 1.235,
            "result": "'sent'",
        }),
        ("task-failed", same | {
            "uuid": "m2", "kwargs": "{'lane': 'urgent'}", "received": 999.5, "runtime": 0.5,
            "exception": "failed mj-0013",
        }),
    ]  # fmt: skip
    assert flower.how == {
        "hostname": "w1@host", "app": app, "buffer_group": ["task"], "buffer_limit": 50, "flushed": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (State.UNKNOWN, "task-retried", "unknown"),
        (State.READY, "task-retried", "ready"),
        (State.ACCEPTED, "task-failed", "accepted"),
        (State.HELD, "task-retried", "held"),
        (State.SUPPRESSED, "task-revoked", "suppressed"),
        (State.EXPIRED, "task-revoked", "expired"),
        (State.CANCELLED, "task-revoked", "cancelled"),
    ],
)
def test_what_did_not_leave_is_no_success(flower, state, kind, words):
    MailEvents("w").announce([mail(1, state)])
    ((told, fields),) = flower.told
    assert (told, fields["exception"]) == (kind, words)


def test_bulk_mail_and_a_worker_that_tells_no_events_leave_flower_alone(flower, monkeypatch):
    MailEvents("w").announce([mail(1, lane=Lane.BULK)])
    MailEvents("w").announce([])
    assert flower.how == {}, "not even a connection is taken"
    MailEvents("w").announce([mail(1, lane=Lane.BULK), mail(2)])
    assert [fields["uuid"] for _, fields in flower.told] == ["m2"]
    monkeypatch.setitem(app.conf, "worker_send_task_events", False)
    MailEvents("w").announce([mail(3)])
    assert len(flower.told) == 1


@pytest.mark.parametrize("fault", [OperationalError(), RedisGone(), OSError()])
def test_mail_goes_on_where_flower_cannot_be_told(flower, monkeypatch, fault):
    def refuse(*_args, **_more):
        raise fault

    monkeypatch.setattr(flower_mail_events, "EventDispatcher", refuse)
    monkeypatch.setattr(flower_mail_events, "log", log := Log())
    MailEvents("w").announce([mail(1)])
    assert [(level, facts["messages"]) for level, _, facts in log.lines] == [("warning", 1)]


# --- traces -----------------------------------------------------------------------------------------------


class Traces:
    def __init__(self):
        self.spans = []

    def accepted(self, carrier, message_id, *, at, waited):
        self.spans.append(("accepted", carrier, message_id, at, waited))
        return f"{carrier}+"

    def called(self, carrier, facts, *, at, seconds):
        self.spans.append(("called", carrier, facts, at, seconds))


def test_a_message_whose_caller_traces_is_followed_to_its_call(monkeypatch):
    traces = Traces()
    scene = TaskScene(monkeypatch, traces=traces)
    drained = JobsDrained(ids=("m1", "m2"), waits=(1.5, 9.0), carriers=(("m1", "c1"), ("m9", "c9")))
    trace_accepted(scene.container, drained)
    scene.clock.advance(3)
    trace_called(scene.container, called(mail(1, State.FAILED, code="mj-0013"), mail(2), seconds=0.25))
    assert traces.spans == [
        ("accepted", "c1", "m1", NOW, 1.5),
        ("accepted", "c9", "m9", NOW, 0.0),
        (
            "called", "c1+",
            {
                "messaging.message.id": "m1", "mailworker.kind": STRICT, "mailworker.lane": "normal",
                "mailworker.outcome": "failed", "mailworker.code": "mj-0013",
            },
            after(3), 0.25,
        ),
    ]  # fmt: skip


def test_without_traces_redis_is_not_asked(monkeypatch):
    scene = TaskScene(monkeypatch)
    scene.container.redis = None
    trace_accepted(scene.container, JobsDrained(ids=("m1",), waits=(1.0,), carriers=(("m1", "c1"),)))
    trace_called(scene.container, called(mail(1)))
    scene.container.traces = Traces()
    trace_accepted(scene.container, JobsDrained(ids=("m1",), waits=(1.0,)))
    trace_called(scene.container, Dispatched(outcomes={State.CANCELLED: 1}))


def test_a_gap_in_a_trace_keeps_no_mail_waiting(monkeypatch):
    def gone(*_args, **_more):
        raise RedisGone

    scene = TaskScene(monkeypatch, traces=Traces())
    scene.container.redis = box(pipeline=gone, mget=gone)
    trace_accepted(scene.container, JobsDrained(ids=("m1",), waits=(1.0,), carriers=(("m1", "c1"),)))
    trace_called(scene.container, called(mail(1)))
