"""The ten e-mail templates: the manual page's variables, both languages, and what a customer reads."""

import re
from pathlib import Path

import pytest

from mailworker.config.builtin_kinds import KINDS
from mailworker.errors import BadInput
from mailworker.templates import html_frame
from mailworker.templates.header_and_footer import Brand
from mailworker.templates.language.render import render
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import LANGUAGES, SUBJECTS, Fragments, assemble, mail_template

#: Required and optional variables, as the manual page lists them.
MANUAL = {
    "api_crmCommunicationCustomerWelcome": ("customer_name email company_name login_url support_url", ""),
    "api_crmCommunicationCustomerInvoice": (
        "customer_name invoice_number invoice_date due_date total_amount invoice_url pay_url",
        "",
    ),
    "api_crmCommunicationCustomerInvoiceReminder": (
        "customer_name invoice_number due_date days_overdue total_amount pay_url",
        "",
    ),
    "api_crmCommunicationUserWelcome": ("user_name email role login_url support_email", "temp_password"),
    "api_crmCommunicationUserPasswordReset": ("user_name reset_url expiry_time", ""),
    "api_crmCommunicationUserPasswordResetSuccess": ("user_name change_date support_email", "ip_address"),
    "api_crmCommunicationUserPasswordChange": ("user_name change_date changed_by support_email", ""),
    "api_crmCommunicationEmailVerification": ("user_name verification_url", "verification_code"),
    "api_crmCommunicationsBalanceExpired": (
        "customer_name service_name expiry_date balance_type renewal_url",
        "",
    ),
    "api_crmCommunicationsBalanceLow": (
        "customer_name service_name current_balance threshold balance_type topup_url",
        "",
    ),
}
ALL = [(kind, language) for kind in MANUAL for language in LANGUAGES]


def test_there_is_a_template_for_each_kind_of_the_manual():
    assert set(SUBJECTS) == set(MANUAL)


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_a_template_uses_exactly_the_manuals_variables(kind, language):
    uses = mail_template(kind, language).variables_used
    required, optional = (set(names.split()) for names in MANUAL[kind])
    ours = {one.name for one in KINDS[kind].variables} - required - optional
    # A loop can give no default; lists are always sent.
    assert {use.name for use in uses if not use.has_default} - {"invoices"} == required
    assert optional <= {use.name for use in uses if use.has_default} <= optional | ours
    assert required | optional <= set(sample_variables(kind, language))


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_each_part_shows_every_value(kind, language):
    template = mail_template(kind, language)
    values = sample_variables(kind, language)
    complete = {"ask": "yes", "timing": "overdue"} | values
    html = render(template.html, complete)
    text = render(template.subject + template.text, complete)
    for value in values.values():
        assert str(value).replace("&", "&amp;") in html
        assert str(value) in text
    assert "{{" not in html + text
    assert "{%" not in html + text


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_optional_variables_may_be_left_out(kind, language):
    template = mail_template(kind, language)
    needed = {use.name for use in template.variables_used if not use.has_default}
    values = {name: value for name, value in sample_variables(kind, language).items() if name in needed}
    html = render(template.html, values)
    assert 'class="mw-strong mw-panel"' not in html
    assert "Adresse IP" not in html
    assert render(template.text, values)


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_the_mail_stands_alone(kind, language):
    html = mail_template(kind, language).html
    assert f'<html lang="{language}"' in html
    assert not re.search(r"<(script|link|img|iframe|form)\b", html)
    assert not re.findall(r'(?:href|src)="(?!\{\{|mailto:)', html)
    assert len(html) < 100_000  # some mail programs cut longer ones
    for tag in ("table", "tr", "td", "th", "p", "a"):
        assert len(re.findall(rf"<{tag}[ >]", html)) == html.count(f"</{tag}>")
    assert not re.search(r"<[^>]* style=[^>]* style=", html)
    shown = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    assert not re.findall(r"<(?:p|h1|th|a)>|<td>", shown)


@pytest.mark.parametrize("kind", MANUAL)
def test_french_typography_keeps_double_signs_with_their_word(kind):
    html = mail_template(kind, "fr").html.split("<body", 1)[1]
    visible = re.sub(r"<[^>]*>|\{[{%].*?[%}]\}|&[a-z]+;", "\u00a0", html)
    assert not re.findall(r"\w [?!:;]", visible)
    text = mail_template(kind, "fr").text
    assert re.findall(r".{20} [:;?!]\s", text) == []
    assert re.findall(r".{20}\u00a0[:;?!]\s", text), "and they are there"


