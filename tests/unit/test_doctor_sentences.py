"""The doctor's sentences word for word, each at the very edge of what it calls wrong."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.sentinel import MasterNotFoundError
from sqlalchemy import insert

from mailworker.cli.doctor_checks import (
    all_checks,
    cgrates,
    configuration,
    contacts_and_campaigns,
    crm,
    disk_space,
    ledger_database,
    pdf_store,
    redis_streams,
    refill,
    rendering,
    stuck_mail,
    workers,
)
from mailworker.cli.doctor_checks import redis as redis_checks
from mailworker.cli.doctor_checks.finding import Check, Finding, Note
from mailworker.cli.doctor_checks.output import PrintedReport, Report
from mailworker.cli.doctor_checks.run_check import run_check
from mailworker.config.settings import parse_settings
from mailworker.errors import FileMissing, Unreachable
from mailworker.invoices import review_invoice
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.tables import rejected_jobs
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.redis_errors import StreamUnavailable
from tests.doubles import CONFIG, settings
from tests.redis_clock import simulated_redis
from tests.rows import NOW, put, row

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


# ---- messages


@pytest.mark.parametrize(
    ("lane", "waited", "words"),
    [
        (0, MINUTE, None),
        (0, MINUTE + SECOND, "The oldest ready message of the urgent lane has waited 61 s"),
        (1, 15 * MINUTE, None),
        (1, 15 * MINUTE + SECOND, "The oldest ready message of the normal lane has waited 15 min"),
        (2, 6 * HOUR, None),
        (2, 6 * HOUR + SECOND, "The oldest ready message of the bulk lane has waited 6 h"),
    ],
)
def test_mail_that_could_have_left(connection, lane, waited, words):
    put(connection, row(lane=lane, not_before=NOW - waited), row(lane=lane, not_before=NOW))
    name = ("urgent", "normal", "bulk")[lane]
    assert list(stuck_mail.waiting_faults(connection, NOW)) == (
        [
            (
                f"{words} (2 are ready): are there holds, workers and tokens? See above, and `mailworker messages list "
                f"--state ready --lane {name}`."
            )
        ]
        if words
        else []
    )


@pytest.mark.parametrize(
    ("state", "cure"),
    [
        (
            "accepted",
            "is a worker up for the queue render? `mailworker messages list --state accepted`",
        ),
        (
            "rendering",
            "is a worker up for the queue render? `mailworker messages list --state rendering`",
        ),
        ("sending", "is beat up? Its sweep takes back what dead workers held"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_mail_that_stands_where_nothing_stays(connection, state, cure, late):
    since = NOW - 10 * MINUTE - late * SECOND
    put(connection, row(state=state, not_before=since, changed_at=since, lease="l", lease_until=since))
    expected = [f"A message has been {state} for 10 min: {cure}."] if late else []
    assert list(stuck_mail.waiting_faults(connection, NOW)) == expected


@pytest.mark.parametrize(
    ("reasons", "age", "sentence", "is_note"),
    [
        ([None], HOUR, "Nobody knows whether 1 message was sent, the oldest for 60 min: Mailjet is being asked.", True),
        (
            [None, None], HOUR + SECOND,
            ("Nobody knows whether 2 messages were sent, the oldest for 60 min: look for their ids at Mailjet; if they "
            "are not there: mailworker messages replay --unknown ID --yes. Which: mailworker messages list --state "
            "unknown."), False,
        ),
        (
            [f"{stuck_mail.REFUSED_TO_BE_ASKED} 401."], HOUR,
            (f"Nobody knows whether 1 message was sent. {stuck_mail.REFUSED_TO_BE_ASKED} 401: mend that; mailworker "
            "asks again every five minutes."), False,
        ),
    ],
)  # fmt: skip
def test_mail_of_which_nobody_knows(connection, reasons, age, sentence, is_note):
    assert list(stuck_mail.unknown_faults(connection, NOW, HOUR)) == []
    put(connection, *(row(state="unknown", called_at=NOW - age, reason=reason) for reason in reasons))
    (found,) = stuck_mail.unknown_faults(connection, NOW, HOUR)
    assert (found, isinstance(found, Note)) == (sentence, is_note)


def test_what_mailjet_refuses_to_be_asked_hides_no_other_of_which_nobody_knows(connection):
    reasons = [f"{stuck_mail.REFUSED_TO_BE_ASKED} 401.", None, "no answer in time"]
    ages = [3 * HOUR, HOUR, 2 * HOUR]
    put(
        connection,
        *(
            row(state="unknown", called_at=NOW - age, reason=why)
            for age, why in zip(ages, reasons, strict=True)
        ),
    )
    refused, others = stuck_mail.unknown_faults(connection, NOW, HOUR)
    assert refused.startswith(
        "Nobody knows whether 1 message was sent. Mailjet refuses to be asked 401: mend that"
    )
    assert others.startswith(
        "Nobody knows whether 2 messages were sent, the oldest for 2 h: look for their ids"
    )


def test_what_failed_and_what_was_refused(connection):
    day = timedelta(hours=24)
    put(
        connection,
        *(row(state="failed", reason="no template 12.", changed_at=NOW - day) for _ in range(2)),
        row(state="failed", reason=None, changed_at=NOW),
        row(state="failed", reason="old", changed_at=NOW - day - SECOND),
    )
    cure = "Mend the cause, then look at `mailworker messages replay` and do it with --yes."
    failed = [
        f"2 failed within 24 h: no template 12. {cure}",
        f"1 failed within 24 h: without a reason. {cure}",
    ]
    assert list(stuck_mail.failed_faults(connection, NOW)) == failed
    job = {"source": "stream", "faults": []}
    for number, (at, words) in enumerate(
        [(NOW - day - SECOND, None), (NOW - day, "1 job or event was"), (NOW, "2 jobs or events were")]
    ):
        connection.execute(insert(rejected_jobs), [job | {"entry_id": str(number), "at": at}])
        refused = [f"{words} refused within 24 h: mailworker messages list --rejected."]
        assert list(stuck_mail.failed_faults(connection, NOW)) == failed + (refused if words else [])


@pytest.mark.parametrize(("seconds", "late"), [(60, False), (61, True)])
def test_a_stream_that_nobody_reads(seconds, late):
    redis = simulated_redis()
    for lane, channel in MAIL.items():
        redis.xadd(
            channel.stream, {"v": "1"}, id=f"{int((NOW - seconds * SECOND).timestamp() * 1000)}-{lane + 1}"
        )
    expected = [
        f"1 job of the {lane.word} lane waits on Redis, the oldest for 61 s: does a worker listen to "
        f"mail.{lane.word}, and is it well? Its log says what stops it."
        for lane in MAIL
    ]
    assert list(redis_streams.stream_faults(redis, NOW)) == (expected if late else [])


@pytest.mark.parametrize("version", ["1", "2", None])
def test_what_a_newer_client_wrote_waits_for_newer_workers(version):
    redis, at = simulated_redis(), int((NOW - 61 * SECOND).timestamp() * 1000)
    stream = next(iter(MAIL.values())).stream
    redis.xadd(stream, {"at": "x", "job": "v"} | ({"v": version} if version else {}), id=f"{at}-1")
    redis.xadd(stream, {"v": "1"}, id=f"{at}-2")
    (found,) = redis_streams.stream_faults(redis, NOW)
    newer = (
        f"2 jobs of the {next(iter(MAIL)).word} lane wait on Redis, the oldest for 61 s: a newer client wrote it than these workers "
        "can read: upgrade the workers. Nothing of it is lost meanwhile."
    )
    assert (found == newer) is (version == "2")
    assert ("does a worker listen" in found) is (version != "2")


@pytest.mark.parametrize(
    ("late", "error", "why"), [(0, None, None), (1, None, ""), (1, "HTTP 500.", " (HTTP 500)")]
)
def test_contacts_that_wait(connection, late, error, why):
    due = NOW - 15 * MINUTE - late * SECOND
    fields = {
        "name": "", "properties": {}, "fingerprint": "f", "lists": [1], "state": "pending", "audience": "a", "task": "tell", "excluded": None, "due_at": due, "error": error,
        "changed_at": NOW,
    }  # fmt: skip
    add_entries(connection, [new_entry(email="z@x.example", **fields)])
    expected = (
        f"1 contact waits to be pushed to Mailjet, the oldest for 15 min{why}: is a worker up for the queue contacts? "
        "See mailworker contacts status."
    )
    assert list(contacts_and_campaigns.contact_faults(connection, NOW)) == (
        [expected] if why is not None else []
    )


# ---- Redis


class Redis:
    """Answers INFO and CONFIG GET as given; `fault` is raised by every question."""

    def __init__(self, info=None, config=None, fault=None):
        self.given, self.config, self.fault = info or {}, config, fault

    def info(self, _section=""):
        return self.given

    def ping(self):
        if self.fault:
            raise self.fault

    def config_get(self, name):
        if self.config is None:
            raise ResponseError("unknown command CONFIG")
        return {name: self.config[name]} if name in self.config else {}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (None, None),
        (AuthenticationError("WRONGPASS"), "Redis refuses our password: correct the one in worker.redis_url (REDIS_URL)."),
        (
            MasterNotFoundError("No master found"),
            ("No sentinel names a primary: is the service in worker.redis_url called as in `sentinel monitor`, do the "
            "sentinels run, and does ?sentinel_password=... stand behind it where they ask for a password?"),
        ),
        (RedisConnectionError("refused"), "Redis does not answer (ConnectionError): start it, or correct worker.redis_url."),
        (
            RedisConnectionError("certificate verify failed: Hostname mismatch"),
            "Redis's certificate is for another name: write in worker.redis_url the name that it carries.",
        ),
        (
            RedisConnectionError("certificate is not valid for '10.0.0.1'"),
            "Redis's certificate is for another name: write in worker.redis_url the name that it carries.",
        ),
        (
            RedisConnectionError("certificate verify failed: certificate has expired"),
            "Redis's certificate has expired: renew it there; what waits in Redis is kept.",
        ),
        (
            RedisConnectionError("certificate verify failed: unable to get local issuer"),
            ("Redis's certificate is not trusted: add ?ssl_ca_certs=/path/to/ca.pem to worker.redis_url, or install its "
            "CA on this host."),
        ),
        *(
            (
                RedisConnectionError(words),
                "The TLS handshake with Redis failed: use redis:// where it speaks no TLS, rediss:// where it does.",
            )
            for words in ("[SSL: WRONG_VERSION_NUMBER]", "tlsv1 alert protocol version")
        ),
    ],
)  # fmt: skip
def test_why_redis_does_not_answer(fault, sentence):
    assert list(redis_checks.unreachable(Redis(fault=fault))) == ([sentence] if sentence else [])


WELL = {"redis_version": "7.0.0", "role": "master", "used_memory": 899, "maxmemory": 1000}
REPLICA = (
    "This Redis is a read-only replica, so no job can be enqueued: point worker.redis_url to the primary, or promote "
    "this one (REPLICAOF NO ONE)."
)
FULL = (
    "Redis is 90% full, and refuses new jobs when it is full: raise maxmemory, and see below which jobs wait."
)
NO_DISK = "Redis could not write to its disk: free space where its `dir` is."


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        ({"maxmemory": 0}, []),
        ({"redis_version": "6.2.14"}, ["Redis is version 6.2.14: install 7.0 or later, or Valkey."]),
        ({"redis_version": "6.2.14", "valkey_version": "8.0.1"}, []),
        ({"redis_version": None}, ["Redis is version 0: install 7.0 or later, or Valkey."]),
        ({"role": "slave"}, [REPLICA]),
        ({"used_memory": 900}, [FULL]),
        ({"aof_last_write_status": "err"}, [NO_DISK]),
        ({"rdb_last_bgsave_status": "err", "aof_last_write_status": "ok"}, [NO_DISK]),
        ({"used_memory": 900, "aof_last_write_status": "err", "role": "slave"}, [REPLICA, FULL]),
    ],
)
def test_a_redis_that_cannot_be_written_to(changes, sentences):
    assert list(redis_checks.state_faults(Redis(WELL | changes))) == sentences


SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        ({"appendonly": "no"}, ["Redis keeps nothing over a restart: set `appendonly yes`."]),
        (
            {"appendonly": "no", "appendfsync": "no"},
            ["Redis keeps nothing over a restart: set `appendonly yes`."],
        ),
        (
            {"appendfsync": "everysec"},
            ["Redis may lose the last second at a crash: set `appendfsync always`."],
        ),
        (
            {"maxmemory-policy": "allkeys-lru"},
            ["Redis throws jobs away when it is full: set `maxmemory-policy noeviction`."],
        ),
    ],
)
def test_a_redis_that_would_lose_jobs(changes, sentences):
    assert list(redis_checks.forgetful(Redis(config=SAFE | changes))) == sentences


def test_a_redis_that_shows_no_configuration_is_no_fault():
    (note,) = redis_checks.forgetful(Redis())
    assert (
        note == "Redis forbids CONFIG, so nobody can tell here whether it has AOF and noeviction: make sure."
    )
    assert isinstance(note, Note)
    assert list(redis_checks.failover_faults(Redis({"connected_slaves": 1}))) == []


@pytest.mark.parametrize(("replicas", "fewest", "told"), [(0, "0", 0), (1, "1", 0), (1, "0", 1), (2, "0", 1)])
def test_a_fail_over_that_would_lose_jobs(replicas, fewest, told):
    redis = Redis({"connected_slaves": replicas}, {"min-replicas-to-write": fewest})
    assert list(redis_checks.failover_faults(redis)) == told * [
        (
            "Redis takes jobs while no replica follows, and a fail-over then loses them: set `min-replicas-to-write 1`, "
            "and MailClient(replicas=1) where none may be lost (docs/outages.md)."
        )
    ]


@pytest.mark.parametrize(
    ("ahead", "sentence"),
    [
        (5, None), (-5, None),
        (6, "This host's clock and Redis's are 6 s apart: run an NTP client on both."),
        (-6, "This host's clock and Redis's are 6 s apart: run an NTP client on both."),
    ],
)  # fmt: skip
def test_clocks_apart(ahead, sentence):
    """The answer took two seconds, and they are nobody's fault."""
    moments = iter([NOW, NOW + 2 * SECOND])
    there = NOW - ahead * SECOND if ahead > 0 else NOW + 2 * SECOND - ahead * SECOND
    redis = SimpleNamespace(time=lambda: (int(there.timestamp()), 0))
    assert list(redis_checks.clock_skew(redis, lambda: next(moments))) == ([sentence] if sentence else [])


