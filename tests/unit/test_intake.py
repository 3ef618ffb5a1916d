"""From the stream into the ledger: nothing lost, nothing twice, and no job that blocks the others."""

import hashlib
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import select

from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.core.lane import Lane
from mailworker.errors import BadInput, IdempotencyConflict, TransientError
from mailworker.intake import Intake, JobStream
from mailworker.intake import accept as accept_module
from mailworker.intake.rejections import _readable
from mailworker.ledger import Ledger
from mailworker.ledger.find_by_invoice_number import numbers_of
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from tests.doubles import FakeFiles
from tests.rows import NOW, after
from tests.scan_world import wipe

RESET = "api_crmCommunicationUserPasswordReset"
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "10:00"}


def job(**changes):
    return {"kind": RESET, "to": "zoe@client.example", "variables": VARIABLES} | changes


@pytest.fixture
def ledger(ledger_file):
    opened = Ledger.open(f"sqlite:///{ledger_file}")
    yield opened
    opened.close()


@pytest.fixture
def files():
    return FakeFiles()


@pytest.fixture
def intake(ledger, files):
    return Intake(ledger, KINDS, files, language="fr")


@pytest.fixture
def stream(redis, intake):
    return JobStream(redis, Lane.URGENT, intake)


def add(redis, *raws):
    for number, raw in enumerate(raws):
        keyed = raw if isinstance(raw, dict) and ("idempotency_key" in raw or "id" in raw) else None
        redis.xadd(MAIL[Lane.URGENT].stream, envelope.seal(keyed or {**raw, "idempotency_key": f"m{number}"}, NOW))  # fmt: skip


def rows(ledger, table=messages):
    with ledger.read() as connection:
        return [dict(one) for one in connection.execute(select(table)).mappings()]


# --- one job ----------------------------------------------------------------------------------------------


def test_a_row_says_all_of_a_job(intake, ledger, files):
    accepted = intake.accept(
        job(to={"email": "zoe@client.example", "name": "Zoé"}, cc="c@client.example", idempotency_key="k", customer_id="7",
            attachments=[{"filename": "a.pdf", "content_type": "application/pdf", "content": b"%PDF"}]),
        now=NOW,
    )  # fmt: skip
    (one,) = rows(ledger)
    assert accepted.ids == [one["id"]]
    assert (accepted.lane, accepted.to_prepare) == (Lane.URGENT, False)
    assert (one["to_email"], one["to_name"], one["customer_id"], one["recipients"]) == ("zoe@client.example", "Zoé", "7", 2)  # fmt: skip
    assert (one["state"], one["not_before"], one["expires_at"]) == ("ready", NOW, after(3600))
    (kept,) = one["attachments"]
    assert files.content[kept["key"]] == b"%PDF"
    assert kept["size"] == 4


def test_a_job_for_later_and_one_with_an_invoice(intake, ledger):
    intake.accept(job(send_at=after(60), idempotency_key="later"), now=NOW)
    prepared = intake.accept({"kind": INVOICE, "variables": {}, "invoice_id": "7"}, now=NOW)
    later, invoice = rows(ledger)
    assert later["not_before"] == after(60)
    assert (invoice["state"], invoice["to_email"], prepared.to_prepare) == ("accepted", None, True)


def test_the_same_key(intake, ledger):
    first = intake.accept(job(idempotency_key="k"), now=NOW)
    assert intake.accept(job(idempotency_key="k", send_at=after(9)), now=NOW).ids == first.ids
    with pytest.raises(
        IdempotencyConflict, match=f"was already used for message {first.ids[0]} with other content"
    ):
        intake.accept(job(idempotency_key="k", language="en"), now=NOW)
    with pytest.raises(BadInput):
        intake.accept(job(to="zoe"), now=NOW)
    assert len(rows(ledger)) == 1


def test_when_the_files_cannot_be_kept_nothing_is_accepted(ledger):
    class Full(FakeFiles):
        def put(self, key, pdf):
            raise TransientError("the disk is full")

    intake = Intake(ledger, KINDS, Full(), language="fr")
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": b"x"}
    with pytest.raises(TransientError):
        intake.accept(job(attachments=[file]), now=NOW)
    assert rows(ledger) == []


def a_file(content):
    return {"filename": "contract.pdf", "content_type": "application/pdf", "content": content}


def contents(files, one):
    return [files.content[file["key"]] for file in one["attachments"]]


