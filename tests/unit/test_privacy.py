"""What the ledger holds about a person, shown and erased."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from mailworker.config.builtin_kinds import KINDS
from mailworker.deliveries import Deliveries
from mailworker.export_and_erasure import Privacy
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.tables import metadata
from mailworker.mailjet.parse_webhook import parse_events
from tests.unit.test_deliveries import HARD, NOW, event, message, put, row, story

LATER = NOW + timedelta(days=1)


class Shelf(dict):
    def delete(self, key):
        self.pop(key, None)


@pytest.fixture
def ledger(tmp_path):
    found = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield found
    found.close()


def everything(ledger):
    """All that stands anywhere in the ledger, as text."""
    with ledger.read() as connection:
        return "\n".join(
            str(one).lower() for table in metadata.sorted_tables for one in connection.execute(select(table))
        )


@pytest.fixture
def full(ledger):
    """A ledger in which Claire's address stands wherever it can."""
    personal = {
        "to_name": "Claire Dupont",
        "variables": {"customer_name": "Claire Dupont"},
        "idempotency_key": "welcome:claire@example.com",
        "attachments": [{"key": "m-1.pdf", "filename": "f", "content_type": "application/pdf", "size": 3}],
    }
    boss = [{"email": "Claire@Example.com", "name": "Claire"}, {"email": "x@example.com", "name": "X"}]
    put(
        ledger,
        row(**personal),
        row("m-2", to_email="paul@example.com", cc=boss, variables={"customer_name": "Paul"}),
        row("m-3", state="ready"),
        row("m-4", state="failed"),
        row("m-5", to_email="paul@example.com"),
    )
    told = [event(), event("open", "m-2"), event("bounce", "", MessageID=3, **HARD)]
    Deliveries(ledger, KINDS).record(parse_events(told), now=NOW)
    with ledger.write() as connection:
        refused = {"to": "Claire@example.com", "kind": "nonsense"}
        base = {"at": NOW, "source": "stream", "entry_id": "1", "faults": ["kind: is not known."]}
        reject(connection, [base | {"kind": None, "message_id": None, "payload": refused}])
    return ledger


def test_an_export_shows_everything(full):
    shown = Privacy(full, Shelf()).export("CLAIRE@example.com")
    assert [one["id"] for one in shown["messages"]] == ["m-1", "m-2", "m-3", "m-4"]
    assert shown["messages"][0]["variables"] == {"customer_name": "Claire Dupont"}
    assert [one["what"] for one in shown["messages"][0]["timeline"]] == ["delivered"]
    assert shown["suppressions"][0]["reason"] == "hard_bounce"
    assert shown["rejected_jobs"][0]["payload"]["kind"] == "nonsense"
    assert len(shown["unmatched_events"]) == 1
    assert "Claire Dupont" in json.dumps(shown)


def test_after_an_erasure_nothing_names_the_person(full):
    templates = Shelf({"m-1.pdf": b"pdf", "m-2.pdf": b"pdf"})
    done = Privacy(full, templates).erase("claire@example.com", now=LATER)
    assert (done.messages, done.cancelled, done.files, done.on_their_way) == (4, 2, 1, 0)
    assert list(templates) == ["m-2.pdf"]
    left = everything(full)
    assert "claire" not in left
    assert "paul@example.com" in left
    assert "x@example.com" in left
    assert message(full, "m-2")["variables"] == {"customer_name": "Paul"}
    assert (message(full)["state"], message(full)["delivery"]) == ("sent", "delivered")
    assert message(full, "m-3")["state"] == "cancelled"
    assert ("erased", "personal data, on request") in story(full)


def test_an_erased_address_stays_suppressed(full):
    Privacy(full, Shelf()).erase("claire@example.com", now=LATER)
    with full.read() as connection:
        assert suppressed(connection, ["claire@example.com", "paul@example.com"]) == {
            "claire@example.com": "hard_bounce"
        }