#: Kind, subject in French and in English, and why somebody reads it: as a customer, by an address, as staff.
SHIPPED = """
CustomerWelcome | Bienvenue chez {{var:company_name}} | Welcome to {{var:company_name}} | customer
CustomerInvoice | Votre Facture - {{var:invoice_number}} | Your Invoice - {{var:invoice_number}} | customer
CustomerInvoiceReminder | Rappel de paiement - Facture en retard | Payment reminder - Invoice overdue | customer
UserWelcome | Bienvenue dans l'Équipe | Welcome to the Team | staff
UserPasswordReset | Demande de réinitialisation de mot de passe | Password reset request | customer
UserPasswordResetSuccess | Mot de passe changé avec succès | Password changed successfully | customer
UserPasswordChange | Notification de changement de mot de passe | Password change notification | customer
EmailVerification | Vérifiez votre adresse e-mail | Verify your e-mail address | address
sBalanceExpired | Votre solde de service a expiré | Your service balance has expired | alert
sBalanceLow | Alerte de solde bas | Low balance alert | alert
""".strip().splitlines()
FOOTERS = {
    ("customer", "fr"): "Vous recevez ce message de service parce que vous avez un compte chez nous.",
    ("customer", "en"): "You receive this service message because you have an account with us.",
    ("address", "fr"): "Vous recevez ce message car cette adresse nous a été indiquée pour un compte.",
    ("address", "en"): "You receive this message because this address was given to us for an account.",
    ("staff", "fr"): "Message automatique du portail d’administration.",
    ("staff", "en"): "Automatic message of the administration portal.",
    ("marketing", "fr"): "Vous recevez cet e-mail parce que vous êtes en relation avec nous.",
    ("marketing", "en"): "You receive this e-mail because you are in contact with us.",
}
LEAVE = {
    ("alert", "fr"): "Ne plus recevoir ces alertes",
    ("alert", "en"): "Stop receiving these alerts",
    ("marketing", "fr"): "Ne plus recevoir nos offres par e-mail",
    ("marketing", "en"): "Stop receiving our offers by e-mail",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("row", SHIPPED)
def test_each_subject_and_why_one_reads_it_and_how_one_leaves(row, language):
    kind, *subjects, reader = row.split(" | ")
    for service in (True, False):
        template = mail_template(f"api_crmCommunication{kind}", language, service=service)
        reads = reader if service else "marketing"
        why = FOOTERS.get((reads, language)) or FOOTERS["customer", language]
        leave, link = LEAVE.get((reads, language)), f"{{{{mj:unsub_link_{language}}}}}"
        colon = "\u00a0: " if language == "fr" else ": "
        assert template.subject == subjects[LANGUAGES.index(language)]
        assert f"____\n{why}\n{f'{leave}{colon}{link}' if leave else ''}".rstrip() in template.text
        assert (f'{why} <a href="{link}">{leave}</a></p>' if leave else f"{why}</p>") in re.sub(
            r' (style|class)="[^"]*"|</?span[^>]*>', "", template.html
        )
        assert ("unsub" in template.text + template.html) is bool(leave)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", MANUAL)
def test_no_line_breaks_within_the_word_e_mail(kind, language):
    body = mail_template(kind, language, service=False).html.partition("<table")[2]
    read = re.findall(r"(<[^>]*>)?[^<>]*?\b(?:e-mail|ci-dess)", re.sub(r"\{[{%].*?[%}]\}", "", body))
    assert read
    assert {tag for tag in read if "white-space:nowrap" not in tag} == set()


def test_a_words_hyphen_in_a_link_stays_as_it_is():
    shown = html_frame._styled(
        '<p>Par e-mail, <a href="https://x.example/e-mail?{{var:e-mail}}">ci-dessous</a></p>',
        Brand("A", "B", "a@x.example"),
    )
    assert 'href="https://x.example/e-mail?{{var:e-mail}}"' in shown
    assert re.findall(r'<span style="white-space:nowrap;">(.*?)</span>', shown) == ["e-mail,", "ci-dessous"]


def test_the_frame_to_the_letter():
    """What Mailjet's editor and mail programs get around a template's own words; `mail_frame.html` has it."""
    inside = Fragments("S", '<!-- preheader: P --><h1>T</h1><p>B <a href="https://x.example">l</a></p>', "B")
    brand = Brand("Fibre & Co", "1 rue X", "aide@fibre.example", "#aa0033", "https://fibre.example/logo.png")
    made = assemble("own", "fr", inside, brand, service=False)
    written = Path(__file__).with_name("mail_frame.html").read_text("utf-8")
    assert (made.html + made.text).splitlines() == written.splitlines()


def test_the_brand_stands_in_header_and_footer_escaped():
    brand = Brand("Fibre & Co", "1 rue X", "aide@fibre.example", "#aa0033", "https://fibre.example/logo.png")
    template = mail_template("api_crmCommunicationsBalanceLow", "fr", brand)
    assert 'alt="Fibre &amp; Co"' in template.html
    assert 'src="https://fibre.example/logo.png"' in template.html
    assert 'bgcolor="#aa0033"' in template.html
    assert "Fibre & Co | aide@fibre.example\n1 rue X" in template.text


def test_unknown_kind_and_language_are_told_at_once():
    with pytest.raises(BadInput) as caught:
        mail_template("api_crmCommunicationNope", "de")
    assert len(caught.value.faults) == 2


def test_one_day_overdue_is_one_day():
    template = mail_template("api_crmCommunicationCustomerInvoiceReminder")
    values = sample_variables(template.kind)
    assert "dépassée depuis 1 jour." in render(template.text, {**values, "days_overdue": 1})
    assert "dépassée depuis 7 jours." in render(template.text, values)


def test_a_button_leads_to_its_link_and_says_its_words():
    brand = Brand("Fibre & Co", "1 rue X", "aide@fibre.example")
    link = 'href="{{var:pay_url}}"'
    shown = html_frame._styled(f'<a class="button" {link}>Pay now</a>', brand)
    assert shown.count(link) == 1
    assert re.findall(r">([^<>]+)</a>", shown) == ["Pay now"]
