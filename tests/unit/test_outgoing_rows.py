"""A row of the ledger as the mail that leaves: sender, template, copies and files, each by the row and the configuration."""

import base64
import hashlib
from datetime import timedelta

import pytest

from mailworker.config.settings import parse_settings
from mailworker.core.message import Address
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.dispatch.leave_out_copies import note_copies_left_out, recipients, without_copies
from mailworker.dispatch.outgoing_mail import (
    INCOMPLETE,
    FilesUntilAway,
    incomplete,
    is_no_reply,
    mail_of,
    question_mail,
)
from mailworker.errors import FileMissing, Misconfigured, PermanentError, TransientError
from mailworker.rules.pseudonym import pseudonym
from mailworker.wording import mail_state, state_subject
from mailworker.wording.subjects import STATE_SUBJECTS
from tests.doubles import settings
from tests.rows import NOW, STRICT, URGENT, row

ZOE, PAUL = "zoe@x.example", "paul@x.example"
NEWS = "api_crmCommunicationOurNews"
INVOICE = "api_crmCommunicationCustomerInvoice"


def person(email, name=""):
    return {"email": email, "name": name}


def mail(files=None, **changes):
    return mail_of(row("m", to_email=ZOE, **changes), settings(), files or {})


def configured(kind, subject, more=""):
    block = f"{{from_email: a@c.example, from_name: A, template_id: 3, subject: '{subject}'{more}}}"
    return parse_settings(f"mailjet:\n  api_key: k\n  api_secret: s\n  {kind}: {block}\n", environ={})


def test_a_mail_is_what_its_row_and_its_block_say():
    found = mail(to_name="Zoé", cc=[person(PAUL, "Paul")])
    assert (found.id, found.kind, found.to) == ("m", STRICT, Address(ZOE, "Zoé"))
    assert (found.from_, found.template_id, found.subject) == (
        Address("a@container.example", "A"),
        1,
        "Bienvenue",
    )
    assert (found.cc, found.bcc, found.reply_to, found.unsubscribe) == ((Address(PAUL, "Paul"),), (), "", "")
    assert (found.attachments, found.quiet) == ((), False)
    assert mail_of(row("m", kind=URGENT), settings(), {}).quiet, "no link of it is tracked"
    assert mail(to_name=None).to == Address(ZOE, "")
    assert mail_of(row("m"), settings(), {}, unsubscribe="https://u").unsubscribe == "https://u"
    answered = configured(NEWS, "N", ", variables: [], reply_to: help@c.example")
    assert mail_of(row("m", kind=NEWS), answered, {}).reply_to == "help@c.example"


def test_a_kind_without_a_block_is_a_fault_of_the_configuration():
    with pytest.raises(Misconfigured, match="api_crmCommunicationCustomerWelcom2"):
        mail(kind="api_crmCommunicationCustomerWelcom2")


def test_nobody_gets_a_mail_twice():
    copies = {
        "cc": [
            person("Zoe@X.example"),
            person(PAUL, "P"),
            person("PAUL@x.example", "Q"),
            person(pseudonym("g")),
        ],
        "bcc": [person(PAUL), person(ZOE), person("max@x.example", "M"), person(pseudonym("h"))],
    }
    found = mail(**copies)
    assert found.cc == (Address(PAUL, "P"),)
    assert found.bcc == (Address("max@x.example", "M"),)


@pytest.mark.parametrize(
    ("kind", "subject", "printed"),
    [
        (INVOICE, "Votre Facture - ", 'Votre Facture - {{var:invoice_number:""}}'),
        (INVOICE, "Votre Facture -", 'Votre Facture - {{var:invoice_number:""}}'),
        (INVOICE, "Votre Facture", "Votre Facture"),
        (NEWS, "News - ", "News - "),
    ],
)
def test_a_subject_that_ends_before_the_number_gets_it(kind, subject, printed):
    found = configured(kind, subject, "" if kind == INVOICE else ", variables: []")
    variables = {"invoice_number": "F-1"} if kind == INVOICE else {}
    assert mail_of(row("m", kind=kind, variables=variables), found, {}).subject == printed


def test_a_question_to_mailjet_names_nobody():
    found = question_mail(settings(), "q")
    ours = Address("a@container.example")
    assert (found.id, found.kind, found.from_, found.to) == ("q", STRICT, ours, ours)
    assert (found.template_id, found.subject, dict(found.variables)) == (1, "Bienvenue", {})


@pytest.mark.parametrize(
    ("email", "nobody"),
    [
        ("noreply@x.example", True),
        ("No-Reply@x.example", True),
        ("no_reply@x.example", True),
        ("no.reply+crm@x.example", True),
        ("ne-pas-repondre@x.example", True),
        ("DoNotReply@x.example", True),
        ("sans.reponse@x.example", True),
        ("reply@x.example", False),
        ("info@noreply.example", False),
    ],
)
def test_to_which_addresses_nobody_reads_answers(email, nobody):
    assert is_no_reply(email) is nobody


