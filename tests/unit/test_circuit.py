"""The circuit breaker: what an outage leaves in doubt, how soon it is over, and that good times cost nothing."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailworker.rules.circuit import (
    AFTER_FOUND,
    AFTER_REST,
    FULL,
    LONGEST_PAUSE,
    SILENCE,
    Circuit,
    answered,
    clearance,
    enter,
    found,
    left_out,
    pause,
    unanswered,
)

PACE = 61.5 / 200
READ_TIMEOUT = 30.0


@dataclass
class Mailjet:
    """Many workers with an endless backlog, and a Mailjet that behaves as `how(now)` says.

    `how` gives "ok", "503" (an immediate failure) or "hang" (a time-out). An answer takes `latency` seconds.
    """

    how: object
    latency: float = 0.02
    now: float = 1_000_000.0
    circuit: Circuit = field(default_factory=Circuit)
    doubtful: int = 0
    sent: list = field(default_factory=list)
    tries: list = field(default_factory=list)
    opened: list = field(default_factory=list)
    ends: list = field(default_factory=list)

    def run(self, seconds):
        until, number = self.now + seconds, 0
        token_at = self.now
        while self.now < until:
            was_open = self.circuit.is_open
            self._land()
            if self.now >= token_at:
                self.circuit, cleared = enter(self.circuit, f"{self.now}-{number}", self.now, PACE)
                if cleared.wait == 0:
                    self._leave(f"{self.now}-{number}", cleared)
                    number, token_at = number + 1, max(token_at, self.now - PACE) + PACE
            if self.circuit.is_open and not was_open:
                self.opened.append(self.now)
            self.now += 0.05
        return self

    def _leave(self, call_id, cleared):
        how = self.how(self.now)
        if cleared.is_probe:
            self.tries.append(self.now)
        wait = {"ok": self.latency, "503": 0.05, "hang": READ_TIMEOUT}[how]
        self.ends.append((self.now + wait, call_id, how, cleared.messages))

    def _land(self):
        for end in [one for one in self.ends if one[0] <= self.now]:
            self.ends.remove(end)
            _, call_id, how, count = end
            if how == "ok":
                self.circuit = answered(self.circuit, call_id, self.now)
                self.sent.append((self.now, count))
            else:
                self.doubtful += count
                self.circuit = unanswered(self.circuit, call_id, self.now, how)


def outage(begin, seconds, how):
    return lambda now: how if begin <= now < begin + seconds else "ok"


@pytest.mark.parametrize("how", ["503", "hang"])
@pytest.mark.parametrize(("seconds", "most"), [(60, 60), (1800, 90)])
def test_an_outage_in_full_flow_leaves_one_call_and_its_tries_in_doubt(how, seconds, most):
    mailjet = Mailjet(outage(1_000_010, seconds, how)).run(10 + seconds + 120)
    assert mailjet.doubtful <= most
    assert sum(count for _, count in mailjet.sent) > 0


@pytest.mark.parametrize("how", ["503", "hang"])
def test_an_outage_that_is_there_from_the_start_leaves_fewer_than_fifty(how):
    mailjet = Mailjet(outage(0, 1_000_000 + 1800, how)).run(1800)
    assert mailjet.doubtful <= 50


@pytest.mark.parametrize("how", ["503", "hang"])
@pytest.mark.parametrize("seconds", [60, 1800])
def test_the_pipe_is_full_again_two_minutes_after_an_outage(how, seconds):
    end = 1_000_010 + seconds
    mailjet = Mailjet(outage(1_000_010, seconds, how)).run(10 + seconds + 180)
    after = [count for at, count in mailjet.sent if end + 110 <= at < end + 170]
    assert sum(after) >= 0.95 * 60 / PACE * FULL


@pytest.mark.parametrize("how", ["503", "hang"])
def test_an_outage_is_told_within_a_minute_and_once(how):
    mailjet = Mailjet(outage(1_000_010, 600, how)).run(700)
    (opened,) = mailjet.opened
    assert opened - 1_000_010 < 60
    assert not mailjet.circuit.is_open


@pytest.mark.parametrize("latency", [0.02, 0.3, 1.0, 2.0])
def test_a_healthy_mailjet_gets_every_call_that_the_limit_allows(latency):
    mailjet = Mailjet(lambda _now: "ok", latency=latency).run(120)
    last_minute = [count for at, count in mailjet.sent if at >= mailjet.now - 60]
    assert len(last_minute) >= 0.8 * 60 / PACE
    assert set(last_minute) == {FULL}
    assert mailjet.tries == []


def test_one_lost_answer_is_no_outage():
    lost = iter(["ok"] * 20 + ["503"] + ["ok"] * 1000)
    mailjet = Mailjet(lambda _now: next(lost)).run(30)
    assert mailjet.opened == []
    assert [count for _, count in mailjet.sent[20:24]] == [1, 5, 25, 50]


def test_a_worker_that_died_in_its_call_stops_nobody_for_long():
    circuit, cleared = enter(Circuit(answered_at=1000.0), "dead", 1000.5, PACE)
    assert cleared.messages == FULL
    assert clearance(circuit, 1001.0, PACE).wait > 0
    circuit, cleared = enter(circuit, "next", 1000.5 + SILENCE + 0.1, PACE)
    assert (cleared.messages, cleared.is_probe) == (1, True)
    circuit = answered(circuit, "next", 1004.0)
    assert clearance(circuit, 1004.0, PACE).messages == FULL


def test_retry_after_is_obeyed():
    circuit = unanswered(Circuit(), "a", 1000.0, "503", retry_after=300.0)
    assert clearance(circuit, 1299.0, PACE).wait == pytest.approx(1.0)
    assert clearance(circuit, 1300.0, PACE).messages == 1


def test_what_a_look_up_found_lets_a_small_call_leave():
    circuit = unanswered(Circuit(), "a", 1000.0, "503", retry_after=300.0)
    assert clearance(found(circuit), 1001.0, PACE).messages == AFTER_FOUND
    assert found(Circuit()) == Circuit(), "in good times a look-up changes nothing"


def test_after_a_rest_the_first_call_is_a_careful_one():
    circuit, cleared = enter(Circuit(answered_at=1000.0), "a", 1100.0, PACE)
    assert cleared.messages == AFTER_REST
    assert clearance(circuit, 1100.3, PACE).wait > 0, "the next one waits for its answer"
    assert clearance(answered(circuit, "a", 1100.4), 1100.4, PACE).messages == FULL


def test_a_call_that_did_not_leave_teaches_nothing():
    circuit, _ = enter(Circuit(answered_at=1000.0), "a", 1000.1, PACE)
    assert left_out(circuit, "a") == Circuit(answered_at=1000.0)


def test_pauses_grow_up_to_their_cap():
    assert [pause(n) for n in range(1, 10)] == [0, 2, 4, 8, 16, 32, 64, LONGEST_PAUSE, LONGEST_PAUSE]


steps = st.lists(
    st.tuples(st.floats(0.01, 40), st.sampled_from(["enter", "ok", "lost", "late", "found"])), max_size=60
)


@hypothesis_settings(max_examples=300)
@given(steps)
def test_whatever_happens_some_call_may_leave_before_long(story):
    """No history leaves the breaker shut for good, nor more than one message in a try."""
    circuit, now, flying = Circuit(), 1000.0, []
    for number, (seconds, what) in enumerate(story):
        now += seconds
        if what == "enter":
            circuit, cleared = enter(circuit, str(number), now, PACE)
            if cleared.wait == 0:
                flying.append(str(number))
                assert not circuit.failures or cleared.messages == 1
        elif what == "found":
            circuit = found(circuit)
        elif flying:
            call = flying.pop(0 if what == "late" else -1)
            circuit = answered(circuit, call, now) if what == "ok" else unanswered(circuit, call, now, "x")
    waited = 0.0
    while (wait := clearance(circuit, now, PACE).wait) > 0:
        now += wait
        waited += wait
        assert waited <= LONGEST_PAUSE + 21