@pytest.mark.parametrize(
    ("silent", "beats", "sentence"),
    [
        (
            None,
            {},
            "Beat was never heard: start one `celery -A mailworker.tasks beat`, and a worker for the queue scans.",
        ),
        (20, {"1@a": 0}, None),
        (21, {"1@a": 0}, "Beat was last heard 21 s ago: start it again, and a worker for scans."),
        (-600, {"1@a": 0}, "Beat was last heard 600 s ago: start it again, and a worker for scans."),
        (0, {"7@b": 20, "1@a": 0}, "2 beats run (1@a, 7@b): stop all but one; nothing was sent twice."),
        (0, {"7@b": 21, "1@a": 0}, None),
    ],
)
def test_beat(silent, beats, sentence):
    redis = simulated_redis()
    if silent is not None:
        redis.set(workers.envelope.BEAT_KEY, (NOW - silent * SECOND).isoformat())
    for name, ago in beats.items():
        redis.zadd(workers.envelope.BEATS_KEY, {name: (NOW - ago * SECOND).timestamp()})
    assert list(workers.beat_faults(redis, NOW)) == ([sentence] if sentence else [])


def test_a_beat_whose_rounds_nobody_takes_is_not_blamed():
    redis = simulated_redis()
    redis.set(workers.envelope.BEAT_KEY, (NOW - 52 * SECOND).isoformat())
    redis.rpush("scans", *"123")
    assert "start it again" in next(workers.beat_faults(redis, NOW))
    redis.rpush("scans", "4")
    assert next(workers.beat_faults(redis, NOW)) == (
        "For 52 s nobody has taken what beat sends (4 wait): start a worker for the queue scans, or "
        "see if it hangs."
    )


