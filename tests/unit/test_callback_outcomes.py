"""What becomes of a change that the CRM is told, for every answer it may give, and what is written down of it."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
import requests

from mailworker import crm_callbacks as module
from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.config.callbacks import CallbackSettings
from mailworker.crm_callbacks import CallbackRun, Callbacks
from mailworker.rules.pseudonym import pseudonym

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HTTP = CallbackSettings(url="https://crm.example/mail", secret=SECRET, timeout="7s", give_up_after="2h")
KEPT_FOR = timedelta(hours=2)


class Rows:
    """The ledger's part: gives these changes, and keeps what is written of each."""

    def __init__(self, rows):
        self.rows, self.ended, self.later, self.lease = rows, [], [], None

    def collect(self, *_):
        return 2

    def take_due(self, _connection, _now, *, lease, limit):
        self.lease = lease
        return self.rows[:limit]

    def end(self, _connection, id_, now, *, sent, error):
        assert now == NOW
        self.ended.append((id_, sent, error))

    def put_off(self, _connection, id_, until, error, *, tried):
        self.later.append((id_, until - NOW, error, tried))


class Ledger:
    """No database: every transaction is empty."""

    @contextmanager
    def write(self):
        yield None


def change(id_=1, **own):
    mail = {"kind": INVOICE, "idempotency_key": "k#a@x.example", "customer_id": None, "invoice_id": "7"}
    known = {"id": id_, "message_id": "m", "state": "sent", "at": NOW, "why": None, "attempts": 0}
    return mail | known | {"variables": {"invoice_number": "F-1"}} | own


