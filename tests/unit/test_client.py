"""OmniCRM's side: what `MailClient` puts on Redis, what it refuses, and what it says when Redis is away."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from unittest.mock import ANY

import celery
import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisSlow

from mailworker import client as client_module
from mailworker.client import MailClient, MaybeEnqueued, NotEnqueued
from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER, KINDS
from mailworker.core.lane import Lane
from mailworker.core.redis_url import _FORMS
from mailworker.errors import BadInput
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.celery_sender import celery_sender
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.idempotency_key import message_id

RESET = "api_crmCommunicationUserPasswordReset"
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.fixture
def client(redis, monkeypatch):
    """A client on a Redis without a server; the tickets it sends are kept in `tickets`."""
    monkeypatch.setattr(client_module, "connect", lambda *_, **__: redis)
    made = MailClient("redis://127.0.0.1:1/0")
    made.tickets = []
    monkeypatch.setattr(made._celery, "send_task", lambda name, **how: made.tickets.append((name, how["kwargs"], how["queue"])))  # fmt: skip
    yield made
    made.close()


def entries(redis, lane):
    return [fields for _, fields in redis.xrange(MAIL[lane].stream)]


def jobs(redis, lane):
    return [dict(envelope.open_envelope(fields).job) for fields in entries(redis, lane)]


def test_one_mail(client, redis):
    id_ = client.send(RESET, "zoe@client.example", VARIABLES, language="en")
    (entry,) = entries(redis, Lane.URGENT)
    assert set(entry) == {"v", "at", "job"}
    assert json.loads(entry["job"]) == {"kind": RESET, "to": "zoe@client.example", "variables": VARIABLES, "language": "en", "idempotency_key": ANY}  # fmt: skip
    assert id_ == message_id(json.loads(entry["job"])["idempotency_key"])
    assert client.tickets == [(MAIL[Lane.URGENT].task, {"lane": "urgent"}, "mail.urgent")]


def test_what_has_no_key_is_another_mail_each_time(client):
    assert len({client.send(RESET, "zoe@client.example", VARIABLES) for _ in range(3)}) == 3


def test_tickets_are_not_repeated_while_one_is_on_its_way(client, redis):
    for _ in range(5):
        client.send(RESET, "zoe@client.example", VARIABLES)
    assert len(client.tickets) == 1
    redis.delete(MAIL[Lane.URGENT].flag)  # a worker took it
    client.send(RESET, "zoe@client.example", VARIABLES)
    assert len(client.tickets) == 2


def test_a_ticket_that_cannot_be_sent_loses_nothing(client, redis, monkeypatch):
    def gone(*_, **__):
        raise OperationalError

    monkeypatch.setattr(client._celery, "send_task", gone)
    assert client.send(RESET, "zoe@client.example", VARIABLES)
    assert len(jobs(redis, Lane.URGENT)) == 1


def test_client_and_worker_give_the_same_ids(client, redis):
    ids = [
        client.send(RESET, "a@client.example", VARIABLES),
        client.send(RESET, "a@client.example", VARIABLES, idempotency_key="k"),
        client.send(RESET, ["a@client.example", "b@client.example"], VARIABLES),
        client.send(RESET, ["a@client.example", "b@client.example"], VARIABLES, idempotency_key="k"),
    ]
    seen = [check_job(job, KINDS, now=NOW) for job in jobs(redis, Lane.URGENT)]
    again = [check_job(job, KINDS, now=NOW) for job in jobs(redis, Lane.URGENT)]
    assert [one[0].id for one in seen] == ids
    assert [[job.id for job in one] for one in seen] == [[job.id for job in one] for one in again]


def test_invoices_and_reminders(client, redis):
    whole = {"invoice_number": "INV-1", "client": {"email": "c@client.example", "name": "C"}}
    one, same = client.send_invoice(invoice=whole), client.send_invoice(invoice=whole)
    other = client.send_invoice(invoice_id="7", idempotency_key="copy-1")
    reminder = client.send_invoice_reminder("7")
    assert one == same
    assert len({one, other, reminder, client.send_invoice_reminder("8")}) == 4
    assert reminder == client.send_invoice_reminder("7"), "by hand, once a day"
    assert reminder != client.send_invoice_reminder("7", idempotency_key="again"), "unless it is wanted again"
    assert [job["kind"] for job in jobs(redis, Lane.NORMAL)] == [INVOICE] * 3 + [INVOICE_REMINDER] * 4
    with pytest.raises(BadInput, match="give exactly one of them"):
        client.send_invoice()
    with pytest.raises(BadInput, match="give exactly one of them"):
        client.send_invoice("7", whole)


@pytest.mark.parametrize(
    ("now", "own", "key"),
    [
        ("2026-11-29T22:59:59+00:00", None, "invoice_reminder:7:by-hand:2026-11-29"),
        ("2026-11-29T23:30:00+00:00", None, "invoice_reminder:7:by-hand:2026-11-30"),  # 00:30 in Paris
        ("2026-11-30T22:59:59+00:00", None, "invoice_reminder:7:by-hand:2026-11-30"),
        ("2026-11-30T00:00:00+00:00", "k", "k"),
    ],
)
def test_a_reminder_by_hand_goes_once_a_day_unless_it_has_a_key(client, redis, monkeypatch, now, own, key):
    monkeypatch.setattr("mailworker.client.utc_now", lambda: datetime.fromisoformat(now))
    client.send_invoice_reminder("7", idempotency_key=own)
    assert jobs(redis, Lane.NORMAL) == [
        {
            "kind": INVOICE_REMINDER,
            "invoice_id": "7",
            "idempotency_key": key.replace("invoice_reminder", INVOICE_REMINDER),
        }
    ]


GIVEN = {
    "idempotency_key": "k",
    "language": "en",
    "customer_id": "C-1",
    "send_at": "2026-11-30T09:00:00+00:00",
    "expires_at": "2026-12-30T09:00:00+00:00",
    "attachments": [{"filename": "a.pdf", "content_type": "application/pdf", "content": "JVBERg=="}],
    "cc": ["b@client.example"],
    "bcc": ["d@client.example"],
}
WHOLE = {"invoice_number": "INV-1", "client": {"email": "c@client.example", "name": "C"}}


@pytest.mark.parametrize("named", [*[[name] for name in GIVEN], [], list(GIVEN)])
def test_what_is_given_travels_and_nothing_else(client, redis, named):
    given = {name: GIVEN[name] for name in named}
    client.send(RESET, "a@client.example", VARIABLES, **given)
    (job,) = jobs(redis, Lane.URGENT)
    made = {"kind": RESET, "to": "a@client.example", "variables": VARIABLES, "idempotency_key": ANY}
    assert job == made | given


@pytest.mark.parametrize(
    "given",
    [
        {"invoice": WHOLE},
        {"invoice_id": "7", "idempotency_key": "copy-1"},
        {"invoice": WHOLE, "to": "d@client.example", "language": "en"},
        {"invoice": WHOLE, "idempotency_key": "copy-2", "replaces": "INV-0"},
    ],
)
def test_an_invoice_travels_with_what_was_said_of_it(client, redis, given):
    client.send_invoice(**given)
    (job,) = jobs(redis, Lane.NORMAL)
    assert job == {"kind": INVOICE, "variables": {}} | given


def test_times_and_files_travel_as_json(client, redis):
    client.send(
        RESET, "a@client.example", VARIABLES, send_at=NOW, idempotency_key="k",
        attachments=[{"filename": "a.pdf", "content_type": "application/pdf", "content": b"%PDF"}],
    )  # fmt: skip
    (job,) = jobs(redis, Lane.URGENT)
    assert job["send_at"] == "2026-11-30T09:00:00+00:00"
    assert job["attachments"][0]["content"] == "JVBERg=="


def test_a_wrong_job_enqueues_nothing(client, redis):
    with pytest.raises(BadInput) as caught:
        client.send(RESET, "zoe", {"user_name": None})
    assert len(caught.value.faults) == 4
    assert entries(redis, Lane.URGENT) == []
    assert client.tickets == []


# --- many -------------------------------------------------------------------------------------------------


def test_many_go_in_chunks_and_wrong_ones_are_told(client, redis, monkeypatch):
    monkeypatch.setattr(client_module, "CHUNK", 10)
    taken, upserted = [], []

    def endless():
        for number in range(35):
            taken.append(number)
            to = "nobody" if number in {3, 17} else f"z{number}@client.example"
            yield {"kind": RESET, "to": to, "variables": VARIABLES}

    def progress(count):
        upserted.append(count)
        assert len(taken) <= count, "no job is asked for before its chunk's turn"

    done = client.send_many(endless(), on_progress=progress)
    assert upserted == [10, 20, 30, 35]
    assert [position for position, _ in done.refused] == [3, 17]
    assert "to[0].email" in str(done.refused[0][1])
    assert done.ids == [message_id(job["idempotency_key"]) for job in jobs(redis, Lane.URGENT)]
    assert len(done.ids) == 33


def test_none_at_all(client):
    done = client.send_many([])
    assert (done.ids, done.refused, client.tickets) == ([], [], [])


def test_lanes_are_kept_apart(client, redis):
    welcome = {"customer_name": "Z", "email": "z@c.example", "company_name": "C", "login_url": "https://l", "support_url": "https://s"}  # fmt: skip
    client.send_many([
        {"kind": RESET, "to": "a@client.example", "variables": VARIABLES},
        {"kind": "api_crmCommunicationCustomerWelcome", "to": "a@client.example", "variables": welcome},
    ])  # fmt: skip
    assert [len(jobs(redis, lane)) for lane in Lane] == [1, 1, 0]
    assert [queue for _, _, queue in client.tickets] == ["mail.urgent", "mail.normal"]


# --- Redis away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([RedisGone("Error 111 connecting to 127.0.0.1:1. Refused.")] * 2, NotEnqueued),
        ([RedisSlow("Timeout reading from socket")] * 2, MaybeEnqueued),
        ([RedisGone("Connection closed by server.")] * 2, MaybeEnqueued),
        ([RedisSlow("Timeout reading"), RedisGone("Error 111 connecting to 127.0.0.1:1.")], MaybeEnqueued),
        ([AuthenticationError("WRONGPASS invalid username-password pair")], NotEnqueued),
        ([BusyLoadingError("Redis is loading the dataset in memory")], NotEnqueued),
        ([RedisGone("Connection closed by server.")], None),  # an idle connection: the second try works
    ],
)
def test_what_is_said_when_redis_does_not_answer(client, redis, monkeypatch, faults, said):
    pipeline = redis.pipeline
    left = list(faults)

    def failing(*args, **kwargs):
        if left:
            raise left.pop(0)
        return pipeline(*args, **kwargs)

    monkeypatch.setattr(redis, "pipeline", failing)
    if said is None:
        assert client.send(RESET, "zoe@client.example", VARIABLES)
        return
    with pytest.raises(said) as caught:
        client.send(RESET, "zoe@client.example", VARIABLES)
    assert "zoe" not in str(caught.value)


class Answering:
    """A pipeline whose commands are answered like this."""

    def __init__(self, answers):
        self.answers = answers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, *, raise_on_error):
        assert not raise_on_error
        return self.answers

    def __getattr__(self, _name):
        return lambda *_, **__: None


OOM = ResponseError("OOM command not allowed")


@pytest.mark.parametrize(
    ("answers", "said", "words"),
    [
        ([OOM, OOM, OOM], NotEnqueued, "Redis refuses the job: OOM"),
        (["1-0", OOM, True], MaybeEnqueued, "took some of the jobs, not all"),
        (["1-0", "2-0", ResponseError("NOPERM")], None, ""),  # a flag is no job
        (["1-0", "2-0", None], None, ""),
    ],
)
def test_what_redis_took_is_never_said_to_be_refused(client, redis, monkeypatch, answers, said, words):
    monkeypatch.setattr(redis, "pipeline", lambda **_: Answering(answers))
    jobs = [{"kind": RESET, "to": f"z{n}@client.example", "variables": VARIABLES} for n in range(2)]
    if said is None:
        assert len(client.send_many(jobs).ids) == 2
        assert len(client.tickets) == (1 if answers[2] else 0), "where no flag stands, somebody is woken"
        return
    with pytest.raises(said, match=words):
        client.send_many(jobs)


@pytest.mark.parametrize(
    ("replicas", "answer", "enough"),
    [(1, 1, True), (1, 2, True), (2, 1, False), (1, ResponseError("NOPERM"), False)],
)
def test_replicas_that_cannot_be_counted_are_too_few(client, redis, monkeypatch, replicas, answer, enough):
    client._replicas = replicas
    monkeypatch.setattr(redis, "pipeline", lambda **_: Answering(["1-0", None, answer]))
    if enough:
        assert client.send(RESET, "zoe@client.example", VARIABLES)
        return
    with pytest.raises(MaybeEnqueued, match="Too few replicas"):
        client.send(RESET, "zoe@client.example", VARIABLES)


class Odd:
    """Whoever asks for its text finds out."""

    def __str__(self):
        raise AssertionError

    __repr__ = __str__


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda c: c.send([RESET], "z@c.example", VARIABLES), "kind: must be the name of a kind, as text."),
        (lambda c: c.send(Odd(), "z@c.example", VARIABLES), "kind: must be text, a number, a list or an object."),
        (lambda c: c.send(RESET, "z@c.example", VARIABLES, idempotency_key="  "), "idempotency_key: must be one line of text of 1 to 200 characters."),
        (lambda c: c.send_invoice(invoice=[1]), "invoice.invoice_number: is missing; an invoice cannot be named without it."),
        (lambda c: c.send_invoice(invoice={"client": {"email": "z@c.example"}}), "invoice.invoice_number: is missing; an invoice cannot be named without it."),
        (lambda c: c.send_invoice(5.5), "invoice_id: must be one line of text of 1 to 100 characters."),
        (lambda c: c.send_invoice_reminder(None), "invoice_id: must be one line of text of 1 to 100 characters."),
        (lambda c: c.send_invoice_reminder(""), "invoice_id: must be one line of text of 1 to 100 characters."),
        (lambda c: c.send_invoice_reminder(Odd()), "invoice_id: must be one line of text of 1 to 100 characters."),
        (lambda c: c.send_many(None), "jobs: write a list of jobs, each an object with send's arguments."),
        (lambda c: c.send_many("abc"), "jobs: write a list of jobs, each an object with send's arguments."),
        (lambda c: c.send_many({"kind": RESET}), "jobs: write a list of jobs, each an object with send's arguments."),
        (lambda c: c.send_many([], on_progress=5), "on_progress: must be a function that takes a number."),
        (lambda c: c.status(None), "message_id: must be the text that `send` gave."),
        (lambda c: c.status(b"x"), "message_id: must be the text that `send` gave."),
        (lambda c: c.status(""), "message_id: must be the text that `send` gave."),
        (lambda c: c.status("m", patience="5"), "patience: must be seconds, above 0 and at most 3600."),
        (lambda c: c.status("m", patience=float("nan")), "patience: must be seconds, above 0 and at most 3600."),
        (lambda c: c.status("m", patience=0), "patience: must be seconds, above 0 and at most 3600."),
        (lambda c: c.delete_contact(["z@c.example"]), "email: must be one address, as text."),
        (lambda c: c.delete_contact(None), "email: must be one address, as text."),
        (lambda _: MailClient(5), f"redis_url: is no URL of Redis that we know: {_FORMS}."),
        (lambda _: MailClient(kinds=None), "kinds: pass load_settings().kinds, or leave it out."),
        (lambda _: MailClient(kinds=[RESET]), "kinds: pass load_settings().kinds, or leave it out."),
        (lambda _: MailClient(kinds={RESET: 5}), "kinds: pass load_settings().kinds, or leave it out."),
        (lambda _: MailClient(timezone="Europe/Paris"), "timezone: pass load_settings().worker.timezone, or leave it out."),
        (lambda _: MailClient(replicas="1"), "replicas: must be a whole number, 0 for none."),
        (lambda _: MailClient(replicas=-1), "replicas: must be a whole number, 0 for none."),
    ],
)  # fmt: skip
def test_a_wrong_argument_gets_one_sentence_and_nothing_is_stored(client, redis, call, sentence):
    with pytest.raises(BadInput) as caught:
        call(client)
    assert list(caught.value.faults) == [sentence]
    assert (redis.keys("*"), client.tickets) == ([], [])


def test_any_bytes_are_an_attachment(client, redis):
    every_second = memoryview(b"%?P?D?F?")[::2]
    files = [{"filename": "a.pdf", "content_type": "application/pdf", "content": every_second}]
    assert client.send(RESET, "zoe@client.example", VARIABLES, attachments=files)
    assert jobs(redis, Lane.URGENT)[0]["attachments"][0]["content"] == "JVBERg=="


def test_no_server_at_all_says_that_nothing_was_enqueued():
    client = MailClient("redis://127.0.0.1:1/0")
    with pytest.raises(NotEnqueued, match="nothing was enqueued"):
        client.send(RESET, "zoe@client.example", VARIABLES)
    client.close()


# --- the wire ---------------------------------------------------------------------------------------------

#: A job as version 1 wrote it. It must be readable for ever: jobs wait on Redis while workers are updated.
GOLDEN = {
    "v": "1",
    "at": "2026-11-30T09:00:00+00:00",
    "job": (
        '{"kind": "api_crmCommunicationUserPasswordReset", "to": [{"email": "zoe@client.example", "name": "Zoé"}],'
        ' "variables": {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"},'
        ' "idempotency_key": "reset-17", "language": "en", "customer_id": "7",'
        ' "send_at": "2026-11-30T10:00:00+01:00", "expires_at": "2026-11-30T11:00:00+01:00",'
        ' "attachments": [{"filename": "a.pdf", "content_type": "application/pdf", "content": "JVBERg=="}],'
        ' "cc": ["c@client.example"], "bcc": {"email": "b@client.example"}, "id": "b2e7b5a7-a511-5e6a-9258-146257dcb3b7"}'
    ),
}


def test_the_golden_envelope_is_understood():
    opened = envelope.open_envelope(GOLDEN)
    (job,) = check_job(opened.job, KINDS, now=opened.at)
    assert (opened.at, opened.own_id) == (NOW, "b2e7b5a7-a511-5e6a-9258-146257dcb3b7")
    assert job.id == "b2e7b5a7-a511-5e6a-9258-146257dcb3b7"
    assert (job.to.email, job.to.name, job.language, job.customer_id) == (
        "zoe@client.example",
        "Zoé",
        "en",
        "7",
    )
    assert (job.cc[0].email, job.bcc[0].email, job.attachments[0].base64) == ("c@client.example", "b@client.example", "JVBERg==")  # fmt: skip


def test_writers_write_what_readers_read():
    opened = envelope.open_envelope(envelope.seal({"kind": "é\u2028", "n": 1.5}, NOW))
    assert (opened.job, opened.at) == ({"kind": "é\u2028", "n": 1.5}, NOW)
    assert "zoe" not in repr(envelope.open_envelope(GOLDEN))


@pytest.mark.parametrize("end", ["", "0", "\n", "-01"])
def test_a_trace_is_a_whole_traceparent_or_none(end):
    carrier = f"00-{'a' * 32}-{'b' * 16}-01"
    found = envelope.trace_of(envelope.with_trace(GOLDEN, carrier + end))
    assert found == ("" if end else carrier)


LATER = "envelope: has a version that this worker does not know; update the worker."
UNREADABLE = "envelope: cannot be read; enqueue jobs with MailClient."


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({}, LATER), ({"v": "2"}, LATER), (GOLDEN | {"v": "0"}, LATER), ({"v": "1"}, UNREADABLE),
        (GOLDEN | {"job": "{"}, UNREADABLE), (GOLDEN | {"job": "[]"}, UNREADABLE),
        (GOLDEN | {"job": "[" * 100_000}, UNREADABLE), (GOLDEN | {"job": "1" * 5000}, UNREADABLE),
        (GOLDEN | {"at": "soon"}, UNREADABLE), (GOLDEN | {"at": None}, UNREADABLE),
        (GOLDEN | {"at": "2026-11-30T09:00:00"}, UNREADABLE),
        (GOLDEN | {"job": '{"id": "mine"}'}, "id: is chosen by MailClient alone; leave it out."),
        (GOLDEN | {"job": '{"id": 7}'}, "id: is chosen by MailClient alone; leave it out."),
    ],
)  # fmt: skip
def test_what_is_no_envelope(broken, why):
    with pytest.raises(BadInput, match=f"^{re.escape(why)}$"):
        envelope.open_envelope(broken)


def test_names_on_redis_never_change():
    assert [MAIL[lane].stream for lane in Lane] == ["mailworker:jobs:urgent", "mailworker:jobs:normal", "mailworker:jobs:bulk"]  # fmt: skip
    assert [MAIL[lane].queue for lane in Lane] == ["mail.urgent", "mail.normal", "mail.bulk"]
    assert MAIL[Lane.URGENT].flag == "mailworker:awake:urgent"


# --- what OmniCRM has to install --------------------------------------------------------------------------

ALONE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"sqlalchemy", "alembic", "psycopg", "weasyprint", "mailjet_rest", "jinja2", "babel",
                                  "starlette", "uvicorn", "typer", "rich", "structlog", "tenacity", "fsspec", "segno"}:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Blocked())
from mailworker.client import MailClient, NotEnqueued
from mailworker.errors import BadInput
client = MailClient("redis://127.0.0.1:1/0")
try:
    client.send("api_crmCommunicationUserPasswordReset", "zoe@client.example",
                {"user_name": "Z", "reset_url": "https://x", "expiry_time": "1"})
except NotEnqueued:
    print("works alone")
"""