def test_a_refused_job_changes_nothing(intake, ledger, files):
    intake.accept(job(idempotency_key="contract", attachments=[a_file(b"ALICE")]), now=NOW)
    before, kept = rows(ledger), dict(files.content)
    for to in ("bob@client.example", "zoe@client.example"):
        with pytest.raises(IdempotencyConflict):
            intake.accept(job(to=to, idempotency_key="contract", attachments=[a_file(b"BOB")]), now=NOW)
    assert (rows(ledger), files.content) == (before, kept)
    assert contents(files, before[0]) == [b"ALICE"]
    intake.accept(job(idempotency_key="contract", attachments=[a_file(b"ALICE")]), now=NOW)
    assert files.content == kept, "the same job again keeps no second file"


ANA, BOB, EVE = (f"{name}@client.example" for name in ("ana", "bob", "eve"))
calls = st.tuples(
    st.one_of(
        st.sampled_from([ANA, BOB]), st.lists(st.sampled_from([ANA, BOB, EVE]), min_size=1, unique=True)
    ),
    st.sampled_from(["fr", "en"]),
)


@given(asked=st.lists(calls, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_under_one_key_nobody_gets_two_mails_however_many_are_named(ledger, intake, asked):
    wipe(ledger)
    for to, language in asked:
        before = rows(ledger)
        try:
            ids = intake.accept(job(to=to, language=language, idempotency_key="k"), now=NOW).ids
        except IdempotencyConflict:
            assert rows(ledger) == before, "a refused job changes nothing"
        else:
            by_address = {row["to_email"]: row["id"] for row in rows(ledger)}
            assert ids == [by_address[one] for one in ([to] if isinstance(to, str) else to)]
    people = [row["to_email"] for row in rows(ledger)]
    assert len(people) == len(set(people))


@given(asked=st.lists(calls, min_size=2, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_nor_where_all_come_at_once(ledger, redis, stream, asked):
    wipe(ledger)
    add(redis, *(job(to=to, language=language, idempotency_key="k") for to, language in asked))
    done = stream.drain_some(NOW)
    people = [row["to_email"] for row in rows(ledger)]
    assert len(people) == len(set(people)) == done.new
    first = asked[0][0]
    assert set(people) >= ({first} if isinstance(first, str) else set(first)), "the first is taken whole"


def test_an_alert_for_one_and_for_several_is_told_apart_as_it_leaves(intake, ledger):
    """Reminders' and alerts' own rule asks before they leave who was told (docs/reminders.md)."""
    low = "api_crmCommunicationsBalanceLow"
    names = ("customer_name", "service_name", "current_balance", "threshold", "balance_type")
    values = dict.fromkeys(names, "x") | {"topup_url": "https://crm.example/t"}
    alert = {"kind": low, "variables": values, "idempotency_key": "balance-low:7:20261101T000000Z"}
    intake.accept(alert | {"to": ANA}, now=NOW)
    intake.accept(alert | {"to": [ANA, BOB]}, now=NOW)
    assert len(rows(ledger)) == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["k1", "k2"]),
            st.sampled_from(["a@c.example", "b@c.example"]),
            st.lists(st.sampled_from([b"one", b"two"]), max_size=2),
        ),
        max_size=8,
    )
)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_whoever_comes_first_under_a_key_is_what_leaves(jobs):
    ledger, files = Ledger.open("sqlite://"), FakeFiles()
    own, first = Intake(ledger, KINDS, files, language="fr"), {}
    for key, to, contents_ in jobs:
        first.setdefault(key, (to, contents_))
        asked = job(to=to, idempotency_key=key, attachments=[a_file(one) for one in contents_])
        try:
            own.accept(asked, now=NOW)
            assert first[key] == (to, contents_)
        except IdempotencyConflict:
            assert first[key] != (to, contents_)
    found = {one["idempotency_key"]: (one["to_email"], contents(files, one | {"attachments": one["attachments"] or []})) for one in rows(ledger)}  # fmt: skip
    ledger.close()
    assert found == first
    assert len(files.content) == sum(len(contents_) for _, contents_ in first.values())


def test_a_file_that_cannot_be_kept_leaves_none_of_its_job(ledger):
    class SmallDisk(FakeFiles):
        def put(self, key, pdf):
            super().put(key, pdf)
            if pdf == b"too much":
                raise TransientError("the disk is full")

    files = SmallDisk()
    intake = Intake(ledger, KINDS, files, language="fr")
    with pytest.raises(TransientError):
        intake.accept(job(attachments=[a_file(b"little"), a_file(b"too much")]), now=NOW)
    assert (rows(ledger), files.content) == ([], {})


def test_a_row_names_the_digest_of_its_file(intake, ledger):
    intake.accept(job(attachments=[a_file(b"ALICE")]), now=NOW)
    (file,) = rows(ledger)[0]["attachments"]
    assert (file["sha256"], file["size"]) == (hashlib.sha256(b"ALICE").hexdigest(), 5)
    assert file["sha256"] in file["key"]