# ---- this host


@pytest.mark.parametrize(
    ("total", "free", "told"),
    [
        (10_000_000_000, 500_000_000, 0),
        (10_000_000_000, 499_999_999, 1),
        (100_000_000_000, 2_000_000_000, 0),
        (100_000_000_000, 1_999_999_999, 1),
    ],
)
def test_a_disk_that_is_almost_full(monkeypatch, total, free, told):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=total, free=free))
    assert list(disk_space.disk_space_faults(Path("/x"))) == told * [
        f"The disk of /x has only {free // 1_000_000} MB left: free some before writing fails."
    ]


def test_a_disk_that_is_full(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=10**10, free=999_999))
    (said,) = disk_space.disk_space_faults(Path("/x"))
    assert said == "The disk of /x is full: free some of it; mail waits and nothing is lost."


class Postgres:
    """Answers as given; a context manager and a ledger in one."""

    def __init__(self, **answers):
        self.answers = {
            "encoding": "UTF8",
            "recovery": False,
            "commit": "on",
            "standbys": 0,
            "names": "",
        } | answers

    def read(self):
        return self

    def demand_writable(self):
        if fault := self.answers.get("refuses"):
            raise LedgerUnavailable(fault)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def exec_driver_sql(self, statement):
        sign = {
            "SHOW server_encoding": "encoding", "SELECT pg_is_in_recovery()": "recovery", "SHOW synchronous_commit": "commit",
            "SELECT count(*) FROM pg_stat_replication": "standbys", "SHOW synchronous_standby_names": "names",
        }[statement]  # fmt: skip
        return SimpleNamespace(scalar=lambda: self.answers[sign])


