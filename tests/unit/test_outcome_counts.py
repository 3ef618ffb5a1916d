"""What becomes of a message counts wherever it is decided: while preparing, in a call, in the sweep, by a look-up."""

from types import SimpleNamespace

import pytest
from fakeredis import FakeRedis
from hypothesis import given
from hypothesis import strategies as st

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.dispatch.interfaces import CallFacts, Dispatched, SentMail
from mailworker.errors import RenderFailed, TransientError
from mailworker.observability.redis_counters import CounterTally, count_outcomes, counted
from mailworker.reconcile.unknown_messages import Reconciled
from mailworker.tasks import dispatch, invoices, maintenance
from mailworker.tasks.flower_mail_events import MailEvents
from tests.unit.test_preparing import World


@pytest.fixture
def redis():
    return FakeRedis(decode_responses=True)


def counts(redis):
    """The counts without those of times, as `name value`."""
    return {
        " ".join([name, *(value for _, value in labels)]): number
        for (name, labels), number in counted(redis).items()
        if "seconds" not in name and "call_messages" not in name
    }


@pytest.fixture
def shown():
    """The mails that Flower is told of."""
    return []


@pytest.fixture
def rendering(redis, ledger_file, monkeypatch, shown):
    """The render task's process, with PDFs of this content."""
    made = []

    def make(pdf):
        world = World(ledger_file, pdf=pdf).put()
        made.append(world)
        container = SimpleNamespace(redis=redis, preparer=world.preparer, clock=world.clock)
        monkeypatch.setattr(invoices, "current_container", lambda: container)
        monkeypatch.setattr(invoices, "wake", lambda *_: None)
        monkeypatch.setattr(MailEvents, "announce", lambda _, mails: shown.extend(mails))
        return world

    yield make
    for world in made:
        world.ledger.close()


@pytest.mark.parametrize(
    ("pdf", "counted_as", "told"),
    [
        (b"%PDF", {"prepared": 1}, {"prepared": 1, "messages": ["m1"]}),
        (
            RenderFailed("no total."),
            {"outcomes failed": 1, "failed own": 1},
            {"prepared": 0, "messages": [], "failed": ["m1"]},
        ),
        (TransientError("the renderer is busy"), {"outcomes accepted": 1}, {"prepared": 0, "messages": []}),
    ],
)
def test_preparing(rendering, redis, shown, pdf, counted_as, told):
    rendering(pdf)
    assert invoices.render() == told
    assert counts(redis) == counted_as
    assert [(mail.id, mail.state) for mail in shown] == [
        (id_, State.FAILED) for id_ in told.get("failed", ())
    ]


def test_what_another_worker_took_over_is_not_counted_twice(rendering, redis, monkeypatch):
    rendering(RenderFailed("no total."))
    monkeypatch.setattr("mailworker.prepare.preparer.settle", lambda *_, **__: set())
    assert "failed" not in invoices.render()
    assert not {"outcomes failed", "failed own"} & set(counts(redis))


def test_a_call_and_the_checks_before_it(redis):
    mails = (
        SentMail("a", "kind", Lane.NORMAL, 0.1, State.FAILED, "send-0010"),
        SentMail("b", "kind", Lane.NORMAL, 0.1, State.SENT),
    )
    outcomes = {State.FAILED: 3, State.SENT: 1}  # two of them could not even be written out
    dispatch._measure(Dispatched(True, outcomes, call=CallFacts(0.5, mails))).write(redis)
    assert counts(redis) == {
        "outcomes failed": 3,
        "outcomes sent": 1,
        "failed send-0010": 1,
        "failed own": 2,
        "calls sent": 1,
    }


def test_checks_that_left_nothing_to_call_with(redis):
    dispatch._measure(Dispatched(outcomes={State.FAILED: 1})).write(redis)
    assert counts(redis) == {"outcomes failed": 1, "failed own": 1}


def test_a_look_up(redis, monkeypatch):
    reconciler = SimpleNamespace(reconcile=lambda: Reconciled(asked=5, found=2, again=1))
    container = SimpleNamespace(
        redis=redis, reconciler=reconciler, breaker=SimpleNamespace(found=lambda _: "")
    )
    monkeypatch.setattr(maintenance, "current_container", lambda: container)
    maintenance.reconcile()
    assert counts(redis) == {"outcomes sent": 2, "outcomes ready": 1}


def test_the_sweep(redis, monkeypatch):
    reconciler = SimpleNamespace(
        take_back=lambda: {State.ACCEPTED: 0, State.FAILED: 2, State.READY: 3}, expire=lambda: 4
    )

    def stop(*_):
        raise TransientError("enough for this test")

    container = SimpleNamespace(
        redis=redis,
        reconciler=reconciler,
        clock=lambda: None,
        ledger=SimpleNamespace(read=FakeRedis),  # a context manager whose connection nobody uses
    )
    monkeypatch.setattr(maintenance, "current_container", lambda: container)
    monkeypatch.setattr(maintenance, "_note_beat", lambda *_: None)
    monkeypatch.setattr(maintenance, "anything_due", stop)
    maintenance.sweep()
    assert counts(redis) == {
        "outcomes failed": 2,
        "failed own": 2,
        "outcomes ready": 3,
        "outcomes expired": 4,
    }


@given(
    st.dictionaries(st.sampled_from(State), st.integers(0, 50)),
    st.lists(st.sampled_from(["", "send-0010", "mj-0013"]), max_size=10),
)
def test_each_failure_has_one_code(outcomes, codes):
    codes = codes[: outcomes.get(State.FAILED, 0)]
    tally, redis = CounterTally(), FakeRedis(decode_responses=True)
    redis.flushall()
    count_outcomes(tally, outcomes, codes)
    tally.write(redis)
    found = counted(redis)
    failed = {dict(labels)["code"]: number for (name, labels), number in found.items() if name == "failed"}
    assert sum(failed.values()) == outcomes.get(State.FAILED, 0)
    assert failed.get("send-0010", 0) == codes.count("send-0010")
    assert sum(number for (name, _), number in found.items() if name == "outcomes") == sum(outcomes.values())
