"""Every stand-in of the tests keeps the promises of the real thing: one suite, run against both.

What stands in for what: FakeFiles for a folder or an object store, FakeBucket for the bucket of calls, FakeBreaker for
the circuit breaker, FakePost for Mailjet's gateway, FakeLookup for Mailjet's index of messages, FakeCrm for a CRM's
database, Clock for the clock, fakeredis for a Redis server.
"""

import inspect
import time
from contextlib import closing
from datetime import UTC, timedelta
from decimal import Decimal

import fakeredis
import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from mailworker.config.crm import CrmSettings
from mailworker.core.clock import utc_now
from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Mail
from mailworker.core.settlement import Receipt
from mailworker.crm import open_source
from mailworker.crm.crm_interface import CrmSource
from mailworker.crm.records import Balance, CrmInvoice
from mailworker.dispatch.interfaces import CallBreaker, Post
from mailworker.dispatch.outgoing_mail import FileReader
from mailworker.errors import MailworkerError, UnknownOutcome, Unreachable
from mailworker.intake.accept import FileWriter
from mailworker.invoices.file_store import FolderStore, UrlStore
from mailworker.limits import Bucket, CallLane, Permit
from mailworker.limits.breaker_state import Breaker
from mailworker.limits.token_and_breaker import Gate, Tokens
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.reconcile.lookup_at_mailjet import MessageLookup, TokenLookup
from mailworker.rules.circuit_breaker import Clearance
from mailworker.rules.crm_facts import InvoiceStatus
from tests.doubles import Clock, FakeBreaker, FakeBucket, FakeFiles, FakeLookup, FakePost, silence
from tests.redis_clock import simulated_redis
from tests.rows import NOW
from tests.scan_world import FakeCrm, balance, days_ago, invoice

# --- the same verbs, with the same words -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("double", "promises"),
    [
        (FakeFiles, FileReader),
        (FakeFiles, FileWriter),
        (FakeBucket, Tokens),
        (FakeBreaker, Gate),
        (FakeBreaker, CallBreaker),
        (FakePost, Post),
        (FakeLookup, MessageLookup),
        (Bucket, Tokens),
        (Breaker, Gate),
        (Breaker, CallBreaker),
        (Gateway, Post),
        (TokenLookup, MessageLookup),
        (FolderStore, FileReader),
        (FolderStore, FileWriter),
    ],
)
def test_every_verb_takes_what_the_real_one_takes(double, promises):
    for name, verb in vars(promises).items():
        if name.startswith("_") or not inspect.isfunction(verb):
            continue
        wanted = list(inspect.signature(verb).parameters.values())[1:]
        taken = inspect.signature(getattr(double, name)).parameters
        assert {one.name for one in wanted} <= set(taken), f"{double.__name__}.{name}"


def test_the_crm_in_memory_answers_only_questions_that_there_are():
    for name, verb in inspect.getmembers(FakeCrm, inspect.isfunction):
        real = getattr(CrmSource, name, None)
        if name.startswith("_") or name == "change":
            continue
        assert inspect.signature(verb).parameters.keys() == inspect.signature(real).parameters.keys()


# --- files --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["stand-in", "folder", "object store"])
def files(request, tmp_path):
    made = {
        "stand-in": FakeFiles,
        "folder": lambda: FolderStore(tmp_path / "files"),
        "object store": lambda: UrlStore(f"memory://{tmp_path.name}"),
    }
    return made[request.param]()


def test_files(files):
    assert files.get("a.pdf") is None
    files.delete("a.pdf")
    files.put("a.pdf", b"one")
    files.put("b.pdf", b"other")
    assert (files.get("a.pdf"), files.get("b.pdf")) == (b"one", b"other")
    files.put("a.pdf", b"two")
    assert files.get("a.pdf") == b"two"
    files.delete("a.pdf")
    assert (files.get("a.pdf"), files.get("b.pdf")) == (None, b"other")


# --- Redis, the bucket and the breaker ----------------------------------------------------------------------