STANDBY = (
    "The ledger's server is a standby, or read-only, and takes no mail: point worker.database_url at its primary, "
    "or promote it (docs/several-hosts.md)."
)
RESET = (
    "where it is the primary: ALTER DATABASE ... RESET default_transaction_read_only, which providers set when "
    "its disk is full"
)
FORGETS = (
    "PostgreSQL forgets accepted mail at a crash or a fail-over: set synchronous_commit to on "
    "(ALTER ROLE ... SET synchronous_commit = 'on')."
)
FOLLOWS = (
    "PostgreSQL's standby follows asynchronously: a fail-over loses the ledger's last seconds. Run then "
    "`mailworker ledger refill`; or set synchronous_standby_names (docs/outages.md)."
)
LATIN = (
    "The ledger's database is encoded in LATIN1, which keeps no accents: make one with CREATE DATABASE ... ENCODING "
    "'UTF8' TEMPLATE template0."
)


@pytest.mark.parametrize(
    ("answers", "faults", "notes"),
    [
        ({}, [], []),
        ({"recovery": True, "commit": "off"}, [STANDBY], []),
        ({"commit": "off", "standbys": 1}, [FORGETS], []),
        ({"commit": "local"}, [FORGETS], []),
        ({"commit": "remote_apply"}, [], []),
        ({"standbys": 1}, [], [FOLLOWS]),
        ({"standbys": 1, "names": "b"}, [], []),
        ({"encoding": "LATIN1"}, [LATIN], []),
        ({"refuses": STANDBY}, [f"{STANDBY.rstrip('.')}: {RESET}."], []),
    ],
)
def test_what_postgresql_would_lose(answers, faults, notes):
    given = parse_settings(f"{CONFIG}  database_url: postgresql://x/y\n", environ={})
    container = SimpleNamespace(settings=given, ledger=Postgres(**answers))
    made = run_check(Check("ledger", "x", lambda: ledger_database.ledger_faults(container)))
    assert (made.faults, made.notes) == (faults, notes)


