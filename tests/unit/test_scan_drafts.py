"""From what a scan decided to a row: which variables, which language, until when; and what staff is told of it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from mailworker.config.settings import parse_settings
from mailworker.errors import BadInput, Misconfigured, TransientError
from mailworker.intake.job_row import row_of
from mailworker.rules.job.check_variables import MAX_TEXT
from mailworker.scans import ask_crm_or_put_off, message_drafts
from mailworker.scans.message_drafts import Draft, MessageDrafts, fitting
from tests.scan_world import MONDAY

NOTICE = "api_crmCommunicationFinalNotice"
BLOCK = "from_email: a@b.example, from_name: A, template_id: 1, subject: S"
TEXT = f"""
mailjet:
  api_key: k
  api_secret: s
  {NOTICE}:
    {{{BLOCK}, variables: [plan, city, alias, {{name: note, required: false}}], languages: {{en: {{template_id: 2, subject: S}}, pt-br: {{template_id: 3, subject: S}}}}%s}}
worker: {{language: fr, fallback_languages: [en]}}
"""


@pytest.fixture
def told(monkeypatch):
    """What the log got; each test hears everything anew."""
    lines = []
    for name in ("_warn_fitted", "_warn_no_template"):
        getattr(message_drafts, name).cache_clear()
    monkeypatch.setattr(message_drafts, "_warn", lambda event, **fields: lines.append((event, fields)))
    yield lines
    for name in ("_warn_fitted", "_warn_no_template"):
        getattr(message_drafts, name).cache_clear()


def writer(more=""):
    return MessageDrafts(parse_settings(TEXT % more, environ={}), lambda job, at: row_of(job, (), at))


def draft(writing, **changes):
    plain = {
        "key": "notice:7",
        "kind": NOTICE,
        "about": "Invoice 7",
        "email": "zoe@courriel.example",
        "name": "Zoé",
        "language": "fr",
        "customer_id": "C",
        "not_before": MONDAY,
        "hours": writing.reminder_hours,
        "variables": {"plan": "Duo", "city": "Lyon", "alias": "Z", "other": "x"},
    }
    return Draft(**plain | changes)


def test_a_row_has_those_variables_that_its_kind_prints(told):
    writing = writer()
    row = writing.row(draft(writing, customer_id="C" * 70), now=MONDAY)
    assert row["variables"] == {"plan": "Duo", "city": "Lyon", "alias": "Z", "note": ""}
    assert (row["customer_id"], row["to_name"], row["not_before"]) == ("C" * 64, "Zoé", MONDAY)
    assert row["idempotency_key"] == "notice:7"
    assert told == []


@pytest.mark.parametrize(
    ("more", "zone", "expires"),
    [
        ("", "", None),
        (", lifetime: 2h", "", MONDAY + timedelta(hours=2)),
        (", lifetime: 20h", "", datetime(2026, 12, 1, 17, tzinfo=UTC)),  # 8 to 20 o'clock in Paris
        (", lifetime: 1h", "America/New_York", datetime(2026, 11, 30, 14, tzinfo=UTC)),
    ],
)
def test_a_row_expires_when_so_many_hours_have_passed_in_which_it_might_leave(more, zone, expires):
    writing = writer(more)
    assert writing.row(draft(writing, timezone=zone), now=MONDAY)["expires_at"] == expires


def test_all_that_is_wrong_is_told_together_and_of_what():
    writing = writer()
    with pytest.raises(BadInput) as fault:
        writing.row(draft(writing, email="nobody", variables={"plan": "Duo", "city": "Lyon"}), now=MONDAY)
    assert [one.split(": ")[:2] for one in fault.value.faults] == [
        ["Invoice 7", "customer.email"],
        ["Invoice 7", "variables.alias"],
    ]
    with pytest.raises(Misconfigured, match="api_other is not in the configuration"):
        writing.row(draft(writing, kind="api_other"), now=MONDAY)
    assert writing.kind(NOTICE).name == NOTICE


def test_text_that_was_made_fit_is_told_once_by_its_fields(told):
    writing = writer()
    values = {"plan": " Duo ", "city": "Ly\non", "alias": "a" * (MAX_TEXT + 1)}
    given = draft(writing, name="Zoé\u202e R", about="Invoice 8", variables=values)
    for _ in range(2):
        row = writing.row(given, now=MONDAY)
    assert (row["variables"]["city"], row["to_name"]) == ("Ly on", "Zoé R")
    assert told == [
        ("text of the CRM made fit for a mail", {"about": "Invoice 8", "fields": "city, alias, name"})
    ]
    writing.row(draft(writing, name="Zoé\nR", about="Invoice 9"), now=MONDAY)
    assert told[1:] == [("text of the CRM made fit for a mail", {"about": "Invoice 9", "fields": "name"})]


@pytest.mark.parametrize(
    ("reader", "used", "missing"),
    [
        ("en", "en", None),
        ("EN_gb", "en", None),
        ("pt-BR", "pt-br", None),
        ("", "en", None),  # nobody's language: the first fallback, and nobody is told
        ("de", "en", "de"),
        ("pt", "en", "pt"),
        ("!", "en", "unreadable"),
    ],
)
def test_who_has_no_template_in_their_language_gets_another_and_staff_is_told_once(
    told, reader, used, missing
):
    writing = writer()
    assert [writing.language(reader, NOTICE) for _ in range(2)] == [used, used]
    expected = {"kind": NOTICE, "language": missing, "used": used}
    assert told == ([("no template in the reader's language", expected)] if missing else [])


def test_a_kind_without_a_block_is_in_the_operators_language(told):
    assert writer().language("de", "api_other") == "fr"
    assert [fields["language"] for _, fields in told] == ["de"]


def test_a_value_that_is_no_text_is_left_as_it_is():
    faults = []
    values = {"plan": " Duo\n\tPlus", "city": "L", "alias": "Z", "note": None}
    assert fitting(writer().kind(NOTICE), values, faults)["plan"] == "Duo Plus"
    assert [fault.partition(":")[0] for fault in faults] == ["variables.note"]


def test_what_the_crm_did_not_answer_about_waits_longer_each_time(monkeypatch):
    monkeypatch.setattr(ask_crm_or_put_off, "random", SimpleNamespace(random=lambda: 1.0))
    rows = [{"id": f"m{attempts}", "attempts": attempts} for attempts in (1, 2, 3)]
    worker = parse_settings("mailjet: {api_key: a, api_secret: b}\n", environ={}).worker
    waits = ask_crm_or_put_off.put_off(rows, TransientError("away"), worker, MONDAY)
    first, second, third = (waits[row["id"]].until for row in rows)
    assert MONDAY < first < second < third
    assert {one.why for one in waits.values()} == {"not asked again: away"}
