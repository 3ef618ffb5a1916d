"""What a customer reads is true: every kind, in both languages and every state, as it leaves and is rendered."""

import html
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER, KINDS
from mailworker.config.kind_block import KindTranslation
from mailworker.config.settings import load_settings
from mailworker.core.kind import VariableType
from mailworker.crm.records import CrmInvoice
from mailworker.dispatch.outgoing_mail import mail_of
from mailworker.reminders.reminder_variables import ReminderFacts, reminder_variables, variables
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.job.check_variables import check_variables
from mailworker.scans.rules_from_settings import ladder_of
from mailworker.templates.language.render import render
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import LANGUAGES, mail_template
from mailworker.web.operators_page.mail_as_read import read_mail
from tests.rows import NOW, row

LOW, EXPIRED = "api_crmCommunicationsBalanceLow", "api_crmCommunicationsBalanceExpired"
RESET = "api_crmCommunicationUserPasswordReset"
CHANGE = "api_crmCommunicationUserPasswordChange"
VERIFICATION = "api_crmCommunicationEmailVerification"
#: The shipped configuration, with our templates in both languages.
SETTINGS = load_settings(
    Path("crm_config.yaml"), {"MAILJET_API_KEY": "k", "MAILJET_API_SECRET": "s", "REDIS_URL": "redis://x"}
)
for name, block in SETTINGS.mailjet.blocks.items():
    english = KindTranslation(template_id=2, subject=mail_template(name, "en").subject)
    SETTINGS.mailjet.blocks[name] = block.model_copy(update={"languages": {"en": english}})
#: Pages that no reader may ever see a piece of.
NEVER = (
    r"\{\{|\}\}|\{%|%\}",  # template code
    r'href="(mailto:)?"',  # a link that leads nowhere
    r"<t[dh][^>]*>\s*</t[dh]>",  # a row that says nothing
    r"(Bonjour|Hello) ,",
    r"\bNone\b|\[\]|\{\}",
    r"\b(le|by|on|au|de|of) +[.,]",  # a sentence whose value is missing
    r"-\d+ ?(jour|day)|\b0 (jours|days)",
    r"(?<![/:])\b(EUR|SMS)\d",
    r"</span>[.,;:!?)]",  # a mark that may begin a line, since a line may break after what goes together
)


class Letter:
    """A mail as its reader sees it: subject, the page without its markup, and the text part."""

    def __init__(self, kind, given, language="fr", **changes):
        faults = []
        checked = check_variables(KINDS[kind], given, faults)
        assert faults == []
        facts = {"kind": kind, "language": language, "variables": checked, "to_email": "zoe@client.example"}
        mail = mail_of(row("m1", **(facts | changes)), SETTINGS, {})
        template = mail_template(kind, language)
        self.page = render(template.html, mail.variables)
        self.subject = render(mail.subject, mail.variables)
        self.text = render(template.text, mail.variables)
        body = re.sub(r"<style>.*?</style>|<!--.*?-->", "", self.page, flags=re.DOTALL)
        self.seen = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body).replace("&nbsp;", " "))
        self.all = f"{self.subject}\n{self.seen}\n{self.text}"
        for pattern in NEVER:
            for part in (self.page, self.subject, self.text):
                assert not re.search(pattern, part), (pattern, part)


def invoice(**changes):
    given = {
        "invoice_id": "7", "customer_id": "C", "status": InvoiceStatus.OPEN, "due_date": date(2026, 11, 30),
        "currency": "EUR", "owed": Decimal("30.00"), "total": Decimal("30.00"), "email": "zoe@client.example",
        "customer_name": "Zoé Roussel", "number": "FA-7", "pay_url": "https://crm.example/pay/7",
    }  # fmt: skip
    return CrmInvoice(**given | changes)


ALL = [(kind, language) for kind in KINDS for language in LANGUAGES]


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_every_kind_with_all_that_it_may_say(kind, language):
    Letter(kind, sample_variables(kind, language), language)


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_every_kind_with_each_optional_variable_missing(kind, language):
    """Alone and together: what may be left out, and what may be given as empty text."""
    sample = sample_variables(kind, language)
    may_lack = [
        one.name
        for one in KINDS[kind].variables
        if one.name in sample
        and (one.blank or not one.required or one.name in {"customer_name", "user_name"})
    ]
    texts = [one.name for one in KINDS[kind].variables if one.type is VariableType.TEXT and one.blank]
    for lacking in [[name] for name in may_lack] + [may_lack, may_lack + texts]:
        required = {name: "" for name in lacking if name in KINDS[kind].required}
        kept = {name: value for name, value in sample.items() if name not in lacking}
        Letter(kind, kept | required, language)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variables", [None, {}, "all"])