# --- what is missing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"a": 1, "b": 2}, None),
        ({"a": 1}, "b"),
        ({}, "a, b"),
        (None, "a, b"),
        ({"a": None, "b": ""}, None),
    ],
)
def test_a_mail_that_lacks_a_variable_waits_for_a_person(variables, missing):
    found = incomplete(
        row("m", kind=NEWS, variables=variables), configured(NEWS, "N", ", variables: [b, a]"), NOW
    )
    if missing is None:
        assert found is None
    else:
        assert found.until == NOW + INCOMPLETE == NOW + timedelta(minutes=10)
        assert (
            found.why == f"it has no {missing}, which its kind requires now: make it optional, or cancel it"
        )


def test_a_kind_that_lists_no_variables_or_is_not_there_lacks_none():
    assert incomplete(row("m", variables={}), settings(), NOW) is None
    assert incomplete(row("m", kind="gone", variables={}), settings(), NOW) is None


# --- copies -----------------------------------------------------------------------------------------------


def test_everybody_who_would_get_a_mail():
    one = row(
        "m",
        to_email="Zoe@X.example",
        cc=[person(PAUL), person(pseudonym("g"))],
        bcc=[person("Max@x.example")],
    )
    assert recipients(one) == {ZOE, PAUL, "max@x.example"}
    assert recipients(row("m", to_email=ZOE)) == {ZOE}


def test_copies_to_who_may_not_get_it_stay_behind():
    one = row("m", cc=[person("Paul@X.example"), person(ZOE)], bcc=[person(ZOE)])
    found = without_copies(one, {PAUL, "m@client.example"})
    assert (found["cc"], found["bcc"], found["to_email"]) == (
        [person(ZOE)],
        [person(ZOE)],
        "m@client.example",
    )
    assert without_copies(row("m"), {PAUL})["cc"] == []


def test_the_timeline_says_how_many_copies_stayed_behind():
    erased = person(pseudonym("max@x.example"))
    copies = {
        "a": ([person(PAUL)], [person(ZOE)]),
        "b": ([person(PAUL)], None),
        "c": ([erased], [person(ZOE)]),
    }
    rows = [row(id_, cc=cc, bcc=bcc) for id_, (cc, bcc) in copies.items()]
    mails = [mail_of(without_copies(one, {ZOE}), settings(), {}) for one in rows]
    settled = [Settlement(one["id"], State.SENT, "taken") for one in rows]
    assert [one.why for one in note_copies_left_out(settled, rows, mails)] == [
        "taken; copies to suppressed or erased addresses left out: 1",
        "taken",
        "taken; copies to suppressed or erased addresses left out: 2",
    ]


def test_who_is_named_twice_gets_one_mail_and_was_not_left_out():
    named_twice = [person("M@Client.example"), person(PAUL)]
    one = row("m", cc=named_twice, bcc=[person(PAUL)], recipients=4)
    mail = mail_of(one, settings(), {})
    assert [copy.email for copy in (*mail.cc, *mail.bcc)] == [PAUL]
    settled = [Settlement("m", State.SENT, "taken")]
    assert note_copies_left_out(settled, [one], [mail]) == settled


# --- files ------------------------------------------------------------------------------------------------

CONTENT = b"%PDF"


def file(**changes):
    digest = hashlib.sha256(CONTENT).hexdigest()
    return {
        "key": "k",
        "filename": "f.pdf",
        "content_type": "application/pdf",
        "size": 4,
        "sha256": digest,
    } | changes


@pytest.mark.parametrize(
    "kept", [file(), {name: value for name, value in file().items() if name != "sha256"}]
)
def test_the_very_bytes_are_attached(kept):
    (found,) = mail({"k": CONTENT}, attachments=[kept]).attachments
    assert (found.filename, found.content_type) == ("f.pdf", "application/pdf")
    assert base64.b64decode(found.base64) == CONTENT


@pytest.mark.parametrize(
    ("files", "kept", "fault"),
    [
        ({}, file(), FileMissing),
        ({"k": b"%PDX"}, file(), PermanentError),
        ({"k": b"%PDF."}, file(), PermanentError),
        ({"k": b"%PDF."}, file(sha256=hashlib.sha256(b"%PDF.").hexdigest()), PermanentError),
        ({"k": b"%PDF."}, file(sha256=None), PermanentError),
        ({"k": b""}, file(), PermanentError),
    ],
)
def test_no_other_bytes_leave_with_it(files, kept, fault):
    with pytest.raises(fault, match="k is not"):
        mail(files, attachments=[kept])


