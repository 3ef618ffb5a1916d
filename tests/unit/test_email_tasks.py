"""The plain Celery door: one call is one mail for each message, however often its task runs."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from celery.exceptions import Retry
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from mailworker.core.lane import Lane
from mailworker.errors import BadInput, IdempotencyConflict, TransientError
from mailworker.intake import Intake
from mailworker.intake.ledger_refill import Refill
from mailworker.ledger import Ledger
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.tables import messages, rejected_jobs, timeline
from mailworker.observability.metric_definitions import ACCEPTED
from mailworker.observability.redis_counters import counted
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.queue.refill_log import Keeping, KeptEntries
from mailworker.tasks import emails
from mailworker.tasks.app import app
from tests.doubles import Clock, FakeFiles, box, settings
from tests.redis_clock import simulated_redis
from tests.rows import NOW, STRICT, URGENT
from tests.unit.task_scene import Log

VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}
A_FILE = [{"filename": "a.pdf", "content_type": "application/pdf", "content": "JVBERg=="}]


class Files(FakeFiles):
    """A store that refuses the nth, (n+1)th ... file until it is mended."""

    broken = False

    def put(self, key, pdf):
        if self.broken:
            raise TransientError("The store is read-only.")
        super().put(key, pdf)


@pytest.fixture
def door(ledger_file, monkeypatch):
    """The tasks, on a ledger of their own; what they wake up is left out."""
    ledger = Ledger.open(f"sqlite:///{ledger_file}")
    files = Files()
    intake = Intake(ledger, settings().kinds, files, language="fr")
    redis = simulated_redis()

    def kept(lane):
        return KeptEntries(redis, MAIL[lane].stream, Keeping(timedelta(seconds=1800), 100_000))

    there = box(settings=settings(), intake=intake, clock=Clock(), redis=redis, kept_jobs=kept)
    monkeypatch.setattr(emails, "current_container", lambda: there)
    monkeypatch.setattr(emails, "wake", lambda *_: None)
    yield box(ledger=ledger, files=files, intake=intake, redis=redis, kept=kept)
    ledger.close()


def run(task, *args, task_id="t1", retries=0, **kwargs):
    """Run a task as a worker would, once."""
    task.push_request(id=task_id, retries=retries, called_directly=False)
    try:
        return task._orig_run(*args, **kwargs)
    finally:
        task.pop_request()


def message(number, **more):
    return {"kind": URGENT, "to": f"client{number}@client.example", "variables": VARIABLES, **more}


def recipients(door):
    with door.ledger.read() as connection:
        return Counter(connection.execute(select(messages.c.to_email)).scalars())


def test_what_was_accepted_before_the_store_broke_is_not_repeated(door):
    door.files.broken = True
    asked = [message(n, **({"attachments": A_FILE} if n == 3 else {})) for n in range(8)]
    for retries in range(5):
        with pytest.raises(TransientError):
            run(emails.send_emails, asked, retries=retries)
    assert len(recipients(door)) == 7, "nobody waits for the one with the file"
    door.files.broken = False
    answers = run(emails.send_emails, asked, retries=5)
    assert set(recipients(door).values()) == {1}
    assert len({id_ for answer in answers for id_ in answer["ids"]}) == 8


def lose_everything(door):
    with door.ledger.write() as connection:
        connection.execute(delete(timeline))
        connection.execute(delete(messages))


def refill(door):
    refilled = Refill(door.ledger, door.intake, complete_since=None)
    return sum(refilled.read(door.kept(lane).entries(), now=NOW).lacked for lane in Lane)


def ids(door):
    with door.ledger.read() as connection:
        return set(connection.execute(select(messages.c.id)).scalars())


@pytest.mark.parametrize("keyed", [True, False])
def test_a_ledger_that_lost_what_came_here_is_filled_again_under_the_same_ids(door, keyed):
    more = {"idempotency_key": "k"} if keyed else {}
    run(emails.send_email, URGENT, "ana@client.example", VARIABLES, **more, task_id="one")
    run(emails.send_email, URGENT, ["a@client.example", "b@client.example"], VARIABLES, task_id="list")
    run(emails.send_emails, [message(n, attachments=A_FILE) for n in range(3)], task_id="many")
    before = ids(door)
    assert len(before) == 6
    assert refill(door) == 0
    lose_everything(door)
    assert refill(door) == 6
    assert ids(door) == before


def test_a_task_that_runs_again_brings_nothing_twice_after_a_loss(door):
    for _ in range(3):
        run(emails.send_email, URGENT, "ana@client.example", VARIABLES, task_id="one")
    lose_everything(door)
    assert refill(door) == 1
    run(emails.send_email, URGENT, "ana@client.example", VARIABLES, task_id="one")
    assert len(ids(door)) == 1


def test_what_was_refused_here_is_not_kept(door):
    with pytest.raises(BadInput):
        run(emails.send_email, "nonsense", "ana@client.example", VARIABLES)
    assert [list(door.kept(lane).entries()) for lane in Lane] == [[], [], []]


def test_a_copy_that_cannot_be_kept_holds_nothing_up(door, monkeypatch):
    def full(*_):
        raise StreamUnavailable("Redis is full.")

    monkeypatch.setattr(KeptEntries, "add", full)
    assert run(emails.send_email, URGENT, "ana@client.example", VARIABLES)
    assert len(ids(door)) == 1


def test_each_message_answers_for_itself_to_the_end(door):
    door.files.broken = True
    asked = [message(1), message(2, attachments=A_FILE), message(3, kind="nonsense")]
    good, waiting, wrong = run(emails.send_emails, asked, retries=100)
    assert list(good) == ["ids"]
    assert waiting == {"faults": ["Not accepted, send it again: The store is read-only."]}
    assert "kind" in wrong["faults"][0]


def test_a_ledger_that_goes_away_in_the_middle_costs_one_message_not_all(door, monkeypatch):
    accept, count = door.intake.accept, iter(range(100))

    def away(*args, **kwargs):
        if next(count) == 2:
            raise LedgerUnavailable("The ledger does not answer.")
        return accept(*args, **kwargs)

    monkeypatch.setattr(door.intake, "accept", away)
    asked = [message(n) for n in range(5)]
    with pytest.raises(TransientError):
        run(emails.send_emails, asked)
    assert sum(recipients(door).values()) == 4
    run(emails.send_emails, asked, retries=1)
    assert set(recipients(door).values()) == {1}


def test_a_ledger_that_stays_away_is_not_waited_for_five_hundred_times(door, monkeypatch):
    asked_about = []

    def away(asked, **_):
        asked_about.append(asked)
        raise LedgerUnavailable("The ledger does not answer.")

    monkeypatch.setattr(door.intake, "accept", away)
    monkeypatch.setattr(emails, "CALL_SECONDS", -1.0)
    answers = run(emails.send_emails, [message(n) for n in range(5)], retries=100)
    assert len(asked_about) == 1
    assert len(answers) == 5
    assert all("send it again" in answer["faults"][0] for answer in answers)


@pytest.mark.parametrize(("retries", "longest"), [(0, 2), (1, 4), (2, 8), (3, 16), (4, 30), (99, 30)])
def test_a_job_that_cannot_be_taken_now_is_tried_again_after_2_to_30_seconds(
    door, monkeypatch, retries, longest
):
    ends, waits = [], []
    monkeypatch.setattr(random, "randrange", lambda end: ends.append(end) or end - 1)
    monkeypatch.setattr(
        emails.send_email, "retry", lambda exc, countdown: waits.append((str(exc), countdown)) or Retry()
    )
    door.files.broken = True
    emails.send_email.push_request(id="t1", retries=retries, called_directly=False)
    try:
        with pytest.raises(Retry):
            emails.send_email.run(**message(1, attachments=A_FILE))
    finally:
        emails.send_email.pop_request()
    assert (waits, ends) == ([("The store is read-only.", longest)], [longest + 1])


#: Sorted: the app has its tasks in another order in each process.
WAYS_IN = sorted(
    (one for one in app.tasks.values() if isinstance(one, emails.IntakeTask)), key=lambda one: one.name
)


@pytest.mark.parametrize("task", WAYS_IN)
def test_every_way_in_answers_its_caller_and_is_tried_again_for_most_of_an_hour(task):
    assert (task.ignore_result, task.max_retries) == (False, 100)
    assert task.throws == (BadInput, IdempotencyConflict)
    assert task.run is not task._orig_run


def test_two_calls_are_two_mails_and_one_call_redelivered_is_one(door):
    for id_ in ("t1", "t1", "t2"):
        run(emails.send_email, **message(1), task_id=id_)
    assert recipients(door) == {"client1@client.example": 2}


def test_equal_messages_of_one_call_are_as_many_mails(door):
    for _ in range(2):
        run(emails.send_emails, [message(1), message(1)])
    assert recipients(door) == {"client1@client.example": 2}


def test_a_list_of_people_is_one_mail_each_however_often_it_runs(door):
    everybody = [f"client{n}@client.example" for n in range(5)]
    first = run(emails.send_email, **(message(0) | {"to": everybody}))
    assert run(emails.send_email, **(message(0) | {"to": everybody})) == first
    assert recipients(door) == dict.fromkeys(everybody, 1)


def test_a_key_of_the_callers_own_wins(door):
    ids = {run(emails.send_email, **message(1, idempotency_key="k"), task_id=f"t{n}") for n in range(3)}
    assert len(ids) == 1


def test_too_many_at_once_are_refused_whole(door):
    with pytest.raises(BadInput):
        run(emails.send_emails, [message(n) for n in range(501)])
    assert recipients(door) == {}


@hypothesis_settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    keys=st.lists(st.sampled_from([None, None, "a", "b"]), min_size=1, max_size=8),
    breaks=st.lists(st.integers(0, 12), max_size=6),
)
def test_wherever_it_breaks_and_however_often_it_runs_nobody_gets_two(door, keys, breaks):
    with door.ledger.write() as connection:
        connection.execute(delete(messages))
    accept, steps = door.intake.accept, iter(range(10_000))

    def shaky(*args, **kwargs):
        if next(steps) in breaks:
            raise LedgerUnavailable("The ledger does not answer.")
        return accept(*args, **kwargs)

    asked = [
        {"kind": STRICT, "to": f"c{n}@client.example", "variables": WELCOME}
        | ({"idempotency_key": f"{key}{n}"} if key else {})
        for n, key in enumerate(keys)
    ]
    door.intake.accept = shaky
    try:
        for retries in range(20):
            try:
                answers = run(emails.send_emails, asked, retries=retries)
                break
            except TransientError:
                continue
    finally:
        del door.intake.accept
    assert recipients(door) == {f"c{n}@client.example": 1 for n in range(len(keys))}
    assert all(len(answer["ids"]) == 1 for answer in answers)


WELCOME = {
    "customer_name": "Zoé",
    "email": "z@client.example",
    "company_name": "H",
    "login_url": "https://x.example",
    "support_url": "https://x.example",
}


@pytest.mark.parametrize(
    ("task", "given", "said"),
    [
        (emails.send_email, {"kind": URGENT, "to": "zoe", "variables": VARIABLES}, "to[0].email"),
        (emails.send_email, {"kind": URGENT, "to": "z@c.fr", "variables": VARIABLES, "tto": 1}, "arguments:"),
        (emails.send_email, {"to": "z@c.fr"}, "arguments:"),
        (emails.send_invoice, {}, "exactly one"),
    ],
)
def test_what_is_refused_is_kept_for_a_person_once(door, task, given, said):
    for _ in range(2):
        task.push_request(id="t9", retries=0, called_directly=False)
        try:
            with pytest.raises(BadInput):
                task(**given)
        finally:
            task.pop_request()
    (one,) = refused(door)
    assert (one["source"], one["entry_id"]) == ("celery", "celery:t9")
    assert said in "".join(one["faults"])
    assert "https://crm.example" not in str(one)


@pytest.mark.parametrize(
    ("positional", "named"),
    [
        ((URGENT, "zoe", VARIABLES), {}),
        ((URGENT,), {"to": "zoe"}),
        ((URGENT, *range(20)), {}),
        ((URGENT, "z@c.fr"), {"kind": URGENT}),
        ((), {"kind": URGENT, "to": "zoe"}),
    ],
)
def test_what_is_refused_keeps_its_kind_however_its_arguments_were_written(door, positional, named):
    with pytest.raises(BadInput):
        emails.send_email(*positional, **named)
    (one,) = refused(door)
    assert (one["kind"], set(one["payload"]["fields"]) >= {"kind", "to"}) == (URGENT, True)


def test_of_many_the_refused_ones_are_kept(door):
    answers = run(emails.send_emails, [message(1), message(2, kind="none"), message(3, language=7)])
    assert [sorted(answer) for answer in answers] == [["ids"], ["faults"], ["faults"]]
    assert [one["entry_id"] for one in refused(door)] == ["celery:t1:1", "celery:t1:2"]


def refused(door):
    with door.ledger.read() as connection:
        return [dict(one) for one in connection.execute(select(rejected_jobs)).mappings()]


def test_what_is_refused_is_counted_in_its_kinds_lane(door):
    for kind in (URGENT, "nonsense"):
        with pytest.raises(BadInput):
            emails.send_email(kind=kind, to="nobody", variables=VARIABLES)
    found = {
        labels: number for (name, labels), number in counted(door.redis).items() if name == ACCEPTED.name
    }
    assert found == {
        (("lane", "urgent"), ("result", "rejected")): 1,
        (("lane", "normal"), ("result", "rejected")): 1,
    }


def test_another_mail_under_a_used_key_is_refused_alone_and_says_why(door):
    given = [message(1, idempotency_key="k"), message(2, idempotency_key="k"), message(3)]
    first, second, third = run(emails.send_emails, given)
    assert (len(first["ids"]), len(third["ids"])) == (1, 1)
    assert list(second) == ["faults"]
    assert "idempotency" in second["faults"][0]
    assert recipients(door) == {"client1@client.example": 1, "client3@client.example": 1}
    with door.ledger.read() as connection:
        (kept,) = connection.execute(select(rejected_jobs)).mappings()
    assert kept["entry_id"] == "celery:t1:1"


def test_every_message_of_a_task_is_counted(door):
    to = ["a@client.example", "b@client.example"]
    assert len(run(emails.send_email, URGENT, to, VARIABLES)) == 2
    assert isinstance(run(emails.send_email, URGENT, "c@client.example", VARIABLES, task_id="t2"), str)
    by_task = (ACCEPTED.name, (("lane", "urgent"), ("result", "by_task")))
    assert counted(door.redis)[by_task] == 3


def test_a_refusal_that_cannot_be_kept_is_still_the_callers_answer(door, monkeypatch):
    def away(*_args, **_more):
        raise LedgerUnavailable("the ledger does not answer")

    monkeypatch.setattr(emails, "log", log := Log())
    monkeypatch.setattr(door.intake, "write", away)
    (answer,) = run(emails.send_emails, [{"kind": "nonsense"}])
    assert "kind" in answer["faults"][0]
    assert log.at("warning") == ["a refused job could not be kept"]
