"""The circuit breaker: what an outage leaves in doubt, how soon it is over, and that good times cost nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailworker.config.mailjet import MailjetSettings
from mailworker.rules.circuit_breaker import (
    AFTER_FOUND,
    AFTER_REST,
    FULL,
    LONGEST_PAUSE,
    LONGEST_TRIAL_PAUSE,
    SILENCE,
    SLOW,
    TRUST,
    URGENT_ROOM,
    Circuit,
    answered,
    by_this_clock,
    carrying,
    clearance,
    enter,
    found,
    left_out,
    open_for,
    pause,
    unanswered,
)

PACE = 61.5 / 200
READ_TIMEOUT = 30.0
#: As shipped; and what an operator may choose for a Mailjet that takes one second, or two.
MOST = MailjetSettings.model_fields["unanswered_messages"].default
MOST_AT = {1.0: 200, 2.0: 400}
BEGIN = 1_000_000.0


@dataclass
class Mailjet:
    """Many workers with an endless backlog, and a Mailjet that behaves as `how(now)` says.

    `how` gives "ok", "503" (an immediate failure) or "hang" (a time-out); "only questions" answers those and
    hangs for messages, and "dies" is a worker that is gone before it can report. An answer takes `latency`
    seconds. What arrives before an outage is answered, also while it lasts.
    """

    how: Callable[[float], str]
    latency: float = 0.02
    most: int = MOST
    now: float = BEGIN
    circuit: Circuit = field(default_factory=Circuit)
    doubtful: int = 0
    flying: int = 0
    most_flying: int = 0
    sent: list = field(default_factory=list)
    questions: list = field(default_factory=list)
    trials: list = field(default_factory=list)
    opened: list = field(default_factory=list)
    ends: list = field(default_factory=list)

    def run(self, seconds):
        until, number = self.now + seconds, 0
        token_at = self.now
        while self.now < until:
            was_open = self.circuit.is_open
            self._land()
            if self.now >= token_at:
                call_id = f"{self.now}-{number}"
                self.circuit, cleared = enter(self.circuit, call_id, self.now, PACE, self.most)
                if cleared.wait == 0:
                    self._leave(call_id, cleared)
                    number, token_at = number + 1, max(token_at, self.now - PACE) + PACE
            if self.circuit.is_open and not was_open:
                self.opened.append(self.now)
            self.now += 0.05
        return self

    def _leave(self, call_id, cleared):
        how = self.how(self.now)
        if how == "only questions":
            how = "ok" if cleared.is_question else "hang"
        if cleared.is_probe:
            (self.questions if cleared.is_question else self.trials).append(self.now)
        wait = {"ok": self.latency, "503": 0.05, "hang": READ_TIMEOUT, "dies": READ_TIMEOUT}[how]
        self.flying += cleared.messages
        self.most_flying = max(self.flying, self.most_flying)
        self.ends.append((self.now + wait, call_id, how, cleared.messages))

    def _land(self):
        for end in [one for one in self.ends if one[0] <= self.now]:
            self.ends.remove(end)
            _, call_id, how, count = end
            self.flying -= count
            if how == "ok":
                self.circuit = answered(self.circuit, call_id, self.now)
                self.sent.append((self.now, count))
                continue
            self.doubtful += count
            if how != "dies":
                self.circuit = unanswered(self.circuit, call_id, self.now, how)


def outage(begin, seconds, how):
    return lambda now: how if begin <= now < begin + seconds else "ok"


@pytest.mark.parametrize("how", ["503", "hang"])
@pytest.mark.parametrize("seconds", [60, 1800])
def test_an_outage_in_full_flow_leaves_one_call_in_doubt_however_long_it_lasts(how, seconds):
    mailjet = Mailjet(outage(BEGIN + 10, seconds, how)).run(10 + seconds + 120)
    assert mailjet.doubtful == FULL
    assert mailjet.trials
    assert min(mailjet.trials) >= BEGIN + 10 + seconds, "no message tries before a question is answered"


@pytest.mark.parametrize("how", ["503", "hang"])
def test_an_outage_that_is_there_from_the_start_leaves_a_careful_call_in_doubt(how):
    mailjet = Mailjet(outage(0, 1_000_000 + 1800, how)).run(1800)
    assert mailjet.doubtful <= AFTER_REST


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    st.floats(0.5, 30),
    st.floats(1, 120),
    st.lists(st.sampled_from(["503", "hang"]), min_size=1, max_size=5),
    st.floats(0.01, 2.5),
    st.sampled_from([1, 20, MOST, 120, 200, 400]),
)
def test_an_outage_leaves_no_more_in_doubt_than_was_under_way(begin, seconds, hows, latency, most):
    """Whatever it does, for however long: no message is risked before Mailjet answers questions again."""

    def how(now):
        since = now - BEGIN - begin
        return hows[int(since * len(hows) / seconds)] if 0 <= since < seconds else "ok"

    mailjet = Mailjet(how, latency=latency, most=most).run(begin + seconds + 90)
    overlap = 1 + int(1.1 * (latency + 0.1) / PACE)
    assert mailjet.doubtful <= min(most, FULL * overlap)
    assert not mailjet.circuit.is_open


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0.3, 20), st.floats(0.3, 20)), min_size=3, max_size=12), st.booleans())
def test_a_mailjet_that_comes_and_goes_leaves_a_part_of_what_it_delivered(phases, hangs):
    edges, at = [], BEGIN + 10
    for down, up in phases:
        edges.append((at, at + down))
        at += down + up
    bad = "hang" if hangs else "503"
    mailjet = Mailjet(lambda now: bad if any(a <= now < b for a, b in edges) else "ok").run(at - BEGIN + 60)
    delivered = sum(count for when, count in mailjet.sent if edges[0][1] <= when < edges[-1][0])
    assert mailjet.doubtful <= FULL + TRUST * delivered + len(phases)


def test_where_questions_are_answered_and_messages_are_not_few_try():
    mailjet = Mailjet(outage(BEGIN + 10, 1800, "only questions")).run(10 + 1800 + 150)
    assert len(mailjet.trials) <= 30
    assert mailjet.doubtful <= FULL + 30
    gaps = [later - earlier for earlier, later in pairwise(mailjet.trials)]
    assert max(gaps) <= LONGEST_TRIAL_PAUSE + LONGEST_PAUSE + 1
    assert len(mailjet.opened) == 1, "the operator is told once"


@pytest.mark.parametrize("how", ["503", "hang"])
@pytest.mark.parametrize("seconds", [60, 1800])
def test_the_pipe_is_full_again_a_minute_after_an_outage(how, seconds):
    end = BEGIN + 10 + seconds
    mailjet = Mailjet(outage(BEGIN + 10, seconds, how)).run(10 + seconds + 180)
    after = [count for at, count in mailjet.sent if end + 60 <= at < end + 120]
    assert sum(after) >= 0.95 * 60 / PACE * FULL


@pytest.mark.parametrize("how", ["503", "hang"])
def test_an_outage_is_told_within_a_minute_and_once(how):
    mailjet = Mailjet(outage(BEGIN + 10, 600, how)).run(700)
    (opened,) = mailjet.opened
    assert opened - BEGIN - 10 < 60
    assert not mailjet.circuit.is_open


@pytest.mark.parametrize("latency", [0.02, 0.2, 0.25])
def test_a_healthy_mailjet_gets_every_call_that_the_limit_allows(latency):
    last_minute = calls_of_the_last_minute(latency, MOST)
    assert len(last_minute) >= 0.95 * 60 / PACE
    assert set(last_minute) == {FULL}


@pytest.mark.parametrize("latency", MOST_AT)
def test_a_slow_one_does_where_an_operator_allows_more_without_an_answer(latency):
    last_minute = calls_of_the_last_minute(latency, MOST_AT[latency])
    assert sum(last_minute) >= 0.95 * 60 / PACE * FULL


@pytest.mark.parametrize("latency", [0.5, 1.0, 2.0])
def test_as_shipped_a_slow_one_gets_one_call_after_the_other(latency):
    last_minute = calls_of_the_last_minute(latency, MOST)
    assert len(last_minute) >= 0.85 * 60 / latency
    assert set(last_minute) == {FULL - URGENT_ROOM if latency > SLOW else FULL}


def calls_of_the_last_minute(latency, most):
    """How many messages each call carried, in the second minute of a backlog; nothing was asked meanwhile."""
    mailjet = Mailjet(lambda _now: "ok", latency=latency, most=most).run(120)
    assert mailjet.questions == []
    assert mailjet.most_flying <= most
    return [count for at, count in mailjet.sent if at >= mailjet.now - 60]


@pytest.mark.parametrize("how", ["503", "hang"])
@pytest.mark.parametrize("latency", [0.3, 0.5, 1.0, 2.0, 20.0])
@pytest.mark.parametrize("begin", [10, 300])
def test_a_slow_mailjet_that_is_lost_leaves_one_call_in_doubt(how, latency, begin):
    mailjet = Mailjet(outage(BEGIN + begin, 60, how), latency=latency).run(begin + 61)
    assert mailjet.doubtful <= FULL


@pytest.mark.parametrize("latency", [0.8, 2.0, 20.0])
def test_urgent_mail_waits_for_no_slow_call_of_others(latency):
    slow = Circuit(answered_at=1000.0, latency=latency)
    circuit, bulk = enter(slow, "bulk", 1000.1, PACE, MOST)
    assert clearance(circuit, 1000.2, PACE, MOST).wait > 0
    circuit, reset = enter(circuit, "reset", 1000.2, PACE, MOST, urgent=True)
    assert (bulk.messages, reset.messages) == (FULL - URGENT_ROOM, URGENT_ROOM)
    assert clearance(circuit, 1000.6, PACE, MOST, urgent=True).wait > 0, "no more than an operator allows"


@pytest.mark.parametrize(
    ("latency", "most", "messages"), [(0.7, 50, 50), (0.8, 50, 45), (2.0, 3, 1), (2.0, 1, 1)]
)
def test_room_is_kept_for_urgent_mail_where_answers_are_slow(latency, most, messages):
    circuit = Circuit(answered_at=1000.0, latency=latency)
    assert clearance(circuit, 1000.1, PACE, most).messages == messages
    assert clearance(circuit, 1000.1, PACE, most, urgent=True).messages == min(FULL, most)


def test_after_a_rest_calls_do_not_overlap():
    slow = Circuit(answered_at=1000.0, latency=1.0)
    circuit, _ = enter(slow, "a", 1000.5, PACE, 200)
    assert clearance(circuit, 1001.0, PACE, 200).messages == FULL, "they do in full flow"
    circuit, _ = enter(slow, "a", 1100.0, PACE, 200)
    assert clearance(circuit, 1100.5, PACE, 200).wait > 0


def test_one_lost_answer_is_no_outage():
    lost = iter(["ok"] * 20 + ["503"] + ["ok"] * 1000)
    mailjet = Mailjet(lambda _now: next(lost)).run(30)
    assert mailjet.opened == []
    sizes = [count for _, count in mailjet.sent[20:]]
    assert sizes[:7] == [0, 1, 1, 1, 1, 1, 1], "a question, then single messages"
    assert sizes[25:] == [FULL] * len(sizes[25:])


def test_calls_that_hang_among_answered_ones_get_smaller():
    """One call in ten is never answered: what hangs is few, since a silent call costs trust."""
    number = iter(range(10_000))
    mailjet = Mailjet(lambda _now: "hang" if next(number) % 10 == 9 else "ok").run(300)
    delivered = sum(count for _, count in mailjet.sent)
    assert mailjet.doubtful < FULL + 0.2 * delivered


def test_a_worker_that_died_in_its_call_stops_nobody_for_long():
    circuit, cleared = enter(Circuit(answered_at=1000.0), "dead", 1000.5, PACE, MOST)
    assert cleared.messages == FULL
    assert clearance(circuit, 1001.0, PACE, MOST).wait > 0
    now = 1000.5 + SILENCE + 0.1
    circuit, cleared = enter(circuit, "question", now, PACE, MOST)
    assert cleared.is_question
    circuit, cleared = enter(answered(circuit, "question", now + 0.1), "trial", now + 0.1, PACE, MOST)
    assert (cleared.messages, cleared.is_probe) == (1, True)
    circuit = answered(circuit, "trial", now + 0.2)
    assert clearance(circuit, now + 0.2, PACE, MOST).messages >= 1


def test_workers_that_die_in_their_tries_shut_nobody_out():
    """Whoever asks or tries is killed for two minutes: nobody reports, and still somebody asks again and again."""
    mailjet = Mailjet(outage(BEGIN + 10, 120, "dies")).run(10 + 120 + 90)
    assert mailjet.doubtful <= FULL
    assert len(mailjet.questions) >= 5
    assert mailjet.sent[-1][0] > BEGIN + 10 + 120 + 60
    assert not mailjet.circuit.is_open


def test_retry_after_is_obeyed():
    circuit = unanswered(Circuit(), "a", 1000.0, "503", retry_after=300.0)
    assert clearance(circuit, 1299.0, PACE, MOST).wait == pytest.approx(1.0)
    assert clearance(circuit, 1300.0, PACE, MOST).is_question


def test_retry_after_is_obeyed_whatever_a_look_up_finds():
    circuit = found(unanswered(Circuit(), "a", 1000.0, "503", retry_after=300.0), 50)
    assert clearance(circuit, 1299.0, PACE, MOST).wait == pytest.approx(1.0)


def test_what_a_look_up_found_lets_as_many_try():
    circuit = replace(unanswered(Circuit(), "a", 1000.0, "503"), next_try=1030.0)
    assert clearance(found(circuit, 3), 1001.0, PACE, MOST).messages == 3
    assert clearance(found(circuit, 50), 1001.0, PACE, MOST).messages == AFTER_FOUND
    assert found(Circuit(), 50) == Circuit(), "in good times a look-up changes nothing"


def test_after_a_rest_the_first_call_is_a_careful_one():
    circuit, cleared = enter(Circuit(answered_at=1000.0), "a", 1100.0, PACE, MOST)
    assert cleared.messages == AFTER_REST
    assert clearance(circuit, 1100.3, PACE, MOST).wait > 0, "the next one waits for its answer"
    assert clearance(answered(circuit, "a", 1100.4), 1100.4, PACE, MOST).messages == FULL


def test_a_call_that_did_not_leave_teaches_nothing():
    circuit, _ = enter(Circuit(answered_at=1000.0), "a", 1000.1, PACE, MOST)
    assert left_out(circuit, "a") == Circuit(answered_at=1000.0)


def test_a_trial_that_did_not_leave_may_be_made_by_another():
    circuit, _ = enter(unanswered(Circuit(), "a", 1000.0, "503"), "q", 1000.0, PACE, MOST)
    circuit, cleared = enter(answered(circuit, "q", 1000.1), "t", 1000.2, PACE, MOST)
    assert (cleared.messages, cleared.is_probe) == (1, True)
    again = clearance(left_out(circuit, "t"), 1000.2 + LONGEST_PAUSE, PACE, MOST)
    assert (again.messages, again.is_probe) == (1, True)


def test_what_is_under_way_counts_as_what_it_carries():
    earned = Circuit(answered_at=1000.0, latency=2.0)
    circuit, _ = enter(earned, "a", 1000.1, PACE, 60)
    assert clearance(circuit, 1000.2, PACE, 60).messages == 10 - URGENT_ROOM
    assert clearance(carrying(circuit, "a", 3), 1000.2, PACE, 60).messages == FULL


@pytest.mark.parametrize("old", ["answer", "silence"])
def test_what_an_older_call_shows_is_no_news(old):
    """An answer from before the failure closes nothing; a time-out from before the answer opens nothing."""
    circuit = Circuit(answered_at=1000.0, latency=2.0)
    circuit, _ = enter(circuit, "old", 1000.1, PACE, 200)
    circuit, _ = enter(circuit, "new", 1000.5, PACE, 200)
    if old == "answer":
        circuit = unanswered(circuit, "new", 1000.6, "503")
        assert answered(circuit, "old", 1002.0).failures == 1
    else:
        circuit = answered(circuit, "new", 1002.5)
        assert unanswered(circuit, "old", 1030.0, "hang").failures == 0


def test_a_clock_that_was_set_back_moves_every_moment_with_it():
    circuit, _ = enter(Circuit(answered_at=1000.0, noted_at=1000.0), "a", 1000.0, PACE, MOST)
    circuit = replace(unanswered(circuit, "b", 1000.0, "503", retry_after=30.0), noted_at=1000.0)
    back = by_this_clock(circuit, 400.0)
    assert clearance(back, 400.0, PACE, MOST).wait == pytest.approx(30.0)
    assert [one.since for one in back.under_way] == [400.0]
    assert by_this_clock(circuit, 999.5) == circuit, "a small step is only two hosts' reading"


def test_pauses_grow_up_to_their_cap():
    assert [pause(n) for n in range(1, 8)] == [0, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE]


steps = st.lists(
    st.tuples(st.floats(0.01, 40), st.sampled_from(["enter", "ok", "lost", "late", "found", "out"])),
    max_size=60,
)


@hypothesis_settings(max_examples=150)
@given(steps)
def test_whatever_happens_some_call_may_leave_before_long(story):
    """No history leaves the breaker shut for good, nor more than was settled in a try."""
    circuit, now, flying = Circuit(), 1000.0, []
    for number, (seconds, what) in enumerate(story):
        now += seconds
        if what == "enter":
            circuit, cleared = enter(circuit, str(number), now, PACE, MOST)
            if cleared.wait == 0:
                flying.append(str(number))
                assert cleared.messages or cleared.is_question
                assert not circuit.failures or cleared.messages <= AFTER_FOUND
        elif what == "found":
            circuit = found(circuit, 20)
        elif flying:
            call = flying.pop(0 if what == "late" else -1)
            if what == "out":
                circuit = left_out(circuit, call)
            elif what == "ok":
                circuit = answered(circuit, call, now)
            else:
                circuit = unanswered(circuit, call, now, "x")
    waited = 0.0
    while (wait := clearance(circuit, now, PACE, MOST).wait) > 0:
        now += wait
        waited += wait
        assert waited <= LONGEST_TRIAL_PAUSE + 21


@pytest.mark.parametrize("failures", [1, 2])
def test_it_is_open_from_the_second_failure_until_an_answer(failures):
    circuit = Circuit()
    assert (circuit.is_open, open_for(circuit, 1000.0)) == (False, 0.0)
    circuit = unanswered(circuit, "a", 1000.0, "refused")
    if failures == 2:
        circuit, cleared = enter(circuit, "q", 1000.5, PACE, MOST)
        assert cleared.is_question
        circuit = unanswered(circuit, "q", 1001.0, "timed out")
    assert circuit.is_open is (failures == 2)
    assert circuit.reason == ("timed out" if failures == 2 else "")
    assert open_for(circuit, 1011.0) == (10.0 if failures == 2 else 0.0)
    assert open_for(circuit, 1001.0) == (0.001 if failures == 2 else 0.0), (
        "more than nothing, from its first moment"
    )
    again = answered(circuit, "x", 1020.0)
    assert (again.is_open, again.reason, again.failures, open_for(again, 1021.0)) == (False, "", 0, 0.0)
