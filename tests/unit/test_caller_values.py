"""A caller's values as a reader gets them: nothing empty is printed, no program's spelling of days and amounts."""

import re
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER, KINDS
from mailworker.core.kind import Kind, VariableType
from mailworker.rules.job.check_variables import check_variables
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import LANGUAGES
from mailworker.wording import MailFacts, finished, mail_state
from tests.rows import NOW
from tests.unit.test_mail_truth import EXPIRED, LOW, RESET, SETTINGS, Letter

CHANGED = "api_crmCommunicationUserPasswordResetSuccess"
TEXTS = [
    (kind, language, one.name)
    for kind in KINDS
    for language in LANGUAGES
    for one in KINDS[kind].variables
    if one.type is VariableType.TEXT and one.required and not one.filled
]
#: A label or a sentence that waits for a value which is not there.
DANGLING = re.compile(r"^(?!.*(ici|here)\u00a0?:$).*:\s*$|\S  \S|\w [.,](\s|$)|\(\)|^\s*:", re.MULTILINE)


@pytest.mark.parametrize(("kind", "language", "name"), TEXTS)
@pytest.mark.parametrize("empty", ["", "  \n"])
def test_a_text_that_is_empty_leaves_no_gap(kind, language, name, empty):
    letter = Letter(kind, sample_variables(kind, language) | {name: empty}, language)
    for part in (letter.subject, letter.text):
        assert not DANGLING.search(part), DANGLING.search(part)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("days", [-3, 0, 5])
def test_a_reminder_without_a_due_date_says_none(days, language):
    sample = sample_variables(INVOICE_REMINDER, language) | {"due_date": "", "days_overdue": days}
    letter = Letter(INVOICE_REMINDER, sample, language)
    for part in (letter.subject, letter.text):
        assert not DANGLING.search(part), DANGLING.search(part)


@pytest.mark.parametrize("kind", [INVOICE, INVOICE_REMINDER])
@pytest.mark.parametrize("name", ["invoice_number", "total_amount"])
def test_a_mail_that_would_say_nothing_is_refused(kind, name):
    faults = []
    check_variables(KINDS[kind], sample_variables(kind) | {name: " "}, faults)
    assert faults == [f"variables.{name}: is empty, and the mail would say nothing without it."]


def test_a_link_that_is_missing_may_be_given_empty():
    faults = []
    given = {name: it for name, it in sample_variables(INVOICE_REMINDER).items() if name != "pay_url"}
    check_variables(KINDS[INVOICE_REMINDER], given, faults)
    assert faults == [
        f'variables.pay_url: is missing; {INVOICE_REMINDER} cannot be sent without it. Give "" where there is none.'
    ]


@pytest.mark.parametrize(
    ("kind", "name", "given", "french", "english"),
    [
        (INVOICE_REMINDER, "due_date", "2026-12-01", "1er décembre 2026", "1 December 2026"),
        (INVOICE, "invoice_date", "2026-10-31T12:00:00", "31 octobre 2026", "31 October 2026"),
        # 23:30 in UTC is the next day in Paris
        (EXPIRED, "expiry_date", "2026-11-30T23:30:00Z", "1er décembre 2026", "1 December 2026"),
        (CHANGED, "change_date", "2026-11-28T14:30:00Z", "28 novembre 2026 à 15 h 30 (heure de Paris)", "28 November 2026 at 15:30 (Paris time)"),
        (CHANGED, "change_date", "2026-11-28T15:30:00", "28 novembre 2026 à 15 h 30 (heure de Paris)", "28 November 2026 at 15:30 (Paris time)"),
        (CHANGED, "change_date", "2026-11-28", "28 novembre 2026", "28 November 2026"),
        (INVOICE_REMINDER, "due_date", "2026-13-41", "2026-13-41", "2026-13-41"),
        (INVOICE_REMINDER, "due_date", "fin novembre", "fin novembre", "fin novembre"),
        (INVOICE, "total_amount", 1234.5, "1 234,50 €", "€1,234.50"),
        (INVOICE, "total_amount", 0.1 + 0.2, "0,30 €", "€0.30"),
        (INVOICE, "total_amount", "1234.50", "1234.50", "1234.50"),  # a text is the caller's own wording
        (LOW, "current_balance", "2,4 min", "2 min 24 s", "2 min 24 s"),
        (LOW, "current_balance", "21.6 MIN", "21 min 36 s", "21 min 36 s"),
        (LOW, "current_balance", "6.2 Go", "6,2 Go", "6.2 GB"),
        (LOW, "current_balance", "15 SMS", "15 SMS", "15 SMS"),
    ],
)  # fmt: skip
def test_days_and_amounts_are_written_by_the_language(kind, name, given, french, english):
    for language, says in (("fr", french), ("en", english)):
        letter = Letter(kind, sample_variables(kind, language) | {name: given}, language)
        assert says in re.sub("[\u00a0\u202f]", " ", letter.text)