@pytest.fixture(params=["fakeredis", "server"])
def redis(request):
    if request.param == "fakeredis":
        return simulated_redis()
    return request.getfixturevalue("valkey_redis")


@pytest.fixture(params=["stand-in", "fakeredis", "server"])
def bucket(request):
    if request.param == "stand-in":
        return FakeBucket()
    redis = simulated_redis() if request.param == "fakeredis" else request.getfixturevalue("valkey_redis")
    return Bucket(redis, 6000)


def close(bucket):
    """No token can be had from now on."""
    if isinstance(bucket, FakeBucket):
        bucket.closed = True
    else:
        bucket.pause(60.0)


def test_bucket(bucket):
    first = bucket.take(CallLane.URGENT, patience=5)
    second = bucket.take(CallLane.BULK, patience=5, worth_waiting=lambda: True)
    assert isinstance(first, Permit)
    assert first.call_id != second.call_id
    assert bucket.give_back(second) is None
    assert bucket.pause(7.0) >= 7.0
    assert bucket.pause() >= 5.0
    close(bucket)
    assert bucket.take(CallLane.URGENT, patience=0) is None
    assert bucket.take(CallLane.URGENT, patience=5, worth_waiting=lambda: False) is None


@pytest.fixture(params=["stand-in", "fakeredis", "server"])
def breaker(request):
    if request.param == "stand-in":
        return FakeBreaker()
    redis = simulated_redis() if request.param == "fakeredis" else request.getfixturevalue("valkey_redis")
    return Breaker(redis, 200, 400)


def test_breaker(breaker):
    assert breaker.wait() == 0.0
    cleared, alarm = breaker.enter("a")
    assert isinstance(cleared, Clearance)
    assert (cleared.wait, alarm) == (0.0, "")
    assert cleared.messages > 0
    assert breaker.carry("a", 1) is None
    assert breaker.answered("a") == ""
    breaker.enter("b")
    assert breaker.leave("b") is None
    breaker.enter("c")
    assert breaker.unanswered("c", "timed out") == ""
    assert isinstance(breaker.unanswered("d", "503", retry_after=1.0), str)


def test_redis_commands_that_our_code_stands_on(redis):
    """Streams, flags and counters as both Redis servers have them."""
    assert redis.set("flag", "1", nx=True, px=60_000) is True
    assert redis.set("flag", "2", nx=True, px=60_000) is None
    assert 0 < redis.pttl("flag") <= 60_000
    ids = [redis.xadd("jobs", {"n": str(n)}) for n in range(3)]
    redis.xgroup_create("jobs", "workers", id="0")
    ((_, entries),) = redis.xreadgroup("workers", "me", {"jobs": ">"}, count=2)
    assert [fields for _, fields in entries] == [{"n": "0"}, {"n": "1"}]
    assert redis.xpending("jobs", "workers")["pending"] == 2
    assert redis.xack("jobs", "workers", ids[0]) == 1
    _, claimed, *_ = redis.xautoclaim("jobs", "workers", "other", min_idle_time=0)
    assert [id_ for id_, _ in claimed] == [ids[1]]
    assert redis.xlen("jobs") == 3
    assert redis.eval("return {KEYS[1], ARGV[1], redis.call('XLEN', KEYS[1])}", 1, "jobs", "x") == [
        "jobs",
        "x",
        3,
    ]
    with redis.pipeline() as pipe:
        pipe.watch("count")
        pipe.multi()
        pipe.incr("count")
        assert pipe.execute() == [1]


def test_the_stand_in_of_redis_is_the_one_that_the_tests_use():
    with closing(simulated_redis()) as redis:
        assert isinstance(redis, fakeredis.FakeRedis)
        assert isinstance(redis, Redis)


# --- Mailjet ------------------------------------------------------------------------------------------------


def mail(number):
    return Mail(
        id=f"id-{number}",
        kind="api_crmCommunicationUserPasswordReset",
        from_=Address("noreply@example.com", "Support"),
        to=Address(f"c{number}@example.com", "Claire"),
        template_id=5977511,
        subject="Demande é",
        variables={"user_name": "Claire", "reset_url": "https://x.example/r", "expiry_time": "15 h"},
    )


