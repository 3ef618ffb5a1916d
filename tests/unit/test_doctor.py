"""The doctor's table: each fault of the file, the ledger, this host and the CRM is named with its cure."""

import contextlib
import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import fakeredis
import pytest
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from sqlalchemy import insert, update
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.doctor_checks import all_checks, disk_space, finding, mailjet, rendering
from mailworker.cli.doctor_checks.all_checks import SUBJECTS, Round, examine
from mailworker.cli.doctor_checks.finding import Check, Note
from mailworker.cli.doctor_checks.run_check import run_check
from mailworker.cli.doctor_checks.scans import scan_faults
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.errors import Refused
from mailworker.ledger.claiming import Lease
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.holds import hold, hold_by_hand
from mailworker.ledger.scan_runs import Start, finish, let_go, take
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue.celery_queues import MAIL
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import scans_of, start_scan
from tests.doubles import CONFIG
from tests.rows import row

WELL = """
invoice: {seller: {name: Opérateur, address: [1 rue X], email: a@operator.example}}
web: {webhook_user: mailjet, webhook_password: p, public_url: 'https://mail.example.net'}
"""
#: So many words of the configuration, the house around it a trial or not.
HOURS, MINUTES = 3600, 60
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
REHEARSAL, REAL = ScanMode.REHEARSAL, ScanMode.REAL


def container_of(folder: Path, extra: str = "", *, ledger: Path | None = None) -> Container:
    url = f"sqlite:///{ledger or folder / 'ledger.db'}"
    worker = f"  database_url: {url}\n"
    store = f"invoice: {{store: {folder / 'pdfs'}}}\n" if "invoice:" not in extra else ""
    container = Container(parse_settings(f"{CONFIG}{worker}{extra}{store}", environ={}))
    container.__dict__["redis"] = fakeredis.FakeRedis(decode_responses=True)
    return container


@pytest.fixture
def container(tmp_path, ledger_file):
    made = container_of(tmp_path, ledger=ledger_file)
    yield made
    made.close()


def faults(container: Container, *subjects: str) -> str:
    found = [one for one in examine(container, Round(subjects)) if one.subject in subjects]
    return "\n".join(fault for one in found for fault in one.faults)


def notes(container: Container, *subjects: str) -> str:
    return "\n".join(note for one in examine(container, Round(subjects)) for note in one.notes)


def add(container: Container, **changes) -> str:
    one = row(**{"accepted_at": utc_now(), "changed_at": utc_now(), "not_before": utc_now()} | changes)
    with container.ledger.write() as connection:
        connection.execute(insert(messages).values(one))
    return one["id"]


def ago(seconds: float):
    return utc_now() - timedelta(seconds=seconds)


class TestConfiguration:
    @pytest.mark.parametrize(
        ("extra", "words"),
        [
            ("", "mailjet.api_crmCommunicationUserWelcome is missing"),
            ("", "The webhook refuses Mailjet's events"),
            ("", "invoice.seller.name is still the manual's"),
            (
                "invoice: {seller: {name: Opérateur}}\n",
                "Mails carry no postal address and no address for answers",
            ),
            (
                "  environment: staging\n",
                "every mail is suppressed: add addresses or @domains to worker.safelist",
            ),
        ],
    )
    def test_what_the_file_says(self, tmp_path, extra, words):
        assert words in faults(container_of(tmp_path, extra), "configuration")

    def test_the_manuals_sender_and_keys(self, tmp_path):
        text = CONFIG.replace("api_key: k", "api_key: your_mailjet_api_key").replace(
            "a@container.example", "support@yourcompany.com"
        )
        said = faults(Container(parse_settings(text, environ={})), "configuration")
        assert "mailjet.api_key is still the manual's: set MAILJET_API_KEY" in said
        assert "from_email is still the manual's (@yourcompany.com) in api_crm" in said

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("http://localhost:8070", "localhost is reached from inside only"),
            ("https://10.0.0.7", "10.0.0.7 is reached from inside only"),
            ("https://[::1]:8070/", "::1 is reached from inside only"),
            ("https://mail.lan", "mail.lan is reached from inside only"),
            ("http://mail.example.net", "the webhook's password travels in the clear"),
            ("https://mail.example.net", ""),
            ("https://93.184.216.34", ""),
        ],
    )
    def test_an_address_where_mailjet_cannot_come(self, tmp_path, url, words):
        said = faults(container_of(tmp_path, f"web: {{public_url: '{url}'}}\n"), "configuration")
        found = [line for line in said.splitlines() if "public_url" in line]
        assert [words in line for line in found] == [True] * bool(words)

    @pytest.mark.parametrize(
        ("mode", "written", "words"),
        [
            (0o606, "${MAILJET_API_SECRET}", "Every user of this host may change"),
            (
                0o644,
                "0123456789abcdef0123456789abcdef",
                "Every user of this host may read Mailjet's secret in",
            ),
            (0o644, "${MAILJET_API_SECRET}", ""),
            (0o640, "0123456789abcdef0123456789abcdef", ""),
            (0o644, "your_mailjet_api_secret", ""),
        ],
    )
    def test_a_file_that_every_user_may_read_or_change(self, tmp_path, monkeypatch, mode, written, words):
        path = tmp_path / "crm_config.yaml"
        path.write_text(CONFIG.replace("api_secret: s", f"api_secret: {written}"), encoding="utf-8")
        path.chmod(mode)
        monkeypatch.setenv("CRM_CONFIG", str(path))
        secret = {"MAILJET_API_SECRET": "0123456789abcdef0123456789abcdef"}
        container = Container(parse_settings(path.read_text(encoding="utf-8"), environ=secret))
        (found,) = [one for one in examine(container, Round(["configuration"])) if "rights" in one.name]
        assert [words in one and str(path) in one for one in found.faults] == [True] * bool(words)

    def test_nothing_of_it_concerns_a_trial(self, tmp_path):
        text = CONFIG.replace("api_key: k", "api_key: k\n  api_url: http://127.0.0.1:8025/")
        trial = Container(parse_settings(text, environ={}))
        assert faults(trial, "configuration") == ""
        assert "webhook" in notes(trial, "configuration")

    def test_what_is_well_is_not_named(self, tmp_path):
        said = faults(container_of(tmp_path, WELL), "configuration")
        assert "is missing" in said
        assert len(said.splitlines()) == sum("is missing" in line for line in said.splitlines())