def test_a_value_stays_on_its_line():
    letter = Letter(
        INVOICE_REMINDER, sample_variables(INVOICE_REMINDER) | {"customer_name": "Zoé\nRoussel\tSA"}
    )
    assert "Bonjour Zoé Roussel SA," in letter.text


@pytest.mark.parametrize("number", [3600, "3600"])
def test_an_expiry_without_a_unit_is_not_printed(number):
    letter = Letter(RESET, sample_variables(RESET) | {"expiry_time": number})
    assert "3600" not in letter.all
    assert "ne sert qu’une fois" in letter.seen


def test_negative_days_say_how_long_it_is_still():
    letter = Letter(INVOICE_REMINDER, sample_variables(INVOICE_REMINDER) | {"days_overdue": -3})
    assert "arrive à échéance dans 3 jours, le 30 septembre 2026" in letter.text


@pytest.mark.parametrize("amount", ["-0,35 €", "−0,35 €", "€-0.35", "-2 Go"])
def test_less_than_nothing_is_used_up(amount):
    letter = Letter(LOW, sample_variables(LOW) | {"current_balance": amount})
    assert "épuisé" in letter.subject
    assert "bas" not in letter.seen


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_direct_debit_of_the_rest_says_what_was_paid(language):
    paid = {"payment_state": "direct_debit", "amount_due": "20,00 €", "paid_amount": "27,88 €"}
    letter = Letter(INVOICE, sample_variables(INVOICE, language) | paid, language)
    for part in (letter.seen, letter.text):
        assert re.search(r"(Déjà réglé\u00a0?:? 27,88|Already paid:? €27\.88)", part)


@pytest.mark.parametrize(("days", "value"), [(-3, "dans 3 jours"), (-1, "demain"), (0, ""), (5, "")])
def test_only_what_is_still_to_come_is_so_many_days_away(days, value):
    facts = MailFacts("fr", "zoe@client.example", NOW, SETTINGS.worker.timezone)
    given = sample_variables(INVOICE_REMINDER) | {"days_overdue": days, "days_left": 2 if days > 0 else 0}
    assert finished(KINDS[INVOICE_REMINDER], given, facts)["days_text"] == value


@pytest.mark.parametrize("given", [{}, {"invoices": []}, {"invoices": ()}])
def test_a_reminder_of_one_invoice_lists_that_one(given):
    """Mailjet stumbles over a loop over nothing (mjmlio/mjml#676)."""
    value = {"invoice_number": "FA-7", "due_date": "2026-12-01", "total_amount": "30 EUR", "days_overdue": 1}
    facts = MailFacts("en", "a@b.example", NOW, SETTINGS.worker.timezone)
    (line,) = finished(KINDS[INVOICE_REMINDER], value | given, facts)["invoices"]
    assert line.keys() == {"number", "due_date", "amount", "pay_url"}
    assert (line["number"], line["pay_url"]) == ("FA-7", "")
    two = [{"number": "A"}, {"number": "B"}]
    assert finished(KINDS[INVOICE_REMINDER], value | {"invoices": two}, facts)["invoices"] == two


def test_kinds_of_an_operator_get_their_values_as_they_came():
    kind = Kind("api_crmCommunicationOwn", ())
    facts = MailFacts("fr", "zoe@client.example", NOW, SETTINGS.worker.timezone)
    given = {"due_date": "2026-11-30", "text": "a\nb", "total_amount": 1.5}
    assert finished(kind, given, facts) == given


