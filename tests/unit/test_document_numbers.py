"""A number counts within its sort and its year; what was refused can be asked for."""

import json

import fakeredis
import pytest
from sqlalchemy import select

from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.core.lane import Lane
from mailworker.errors import IdempotencyConflict
from mailworker.intake import Intake
from mailworker.intake.message_status import status_of
from mailworker.ledger import Ledger
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.tables import timeline
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.status_reply import MessageStatus, read_status, write_status
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.document_number import document_sequence
from mailworker.rules.job.expected_message_ids import named_ids
from tests.doubles import FakeFiles
from tests.rows import NOW

DOCUMENT = {
    "invoice_number": "4217",
    "date": "2026-11-30",
    "client": {"name": "Zoé", "email": "zoe@c.example"},
}


@pytest.fixture
def intake(ledger_file):
    ledger = Ledger.open(f"sqlite:///{ledger_file}")
    yield Intake(ledger, KINDS, FakeFiles(), language="fr")
    ledger.close()


def job(**changes):
    return {"kind": INVOICE, "variables": {}, "invoice": DOCUMENT | changes}


def id_of(raw):
    (one,) = check_job(raw, KINDS, now=NOW)
    return one.id


@pytest.mark.parametrize(
    ("document", "sequence"),
    [
        ({"invoice_number": "FA-2026-7", "date": "2026-11-30"}, ""),
        ({"invoice_number": "7", "date": "2026-11-30"}, "2026"),
        ({"invoice_number": "7", "date": "2027-01-02T10:00:00"}, "2027"),
        ({"invoice_number": "FA-2026-7", "date": "2026-11-30", "type": "credit_note"}, "credit_note"),
        ({"invoice_number": "FA-2026-7", "type": 381}, "credit_note"),
        ({"invoice_number": "FA-2026-7", "credit_note": True}, "credit_note"),
        ({"invoice_number": "7", "invoice_date": "30 novembre 2026", "document_type": "credit_note"}, "credit_note:2026"),
        ({"invoice_number": "7", "type": "380"}, ""),
    ],
)  # fmt: skip
def test_what_tells_documents_of_one_number_apart(document, sequence):
    assert document_sequence(document) == sequence


def test_a_credit_note_and_next_years_number_are_mails_of_their_own():
    ids = [id_of(job()), id_of(job(type="credit_note")), id_of(job(date="2027-01-04"))]
    assert len(set(ids)) == 3
    assert id_of(job()) == ids[0]
    assert [
        named_ids(one, KINDS)[0] for one in (job(), job(type="credit_note"), job(date="2027-01-04"))
    ] == ids


def test_the_key_of_a_number_that_has_its_year_is_what_it_always_was():
    (one,) = check_job(job(invoice_number="FA-2026-4217"), KINDS, now=NOW)
    assert one.key == f"{INVOICE}:FA-2026-4217:zoe@c.example"


def test_a_corrected_document_is_refused_and_says_so_or_replaces(intake):
    first = intake.accept(job(), now=NOW).ids[0]
    with pytest.raises(IdempotencyConflict):
        intake.accept(job(total_amount="5"), now=NOW)
    second = intake.accept(job(total_amount="5") | {"replaces": first}, now=NOW).ids[0]
    assert second != first
    assert notes(intake, first) == [
        "a job with the same key and other content was refused: a corrected document needs `replaces` or a key of its own",
        f"a corrected one was sent: {second}",
    ]  # fmt: skip
    assert notes(intake, second) == [f"sent in the place of {first}"]


def notes(intake, id_):
    with intake._ledger.read() as connection:
        query = select(timeline.c.why).where(timeline.c.message_id == id_, timeline.c.what == "note")
        return list(connection.execute(query.order_by(timeline.c.id)).scalars())


def test_what_became_of_an_id(intake):
    redis = fakeredis.FakeRedis(decode_responses=True)
    ask = lambda id_: status_of(intake._ledger, redis, KINDS, id_)  # noqa: E731
    here = intake.accept(job(), now=NOW).ids[0]
    assert (ask(here).state, ask(here).refusal) == ("accepted", "")
    refused = {"kind": INVOICE, "idempotency_key": "k-1", "variables": {}}
    with intake._ledger.write() as connection:
        row = {"at": NOW, "source": "stream", "entry_id": "1-1", "kind": INVOICE, "faults": ["to: is missing."], "payload": None}  # fmt: skip
        reject(connection, [row | {"message_id": named_ids(refused, KINDS)[0]}])
    told = ask(named_ids(refused, KINDS)[0])
    assert (told.state, told.reason) == ("refused", "to: is missing.")
    waiting = {"kind": INVOICE, "idempotency_key": "k-2"}
    redis.xadd(MAIL[Lane.NORMAL].stream, envelope.seal(waiting, NOW))
    assert ask(named_ids(waiting, KINDS)[0]).state == "enqueued"
    assert ask("00000000-0000-0000-0000-000000000000").state == "not_found"


def test_a_status_travels_and_a_newer_workers_fields_do_no_harm():
    status = MessageStatus("m-1", "sent", "accepted by Mailjet", "opened", "2026-11-30T09:00:00+00:00")
    assert read_status(write_status(status)) == status
    assert read_status(json.dumps({"id": "m", "state": "sent", "colour": "blue"})).state == "sent"