class Store:
    def __init__(self, kept=None, fault=None):
        self.kept, self.fault, self.files = kept, fault, {}

    def put(self, key, content):
        if self.fault:
            raise self.fault
        self.files[key] = content

    def get(self, key):
        if self.kept == "lost":
            raise FileMissing(f"{key} is not there.")
        return self.kept or self.files[key]

    def delete(self, key):
        del self.files[key]


@pytest.mark.parametrize(
    ("store", "sentence"),
    [
        (Store(), None),
        (Store(b"other"), "The PDF store gives back something else than was put: correct invoice.store."),
        (Store(fault=Unreachable("NoCredentialsError.")), "NoCredentialsError: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."),
        (Store("lost"), "is not there: correct invoice.store, or the rights of that place."),
    ],
)  # fmt: skip
def test_a_store_of_pdfs_and_that_nothing_of_the_doctors_stays_in_it(monkeypatch, tmp_path, store, sentence):
    monkeypatch.setattr(pdf_store, "_other_store", lambda _: "")
    monkeypatch.setattr(pdf_store, "disk_space_faults", lambda folder: [f"full: {folder}"])
    given = settings(f"invoice: {{store: '{tmp_path}'}}\n")
    found = list(pdf_store.store_faults(SimpleNamespace(store=store, settings=given)))
    assert len(found) == 1
    assert found[0].endswith(sentence or f"full: {tmp_path}")
    assert store.files == {}