class TestMessages:
    def test_all_mail_held_by_hand(self, container):
        with container.ledger.write() as connection:
            hold_by_hand(connection, "*", reason="maintenance", now=utc_now())
        said = faults(container, "messages")
        assert "All mail is held since" in said
        assert "maintenance; it ends only by hand: mailworker holds release '*'" in said

    def test_a_kind_held_by_mailjet(self, container):
        with container.ledger.write() as connection:
            hold(connection, row()["kind"], reason="send-0010: no template", code="send-0010", now=utc_now())
        said = faults(container, "messages")
        assert "CustomerWelcome is held" in said
        assert "a probe goes out at" in said

    @pytest.mark.parametrize(
        ("lane", "seconds", "late"),
        [(1, 2 * HOURS, True), (1, 5 * MINUTES, False), (0, 2 * MINUTES, True), (2, 2 * HOURS, False)],
    )
    def test_ready_and_overdue(self, container, lane, seconds, late):
        add(container, lane=lane, not_before=ago(seconds))
        assert ("The oldest ready message of the" in faults(container, "messages")) is late

    @pytest.mark.parametrize("state", ["accepted", "rendering", "sending"])
    def test_stuck_on_its_way(self, container, state):
        long = ago(HOURS)
        add(container, state=state, not_before=long, changed_at=long, lease="l", lease_until=long)
        assert f"A message has been {state} for 60 min" in faults(container, "messages")

    def test_unknown_is_a_note_first_and_a_fault_when_nobody_asks_any_more(self, container):
        for _ in range(30):
            add(container, state="unknown", called_at=ago(5))
        assert "Nobody knows whether 30 messages were sent" in notes(container, "messages")
        assert faults(container, "messages") == ""
        with container.ledger.write() as connection:
            connection.execute(update(messages).values(called_at=ago(2 * HOURS)))
        assert "mailworker messages replay --unknown ID --yes" in faults(container, "messages")

    def test_failed_are_grouped_by_reason(self, container):
        for _ in range(5):
            add(container, state="failed", reason="template 12 is gone.")
        add(container, state="failed", reason="old", changed_at=ago(30 * HOURS))
        said = faults(container, "messages")
        assert "5 failed within 24 h: template 12 is gone. Mend the cause" in said
        assert "old" not in said

    def test_refused_jobs(self, container):
        one = {"at": utc_now(), "source": "stream", "faults": ["x"], "payload": {}}
        with container.ledger.write() as connection:
            connection.execute(insert(rejected_jobs).values(one))
        assert "1 job or event was refused within 24 h: " in faults(container, "messages")

    @pytest.mark.parametrize(
        ("stream", "words"),
        [
            ("mailworker:jobs:normal", "2 jobs of the normal lane wait on Redis, the oldest for 2 min"),
            ("mailworker:jobs:contacts", "2 changes of contacts wait on Redis"),
            ("mailworker:events", "2 events of Mailjet's wait on Redis"),
        ],
    )
    def test_what_waits_on_redis(self, container, stream, words):
        for number in (1, 2):
            container.redis.xadd(stream, {"v": "1"}, id=f"{int(ago(125).timestamp() * 1000)}-{number}")
        assert words in faults(container, "queues")

    def test_what_has_just_come_is_no_fault(self, container):
        container.redis.xadd(MAIL[Lane.NORMAL].stream, {"v": "1"})
        assert faults(container, "queues") == ""