def test_operators_see_each_mail_also_where_its_values_were_wiped_or_its_recipient_is_not_known_yet(
    kind, variables
):
    given = sample_variables(kind) if variables == "all" else variables
    secrets = frozenset(one.name for one in KINDS[kind].variables if one.secret)
    for language in ("fr", "en", "de"):
        mail = read_mail(row("m", kind=kind, variables=given, to_email=None, language=language), SETTINGS)
        seen = mail.subject + mail.html + mail.text
        assert not re.search(r"\{\{|\{%", seen)
        for name in secrets:
            assert str(sample_variables(kind)[name]) not in seen


STEPS = [step.days for step in ladder_of(SETTINGS.reminders).steps]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("days", [*STEPS, -1, 0, 45])
def test_every_step_of_the_ladder_says_where_the_due_date_is(days, language):
    due = date(2026, 11, 30)
    leaves = date.fromordinal(due.toordinal() + days)
    given = reminder_variables(invoice(due_date=due), language=language, today=leaves)
    letter = Letter(INVOICE_REMINDER, given, language, step=days)
    late = re.compile(r"retard|rappel|reste à régler|overdue|reminder|unpaid", re.IGNORECASE)
    if days <= 0:
        assert not late.search(letter.all), late.search(letter.all)
    else:
        assert late.search(letter.subject)
        assert (f"dépassée depuis {days} jour" if language == "fr" else f"{days} day") in letter.seen.replace(
            "\u00a0", " "
        )
    expected = {-3: ("dans 3 jours", "in 3 days"), -1: ("demain", "tomorrow"), 0: ("aujourd’hui", "today")}
    if days in expected:
        assert expected[days][LANGUAGES.index(language)] in letter.seen


def test_staff_who_say_negative_days_are_understood():
    sample = sample_variables(INVOICE_REMINDER)
    letter = Letter(INVOICE_REMINDER, sample | {"days_overdue": -3})
    assert "retard" not in letter.all
    assert "échéance le 30 septembre 2026" in letter.subject


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("overdue", [0, 9])
def test_a_mail_about_several_invoices_is_about_all_of_them(overdue, language):
    bills = [invoice(), invoice(invoice_id="8", number="FA-8", owed=Decimal("12.50"), pay_url="")]
    facts = ReminderFacts(overdue, 0 if overdue else 2, portal_url="https://crm.example/factures")
    letter = Letter(INVOICE_REMINDER, variables(bills, facts, language=language), language)
    for word in ("FA-7", "FA-8", "42", "12", "https://crm.example/factures"):
        assert word in letter.text
    assert 'href="https://crm.example/factures"' in letter.page
    assert not re.search(r"votre facture FA|invoice FA-7, FA-8 is", letter.all)
    assert ("Vos factures" if language == "fr" else "Your invoices") in letter.seen


def test_a_part_payment_and_the_last_reminder_are_said():
    paid = reminder_variables(invoice(total=Decimal("50.00")), language="fr", today=date(2026, 12, 7))
    letter = Letter(INVOICE_REMINDER, paid | {"last": "yes"})
    assert "le solde de votre facture FA-7 reste à régler" in letter.seen
    assert "C’est notre dernier rappel automatique par e-mail pour cette facture." in letter.seen
    assert "mise en demeure" not in letter.all


PAID = {"payment_state": "paid", "amount_due": "0,00 €", "paid_amount": "47,88 €"}


@pytest.mark.parametrize(
    ("state", "says", "never"),
    [
        ({"document_type": "credit_note", "corrected_number": "FA-1"}, "en votre faveur et se rapporte à la facture FA-1", r"Payer|à régler|au plus tard"),
        (PAID, "vous n’avez rien à payer", r"Payer ma facture|à régler|au plus tard"),
        ({"payment_state": "nothing_due", "amount_due": "0,00 €"}, "Vous n’avez rien à payer", r"Payer ma facture|à régler|acquitt"),
        ({"payment_state": "direct_debit", "amount_due": "47,88 €"}, "sera prélevé automatiquement le 30 septembre 2026", r"Payer ma facture|à régler"),
        ({"payment_state": "direct_debit", "amount_due": "", "total_amount": "12,00 €"}, "Le montant de 12,00 € sera prélevé", r"Payer ma facture|à régler"),
        ({"payment_state": "part_paid", "amount_due": "20,00 €", "paid_amount": "27,88 €"}, "Reste à payer 20,00 €", r"prélèvement"),
        ({"payment_state": "due"}, "au plus tard le 30 septembre 2026", r"prélèvement|avant le"),
        ({"document_type": "prepayment"}, "Facture d’acompte", r"avant le"),
        ({"document_type": "corrective", "corrected_number": "FA-1"}, "Elle corrige la facture FA-1", r"avant le"),
        ({"due_date": ""}, "47,88", r"au plus tard|avant le"),
        ({"pay_url": "", "invoice_url": ""}, "au plus tard le", r"Payer ma facture|en ligne"),
    ],
)  # fmt: skip
def test_every_sort_and_state_of_invoice(state, says, never):
    letter = Letter(INVOICE, sample_variables(INVOICE) | state)
    assert says in letter.seen
    assert not re.search(never, letter.all), re.search(never, letter.all)
    assert not re.search(r"jointe? à cet e-mail", letter.all), "nothing is attached here"


