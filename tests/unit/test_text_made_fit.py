"""A caller's text that no mail can carry is made fit where that loses nothing, and its message says so once."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import select

from mailworker.config.builtin_kinds import INVOICE, KINDS, PASSWORD_RESET, USER_WELCOME
from mailworker.config.invoice import InvoiceSettings
from mailworker.core.json_check import json_faults
from mailworker.errors import BadInput
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.ledger.tables import timeline
from mailworker.queue import envelope
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.fit_text import fit_document, made_fit
from tests.rows import NOW
from tests.scan_world import World, open_ledger

UNCARRIABLE = st.text(alphabet="\x00\x07\x0b\x1f\x7f\ud83d\udd8aé\n\t ", max_size=12)


def reset(**changes):
    variables = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}
    return {"kind": PASSWORD_RESET, "to": "zoe@courriel.example", "variables": variables} | changes


def checked(raw):
    return check_job(raw, KINDS, now=NOW)


@given(UNCARRIABLE, UNCARRIABLE)
def test_any_name_and_any_printed_text_gets_a_mail(name, text):
    job, *_ = checked(
        reset(
            to={"email": "zoe@courriel.example", "name": f"Z{name}"},
            variables={"user_name": f"Z{text}", "reset_url": "https://x.example", "expiry_time": "1 h"},
        )
    )
    assert job.variables["user_name"].startswith("Z")
    assert json_faults([job.variables, job.to.name], "job") == []
    assert not set(job.to.name) & set("\n\t\x0b")


@given(UNCARRIABLE, UNCARRIABLE)
def test_what_the_client_seals_is_what_the_worker_checks(name, text):
    assume(
        json.loads(json.dumps([name, text])) == [name, text]
    )  # two halves in a row travel as one character
    raw = reset(to={"email": "zoe@courriel.example", "name": f"Z{name}"}) | {"customer_id": None}
    raw["variables"] = raw["variables"] | {"user_name": f"Z{text}"}
    travelled = envelope.open_envelope(envelope.seal(envelope.plain(raw), NOW)).job
    assert [job.fitted for job in checked(travelled)] == [job.fitted for job in checked(raw)]


def test_the_fields_that_changed_are_named():
    job, *_ = checked(
        reset(
            to={"email": "zoe@courriel.example", "name": "Zoé\n\x0bRoussel"},
            variables={"user_name": "Zo\0é", "reset_url": "https://x.example", "expiry_time": "1 h"},
        )
    )
    assert (job.fitted, job.to.name, job.variables["user_name"]) == (
        ("to.name", "variables.user_name"),
        "Zoé Roussel",
        "Zoé",
    )


def test_an_invoice_keeps_its_words_and_loses_what_no_mail_carries():
    invoice = {
        "invoice_number": "F-1",
        "client": {"name": "Zo\x0bé\nRoussel", "email": "zoe@courriel.example"},
        "transactions": [{"title": "Appels\0", "quantity": 1}, {"title": "L\x92option \x9b2J"}],
    }
    job, *_ = checked({"kind": INVOICE, "invoice": invoice})
    assert job.invoice["client"]["name"] == "Zoé\nRoussel"
    assert job.invoice["transactions"] == [{"title": "Appels", "quantity": 1}, {"title": "L’option ›2J"}]
    assert job.fitted == ("invoice.client.name", "invoice.transactions.title")


@pytest.mark.parametrize(
    "raw",
    [
        reset(idempotency_key="a\0b"),
        reset(to="zoe\0@courriel.example"),
        reset(
            variables={"user_name": "Z", "reset_url": "https://x.example/\x0b", "expiry_time": "1 h"},
        ),
        {"kind": INVOICE, "invoice": {"invoice_number": "F\x0b1", "client": {"email": "z@c.example"}}},
        {
            "kind": USER_WELCOME,
            "to": "zoe@courriel.example",
            "variables": {
                "user_name": "Z",
                "login_url": "https://x.example",
                "username": "z",
                "temp_password": "a\0b",
                "role": "admin",
                "support_email": "a@b.example",
            },
        },
    ],
    ids=["key", "address", "link", "number", "secret"],
)
def test_what_names_something_else_is_refused_and_never_changed(raw):
    with pytest.raises(BadInput):
        checked(raw)


def test_nothing_is_copied_where_nothing_changes():
    invoice = {"invoice_number": "F-1", "client": {"name": "Zoé"}, "transactions": [{"title": "Appels"}] * 3}
    fit, changed = made_fit({"kind": INVOICE, "invoice": invoice}, KINDS[INVOICE])
    assert fit["invoice"] is invoice
    assert changed == ()


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
@pytest.mark.parametrize("depth", [1, 16, 31, 32, 33, 34])
def test_text_is_made_fit_as_deep_as_a_job_may_nest(depth, wrap):
    value = "a\x07"
    for _ in range(depth - 1):
        value = wrap(value)
    fit, changed = fit_document({"x": value})
    assert ("\\x07" not in repr(fit), bool(changed)) == (depth <= 33, depth <= 32)


def test_words_that_are_too_long_are_cut_and_the_invoice_is_written():
    invoice = json.loads(Path("examples/invoices/facture.json").read_text(encoding="utf-8"))
    long = "très long " * 2_000
    invoice["client"] |= {"name": long, "city": long}
    invoice["transactions"][0]["description"] = long
    invoice |= {"notes": [long, "court"], "payment_terms": long}
    with pytest.raises(BadInput):
        read_invoice(invoice, InvoiceSettings())
    job, *_ = checked({"kind": INVOICE, "invoice": invoice})
    read = read_invoice(job.invoice, InvoiceSettings())
    assert (len(read.client.name), read.client.name[-1], read.notes[1]) == (300, "…", "court")
    assert job.fitted == (
        "invoice.client.name", "invoice.client.city", "invoice.transactions.description", "invoice.notes",
        "invoice.payment_terms",
    )  # fmt: skip


def test_a_text_that_is_longer_than_any_mail_is_cut():
    variables = {"user_name": "Z" * 20_000, "reset_url": "https://x.example", "expiry_time": "1 h"}
    job, *_ = checked(reset(variables=variables))
    assert (len(job.variables["user_name"]), job.fitted) == (10_000, ("variables.user_name",))


def test_a_name_turns_no_words_around_it():
    job, *_ = checked(reset(to={"email": "zoe@courriel.example", "name": "\u202eZoé \u2067مرحبا\u2069"}))
    assert job.to.name == "Zoé مرحبا"


def test_the_timeline_says_it_once():
    ledger = open_ledger()
    world = World(ledger)
    raw = reset(to={"email": "zoe@courriel.example", "name": "Zoé\tRoussel"}, idempotency_key="reset:1")
    ids = {world.enqueue(**raw) for _ in range(2)}
    with ledger.read() as connection:
        notes = connection.execute(select(timeline.c.why).where(timeline.c.what == "note")).scalars().all()
    assert (len(ids), len(notes)) == (1, 1)
    assert "to.name" in notes[0]
    ledger.close()