@pytest.fixture
def gateway(mailjet_simulator):
    settings = mailjet_simulator.settings
    access = MailjetAccess(
        Secret(settings.api_key), settings.api_secret, mailjet_simulator.url + "/", read_timeout=1
    )
    with closing(Gateway(access)) as gateway:
        yield gateway


@pytest.fixture(params=["stand-in", "local Mailjet"])
def post(request):
    return FakePost() if request.param == "stand-in" else request.getfixturevalue("gateway")


def test_post(post):
    mails = [mail(1), mail(2), mail(3)]
    fates = post.send(mails, call_id="call-1")
    assert [type(fate) for fate in fates] == [Receipt] * 3
    assert len({fate.message_id for fate in fates}) == 3
    assert post.weigh(mails[0]) == Gateway.weigh(mails[0])


def test_one_mail_that_is_refused_has_a_fate_of_its_own(post, request):
    if isinstance(post, FakePost):
        post.answer = lambda one: Receipt(1, "u") if one.id != "id-2" else Unreachable("no")
    mails = [mail(1), mail(2), mail(3)]
    if not isinstance(post, FakePost):
        request.getfixturevalue("mailjet_simulator").misbehave("partial_failure", times=1)
        fates = post.send(mails, call_id="call-1")
    else:
        fates = post.send(mails, call_id="call-1")
    assert len(fates) == 3
    assert sum(isinstance(fate, MailworkerError) for fate in fates) == 1


def test_silence_is_raised_for_the_whole_call(post, request):
    if isinstance(post, FakePost):
        post.answer = silence
    else:
        request.getfixturevalue("mailjet_simulator").misbehave("accept_then_hang", seconds=3, times=1)
    with pytest.raises(UnknownOutcome):
        post.send([mail(1), mail(2)], call_id="call-1")


@pytest.fixture(params=["stand-in", "local Mailjet"])
def lookup(request):
    """An index that knows id-1, and not id-2."""
    if request.param == "stand-in":
        return FakeLookup("id-1")
    request.getfixturevalue("gateway").send([mail(1)], call_id="c")
    return TokenLookup(request.getfixturevalue("gateway"), FakeBucket())


def test_lookup(lookup):
    found = lookup.one("id-1")
    assert isinstance(found, Receipt)
    assert lookup.one("id-2") is None
    now = utc_now()
    between = lookup.between(now - timedelta(hours=1), now + timedelta(minutes=1))
    assert set(between) == {"id-1"}
    assert between["id-1"] == found


# --- the CRM ------------------------------------------------------------------------------------------------

RECORDS = [
    *(invoice(n, due=days_ago(n), customer_id=f"C{n % 2}") for n in (1, 2, 3, 4, 5)),
    invoice(9, due=days_ago(1), status=InvoiceStatus.PAID, owed=Decimal(0)),
    *(balance(n) for n in (11, 12, 13, 14)),
]
QUERIES = {
    "invoices": "SELECT * FROM invoices",
    "open_invoices": "SELECT * FROM invoices WHERE status != 'paid'",
    "balances": "SELECT * FROM balances",
    "exclusions": "SELECT 'C1' AS customer_id, 'friend' AS reason",
}


