"""What people write wrongly into crm_config.yaml: one sentence each, without pydantic's or the parser's own words."""

import re
from pathlib import Path

import pytest

from mailworker.cli.doctor_checks.written_values import is_iban, value_faults
from mailworker.config.settings import Settings, load_settings, parse_settings
from mailworker.config.validation_errors import SHAPES
from mailworker.errors import ConfigError
from tests.doubles import CONFIG

#: Words of the libraries that nobody who edits a file should have to know.
JARGON = re.compile(
    "valid string|valid tuple|match pattern|boolean|after validation|at least 1 char|decimal|Traceback"
)


def refused(text, environ=None):
    with pytest.raises(ConfigError) as raised:
        parse_settings(text, environ=environ or {})
    assert not JARGON.search(str(raised.value))
    return str(raised.value)


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("brand: {name: 20261129}", 'brand.name: must be a text: write it in quotes, "20261129".'),
        (
            "brand:\n  colour: #0b4f8a",
            "brand.colour: has no value; what contains `#`, as a colour, stands in quotes.",
        ),
        ("brand: {colour: bleu}", 'brand.colour: must be a colour as "#0b4f8a", in quotes.'),
        (
            "brand: {logo_url: http://a.example/l.png}",
            "brand.logo_url: must be an address that begins with https://.",
        ),
        ("brand: {name: [a]}", "brand.name: must be one text, and no list and no keys."),
        ("invoice: {seller: {postcode: 13002}}", 'postcode: must be a text: write it in quotes, "13002".'),
        ("invoice: {seller: {siren: '12'}}", "siren: must have nine digits."),
        ("invoice: {currency: euro}", "must be a currency's three capital letters, as EUR (ISO 4217)."),
        ("invoice: {currency: XYZ}", "invoice.currency: is no currency of today by ISO 4217, such as EUR."),
        ("invoice: {currency: FRF}", "invoice.currency: is no currency of today by ISO 4217, such as EUR."),
        ("invoice: {currency: XXX}", "invoice.currency: is no currency of today by ISO 4217, such as EUR."),
        (
            "crm: {source: omnicrm, omnicrm: {url: 'mysql://c/d', currency: EUX}}",
            "crm.omnicrm.currency: is no currency of today by ISO 4217, such as EUR.",
        ),
        ("reminders: {exclude: {customers: C1}}", "customers: must be a list, as [one, two]."),
        ("reminders: {enabled: oui}", "reminders.enabled: must be true or false."),
        ("reminders: {steps: []}", "reminders.steps: may not be empty."),
        ("reminders: {minimum_amounts: {EUR: '5,00'}}", "must be a number, with a point: 5.00."),
        (
            "web: {webhook_user: 'a:b', webhook_password: x}",
            "web.webhook_user: may have neither spaces nor a colon.",
        ),
        (
            f"web: {{logins: {{'a:b': {{password_hash: 'scrypt:16384:8:5:{'A' * 22}:{'A' * 43}'}}}}}}",
            "may have neither spaces nor a colon, and at most 64 characters.",
        ),
        ("contacts: {properties: {a: customer.nom}}", "did you mean 'customer.name'?"),
        ("brand:\n\tname: A", "indent with spaces, never with a tab."),
        ("brand:\n  name: A\n   legal: B", "indent this key as its neighbours"),
        ('brand: {name: "fr}', "a quotation mark that was opened is not closed."),
        ("brand: !!python/none x", "tags with ! are not known here."),
        ("brand: {name: '${A-B}'}", "brand.name has a `${` that is no ${NAME}"),
        ("brand: {name: '${A:-${B}}'}", "brand.name has a `${` that is no ${NAME}"),
    ],
)
def test_what_is_wrong_and_what_to_write(added, said):
    found = refused(f"{CONFIG}{added}\n")
    assert found.endswith(said) or said in found
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("lifetime", "3", "3 seconds are too short for a mail to leave: write 15m, 1h or 3d."),
        ("from_name", '"A\\nB"', "must be on one line, without control characters."),
        ("subject", '""', "may not be empty."),
        ("service", '"non"', "must be true or false."),
        ("variables", "a, b", "must be a list, as [one, two]."),
        (
            "variables",
            '["nom client"]',
            "nom client cannot be written as {{var:nom client}}: use letters, digits and _ only.",
        ),
    ],
)
def test_what_is_wrong_in_a_block(key, value, said):
    block = {
        "from_email": "a@b.example",
        "from_name": "A",
        "template_id": "9",
        "subject": "S",
        "variables": "[a]",
    }
    lines = "".join(f"    {name}: {text}\n" for name, text in (block | {key: value}).items())
    assert refused(
        CONFIG.replace("mailjet:\n", f"mailjet:\n  api_crmCommunicationOwn:\n{lines}", 1)
    ).endswith(said)


def test_a_list_that_lacks_entries_because_they_are_wrong_is_not_called_empty():
    assert [
        line.split(": ")[1] for line in refused(f"{CONFIG}reminders: {{weekdays: [lundi]}}\n").splitlines()
    ] == ["reminders.weekdays.0"]


def patterns(part):
    if isinstance(part, dict):
        yield from (text for name, text in part.items() if name == "pattern" and isinstance(text, str))
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else ():
        yield from patterns(one)


def test_every_shape_has_words():
    assert set(patterns(Settings.__pydantic_core_schema__)) == SHAPES.keys()


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("FR76 3000 6000 0112 3456 7890 189", True),
        ("fr7630006000011234567890189", True),
        ("GB82 WEST 1234 5698 7654 32", True),
        ("FR76 3000 6000 0112 3456 7890 188", False),
        ("FR76", False),
        ("un IBAN", False),
    ],
)
def test_an_iban_is_known_by_its_check_digits(text, fits):
    assert is_iban(text) is fits


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("brand: {support_email: pas une adresse}", "brand.support_email is no e-mail address"),
        ("brand: {logo_url: 'https://a.example/logo.svg?v=2'}", "brand.logo_url is an SVG"),
        ("invoice: {seller: {iban: FR7630006000011234567890188}}", "invoice.seller.iban is no IBAN"),
        ("brand: {support_email: a@b.example, logo_url: 'https://a.example/svg.png'}", None),
    ],
)
def test_values_that_can_be_read_and_that_no_customer_could_use(added, said):
    faults = list(value_faults(parse_settings(f"{CONFIG}{added}\n", environ={})))
    assert [said is not None and said in one for one in faults] == ([True] if said else [])


def test_a_subject_of_a_state_that_the_kind_never_has():
    text = Path("crm_config.yaml").read_text("utf-8")
    text = text.replace(
        '    subject: "Votre Facture - "',
        '    subject: "Votre Facture - "\n    subjects: {credit: "A", paid: "P"}',
    )
    text = text.replace('    subject: "Vérifiez', '    subjects: {late: "L"}\n    subject: "Vérifiez')
    faults = list(value_faults(parse_settings(text, environ={})))
    assert len(faults) == 2
    assert (
        "CustomerInvoice.subjects: credit is no state of this kind, so nobody reads that subject; did you mean"
        in faults[0]
    )
    assert faults[1].endswith(": it has none.")


def test_the_shipped_file_has_none():
    assert list(value_faults(load_settings(Path("crm_config.yaml"), {}))) == []