def test_erasing_twice_is_erasing_once(full):
    Privacy(full, Shelf()).erase("claire@example.com", now=LATER)
    before = everything(full)
    assert Privacy(full, Shelf()).erase("claire@example.com", now=LATER).messages == 0
    assert everything(full) == before


@pytest.mark.parametrize("state", ["sending", "unknown", "rendering"])
def test_mail_on_its_way_is_told_and_left_alone(ledger, state):
    put(ledger, row(state=state))
    assert Privacy(ledger, Shelf()).erase("claire@example.com", now=LATER).on_their_way == 1
    assert message(ledger)["to_email"] == "Claire@example.com"


def test_the_same_job_again_after_the_erasure_sends_nothing(full):
    Privacy(full, Shelf()).erase("claire@example.com", now=LATER)
    again = row(idempotency_key="welcome:claire@example.com", batch_limit=50)
    with full.write() as connection:
        answers = accept(connection, [again], LATER)
    assert [(one.message_id, one.verdict) for one in answers] == [("m-1", AcceptVerdict.CONFLICT)]
    assert message(full)["state"] == "sent"


ELSEWHERE = [
    (
        {"to_email": "accounting@example.org", "invoice": {"client": {"email": "MARIE@xn--exmple-cua.fr"}}},
        True,
    ),
    ({"to_email": "boss@example.org", "variables": {"text": "Call marie@exämple.fr!"}}, True),
    ({"to_email": "Marie@Exämple.fr"}, True),
    ({"to_email": "boss@example.org", "bcc": [{"email": "marie@xn--exmple-cua.fr", "name": "M"}]}, False),
    ({"to_email": "boss@example.org", "idempotency_key": "staff:marie@exämple.fr:1"}, False),
]


@pytest.mark.parametrize(("fields", "whole"), ELSEWHERE)
def test_a_person_is_found_wherever_they_are_named(ledger, fields, whole):
    files = [{"key": "m-1.pdf", "filename": "f", "content_type": "application/pdf", "size": 3}]
    put(ledger, row(attachments=files, state="ready", **fields), row("m-2", to_email="x@exämple.fr"))
    templates = Shelf({"m-1.pdf": b"Marie"})
    privacy = Privacy(ledger, templates)
    assert [one["id"] for one in privacy.export("marie@EXÄMPLE.fr")["messages"]] == ["m-1"]
    done = privacy.erase("marie@exa\u0308mple.fr", now=LATER)
    assert (done.messages, done.files, done.cancelled) == (1, int(whole), int(whole))
    assert list(templates) == ([] if whole else ["m-1.pdf"])
    assert "marie" not in everything(ledger)
    assert message(ledger)["state"] == ("cancelled" if whole else "ready")
    assert privacy.export("marie@exämple.fr")["messages"] == []


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({"v": "1", "job": '{"to": "René@client.example"}'}, True),
        ({"v": "1", "job": json.dumps({"to": ["rené@client.example"]})}, True),
        ({"v": "1", "job": '{"to": "ren\\u00e9\\u0040client.example"}'}, True),
        ({"v": "1", "job": '{"to": {"email": "rene\\u0301@client.example"}}'}, True),
        ({"v": "1", "job": '{"a": 1} René <rené@client.example>'}, True),
        ({"v": "1", "job": '{"variables": {"note": "write to rené@client.example"}}'}, True),
        ({"trace": "x", "mail": "rené@client.example"}, True),
        ({"v": "1", "job": '{"to": "irené@client.example"}'}, False),
        ({"v": "1", "job": '{"to": "rene@client.example"}'}, False),
        ({"v": "1", "job": "[" * 100_000}, False),
        ({}, False),
    ],
)
def test_a_kept_entry_that_names_the_address_goes_however_its_json_is_written(ledger, fields, gone):
    """A ledger that is filled again from it would bring the address back."""
    asked = []

    class Kept:
        def forget(self, is_meant):
            asked.append(is_meant(fields))
            return 0

    Privacy(ledger, Shelf(), [Kept(), Kept()]).erase("René@client.example", now=NOW)
    assert asked == [gone, gone]