#: Values at the ends of what a caller may send.
HOSTILE = [
    *(f"{digits}{unit}" for digits in ("1" * 40, "9" * 400, "1" * 40 + ",00", "-" + "1" * 30 + ".5") for unit in (" Go", " min", " €", "")),
    *("€" + "1" * 40 + ".00", "0." + "1" * 300 + " GB", "999999 heures", "999999,9 h", "9" * 24 + " days", "٣ h", "½ h", "²"),
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30", "2026-01-01T25:00"),
    *(1.12345678901, 1e-12, -0.0, 5e-324, 1e14, -1e14, 10**14, True, "a" * 9_999, "1e5", "-0", "1,2,3 GB", "1.2.3 GB"),
    *([{"amount": 1e-12, "due_date": "9999-12-31T23:59:59-12:00"}], [{"due_date": "0001-01-01T00:00:00+12:00"}], ["x"], [{}]),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_what_is_accepted_can_be_worded_when_it_leaves(kind, zone):
    worded = 0
    for variable in KINDS[kind].variables:
        for value in HOSTILE:
            faults = []
            checked = check_variables(KINDS[kind], sample_variables(kind) | {variable.name: value}, faults)
            for language in ("fr", "en", "pl") if not faults else ():
                facts = MailFacts(language, "a@x.example", NOW, ZoneInfo(zone))
                assert mail_state(kind, finished(KINDS[kind], checked, facts)) is not None
                worded += 1
    assert worded > len(HOSTILE)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (1.12345678901, "1,12\u00a0€"), (1e-12, "0,00\u00a0€"), (-0.0, "0,00\u00a0€"), (-0.004, "0,00\u00a0€"), (0.125, "0,13\u00a0€"),
        (-0.125, "\u22120,13\u00a0€"), (12, "12,00\u00a0€"), (1e14, "100\u202f000\u202f000\u202f000\u202f000,00\u00a0€"),
    ],
)  # fmt: skip
def test_a_bare_amount_is_rounded_half_up_and_never_minus_zero(amount, written):
    facts = MailFacts("fr", "a@x.example", NOW, ZoneInfo("Europe/Paris"))
    sample = sample_variables(INVOICE_REMINDER) | {"total_amount": amount}
    assert finished(KINDS[INVOICE_REMINDER], sample, facts)["total_amount"] == written


def test_an_amount_in_yen_has_no_decimals():
    facts = MailFacts("en", "a@x.example", NOW, ZoneInfo("Europe/Paris"), currency="JPY")
    sample = sample_variables(INVOICE_REMINDER) | {"total_amount": 1200.5}
    assert finished(KINDS[INVOICE_REMINDER], sample, facts)["total_amount"] == "JP¥1,201"


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_gets_no_variable_that_its_kind_does_not_have(kind):
    facts = MailFacts("fr", "a@x.example", NOW, ZoneInfo("Europe/Paris"))
    assert finished(KINDS[kind], sample_variables(kind), facts).keys() <= {
        one.name for one in KINDS[kind].variables
    }


@pytest.mark.parametrize(
    ("known", "ask"),
    [
        ({}, "yes"), ({"payment_state": "due"}, "yes"), ({"payment_state": "part_paid"}, "yes"), ({"payment_state": "paid"}, "no"),
        ({"payment_state": "nothing_due"}, "no"), ({"payment_state": "direct_debit"}, "no"),
        ({"payment_state": "due", "document_type": "credit_note"}, "no"), ({"document_type": "corrective"}, "yes"),
    ],
)  # fmt: skip
def test_who_has_nothing_to_pay_by_themselves_is_not_requested_to(known, ask):
    facts = MailFacts("fr", "a@x.example", NOW, ZoneInfo("Europe/Paris"))
    assert finished(KINDS[INVOICE], sample_variables(INVOICE) | known, facts)["ask"] == ask


def test_the_rows_of_a_list_are_written_out_like_the_rest():
    facts = MailFacts("fr", "a@x.example", NOW, ZoneInfo("Europe/Paris"))
    rows = [
        {"number": 7, "amount": 12.5, "due_date": "2026-11-30"},
        {"number": "8", "amount": "5 €", "due_date": "demain"},
        "x",
    ]
    written = finished(
        KINDS[INVOICE_REMINDER], sample_variables(INVOICE_REMINDER) | {"invoices": rows}, facts
    )
    assert written["invoices"] == [
        {"number": 7, "amount": "12,50\u00a0€", "due_date": "30 novembre 2026"}, {"number": "8", "amount": "5 €", "due_date": "demain"}, "x",
    ]  # fmt: skip


def test_what_is_no_amount_stays_for_a_preview_has_no_intake_before_it():
    facts = MailFacts("fr", "a@x.example", NOW, ZoneInfo("Europe/Paris"))
    sample = sample_variables(INVOICE) | {"total_amount": True}
    assert finished(KINDS[INVOICE], sample, facts)["total_amount"] is True