def test_another_store_than_that_of_the_working_hosts_is_named_before_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf_store, "_other_store", lambda _: "hosts differ")
    monkeypatch.setattr(pdf_store, "disk_space_faults", lambda folder: [f"full: {folder}"])
    given = SimpleNamespace(store=Store(), settings=settings(f"invoice: {{store: '{tmp_path}'}}\n"))
    assert list(pdf_store.store_faults(given)) == ["hosts differ"]


def test_a_crm_that_is_away_is_named_once_with_its_cure():
    def check():
        raise Unreachable("The CRM cannot be reached.")

    away = SimpleNamespace(crm=SimpleNamespace(check=check))
    several = SimpleNamespace(crm=SimpleNamespace(check=lambda: ["a cannot be reached."] * 2 + ["no id"]))
    (fault,) = crm.crm_faults(away)
    assert fault.startswith("The CRM cannot be reached: ")
    named, other = crm.crm_faults(several)
    assert (named.startswith("a cannot be reached: "), other) == (True, "no id")


def test_who_may_read_or_change_a_file_that_cannot_be_read_is_another_checks_matter(tmp_path):
    assert list(configuration.rights_faults(settings(), tmp_path / "none.yaml")) == []


def test_what_cgrates_is_and_what_it_lacks():
    charging = SimpleNamespace(
        client=SimpleNamespace(version=lambda: ""), setup=SimpleNamespace(faults=lambda: ["no action"])
    )
    for url, sentences in {
        "": [
            "balances.cgrates.post_url is empty: low balances are found by the scan alone, not at the moment."
        ],
        "https://x.example/ocs": ["CGRateS is of unknown version.", "no action"],
    }.items():
        given = SimpleNamespace(balances=SimpleNamespace(cgrates=SimpleNamespace(post_url=url)))
        found = list(cgrates.engine_faults(SimpleNamespace(charging=charging, settings=given)))
        assert found == sentences
        assert isinstance(found[0], Note)
    away = "CGRateS cannot be reached: start it, or correct balances.cgrates.url; other mail goes on."
    charging.client.version = Mock(side_effect=Unreachable("CGRateS cannot be reached."))
    assert list(cgrates.engine_faults(SimpleNamespace(charging=charging, settings=given))) == [away]
    charging.client.version = lambda: "v0.11"
    assert (
        next(cgrates.engine_faults(SimpleNamespace(charging=charging, settings=given))) == "CGRateS is v0.11."
    )


def test_where_redis_is_away_nobody_says_that_the_ledger_lost_jobs(monkeypatch):
    def refilled(container, *, dry_run):
        assert dry_run
        raise StreamUnavailable("away")

    monkeypatch.setattr("mailworker.cli.ledger_refill.refilled", refilled)
    assert list(refill.lost_faults(SimpleNamespace())) == []


def test_without_libraries_no_sample_is_rendered(monkeypatch):
    monkeypatch.setattr(rendering, "can_load", lambda: False)
    assert list(rendering.template_faults(SimpleNamespace())) == []


def test_the_doctors_sample_is_an_invoice_whose_sums_are_right():
    review = review_invoice(dict(rendering.SAMPLE), settings().invoice)
    assert list(review.faults) == []
    lines = rendering.SAMPLE["transactions"]
    assert all(float(one["unit_price"]) * one["quantity"] == float(one["amount"]) for one in lines)
    net = sum(float(one["amount"]) for one in lines)
    assert (float(rendering.SAMPLE["total_tax"]), float(rendering.SAMPLE["total_amount"])) == (
        net * 0.2,
        net * 1.2,
    )


