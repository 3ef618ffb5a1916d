"""crm_config.yaml is OmniCRM's: what is not ours in it is left alone, and nearly ours is named."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import Settings, load_settings, parse_settings
from mailworker.crm.omnicrm.database_rows import urls_of
from mailworker.errors import ConfigError

OMNICRMS = Path(__file__).parents[1] / "omnicrm" / "crm_config.yaml"
OURS = "mailjet:\n  api_key: k\n  api_secret: s\n"


def load(text):
    return parse_settings(text, "crm_config.yaml", {})


def test_the_manuals_whole_file_loads_and_nothing_is_said_of_it(tmp_path):
    path = tmp_path / "crm_config.yaml"
    path.write_text(OMNICRMS.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "invoice_templates").mkdir()
    settings = load_settings(path, {})
    assert set(settings.mailjet.blocks) == set(KINDS)
    assert settings.warnings == ()
    assert settings.invoice.template_dir == tmp_path / "invoice_templates"
    assert settings.invoice.template_filename == "norfone_invoice_template.html"


def test_the_operators_own_template_folder_wins(tmp_path):
    path = tmp_path / "crm_config.yaml"
    path.write_text(OURS + "invoice:\n  template_filename: a.html\n  template_dir: /elsewhere\n", "utf-8")
    (tmp_path / "invoice_templates").mkdir()
    assert load_settings(path, {}).invoice.template_dir == Path("/elsewhere")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("reminder", "reminders"), ("Balances", "balances"), ("contact", "contacts"), ("invoices", "invoice")],
)
def test_a_near_miss_is_a_warning_with_the_right_name(written, meant):
    (warning,) = load(f"{OURS}{written}:\n  enabled: false\n").warnings
    assert warning.startswith(f"crm_config.yaml:4: {written} is left alone")
    assert f"did you mean '{meant}'?" in warning


@pytest.mark.parametrize("name", ["database", "service_types", "hss", "ocs", "stripe", "api_keys", "jwt"])
def test_omnicrms_sections_make_no_noise(name):
    assert load(f"{OURS}{name}: [1]\n").warnings == ()


def test_a_misspelt_mandatory_section_is_named_beside_what_it_makes_missing():
    with pytest.raises(ConfigError) as caught:
        load("mailjett:\n  api_key: k\n  api_secret: s\n")
    assert any("mailjet is missing" in fault for fault in caught.value.faults)
    assert any("did you mean 'mailjet'?" in fault for fault in caught.value.faults)


def test_a_strangers_key_in_a_shared_section_is_left_alone():
    settings = load(OURS + "  sandbox_recipient: x\ninvoice:\n  proforma_watermark: PROFORMA\n")
    assert [one.split(":", 2)[2] for one in settings.warnings] == [
        " mailjet.sandbox_recipient is left alone: mailworker has no such key.",
        " invoice.proforma_watermark is left alone: mailworker has no such key.",
    ]


@pytest.mark.parametrize("line", ["  api_kay: k", "  api_crmComunicationCustomerWelcome: {}"])
def test_a_key_that_is_nearly_ours_is_still_an_error(line):
    with pytest.raises(ConfigError, match="did you mean"):
        load(OURS + line + "\n")


FOREIGN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["${NOWHERE}", "a: b", "x" * 50, "!x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=20), FOREIGN)
def test_no_foreign_section_ever_stops_us_or_is_advised_away(name, content):
    if name in Settings.model_fields:
        return
    settings = load(OURS + yaml.safe_dump({name: content}))
    assert settings.mailjet.api_key.reveal() == "k"
    assert not any("remove" in warning for warning in settings.warnings)


SHARED = """
database:
  username: omnitouch
  password: p@ss:w/rd
  server: db.internal
crm:
  source: omnicrm
"""


def test_omnicrms_database_section_is_all_that_its_source_needs():
    settings = load(OURS + SHARED)
    urls = urls_of(settings.crm.omnicrm)
    assert [one.database for one in urls] == ["omnicrm", "crm"]
    assert {(one.drivername, one.username, one.password, one.host, one.port) for one in urls} == {
        ("mysql+pymysql", "omnitouch", "p@ss:w/rd", "db.internal", 3306)
    }
    assert settings.contacts.consent == "customer.custom_fields.marketing"
    assert "p@ss" not in repr(settings)


def test_the_invoices_currency_is_that_of_the_installation():
    assert load(f"{OURS}{SHARED}invoice:\n  currency: CHF\n").crm.omnicrm.currency == "CHF"
    own = f"{OURS}{SHARED}  omnicrm:\n    currency: AUD\ninvoice:\n  currency: CHF\n"
    assert load(own).crm.omnicrm.currency == "AUD"


def test_a_number_for_a_password_is_one_in_omnicrms_section():
    assert load(OURS + SHARED.replace("p@ss:w/rd", "1234")).crm.omnicrm.database.password.reveal() == "1234"


def test_a_source_without_omnicrms_section_says_what_to_set():
    with pytest.raises(ConfigError, match=r"set omnicrm\.url"):
        load(f"{OURS}crm:\n  source: omnicrm\n")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('pay_url: "https://x.example/{invoice}"', "knows no {invoice}"),
        ('pay_url: "https://x.example/\'"', "must be a link"),
        ('url: "postgresql://x/y"', "MariaDB or MySQL"),
        ('attributes: {language: "a\'b"}', "letters, digits"),
    ],
)
def test_what_goes_into_sql_is_checked(line, why):
    with pytest.raises(ConfigError, match=why):
        load(f"{OURS}{SHARED}  omnicrm:\n    {line}\n")


def test_a_database_section_that_nobody_reads_may_hold_anything():
    assert load(OURS + "database: ${NOWHERE}\n").crm.source == "none"
