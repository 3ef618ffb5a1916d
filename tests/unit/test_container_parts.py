"""What a container's parts share: one clock, one ledger, one CRM; and what each is given of the configuration."""

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailworker.balances.cgrates_container import EngineParts
from mailworker.balances.cgrates_posts_to_alerts import OcsStream, Taken
from mailworker.balances.cgrates_setup import EngineSetup
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.core.lane import Lane
from mailworker.errors import BadInput, Misconfigured, Throttled
from mailworker.ledger.scan_runs import Start
from mailworker.queue.celery_queues import OCS
from mailworker.queue.envelope import seal_post
from mailworker.queue.stream import GROUP
from mailworker.rules.crm_facts import InvoiceStatus, Token
from mailworker.scans.runner import Scanner
from tests.doubles import Clock, FakeBucket, FakePost
from tests.redis_clock import simulated_redis
from tests.scan_world import CONFIG, MONDAY, REMINDER, RESET, FakeCrm, balance, days_ago, invoice

INVOICE = "api_crmCommunicationCustomerInvoice"
FIELDS = {"user_name": "Zoé", "reset_url": "https://crm.example/r", "expiry_time": "10:30"}


class Crm(FakeCrm):
    """Knows tokens, too."""

    tokens = ()

    def token(self, token_id):
        return next((one for one in self.tokens if one.token_id == token_id), None)

    def close(self):
        pass