@pytest.mark.parametrize(("seconds", "asked_again"), [(1.5, False), (0.5, True)])
def test_a_store_that_fails_slowly_is_asked_once_for_all_mails_of_a_call(seconds, asked_again):
    """Each question may last until a time-out; what fails at once may be one file, which puts off no other mail."""
    asked, now = [], [0.0]

    class Away:
        def get(self, key):
            asked.append(key)
            if key == "k":
                now[0] += seconds
                raise TransientError("It does not work now.")

    files = FilesUntilAway(Away(), lambda: now[0])
    with pytest.raises(FileMissing):
        mail(files, attachments=[file(key="missing")])
    with pytest.raises(TransientError, match="does not work now"):
        mail(files, attachments=[file()])
    with pytest.raises(FileMissing if asked_again else TransientError):
        mail(files, attachments=[file(key="other")])
    assert asked == ["missing", "k", *["other"] * asked_again]


def test_an_empty_file_is_a_file():
    empty = file(size=0, sha256=hashlib.sha256(b"").hexdigest())
    assert mail({"k": b""}, attachments=[empty]).attachments[0].base64 == ""


# --- the subject of a state -------------------------------------------------------------------------------

REMINDER = "api_crmCommunicationCustomerInvoiceReminder"
LOW = "api_crmCommunicationsBalanceLow"
EXPIRED = "api_crmCommunicationsBalanceExpired"


SUBJECTS = """
before_due | Facture {{var:invoice_number}}\u00a0: échéance le {{var:due_date}} | Invoice {{var:invoice_number}} is due on {{var:due_date}}
due_soon | Facture {{var:invoice_number}} bientôt à échéance | Invoice {{var:invoice_number}} is due soon
due_today | Facture {{var:invoice_number}}\u00a0: échéance aujourd’hui | Invoice {{var:invoice_number}} is due today
several_before_due | Vos factures arrivent bientôt à échéance | Your invoices are due soon
several_due_today | Vos factures arrivent à échéance aujourd’hui | Your invoices are due today
several | Rappel de paiement\u00a0: {{var:invoice_count}} factures à régler | Payment reminder: {{var:invoice_count}} invoices to pay
credit_note | Avoir {{var:invoice_number}}\u00a0: {{var:total_amount}} en votre faveur | Credit note {{var:invoice_number}}: {{var:total_amount}} in your favour
corrective | Votre facture rectificative {{var:invoice_number}} | Your corrected invoice {{var:invoice_number}}
prepayment | Votre facture d’acompte {{var:invoice_number}} | Your prepayment invoice {{var:invoice_number}}
paid | Votre facture acquittée {{var:invoice_number}} | Your paid invoice {{var:invoice_number}}
ended_service | {{var:service_name}}\u00a0: votre service a pris fin | {{var:service_name}}: your service has ended
empty | {{var:service_name}}\u00a0: votre solde est épuisé | {{var:service_name}}: your balance is used up
""".strip().splitlines()
BY_STATE = {row.split(" | ")[0]: row.split(" | ")[1:] for row in SUBJECTS}


@pytest.mark.parametrize(
    ("kind", "variables", "state"),
    [
        (REMINDER, {"days_overdue": 3}, ""),
        (REMINDER, {"days_overdue": 0}, "due_today"),
        (REMINDER, {"days_overdue": 0, "days_left": 2, "due_date": "1/1"}, "before_due"),
        (REMINDER, {"days_overdue": -2}, "due_soon"),
        (REMINDER, {"days_overdue": 3, "invoice_count": 2}, "several"),
        (REMINDER, {"days_overdue": 0, "invoice_count": 2}, "several_due_today"),
        (REMINDER, {"days_left": 3, "invoice_count": 2}, "several_before_due"),
        (INVOICE, {}, ""),
        (INVOICE, {"document_type": "credit_note", "payment_state": "paid"}, "credit_note"),
        (INVOICE, {"document_type": "corrective"}, "corrective"),
        (INVOICE, {"document_type": "prepayment"}, "prepayment"),
        (INVOICE, {"payment_state": "paid"}, "paid"),
        (LOW, {"current_balance": "0", "service_name": "SIM"}, "empty"),
        (LOW, {"current_balance": "0"}, ""),
        (LOW, {"current_balance": "1 GB", "service_name": "SIM"}, ""),
        (EXPIRED, {"ended_service": "yes", "service_name": "SIM"}, "ended_service"),
        (EXPIRED, {"ended_service": "yes"}, ""),
        (EXPIRED, {"ended_service": "no", "service_name": "SIM"}, ""),
        (NEWS, {}, ""),
    ],
)
@pytest.mark.parametrize("language", ["fr", "fr-CA", "en", "de"])
def test_each_state_has_a_subject_that_is_true_of_it(kind, variables, state, language):
    assert mail_state(kind, variables) == state
    if state:
        assert state_subject(kind, state, language) == BY_STATE[state][not language.startswith("fr")]


def test_no_subject_is_of_a_state_that_never_is():
    assert [state for _, state in STATE_SUBJECTS] == list(BY_STATE)