def test_a_credit_note_and_a_paid_invoice_say_so_in_their_subject():
    sample = sample_variables(INVOICE)
    assert Letter(INVOICE, sample | {"document_type": "credit_note"}).subject == "Avoir FA-2026-004217\u00a0: 47,88\u00a0€ en votre faveur"  # fmt: skip
    assert Letter(INVOICE, sample | PAID).subject == "Votre facture acquittée FA-2026-004217"
    assert Letter(INVOICE, sample).subject == "Votre Facture - FA-2026-004217"


@pytest.mark.parametrize(
    ("files", "prepared", "says"),
    [
        (True, True, "est jointe à cet e-mail"),
        (False, True, "trop volumineux"),
        (False, False, "est disponible."),
    ],
)
def test_a_mail_says_attached_only_where_something_is(files, prepared, says, monkeypatch):
    monkeypatch.setattr("mailworker.dispatch.outgoing_mail.attachment_of", lambda *_: None)
    attached = [{"key": "k"}] if files else None
    letter = Letter(
        INVOICE, sample_variables(INVOICE), attachments=attached, invoice={} if prepared else None
    )
    assert says in letter.seen
    assert ("jointe" in letter.all) is files


@pytest.mark.parametrize(("amount", "says"), [("0 Go", "épuisé"), ("0,00 €", "épuisé"), ("0,2 Go", "bas"), ("10 Go", "bas")])  # fmt: skip
def test_a_balance_is_low_or_empty(amount, says):
    letter = Letter(LOW, sample_variables(LOW) | {"current_balance": amount})
    assert f"Votre solde Données est {says}" in letter.seen
    assert ("épuisé" in letter.all) is (says == "épuisé")
    assert "votre seuil" not in letter.seen.lower()
    assert "que vous avez choisi" in Letter(LOW, sample_variables(LOW) | {"threshold_owner": "customer"}).seen


@pytest.mark.parametrize("kind", [LOW, EXPIRED])
def test_what_a_crm_says_in_french_is_not_printed_into_english_mail(kind):
    letter = Letter(kind, sample_variables(kind, "en") | {"balance_type": "Monétaire"}, "en")
    assert "Credit" in letter.seen
    assert "Monétaire" not in letter.all
    assert "Monétaire" in Letter(kind, sample_variables(kind) | {"balance_type": "Monétaire"}).seen


@pytest.mark.parametrize(("kind", "language"), [(kind, one) for kind in (LOW, EXPIRED) for one in LANGUAGES])
def test_a_balance_that_the_engine_calls_generic_is_not_called_so_to_a_customer(kind, language):
    letter = Letter(kind, sample_variables(kind, language) | {"balance_type": "generic"}, language)
    assert "generic" not in letter.all
    assert not re.search("Type de solde|Balance type", letter.all)


@pytest.mark.parametrize(
    ("language", "says"), [("fr", "Montant à prélever 20,00"), ("en", "To be collected €20.00")]
)
def test_of_an_invoice_that_is_partly_paid_a_direct_debit_takes_the_rest(language, says):
    given = {"payment_state": "direct_debit", "paid_amount": "27,88 €", "amount_due": "20,00 €"}
    letter = Letter(INVOICE, sample_variables(INVOICE, language) | given, language)
    assert says in letter.seen
    assert says.replace(" 20", "\u00a0: 20").replace(" €", ": €") in letter.text