@pytest.fixture
def make(tmp_path, ledger_file, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the demo's CRM is kept
    made = []

    def container(*records, kinds="", extra="crm: {source: demo}\n"):
        text = f"{kinds}worker: {{database_url: 'sqlite:///{ledger_file}'}}\ninvoice: {{store: {tmp_path / 'pdfs'}}}\n"
        one = Container(parse_settings(CONFIG + text + extra, environ={}))
        parts = {"redis": simulated_redis(), "clock": Clock(MONDAY), "bucket": FakeBucket()}
        one.__dict__.update(parts, crm=Crm(*records))
        made.append(one)
        return one

    yield container
    for one in made:
        one.close()


def rows(container, *columns):
    with container.ledger.read() as connection:
        found = connection.exec_driver_sql(f"SELECT {', '.join(columns)} FROM messages ORDER BY kind")
        return list(map(tuple, found))


def scan(container, subject):
    return Scanner(container.ledger, subject, clock=container.clock).work(Start(subject.scan), seconds=60)


@pytest.mark.parametrize(("source", "left"), [("demo", 0), ("none", 3)])
def test_before_it_leaves_each_mail_is_looked_at_once_more_where_there_is_a_crm(make, source, left):
    container = make(invoice(7, due=days_ago(8)), balance(1), extra=f"crm: {{source: {source}}}\n")
    opened = []
    post = container.__dict__["gateway"] = SimpleNamespace(
        **{name: getattr(FakePost(), name) for name in ("weigh", "send")},
        open=lambda: opened.append(container),
        close=lambda: None,
    )
    assert scan(container, container.reminder_scan()).written == 1
    assert scan(container, container.balance_scan()).written == 1
    job = {"kind": RESET, "to": "zoe@courriel.example", "variables": FIELDS, "idempotency_key": "reset:4711"}
    container.intake.accept(job, now=MONDAY)
    container.crm.change(7, status=InvoiceStatus.PAID)
    container.crm.change(1, amount=9)
    container.crm.tokens = [Token(token_id="4711", used=True)]
    sent = []
    post.send = lambda mails, **_more: sent.extend(mails) or FakePost().send(mails, call_id="c")
    for lane in Lane:
        while container.dispatcher.dispatch_once(lane, patience=1) is not None:
            pass
    assert opened == [container], "before the first call is announced"
    assert len(sent) == left
    assert {state for (state,) in rows(container, "state")} == {"sent" if left else "cancelled"}


def test_a_reminder_by_hand_is_prepared_by_the_shared_clock(make):
    container = make(invoice(7, due=days_ago(8)))
    container.intake.accept({"kind": REMINDER, "invoice_id": "7", "idempotency_key": "hand"}, now=MONDAY)
    container.clock.advance(60)
    assert container.preparer.prepare(limit=1)
    ((state, at),) = rows(container, "state", "changed_at")
    assert (state, str(at)[:16]) == ("ready", "2026-11-30 09:01")
    assert container.preparer.prepare(limit=1) == []


@pytest.mark.parametrize(
    ("answer", "taken"), [(True, True), (False, False), (Misconfigured("is broken"), True)]
)
def test_an_invoice_by_its_id_is_refused_only_where_the_crm_surely_has_no_documents(make, answer, taken):
    container = make(
        kinds=f"  {INVOICE}: {{from_email: a@b.example, from_name: A, template_id: 1, subject: S}}\n"
    )

    def offers(question):
        assert question == "invoice_document"
        if isinstance(answer, Exception):
            raise answer
        return answer

    container.crm.offers = offers
    names = ("customer_name", "invoice_number", "invoice_date", "due_date", "total_amount")
    fields = dict.fromkeys(names, "x") | {"invoice_url": "", "pay_url": ""}
    job = {
        "kind": INVOICE,
        "to": "z@x.example",
        "invoice_id": "7",
        "idempotency_key": "i",
        "variables": fields,
    }
    with nullcontext() if taken else pytest.raises(BadInput, match="invoice_id"):
        container.intake.accept(job, now=MONDAY)
    assert len(rows(container, "state")) == taken


def test_erasing_a_contact_counts_its_mail_that_is_on_its_way(make):
    container = make()
    job = {"kind": RESET, "to": "zoe@courriel.example", "variables": FIELDS, "idempotency_key": "reset:1"}
    container.intake.accept(job, now=MONDAY)
    with container.ledger.write() as connection:
        connection.exec_driver_sql("UPDATE messages SET state = 'sending'")
    forget = container.contacts._deps.forget
    assert forget("zoe@courriel.example") == 1
    assert forget("paul@courriel.example") == 0


def test_where_no_call_is_free_a_campaign_waits_behind_mail(make):
    container = make()
    container.bucket.closed = True
    with pytest.raises(Throttled, match="mail goes first") as fault:
        container.campaigns._mailjets._api.rest(None)
    assert fault.value.retry_after > 0


def test_traces_go_where_the_environment_says(make, monkeypatch):
    opened = object()
    monkeypatch.setattr("mailworker.observability.tracing.open_traces", lambda: opened)
    assert make().traces is opened


CONFIGURED = """  calls_per_minute: 77
  unanswered_messages: 55
  ca_bundle: /etc/ca.pem
  proxy: http://proxy.example:3128
worker: {keep_jobs: 3d, keep_jobs_bytes: 1000000, connect_timeout: 3s, read_timeout: 9s, redis_url: 'redis://r:1/2', language: en, lease: 20m}
"""


def test_each_part_is_given_what_is_configured_for_it(monkeypatch, ledger):
    def given(*arguments, **named):
        return (*arguments, named) if named else arguments

    text = f"mailjet:\n  api_key: k\n  api_secret: s\n{CONFIGURED}"
    settings = parse_settings(text, environ={})
    for place in (
        "limits.breaker_state.Breaker", "limits.call_journal.CallJournal", "reconcile.unknown_messages.Reconciler",
        "reconcile.lookup_at_mailjet.TokenLookup", "queue.quarantine.QuarantinedEntries", "queue.refill_log.KeptEntries",
        "export_and_erasure.Privacy", "intake.JobStream", "contacts.ContactDependencies", "contacts.ContactService",
        "invoices.InvoiceRenderer", "invoices.pdf_store", "limits.Bucket", "mailjet.gateway.Gateway",
        "queue.redis_connection.connect", "limits.redis_clock.RedisClock", "suppressions_by_hand.Suppressions",
        "statistics_report.MailReports", "reminders.ReminderScan", "balances.BalanceScan",
    ):  # fmt: skip
        monkeypatch.setattr(f"mailworker.{place}", given)
    one = Container(settings)
    url, options = one.redis
    assert (url, options["decode_responses"]) == ("redis://r:1/2", True)
    assert one.clock[0]() is one.redis
    assert one.bucket == (one.redis, 77)
    assert one.breaker == (one.redis, 77, 55)
    assert one.journal == (one.redis, timedelta(days=3))
    (access,) = one.gateway
    assert (access.connect_timeout, access.read_timeout) == (3.0, 9.0)
    assert (access.ca_bundle, access.proxy.reveal()) == (Path("/etc/ca.pem"), "http://proxy.example:3128")
    assert (access.api_key.reveal(), access.api_secret.reveal(), access.api_url) == (
        "k",
        "s",
        settings.mailjet.api_url,
    )
    one.__dict__.update(ledger=ledger, crm="crm", drafts="drafts", intake="intake")
    assert one.store == (settings.invoice,)
    assert one.reconciler == (settings, ledger, (one.gateway, one.bucket), {"clock": one.clock})
    assert (
        one.reminder_scan()
        == one.balance_scan()
        == one.balance_rehearsal()
        == (settings, "crm", ledger, "drafts")
    )
    assert one.stream(Lane.BULK) == (
        one.redis,
        Lane.BULK,
        "intake",
        {"keeping": one.keeping.of_lane(Lane.BULK)},
    )
    streams = [stream for _, stream, _ in one.kept()]
    assert streams == [*(f"mailworker:jobs:{lane.word}" for lane in Lane), "mailworker:events"]
    assert one.privacy == (ledger, one.store, [*one.kept(), (one.redis,)])
    deps, crm = one.contacts
    assert deps[:5] == (ledger, one.bucket, one.gateway, settings.contacts, one.clock)
    assert (deps[5]["lease"], crm()) == (timedelta(minutes=20), "crm")
    for part in (one.suppressions, one.reports):
        assert part[0] is ledger
        assert part[1]._gateway() is one.gateway
        assert part[-1] is one.clock


# --- the charging engine ----------------------------------------------------------------------------------

ENGINE = "balances: {cgrates: {url: 'http://127.0.0.1:1/jsonrpc', tenant: op}}\n"


def test_the_engine_is_built_from_what_is_configured(make):
    container = make(extra=f"crm: {{source: demo}}\n{ENGINE}")
    parts = container.charging
    assert isinstance(parts.setup, EngineSetup)
    assert parts.setup is parts.setup
    assert parts.engine.now() == MONDAY
    assert isinstance(container.ocs_stream, OcsStream)


def test_without_an_address_the_engine_is_refused_with_what_to_set(make):
    with pytest.raises(Misconfigured, match=r"balances\.cgrates\.url is empty"):
        EngineParts(make().settings, lambda: None, lambda: MONDAY).client  # noqa: B018


class Looking:
    """A CRM with an engine and a scan over it, that remember what they are asked."""

    def __init__(self):
        self.asked = []

    def look_at(self, names):
        self.asked.append(set(names))
        return SimpleNamespace(balances=(), faults=())

    def inspect(self, balances, *, as_of, now):
        assert as_of == now == MONDAY
        return SimpleNamespace(notifications=(), faults=())


def test_posts_go_off_the_stream_together_and_are_added_up(ledger):
    redis, looking = simulated_redis(), Looking()
    stream = OcsStream(redis, ledger, looking, looking, "op")
    for number in range(501):
        post = f'{{"Tenant": "{"op" if number else "other"}", "Event": {{"AccountID": "a{number}"}}}}'
        redis.xadd(OCS.stream, seal_post(post.encode(), MONDAY))
    assert stream.drain_some(MONDAY) == Taken(posts=500, ignored=1)
    assert stream.drain_some(MONDAY) == Taken(posts=1)
    assert stream.drain_some(MONDAY) is None
    assert [len(names) for names in looking.asked] == [499, 1]


def test_a_post_that_ends_each_of_its_readers_is_an_alarm(ledger):
    redis, looking = simulated_redis(), Looking()
    stream = OcsStream(redis, ledger, looking, looking, "op")
    redis.xadd(OCS.stream, seal_post(b"{}", MONDAY))
    stream.drain_some(MONDAY)
    entry = redis.xadd(OCS.stream, seal_post(b"{}", MONDAY))
    redis.xreadgroup(GROUP, "drain", {OCS.stream: ">"})
    redis.xclaim(OCS.stream, GROUP, "drain", 0, [entry], retrycount=9, idle=3_600_000)
    taken = stream.drain_some(MONDAY)
    assert (taken.rejected, len(taken.alarms)) == (1, 1)
    assert entry in taken.alarms[0]