# ---- what a check gives, and the report


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (PermissionError(13, os.strerror(13)), "The system refused the question: Permission denied."),
        (TimeoutError(), "The system refused the question: TimeoutError."),
        (
            RedisConnectionError("redis://:secret@x"),
            "Redis refused the question (ConnectionError): see what is said of Redis above.",
        ),
    ],
)
def test_a_check_that_cannot_be_made_is_a_sentence(fault, sentence):
    def ask():
        yield "first"
        raise fault

    assert run_check(Check("redis", "x", ask)).faults == [sentence]


FINDINGS = [
    Finding("redis", "Redis answers", ("[bold]no[/]", Note("good"))),
    Finding("beat", "one beat", (Note("note"),)),
    Finding("crm", "the CRM", ()),
]


@pytest.mark.parametrize(
    ("quiet", "findings", "lines", "code"),
    [
        (
            False, FINDINGS,
            ["✗ Redis answers", "    [bold]no[/]", "    good", "✓ one beat", "    note", "✓ the CRM", "1 to mend."], 1,
        ),
        (True, FINDINGS, ["✗ Redis answers", "    [bold]no[/]", "1 to mend."], 1),
        (False, FINDINGS[1:], ["✓ one beat", "    note", "✓ the CRM", "All is well."], 0),
        (True, FINDINGS[1:], [], 0),
    ],
)  # fmt: skip
def test_a_report_for_people_and_for_programs(capsys, quiet, findings, lines, code):
    for made in (PrintedReport(quiet=quiet), Report(quiet=quiet)):
        for one in findings:
            made.add(one)
        assert made.end() == code
        if isinstance(made, PrintedReport):
            assert capsys.readouterr().out.splitlines() == lines
    told = json.loads(capsys.readouterr().out)
    shown = [one for one in findings if one.faults or not quiet]
    assert told == {
        "ok": not code,
        "faults": code,
        "checks": [
            {
                "subject": one.subject, "name": one.name, "ok": not one.faults, "faults": one.faults, "notes": one.notes,
            }
            for one in shown
        ],
    }  # fmt: skip


def test_where_redis_is_away_it_alone_is_shown_and_nothing_behind_it_is_asked(monkeypatch):
    def never(_):
        raise AssertionError

    monkeypatch.setattr(all_checks, "_behind_redis", never)
    monkeypatch.setattr(all_checks.ledger_database, "ledger_faults", lambda _: [])
    container = SimpleNamespace(redis=Redis(fault=RedisConnectionError("refused")), settings=settings())
    found = list(all_checks.examine(container, all_checks.Round(("beat",))))
    assert [(one.name, len(one.faults)) for one in found] == [("Redis answers", 1)]
    container.redis.fault = None
    monkeypatch.setattr(
        all_checks, "_behind_redis", lambda _: iter([Check("beat", "one beat", lambda: ["none"])])
    )
    found = list(all_checks.examine(container, all_checks.Round(("beat",))))
    assert [(one.name, one.faults) for one in found] == [("one beat", ["none"])]


def test_a_ledger_that_is_away_is_told_first_and_what_waits_for_it_is_no_fault(monkeypatch):
    behind = [Check(one, one, lambda: ["waits"]) for one in ("beat", "queues", "workers")]
    monkeypatch.setattr(all_checks, "_behind_redis", lambda _: iter(behind))
    monkeypatch.setattr(all_checks.ledger_database, "ledger_faults", lambda _: ["locked"])
    container = SimpleNamespace(redis=Redis(), settings=settings())
    found = list(all_checks.examine(container, all_checks.Round(("beat", "queues", "workers"))))
    notes = ["It may be for the ledger's sake: waits"]
    assert [(one.subject, one.faults, one.notes) for one in found] == [
        ("ledger", ["locked"], []), ("beat", [], notes), ("queues", [], notes), ("workers", ["waits"], []),
    ]  # fmt: skip