@pytest.mark.parametrize(
    ("language", "says"),
    [("fr", "Votre service Mobile a pris fin le 1er mai"), ("en", "Your service Mobile ended on 1er mai")],
)
def test_a_service_that_is_over_is_said_to_be_over_and_not_its_balance(language, says):
    given = {"balance_type": "Service", "service_name": "Mobile", "expiry_date": "1er mai"}
    letter = Letter(EXPIRED, sample_variables(EXPIRED, language) | given, language)
    assert says in letter.seen
    assert says in letter.text
    assert letter.subject.startswith("Mobile")
    assert not re.search("solde|balance", letter.all, re.IGNORECASE)


@pytest.mark.parametrize("kind", [LOW, EXPIRED])
def test_a_service_has_several_balances_and_a_mail_says_which(kind):
    given = sample_variables(kind) | {"balance_type": "SMS", "current_balance": "0 SMS"}
    given = {name: value for name, value in given.items() if name in sample_variables(kind)}
    letter = Letter(kind, given)
    assert "Votre solde SMS" in letter.seen
    assert "Le solde SMS de votre service" in letter.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verification_is_true_of_a_new_account_and_of_a_new_address(language):
    letter = Letter(VERIFICATION, sample_variables(VERIFICATION, language), language)
    assert not re.search("création|created|activ", letter.all)


#: A mark that its line may leave behind; a straight apostrophe.
NOT_FRENCH = re.compile("[^\u00a0\u202f][;?!:»](?=\\s|$)|«[^\u00a0\u202f]|\\w'\\w")
TWO = [{"number": "1", "due_date": "1er mai", "amount": "1,00 €", "pay_url": ""}] * 2
STATED = [
    *((kind, {}) for kind in KINDS),
    *((INVOICE, {"document_type": sort}) for sort in ("credit_note", "corrective", "prepayment")),
    *((INVOICE, {"payment_state": state, "amount_due": "1,00\u00a0€"}) for state in ("paid", "part_paid", "direct_debit")),
    *((INVOICE_REMINDER, {"days_overdue": days}) for days in (-3, 0, 1)),
    *((INVOICE_REMINDER, {"days_overdue": days, "invoice_count": "2", "invoices": TWO}) for days in (-3, 0, 1)),
    (INVOICE_REMINDER, {"part_paid": "yes", "instalment": "versement 2 sur 3", "last": "yes"}),
    *((EXPIRED, {"balance_type": name}) for name in ("Service", "Crédit", "generic")),
    (LOW, {"current_balance": "0 Go"}),
    (LOW, {"threshold_owner": "customer"}),
    *((kind, {"expiry_time": when}) for kind in (RESET, VERIFICATION) for when in ("1 heure", "2026-12-01T09:05", "tard")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "state"), STATED)
def test_french_marks_keep_their_line(kind, state):
    letter = Letter(kind, sample_variables(kind) | state)
    shown = html.unescape(re.sub(r"<style>.*?</style>|<!--.*?-->|<[^>]+>", "", letter.page, flags=re.DOTALL))
    for part in (letter.subject.replace("l'Équipe", ""), letter.text, shown):
        found = NOT_FRENCH.search(re.sub(r"https?://\S+", "", part))
        assert not found, (found, part)


def test_expired_money_is_topped_up_and_not_renewed():
    letter = Letter(EXPIRED, sample_variables(EXPIRED) | {"balance_type": "Monétaire"})
    assert "Recharger mon crédit" in letter.seen
    assert "Renouvel" not in letter.all


@pytest.mark.parametrize(
    ("word", "language", "says"),
    [("Soit", "fr", "vous-même"), ("Self", "en", "you"), ("Administrateur", "en", "Administrator"), ("Paul Roux", "en", "Paul Roux")],
)  # fmt: skip
def test_who_changed_a_password_is_said_in_the_readers_words(word, language, says):
    letter = Letter(CHANGE, sample_variables(CHANGE, language) | {"changed_by": word}, language)
    assert re.search(rf"(Modifié par|Changed by):? *:? {says}", letter.seen)


@pytest.mark.parametrize(
    ("word", "language", "themselves"),
    [
        ("Soit", "fr", True), ("self", "en", True), ("Administrateur", "fr", False), ("admin", "en", False),
        ("Paul Roux", "fr", False), ("Paul Roux", "en", False), ("", "fr", False), ("", "en", False),
    ],
)  # fmt: skip
def test_who_did_nothing_is_not_asked_whether_it_was_them(word, language, themselves):
    letter = Letter(CHANGE, sample_variables(CHANGE, language) | {"changed_by": word}, language)
    own, others = {
        "fr": ("Si vous êtes à l’origine de ce changement", "Si vous êtes au courant de ce changement"),
        "en": ("If this was you", "If you know about this change"),
    }[language]
    for part in (letter.text, letter.page):
        assert (own in part, others in part) == (themselves, not themselves)