def contact(**changes):
    return {
        "email": "zoe@client.example", "name": "", "properties": {}, "lists": [], "fingerprint": "f",
        "told_lists": [], "told_names": [], "told_excluded": False, "left_out": False, "state": "pending",
        "task": "tell", "audience": "a", "batch_limit": 1000, "due_at": utc_now(), "tries": 0,
        "changed_at": utc_now(),
    } | changes  # fmt: skip


class TestContactsAndScans:
    def test_contacts_that_wait(self, container):
        with container.ledger.write() as connection:
            connection.execute(insert(mailjet_contacts).values(contact(due_at=ago(HOURS), error="HTTP 500.")))
        said = faults(container, "contacts")
        assert "1 contact waits to be pushed to Mailjet, the oldest for 60 min (HTTP 500)" in said
        assert "mailworker contacts status" in said

    def test_contacts_that_mailjet_refused(self, container):
        with container.ledger.write() as connection:
            connection.execute(insert(mailjet_contacts).values(contact(state="refused")))
        assert "Mailjet refused 1 contact:" in faults(container, "contacts")

    @pytest.mark.parametrize(
        ("started", "runs", "told"),
        [
            (False, [], "The scan balances: It only rehearses, and writes to nobody: it was never started."),
            (False, [(REHEARSAL, 1, None)], " Its last rehearsal found 0 due."),
            (True, [], ""),
            (True, [(REAL, 0, None)], ""),
            (True, [(REAL, 1, None)], "The scan balances was due 50 min ago and did not run: is beat up,"),
            (True, [(REAL, 1, "The CRM does not answer.")], "The scan balances stopped after 0: The CRM does not answer. Once that is mended it goes on."),
        ],
    )  # fmt: skip
    def test_how_a_scan_runs(self, tmp_path, ledger_file, started, runs, told):
        crm = f"crm: {{source: demo, demo: {{path: {tmp_path}/crm.sqlite, customers: 5}}}}\n"
        extra = crm + "balances: {schedule: 1h}\nreminders: {enabled: false}\n"
        container = container_of(tmp_path, extra, ledger=ledger_file)
        slot = utc_now().replace(minute=0, second=0, microsecond=0)
        now, lease = slot + 50 * MINUTE, Lease("l", slot)
        (scan,) = [one for one in scans_of(container) if one.name == "balances"]
        if started:
            start_scan(container, scan, start_from=None, now=slot)
        with container.ledger.write() as connection:
            for mode, hours, trouble in runs:
                run = take(connection, Start("balances", slot=slot - hours * HOUR, mode=mode), lease, slot)
                end = let_go if trouble else finish
                end(connection, run, lease, trouble or slot)
        said = list(scan_faults(container, now))
        container.close()
        assert len(said) == bool(told)
        assert told in "".join(said)
        assert all(isinstance(one, Note) is not started for one in said)