def test_the_client_needs_no_database_no_pdf_library_and_no_mailjet():
    done = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("works alone", "")


# --- how it reaches Redis ---------------------------------------------------------------------------------


def test_a_caller_waits_for_redis_for_seconds_and_the_client_alone_tries_again(monkeypatch):
    asked = []
    monkeypatch.setattr(client_module, "connect", lambda url, **options: asked.append((url, options)))
    MailClient("redis://h:7/3")
    ((url, options),) = asked
    retry = options.pop("retry")
    assert (retry._retries, type(retry._backoff).__name__) == (0, "NoBackoff")
    assert (url, options) == (
        "redis://h:7/3",
        {"decode_responses": True, "protocol": 2, "socket_timeout": 5, "socket_connect_timeout": 2},
    )


@pytest.mark.parametrize(
    ("environment", "url"), [("redis://env:1/0", "redis://env:1/0"), ("", "redis://127.0.0.1:6379/0")]
)
def test_without_a_url_it_is_the_workers(monkeypatch, environment, url):
    asked = []
    monkeypatch.setenv("REDIS_URL", environment)
    monkeypatch.setattr(client_module, "connect", lambda url, **_: asked.append(url))
    made = MailClient()
    assert asked == [url]
    assert made._celery.conf.broker_url == url


def test_its_celery_keeps_out_of_the_callers_own(monkeypatch):
    before = celery.current_app._get_current_object()
    sender = celery_sender("sends-only", "redis://h:7/3")
    assert celery.current_app._get_current_object() is before
    assert (sender.main, sender.conf.broker_url, sender.conf.task_ignore_result) == (
        "sends-only", "redis://h:7/3", True,
    )  # fmt: skip
    assert dict(sender.conf.broker_transport_options) == {"socket_timeout": 5, "socket_connect_timeout": 2}