@pytest.mark.parametrize(
    ("text", "language", "says"),
    [
        ("1 heure", "fr", "valable 1 heure à compter de la demande, jusqu’au 30 novembre 2026 à 11 h 00"),
        ("1 heure", "en", "valid for 1 hour from the request, until 30 November 2026 at 11:00"),
        ("30 min", "fr", "valable 30 minutes"),
        ("2026-11-30T12:30:00+01:00", "fr", "expire le 30 novembre 2026 à 12 h 30"),
        ("bientôt", "fr", "Expiration : bientôt"),
    ],
)
def test_a_reset_link_says_until_when_it_is_good(text, language, says):
    letter = Letter(
        RESET, sample_variables(RESET, language) | {"expiry_time": text}, language, accepted_at=NOW
    )
    assert says in letter.seen.replace("\u00a0", " ")
    assert ("ne sert qu’une fois" if language == "fr" else "works only once") in letter.seen


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("expiry", [None, "1 heure", "bientôt"])
def test_a_verification_does_not_say_that_its_link_works_once_for_nobody_said_so(language, expiry):
    letter = Letter(
        VERIFICATION,
        sample_variables(VERIFICATION, language) | ({"expiry_time": expiry} if expiry else {}),
        language,
    )
    assert not re.search(r"une fois|only once", letter.all)
    assert "\n\n\n" not in letter.text.rstrip()


def test_a_reset_names_the_account_and_accuses_nobody():
    sample = sample_variables(RESET)
    assert "karim.benali@horizon-telecom.example" in Letter(RESET, sample).seen
    letter = Letter(RESET, {name: it for name, it in sample.items() if name != "account"})
    assert "zoe@client.example" in letter.seen
    assert "nous est parvenue" in letter.seen
    assert "Vous avez demandé" not in letter.all
    assert "votre mot de passe reste inchangé" in letter.seen


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_only_mail_that_can_be_switched_off_offers_it(kind, language):
    template = mail_template(kind, language)
    assert ("mj:unsub_link" in template.html) is KINDS[kind].optional
    assert ("mj:unsub_link" in template.text) is KINDS[kind].optional


def test_urgent_mail_is_not_tracked_and_a_no_reply_address_is_never_named():
    assert mail_of(row(kind=RESET, variables=sample_variables(RESET)), SETTINGS, {}).quiet
    sample = sample_variables(INVOICE_REMINDER)
    assert "Écrivez-nous à" in Letter(INVOICE_REMINDER, sample).seen
    block = SETTINGS.mailjet.blocks[INVOICE_REMINDER]
    silent = block.model_copy(update={"from_email": "no-reply@crm.example"})
    SETTINGS.mailjet.blocks[INVOICE_REMINDER] = silent
    try:
        assert "Écrivez-nous" not in Letter(INVOICE_REMINDER, sample).seen
    finally:
        SETTINGS.mailjet.blocks[INVOICE_REMINDER] = block


def test_moments_are_told_with_their_zone():
    assert datetime(2026, 11, 30, 10, tzinfo=UTC) > NOW
    assert "(heure de Paris)" in Letter(RESET, sample_variables(RESET)).seen
    assert "Expiration" not in Letter(VERIFICATION, sample_variables(VERIFICATION)).seen


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("sort", "sentences"),
    [
        ("corrective", {"fr": "Votre facture rectificative", "en": "Your corrected invoice"}),
        ("prepayment", {"fr": "Votre facture d’acompte", "en": "Your prepayment invoice"}),
    ],
)
def test_a_document_is_called_by_what_it_is(sort, sentences, language):
    given = sample_variables(INVOICE, language) | {"document_type": sort, "corrected_number": "FA-1"}
    letter = Letter(INVOICE, given, language)
    assert sentences[language] in letter.text
    corrects = {"fr": "Elle corrige la facture FA-1", "en": "It corrects invoice FA-1"}[language]
    assert (corrects in letter.text) == (sort == "corrective")


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_that_are_due_today_are_not_late(language):
    invoices = [invoice(invoice_id=n, number=f"FA-{n}") for n in "78"]
    letter = Letter(INVOICE_REMINDER, variables(invoices, ReminderFacts(0), language=language), language)
    assert {"fr": "aujourd’hui", "en": "due today"}[language] in letter.subject
    assert not re.search(r"retard|rappel|reste|overdue|reminder|unpaid", letter.all, re.IGNORECASE)