class TestHost:
    def test_the_ledgers_folder_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("", encoding="utf-8")
        made = container_of(tmp_path, ledger=tmp_path / "file" / "x" / "ledger.db")
        assert "The ledger's folder" in faults(made, "ledger")
        assert "correct worker.database_url" in faults(made, "ledger")

    @pytest.mark.parametrize(
        ("down_to", "words"),
        [("9998", "start the newer version again, or restore the backup"), ("0001", "")],
    )
    def test_a_ledger_newer_than_this_code(self, tmp_path, ledger_file, down_to, words):
        with contextlib.closing(sqlite3.connect(ledger_file)) as database, database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
            database.execute("UPDATE ledger_schema SET compatible_down_to = ?", (down_to,))
        said = faults(container_of(tmp_path, ledger=ledger_file), "ledger")
        assert words in said
        assert bool(said) is bool(words)

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("mysql://u:p@127.0.0.1/x", "the ledger is SQLite or PostgreSQL"),
            ("postgresql://u:secret@127.0.0.1:1/x", "The ledger does not answer"),
            ("nonsense", "worker.database_url (or DATABASE_URL) is no URL"),
        ],
    )
    def test_a_ledger_that_is_not_there(self, tmp_path, url, words):
        made = Container(parse_settings(f'{CONFIG}  database_url: "{url}"\n', environ={}))
        made.__dict__["redis"] = fakeredis.FakeRedis(decode_responses=True)
        said = faults(made, "ledger")
        assert words in said
        assert "secret" not in said

    def test_a_sql_ascii_database(self, tmp_path, container):
        class Broken:
            def read(self):
                raise TypeError("cannot use a string pattern on a bytes-like object")

        made = Container(parse_settings(f"{CONFIG}  database_url: postgresql://x/y\n", environ={}))
        made.__dict__.update(redis=fakeredis.FakeRedis(decode_responses=True), ledger=Broken())
        assert "encoded in SQL_ASCII" in faults(made, "ledger")

    def test_little_room(self, container, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**12, free=10**6))
        assert "has only 1 MB left" in faults(container, "ledger")
        assert "has only 1 MB left" in faults(container, "store")

    def test_a_store_that_cannot_be_written_or_is_full(self, container, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(container.store, "put", full)
        assert "No space left on device" in faults(container, "store")

    def test_a_store_that_gives_back_something_else(self, container, monkeypatch):
        monkeypatch.setattr(container.store, "get", lambda key: b"x")
        assert "correct invoice.store" in faults(container, "store")

    def test_libraries_and_fonts(self, monkeypatch, tmp_path):
        monkeypatch.setattr(rendering, "FONTS", tmp_path)
        monkeypatch.setattr(rendering, "OURS", tmp_path)
        assert list(rendering.library_faults()) == [
            "The fonts of the package are missing: install mailworker again.",
            "The templates of the package are missing: install mailworker again.",
        ]

    @pytest.mark.parametrize(
        ("invoice", "words"),
        [
            ("template_dir: {folder}, template_filename: broken.html", "A sample invoice cannot be rendered"),
            ("template_dir: {folder}, template_filename: none.html", "none.html"),
            ("assets: {folder}, seller: {{name: X, logo: none.png}}", "invoice.seller.logo: "),
            ("message_bytes: 1000", "more than invoice.message_bytes (1000)"),
            ("currency: EUR", ""),
        ],
    )
    def test_a_sample_invoice(self, tmp_path, invoice, words):
        (tmp_path / "broken.html").write_text("{% for x in transactions %}{{ x.", encoding="utf-8")
        block = invoice.format(folder=tmp_path)
        made = container_of(tmp_path, f"invoice: {{{block}}}\n")
        said = faults(made, "invoices")
        assert words in said
        assert bool(said) is bool(words)

    def test_a_crm_that_is_not_there(self, tmp_path):
        made = container_of(
            tmp_path,
            "crm: {source: sql, sql: {url: 'postgresql://u:p@127.0.0.1:1/x', queries: {invoices: SELECT 1}}}\n",
        )
        assert faults(made, "crm")


class TestRound:
    def test_no_check_ends_in_a_traceback_or_tells_a_value(self):
        def ask():
            raise ValueError("zoe@client.example")

        (said,) = run_check(Check("redis", "x", ask)).faults
        assert "ValueError at test_doctor.py:" in said
        assert "zoe" not in said

    def test_what_we_know_is_said_in_its_own_words(self):
        def ask():
            raise Refused("Mailjet says no.")

        assert run_check(Check("redis", "x", ask)).faults == ["Mailjet says no."]

    def test_a_note_is_no_fault(self):
        made = run_check(Check("redis", "x", lambda: ["bad", Note("good to know")]))
        assert (made.faults, made.notes) == (["bad"], ["good to know"])

    @pytest.fixture
    def doctor(self, tmp_path, ledger_file, monkeypatch):
        (tmp_path / "crm_config.yaml").write_text(CONFIG, encoding="utf-8")
        monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{ledger_file}")
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        return lambda *arguments: CliRunner().invoke(build(), ["doctor", *arguments])

    def test_json_has_every_check_with_its_faults(self, doctor):
        done = doctor("--json", "--only", "redis", "--only", "messages")
        told = json.loads(done.output)
        assert done.exit_code == 1
        assert told["ok"] is False
        assert told["checks"][0] == {
            "subject": "redis",
            "name": "Redis answers",
            "ok": False,
            "faults": ["Redis does not answer (ConnectionError): start it, or correct worker.redis_url."],
            "notes": [],
        }
        assert {check["subject"] for check in told["checks"]} == {"redis", "messages"}

    def test_quiet_says_nothing_where_all_is_well(self, doctor):
        done = doctor("--quiet", "--only", "crm")
        assert (done.exit_code, done.output) == (0, "")

    def test_quiet_says_what_is_wrong(self, doctor):
        done = doctor("--quiet", "--only", "redis")
        assert done.exit_code == 1
        assert done.output.splitlines()[0] == "✗ Redis answers"

    def test_an_unknown_subject_is_a_wrong_call(self, doctor):
        done = doctor("--only", "reddis")
        assert str(done.exception).startswith("--only reddis: is none of ")
        assert "redis" in str(done.exception)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("mailjet: [", "this is not YAML"),
            ("mailjet: {api_kei: x, api_secret: y}", "did you mean 'api_key'?"),
            (f"{CONFIG}  timezone: Europe/Pariss\n", "no time zone is called 'Europe/Pariss'"),
            (None, "cannot be read"),
        ],
    )
    def test_a_file_that_cannot_be_read(self, doctor, tmp_path, text, words):
        file = tmp_path / "crm_config.yaml"
        file.write_text(text, encoding="utf-8") if text else file.unlink()
        done = doctor("--json")
        assert done.exit_code == 1
        assert words in "\n".join(json.loads(done.output)["checks"][0]["faults"])