def test_of_a_refused_job_no_value_is_kept(redis, stream, ledger):
    secret = {"user_name": "Zoé", "reset_url": "https://crm.example/r/SECRET", "<zoe@client.example>": "x"}
    add(redis, job(variables=secret, attachments=[], idempotency_key="k", to="zoe"))
    stream.drain_some(NOW)
    (one,) = rows(ledger, rejected_jobs)
    assert one["payload"]["variables"] == ["(a name that is none)", "reset_url", "user_name"]
    assert "SECRET" not in str(one)
    assert "client.example" not in str(one)


# --- the stream -------------------------------------------------------------------------------------------


def test_many_jobs_in_one_go(redis, stream, ledger):
    add(redis, *[job(idempotency_key=f"k{n}") for n in range(700)])
    gone = []
    while (done := stream.drain_some(NOW)) is not None:
        assert done.new == done.entries
        gone.append(done.entries)
    assert sum(gone) == 700
    assert min(gone) >= 100, "many in one transaction"
    assert len(rows(ledger)) == 700
    assert stream.waiting() == 0


def test_no_job_takes_the_id_of_another_message(redis, intake, stream, ledger, files):
    victim = intake.accept(job(idempotency_key="k", attachments=[a_file(b"ALICE")]), now=NOW).ids[0]
    before, kept = rows(ledger), dict(files.content)
    with pytest.raises(BadInput, match="id: is not a field of a job"):
        intake.accept(job(id=victim, attachments=[a_file(b"MALLORY")]), now=NOW)
    add(
        redis,
        *[{**job(to="m@client.example"), "id": id_} for id_ in (victim, victim.upper(), "../x", 7, None)],
    )
    assert stream.drain_some(NOW).rejected == 5
    assert (rows(ledger), files.content) == (before, kept)


def test_an_earlier_clients_id_is_the_messages(redis, stream, ledger):
    id_ = str(uuid.uuid4())
    add(redis, {**job(), "id": id_}, {**job(), "id": id_})
    done = stream.drain_some(NOW)
    assert (done.new, done.repeated, rows(ledger)[0]["id"]) == (1, 1, id_)


def test_an_empty_redis_is_an_empty_stream(stream):
    assert stream.drain_some(NOW) is None
    assert stream.waiting() == 0


def test_bad_jobs_are_kept_and_stop_nobody(redis, stream, ledger):
    add(redis, job(idempotency_key="a"))
    redis.xadd(MAIL[Lane.URGENT].stream, {"v": "x"})
    redis.xadd(MAIL[Lane.URGENT].stream, {"v": "1", "at": NOW.isoformat(), "job": "[["})
    add(
        redis,
        job(to="zoe", idempotency_key="b"),
        job(kind="\0no", idempotency_key="c"),
        job(idempotency_key="a", language="en"),
    )
    add(redis, job(idempotency_key="a"), job(idempotency_key="d"))
    done = stream.drain_some(NOW)
    assert (done.entries, done.new, done.repeated, done.rejected) == (8, 2, 1, 5)
    refusals = ["".join(one["faults"]) for one in rows(ledger, rejected_jobs)]
    assert sum("envelope:" in one for one in refusals) == 2
    assert any("to[0].email" in one for one in refusals)
    assert any("was already used for other content" in one for one in refusals)
    assert all(one["kind"] is None or one["kind"].isprintable() for one in rows(ledger, rejected_jobs))
    assert stream.waiting() == 0


def test_a_crash_after_the_commit_repeats_nothing(redis, stream, ledger, monkeypatch, clock):
    add(redis, job(), job(to="zoe", idempotency_key="bad"))

    def killed(_entries):
        raise SystemExit

    with monkeypatch.context() as crash:
        crash.setattr(stream._stream, "acknowledge", killed)
        with pytest.raises(SystemExit):
            stream.drain_some(NOW)
    assert stream.drain_some(NOW) is None, "the entries are still the dead worker's"
    clock.advance(31)
    done = stream.drain_some(NOW)
    assert (done.new, done.repeated, done.rejected) == (0, 1, 1)
    assert len(rows(ledger)) == len(rows(ledger, rejected_jobs)) == 1
    assert stream.waiting() == 0


def test_a_job_to_several_is_refused_once(redis, stream, ledger):
    people = [f"p{number}@example.com" for number in range(5)]
    add(redis, job(to=people, idempotency_key="many"))
    assert stream.drain_some(NOW).new == 5
    add(redis, job(to=people, idempotency_key="many", language="en"))
    done = stream.drain_some(NOW)
    assert (done.new, done.repeated, done.rejected) == (0, 0, 1)
    assert len(rows(ledger, rejected_jobs)) == 1