def database(path, records):
    """The same records as rows of a CRM's tables."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as link:
        for table, noun in (("invoices", CrmInvoice), ("balances", Balance)):
            rows = [_row(one) for one in records if isinstance(one, noun)]
            link.execute(text(f"CREATE TABLE {table} ({', '.join(rows[0])})"))
            marks = ", ".join(f":{name}" for name in rows[0])
            link.execute(text(f"INSERT INTO {table} VALUES ({marks})"), rows)
    engine.dispose()
    return f"sqlite:///{path}"


def _row(record):
    named = {name: getattr(record, name) for name in _COLUMNS[type(record)]}
    return {name: None if value is None else str(value) for name, value in named.items()}


_COLUMNS = {
    CrmInvoice: (
        "invoice_id", "customer_id", "status", "due_date", "currency", "owed", "total", "email", "customer_name",
        "number", "language", "pay_url",
    ),
    Balance: (
        "balance_id", "customer_id", "balance_type", "amount", "allowance", "unit", "period_start", "expires_at",
        "email", "customer_name", "service_name", "language", "topup_url", "renewal_url",
    ),
}  # fmt: skip


@pytest.fixture(params=["stand-in", "database"])
def crm(request, tmp_path):
    if request.param == "stand-in":
        made = FakeCrm(*RECORDS)
        made.excluded = {"C1": "friend"}
        yield made
        return
    url = database(tmp_path / "crm.sqlite", RECORDS)
    source = open_source(CrmSettings(source="sql", sql={"url": url, "queries": QUERIES}, page_size=3))
    yield source
    source.close()


def ids(pages):
    return [[getattr(one, "invoice_id", None) or one.balance_id for one in page.records] for page in pages]


def test_pages_of_open_invoices(crm):
    pages = list(crm.open_invoices())
    assert ids(pages) == [["1", "2", "3"], ["4", "5"]]
    assert [page.faults for page in pages] == [(), ()]
    assert all(len(page.ends) == len(page.records) and page.end == page.ends[-1] for page in pages)
    assert ids(crm.open_invoices(after=pages[0].ends[1])) == [["3", "4", "5"]]
    assert ids(crm.open_invoices(after=pages[-1].end)) == []
    by_customer = [one.customer_id for page in crm.open_invoices(by_customer=True) for one in page.records]
    assert by_customer == ["C0", "C0", "C1", "C1", "C1"]


def test_single_records_and_several(crm):
    wanted = {one.invoice_id: one for one in RECORDS if isinstance(one, CrmInvoice)}
    for id_ in ("1", "9"):
        found = crm.invoice(id_)
        assert (found.owed, found.status, found.due_date) == (
            wanted[id_].owed,
            wanted[id_].status,
            wanted[id_].due_date,
        )
        assert (found.email, found.customer_name, found.number) == (
            wanted[id_].email,
            wanted[id_].customer_name,
            wanted[id_].number,
        )
    assert crm.invoice("nobody") is None
    assert set(crm.invoices(["1", "9", "nobody"])) == {"1", "9"}
    assert crm.invoices([]) == {}


def test_balances(crm):
    assert ids(crm.balances()) == [["11", "12", "13"], ["14"]]
    found = crm.balances_of(["11", "nobody"])
    assert set(found) == {"11"}
    assert (found["11"].amount, found["11"].allowance, found["11"].unit) == (Decimal(1), Decimal(10), "Go")


def test_whom_reminders_leave_alone(crm):
    assert set(crm.exclusions()) == {"C1"}
    assert set(crm.exclusions_of(["C0", "C1"])) == {"C1"}
    assert all(crm.offers(question) for question in ("open_invoices", "invoices", "balances", "exclusions"))


def test_a_crm_that_is_away_is_for_later(tmp_path):
    away = FakeCrm(*RECORDS)
    away.broken = Unreachable("The CRM does not answer.")
    url = database(tmp_path / "crm.sqlite", RECORDS)
    gone = open_source(CrmSettings(source="sql", sql={"url": url, "queries": QUERIES}))
    (tmp_path / "crm.sqlite").unlink()
    for crm in (away, gone):
        with pytest.raises(MailworkerError):
            crm.invoice("1")
    gone.close()


# --- the clock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", [Clock(), utc_now], ids=["stand-in", "clock"])
def test_clock(clock):
    first, second = clock(), clock()
    assert first.tzinfo is UTC
    assert first <= second


def test_a_set_clock_stands_still_and_moves_only_when_told():
    clock = Clock()
    started = time.monotonic()
    assert clock() == clock() == NOW
    clock.advance(90)
    assert clock() == NOW + timedelta(seconds=90)
    assert time.monotonic() >= started