class Crm:
    """Answers each call with the next of these: a status, or a fault."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def post(self, url, **how):
        self.calls.append((url, how))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(status_code=answer)


@pytest.fixture
def run(monkeypatch):
    def told(rows, *answers, settings=HTTP, seconds=20.0):
        ledger_rows, crm = Rows(rows), Crm(*answers)
        monkeypatch.setattr(module, "callback_rows", ledger_rows)
        monkeypatch.setattr(module.DirectSession, "post", lambda _, url, **given: crm.post(url, **given))
        monkeypatch.setattr(module.random, "random", lambda: 1.0)
        sent = []
        callbacks = Callbacks(settings, KINDS, Ledger(), lambda *given: sent.append(given), lambda: NOW)
        return callbacks.run(seconds=seconds), ledger_rows, crm, sent

    return told


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_good_answer_ends_it(run, status):
    done, rows, crm, _ = run([change()], status)
    assert (done, rows.ended, rows.later) == (CallbackRun(2, sent=1), [(1, True, None)], [])
    ((url, how),) = crm.calls
    assert url == "https://crm.example/mail"
    assert how["timeout"] == (5, 7.0)
    assert how["headers"]["webhook-id"] == "mailworker-1"
    body = json.loads(how["data"])
    assert body["data"] == {
        "message_id": "m",
        "kind": INVOICE,
        "state": "sent",
        "idempotency_key": "k",
        "invoice_id": "7",
        "invoice_number": "F-1",
        "invoice_transmitted": True,
    }


@pytest.mark.parametrize("own", ["k", "order#5", "#1", "k#againx", "reset:7"])
@pytest.mark.parametrize(
    "added",
    [
        "",
        "#a@x.example",
        "#a#b@x.example",
        "#again",
        "#again#again",
        "#a@x.example#again",
        f"#{pseudonym('a@x.example')}",
        f"#{pseudonym('a@x.example')}#again",
    ],
)
def test_the_crm_gets_the_key_that_it_gave(run, own, added):
    _, _, crm, _ = run([change(idempotency_key=own + added)])
    # Of a message without its first address, what is an address and what is key cannot be known: no address leaves.
    kept = own.partition("#")[0] if "@" in added else own
    assert json.loads(crm.calls[0][1]["data"])["data"].get("idempotency_key", "") == kept


def test_a_moment_is_written_in_utc_and_words_as_they_are(run):
    at = datetime(2026, 11, 30, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    _, _, crm, _ = run([change(at=at, why="la facture est réglée")])
    assert json.loads(crm.calls[0][1]["data"])["timestamp"] == "2026-11-30T07:30:00Z"
    assert "réglée".encode() in crm.calls[0][1]["data"]


def test_a_kind_that_left_the_configuration_is_told_as_what_it_was(run):
    _, rows, crm, _ = run([change(kind="gone", variables=None)])
    assert rows.ended == [(1, True, None)]
    assert json.loads(crm.calls[0][1]["data"])["data"] == {
        "message_id": "m",
        "kind": "gone",
        "state": "sent",
        "idempotency_key": "k",
        "invoice_id": "7",
    }


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (199, "The CRM answered 199 to the call."),
        (300, "The CRM answered 300 to the call."),
        (404, "The CRM answered 404 to the call."),
        (500, "The CRM answered 500 to the call."),
        (requests.ConnectTimeout("https://crm.example"), "The CRM did not take the call: ConnectTimeout."),
    ],
)
@pytest.mark.parametrize(("attempts", "pause"), [(0, 10), (1, 20), (2, 40), (8, 2560), (9, 3600), (99, 3600)])
def test_any_other_answer_is_tried_again_later_and_later(run, answer, trouble, attempts, pause):
    done, rows, _, _ = run([change(attempts=attempts)], answer)
    assert (done, rows.ended) == (CallbackRun(2, put_off=1), [])
    assert rows.later == [(1, timedelta(seconds=pause), trouble, True)]


@pytest.mark.parametrize(
    ("age", "attempts", "lost"),
    [
        (KEPT_FOR, 1, False),
        (KEPT_FOR + timedelta(seconds=1), 1, True),
        (KEPT_FOR + timedelta(days=9), 0, False),  # we were away ourselves: it is tried once at least
    ],
)
def test_it_is_given_up_in_the_end(run, age, attempts, lost):
    done, rows, _, _ = run([change(attempts=attempts, at=NOW - age)], 500)
    assert (done.lost, done.put_off) == (int(lost), int(not lost))
    assert rows.ended == ([(1, False, "The CRM answered 500 to the call.")] if lost else [])


def test_who_wants_to_hear_no_more_hears_no_more(run):
    done, rows, _, _ = run([change(attempts=0)], 410)
    assert (done, rows.later) == (CallbackRun(2, lost=1), [])
    ((_, told, why),) = rows.ended
    assert (told, "410" in why) == (False, True)


def test_a_message_that_is_forgotten_is_told_no_more(run):
    done, rows, crm, _ = run([change(kind=None)])
    assert (done, rows.ended, crm.calls) == (
        CallbackRun(2, lost=1),
        [(1, False, "the message is forgotten")],
        [],
    )


def test_a_wrong_secret_calls_nobody(run):
    settings = HTTP.model_copy(update={"secret": CallbackSettings(secret="whsec_c2hvcnQ=").secret})
    done, rows, crm, _ = run([change()], settings=settings)
    assert (done.put_off, crm.calls) == (1, [])
    assert rows.later[0][2] == "callbacks.secret is shorter than 24 bytes; make a new one."


@pytest.mark.parametrize(
    ("answers", "calls", "told", "put_off"),
    [
        ([500, 500, 500], 3, 0, 6),
        ([500, 500, 204, 500, 500, 500], 6, 1, 5),
        ([500, 500, 204, 204, 204, 204], 6, 4, 2),
        ([204] * 6, 6, 6, 0),
    ],
)
def test_after_three_in_a_row_the_rest_waits_without_a_call(run, answers, calls, told, put_off):
    done, rows, crm, _ = run([change(n) for n in range(6)], *answers)
    assert (len(crm.calls), done.sent, done.put_off) == (calls, told, put_off)
    untried = [one for one in rows.later if not one[3]]
    assert untried == [(n, timedelta(seconds=10), "others were not taken", False) for n in range(calls, 6)]


def test_when_time_is_up_the_rest_waits(run):
    done, rows, crm, _ = run([change(n) for n in range(3)], seconds=-1)
    assert (done, crm.calls, rows.ended) == (CallbackRun(2, put_off=3), [], [])


@pytest.mark.parametrize(("many", "answer", "more"), [(50, 204, True), (49, 204, False), (50, 500, False)])
def test_there_is_more_where_all_that_was_taken_was_told(run, many, answer, more):
    done, rows, _, _ = run([change(n) for n in range(many)], *[answer] * many)
    assert (done.more, rows.lease) == (more, timedelta(minutes=2))


def test_a_task_in_place_of_a_call(run):
    settings = CallbackSettings(task="crm.changed", queue="crm")
    done, _, crm, sent = run([change()], settings=settings)
    ((task, arguments, task_id, queue),) = sent
    assert (done.sent, crm.calls) == (1, [])
    assert (task, list(arguments), task_id, queue) == ("crm.changed", ["event"], "mailworker-1", "crm")