def test_a_crash_before_the_commit_loses_nothing(redis, stream, ledger, intake, monkeypatch, clock):
    add(redis, job())

    def away(*_args, **_rest):
        raise TransientError("The ledger does not answer.")

    with monkeypatch.context() as crash:
        crash.setattr(intake, "write", away)
        with pytest.raises(TransientError):
            stream.drain_some(NOW)
    clock.advance(31)
    assert stream.drain_some(NOW).new == 1


def test_a_lifetime_counts_from_the_enqueue(redis, stream, ledger):
    entry = envelope.seal(job(idempotency_key="m1"), NOW)
    redis.xadd(MAIL[Lane.URGENT].stream, entry, id=f"{int(NOW.timestamp() * 1000)}-0")
    stream.drain_some(after(3000))
    assert rows(ledger)[0]["expires_at"] == after(3600)


def test_without_redis(intake):
    class Gone:
        def __getattr__(self, name):
            def fail(*_args, **_rest):
                raise RedisGone

            return fail

    stream = JobStream(Gone(), Lane.URGENT, intake)
    for use in (lambda: stream.drain_some(NOW), stream.waiting):
        with pytest.raises(TransientError, match="ConnectionError"):
            use()


def test_a_job_that_the_ledger_chokes_on_harms_itself_alone(redis, stream, ledger, intake, monkeypatch):
    write = intake.write

    def choke(jobs, **rest):
        if any(job.customer_id == "poison" for job in jobs):
            raise UnicodeEncodeError("utf-8", "marie@client.example", 0, 1, "no")
        return write(jobs, **rest)

    monkeypatch.setattr(intake, "write", choke)
    add(redis, *[job(idempotency_key=f"k{n}", customer_id="poison" if n == 3 else "7") for n in range(6)])
    done = stream.drain_some(NOW)
    assert (done.entries, done.new, done.rejected) == (6, 5, 1)
    (refused,) = rows(ledger, rejected_jobs)
    assert "could not be taken: UnicodeEncodeError" in refused["faults"][0]
    assert "marie" not in refused["faults"][0]
    assert "customer_id" in refused["payload"]["fields"]
    assert "poison" not in str(refused["payload"])
    assert stream.waiting() == 0


def test_bytes_that_are_no_text(redis, stream, ledger):
    redis.xadd(
        MAIL[Lane.URGENT].stream,
        {b"v": b"1", b"at": NOW.isoformat().encode(), b"job": b'{"kind": "\xff\xfe"}'},
    )
    redis.xadd(MAIL[Lane.URGENT].stream, {b"\xff": b"\x00\xff"})
    add(redis, job())
    done = stream.drain_some(NOW)
    assert (done.new, done.rejected, stream.waiting()) == (1, 2, 0)


@pytest.mark.parametrize(
    ("row", "numbers"),
    [
        ({"variables": {"invoices": 3}}, set()),
        ({"variables": {"invoices": "F-1"}}, set()),
        ({"variables": [1, 2], "invoice": "x"}, set()),
        ({"variables": {"invoices": [{"number": " F-1 "}, 7, {"number": None}]}}, {"f-1"}),
        ({"variables": {"invoice_number": "F-2", "invoices": []}}, {"f-2"}),
        ({"invoice": {"invoice_number": 4711}}, {"4711"}),
        ({"invoice": {"invoice_number": {"a": 1}}}, set()),
    ],
)
def test_an_invoices_number_is_found_in_any_shape_of_a_job(row, numbers):
    assert numbers_of(row) == numbers


def test_many_recipients_share_a_file_in_memory_and_not_without_end(intake, ledger, files, monkeypatch):
    decoded = []
    monkeypatch.setattr(accept_module.base64, "b64decode", lambda text: decoded.append(1) or b"x")
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": "eA=="}
    people = [f"p{n}@client.example" for n in range(200)]
    assert len(intake.accept(job(to=people, attachments=[file]), now=NOW).ids) == 200
    assert (len(decoded), len(files.content)) == (1, 200)
    file["content"] = b"x" * 1_000_000
    with pytest.raises(BadInput, match="to, attachments: 200 recipients' files are"):
        intake.accept(job(to=people, attachments=[file]), now=NOW)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ("", ""),
        ("a\0b\ud83d\u202ec", "a?b??c"),
        (7, "7"),
        ("x" * 37, "x" * 36),
        ("\0" * 36 + "x", "?" * 36),
    ],
)
def test_the_id_of_a_refused_job_is_what_both_databases_take(given, kept):
    assert _readable(given, 36) == kept