def test_the_subjects_are_those_that_the_round_asks_about():
    assert len(set(SUBJECTS)) == len(SUBJECTS)
    list(disk_space.disk_space_faults(Path("/")))


#: Every check of a round by its subject and its name, as the table shows them.
ROUND = """
configuration: configuration
configuration: the file's rights
redis: Redis answers
redis: Redis can be written to
redis: Redis's user may do what is needed
redis: Redis keeps what it was given
redis: Redis's clock and ours agree
redis: a fail-over of Redis loses nothing
mailjet: Mailjet answers the workers
mailjet: Mailjet finds no call too fast
workers: every queue has a worker
beat: exactly one beat runs
queues: nothing waits on Redis
queues: what Redis keeps is bounded
ledger: the ledger answers
messages: the ledger has lost no job
messages: nothing is held
messages: mail leaves in time
messages: every outcome is known
messages: events tell of every kind
messages: nothing failed lately
messages: Mailjet tells what became of mails
contacts: contacts are in step
campaigns: no campaign stopped by itself
callbacks: the CRM hears what became of its mails
scans: scans run when they are due
invoices: this host can render
invoices: a sample invoice is rendered
store: PDFs can be kept
crm: the CRM (none)
cgrates: CGRateS answers, and posts here
webhook: the webhook answers at web.public_url
mailjet: Mailjet: account
mailjet: Mailjet: senders
mailjet: Mailjet: sender domains
mailjet: Mailjet: templates
mailjet: Mailjet: variables in the templates
mailjet: Mailjet: webhook
""".strip().splitlines()


def test_a_round_asks_all_of_it_in_this_order(tmp_path, monkeypatch):
    for module in (all_checks, mailjet):
        monkeypatch.setattr(module, "run_check", lambda check: finding.Finding(check.subject, check.name))
    container = container_of(
        tmp_path,
        "callbacks: {task: t, queue: q}\nbalances: {cgrates: {url: 'http://127.0.0.1:1/jsonrpc'}}\n" + WELL,
    )
    assert [f"{one.subject}: {one.name}" for one in examine(container, Round())] == ROUND
    only = [one.name for one in examine(container, Round(internet=False))]
    assert only == [line.partition(": ")[2] for line in ROUND[:-7]]
    asked = examine(container, Round(only=("mailjet",), internet=False))
    names = [one.name for one in asked]
    assert names == ["Mailjet answers the workers", "Mailjet finds no call too fast"], "offline asks nothing"


def test_what_is_missing_to_render(tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "renderer_health", lambda: ["no pango"])
    assert list(rendering.library_faults()) == ["no pango"]
    for place in ("FONTS", "OURS"):
        monkeypatch.setattr(rendering, place, tmp_path)
    assert list(rendering.library_faults()) == [
        "no pango",
        "The fonts of the package are missing: install mailworker again.",
        "The templates of the package are missing: install mailworker again.",
    ]


@pytest.mark.parametrize("fault", [ReadOnlyError("READONLY"), OutOfMemoryError("OOM")])
def test_a_redis_that_takes_no_writes_blames_neither_beat_nor_workers(tmp_path, monkeypatch, fault):
    container = container_of(tmp_path, WELL)

    def refuse(*_, **__):
        raise fault

    monkeypatch.setattr(container.redis, "set", refuse)
    asked = Round(only=("workers", "beat", "queues"))
    assert {one.subject for one in examine(container, asked)} == {"queues"}
