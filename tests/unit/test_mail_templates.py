"""The ten e-mail templates: the manual page's variables, both languages, and what a customer reads."""

import re

import pytest

from mailworker.config.builtin_kinds import KINDS
from mailworker.errors import BadInput
from mailworker.templates import html_frame
from mailworker.templates.brand import Brand
from mailworker.templates.language.render import render
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import LANGUAGES, SUBJECTS, mail_template

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
    template = mail_template(kind, language)
    required, optional = (set(names.split()) for names in MANUAL[kind])
    ours = {one.name for one in KINDS[kind].variables} - required - optional
    # A loop can give no default; lists are always sent.
    assert template.required - {"invoices"} == required
    assert optional <= template.optional <= optional | ours
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
    values = {
        name: value for name, value in sample_variables(kind, language).items() if name in template.required
    }
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


def test_the_subjects_are_the_manuals():
    assert (
        mail_template("api_crmCommunicationCustomerInvoice").subject
        == "Votre Facture - {{var:invoice_number}}"
    )
    assert mail_template("api_crmCommunicationsBalanceLow").subject == "Alerte de solde bas"
    assert mail_template("api_crmCommunicationUserPasswordReset", "en").subject == "Password reset request"


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
