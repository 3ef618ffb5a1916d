"""Mail that waits while the configuration changes, and names that no header could carry."""

import pytest

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import parse_settings
from mailworker.core.message import Address
from mailworker.core.safe_text import one_line
from mailworker.dispatch.outgoing_mail import incomplete, mail_of
from mailworker.rules.job.addresses import read_address
from mailworker.rules.job.check_job import check_job
from mailworker.rules.job.fingerprint import fingerprint
from mailworker.scans.message_drafts import language_for
from tests.rows import NOW, row
from tests.scan_world import World, days_ago, invoice, open_ledger, wipe

OURS = "api_crmCommunicationOutage"
BASE = "mailjet:\n  api_key: k\n  api_secret: s\n  {kind}: {{from_email: a@house.example, from_name: A, template_id: 1, subject: S, variables: [{variables}]}}\n"


def configured(variables, extra=""):
    return parse_settings(BASE.format(kind=OURS, variables=variables) + extra, environ={})


def waiting(**variables):
    return row("m1", kind=OURS, variables=variables)


def test_a_new_optional_variable_is_filled_in_mail_that_waits():
    settings = configured("place, {name: ticket, required: false}")
    assert incomplete(waiting(place="Lyon"), settings, NOW) is None
    assert mail_of(waiting(place="Lyon"), settings, {}).variables == {"place": "Lyon", "ticket": ""}


def test_a_new_required_variable_holds_the_old_messages_with_a_sentence():
    settings = configured("place, ticket")
    later = incomplete(waiting(place="Lyon"), settings, NOW)
    assert later.until > NOW
    assert later.why == "it has no ticket, which its kind requires now: make it optional, or cancel it"
    assert incomplete(waiting(place="Lyon", ticket="7"), settings, NOW) is None


def test_the_same_job_is_the_same_message_after_its_kind_got_an_optional_variable():
    job = {"kind": OURS, "to": "zoe@c.example", "variables": {"place": "Lyon"}, "idempotency_key": "k"}
    before, after = configured("place"), configured("place, {name: ticket, required: false}")
    prints = [fingerprint(check_job(job, one.kinds, now=NOW)[0]) for one in (before, after)]
    assert prints[0] == prints[1]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Zo\u00e9\tRoussel", "Zo\u00e9 Roussel"),
        ("Zo\u00e9\r\nBcc: x@y.fr", "Zo\u00e9 Bcc: x@y.fr"),
        ("  Zo\u00e9   Roussel ", "Zo\u00e9 Roussel"),
        ("Z\u2028B\x07", "Z B"),
        ("Z" * 250, "Z" * 199 + "\u2026"),
    ],
)
def test_a_name_is_made_fit_for_a_header(name, kept):
    faults = []
    assert read_address({"email": "zoe@c.example", "name": name}, "to", faults) == Address(
        "zoe@c.example", kept
    )
    assert faults == []
    assert one_line(kept, 200) == kept


def test_a_line_break_in_the_crm_is_no_reason_for_silence():
    ledger = open_ledger()
    wipe(ledger)
    world = World(ledger, invoice(7, due=days_ago(8), customer_name="SARL Roussel\nAgence\tSud \x00"))
    assert world.scan().written == 1
    (found,) = world.rows()
    assert (found["to_name"], found["variables"]["customer_name"]) == ("SARL Roussel Agence Sud",) * 2
    ledger.close()


LANGUAGES = "languages: {EN: {template_id: 2, subject: T}, pt_BR: {template_id: 3, subject: U}}"


@pytest.mark.parametrize(
    ("reader", "used", "template"),
    [
        ("en", "en", 2), ("EN", "en", 2), ("en_GB", "en", 2), ("en-gb", "en", 2), ("pt-BR", "pt-br", 3),
        ("pt", "fr", 1), ("fr-CA", "fr", 1), ("de", "fr", 1), ("", "fr", 1), ("Deutsch", "fr", 1),
    ],
)  # fmt: skip
def test_a_language_in_any_spelling_is_the_same(reader, used, template):
    text = BASE.format(kind=OURS, variables="place").replace("subject: S", f"subject: S, {LANGUAGES}")
    settings = parse_settings(text, environ={})
    assert language_for(settings, reader, OURS) == used
    assert (
        mail_of(row("m1", kind=OURS, language=reader, variables={"place": "x"}), settings, {}).template_id
        == template
    )


def test_a_language_that_nobody_has_falls_back_by_the_operators_list():
    text = BASE.format(kind=OURS, variables="place").replace("subject: S", f"subject: S, {LANGUAGES}")
    settings = parse_settings(text + "worker: {fallback_languages: [es, en]}\n", environ={})
    assert language_for(settings, "de", OURS) == "en"
    assert mail_of(row("m1", kind=OURS, language="de", variables={"place": "x"}), settings, {}).subject == "T"
    assert OURS not in KINDS


REMINDER = "api_crmCommunicationCustomerInvoiceReminder"
LADDER = """
reminders:
  steps:
    - {days: -3, subject: "Bientôt", languages: {EN: {subject: "Soon", template_id: 9}}}
    - {days: 7, template_id: 8}
    - 30
"""


@pytest.mark.parametrize(
    ("days", "language", "subject", "template"),
    [(-3, "fr", "Bientôt", 1), (-3, "en", "Soon", 9), (7, "fr", "S", 8), (7, "en", "T", 2), (30, "fr", "S", 1), (14, "fr", "S", 1), (None, "fr", "S", 1)],
)  # fmt: skip
def test_a_step_may_have_a_template_and_a_subject_of_its_own(days, language, subject, template):
    block = "{from_email: a@house.example, from_name: A, template_id: 1, subject: S, languages: {en: {template_id: 2, subject: T}}}"
    settings = parse_settings(
        f"mailjet:\n  api_key: k\n  api_secret: s\n  {REMINDER}: {block}\n{LADDER}", environ={}
    )
    overdue = 7 if days is None else max(days, 0)
    variables = {"days_overdue": overdue, "days_left": "" if overdue else "3", "invoice_number": "FA-7"}
    mail = mail_of(row("m1", kind=REMINDER, language=language, step=days, variables=variables), settings, {})
    assert (mail.subject, mail.template_id) == (subject, template)
