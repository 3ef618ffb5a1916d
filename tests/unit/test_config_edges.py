"""The configuration at its edges: which side of each bound is taken, and where each reading of a key leads."""

import hashlib
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from mailworker.config.balances import BalanceSettings, Level, ThresholdBlock
from mailworker.config.brand import BrandSettings, contrast_with_white
from mailworker.config.callbacks import CallbackSettings
from mailworker.config.cgrates import CgratesSettings
from mailworker.config.contacts import CampaignDefaults, ContactSettings, PropertyBlock
from mailworker.config.crm import CrmSettings, HttpSettings, SqlSettings
from mailworker.config.duration import parse_duration
from mailworker.config.environment_placeholders import fill_in, unset_variable
from mailworker.config.invoice import InvoiceSettings, SellerSettings, TaxRepresentativeSettings
from mailworker.config.kind_block import KindBlock, canonical_keys
from mailworker.config.kind_references import dangling
from mailworker.config.mailjet import MailjetSettings
from mailworker.config.omnicrm import OmnicrmSettings, SharedDatabase
from mailworker.config.recipient_limit import parse_recipient_limit
from mailworker.config.reminders import ReminderSettings, ReminderStep
from mailworker.config.scan_schedule import read_timetable
from mailworker.config.sending_hours import QuietHours, read_holiday, read_holidays, read_time
from mailworker.config.settings import config_path, fingerprint, load_settings, parse_settings
from mailworker.config.shared_file import with_omnicrms_facts, with_template_folder
from mailworker.config.validation_errors import _as_written, _lower_first, _right_spelling
from mailworker.config.web import WebSettings
from mailworker.config.yaml_document import Document, read_document
from mailworker.core.cron import Crontab, Every
from mailworker.core.kind import Kind, RecipientLimit, Variable, VariableType
from mailworker.core.lane import Lane
from mailworker.core.masked_secret import Secret
from mailworker.errors import ConfigError, Misconfigured

ACCESS = "mailjet: {api_key: a, api_secret: b}\n"
BLOCK = {"from_email": "a@example.com", "from_name": "A", "template_id": 1, "subject": "S"}


def refused(section, **keys):
    with pytest.raises(ValidationError) as told:
        section(**keys)
    return " ".join(error["msg"] for error in told.value.errors())


@pytest.mark.parametrize(
    ("section", "taken", "sentence", "wrong"),
    [
        (BrandSettings, {"colour": "#767676"}, "too light for white text: its contrast is 4.48", {"colour": "#777777"}),
        (BrandSettings, {"colour": ""}, "too light", {"colour": "#ffffff"}),
        (ThresholdBlock, {"below": "100%"}, "below is more than 100%", {"below": "100.01%"}),
        (ThresholdBlock, {"below": 500}, "below is more than 100%", {"below": "500%"}),
        (ThresholdBlock, {"below": 5, "rearm_at": "5.01"}, "rearm_at must be higher", {"below": 5, "rearm_at": 5}),
        (ThresholdBlock, {"below": "5%", "rearm_at": "6%"}, "both be percentages", {"below": 5, "rearm_at": "6%"}),
        (ThresholdBlock, {"below": 0}, "is not a level", {"below": "-0.01"}),
        (ThresholdBlock, {"below": "0%"}, "is not a level", {"below": "inf"}),
        (ThresholdBlock, {"below": "20 %"}, "is not a level", {"below": "20 percent"}),
        (BalanceSettings, {"low": [{"below": 1, "type": "a"}, {"below": 1, "type": "b"}]}, "twice", {"low": [{"below": 1, "plan": "a"}, {"below": 1, "plan": "A"}]}),
        (BalanceSettings, {"low": []}, "twice", {"low": [{"below": "1.0"}, {"below": "1.0"}]}),
        (BalanceSettings, {"low": [{"below": 20}, {"below": "20%"}]}, "twice", {"low": [{"below": 20}, {"below": 20}]}),
        (ReminderSettings, {"steps": [1, 60]}, "comes after the ladder's end", {"steps": [1, 61]}),
        (ReminderSettings, {"steps": [-60, 2]}, "greater than or equal to -60", {"steps": [-61]}),
        (ReminderSettings, {"steps": [{"days": 0}]}, "as a whole number", {"steps": ["7"]}),
        (ReminderSettings, {"steps": [ReminderStep(days=1)]}, "as a whole number", {"steps": [True]}),
        (QuietHours, {"start": "20:00", "end": "20:01"}, "are the same time", {"start": "08:00"}),
        (CallbackSettings, {"url": "https://x.example", "secret": "whsec_x"}, "needs a secret", {"url": "https://x.example"}),
        (CallbackSettings, {"task": "t"}, "keep one of them", {"task": "t", "url": "https://x.example", "secret": "s"}),
        (CgratesSettings, {"user": "u", "password": "p"}, "belong together", {"user": "u"}),
        (CgratesSettings, {}, "belong together", {"password": "p"}),
        (WebSettings, {"ocs_user": "u", "ocs_password": "p"}, "ocs_user and ocs_password belong", {"ocs_user": "u"}),
        (WebSettings, {"operator_user": "u", "operator_password": "p", "actions": True}, "actions need", {"actions": True}),
        (WebSettings, {"port": 65535}, "less than or equal to 65535", {"port": 65536}),
        (SqlSettings, {"queries": {"invoice_document": "SELECT 1", "invoice_lines": "SELECT 1"}}, "belong together", {"queries": {"invoice_document": "SELECT 1"}}),
        (SqlSettings, {"queries": {"changed_customers": "SELECT 1 WHERE u>=:updated_since"}}, "ask since when", {"queries": {"changed_customers": "SELECT 1 WHERE u>=:updated_since_when"}}),
        (SqlSettings, {"queries": {}}, "belong together", {"queries": {"invoice_lines": "SELECT 1"}}),
        (SqlSettings, {"queries": {"invoices": "select 1 /* a;b */ -- ;"}}, "one SELECT", {"queries": {"invoices": "selection"}}),
        (HttpSettings, {"base_url": "http://x.example/"}, "without a path", {"base_url": "http://x.example/crm"}),
        (HttpSettings, {"email": "a", "password": "p"}, "email and password together", {"password": "p"}),
        (HttpSettings, {"api_key": "k"}, "keep one way", {"api_key": "k", "email": "a", "password": "p"}),
        (HttpSettings, {"lists": {"changed_customers": "/c/?s={updated_since}"}}, "ask since when", {"lists": {"changed_customers": "/c/"}}),
        (CrmSettings, {"source": "omnicrm", "omnicrm": {"url": "mysql://u@h/omnicrm"}}, "set omnicrm.url", {"source": "omnicrm"}),
        (CrmSettings, {"source": "omnicrm", "omnicrm": {"database": {"username": "u"}}}, "set omnicrm.url", {"source": "omnicrm", "omnicrm": {"currency": "EUR"}}),
        (CrmSettings, {"source": "http", "http": {"base_url": "http://x.example", "email": "a", "password": "p"}}, "no api_key", {"source": "http", "http": {"base_url": "http://x.example"}}),
        (OmnicrmSettings, {"url": "mariadb+pymysql://u@h/x"}, "must be of MariaDB", {"url": "sqlite:///x"}),
        (OmnicrmSettings, {"pay_url": "https://x.example/{invoice_id}/{customer_id}"}, "write {customer_id} or {invoice_id}", {"pay_url": "https://x.example/{service_uuid}"}),
        (OmnicrmSettings, {"pay_url": ""}, "must be a link", {"pay_url": "x.example"}),
        (OmnicrmSettings, {"billing_contact": "x" * 100}, "must be made of letters", {"billing_contact": "x" * 101}),
        (TaxRepresentativeSettings, {"name": "R", "vat_id": "FR59552100554"}, "needs a vat_id", {"name": "R"}),
        (TaxRepresentativeSettings, {}, "needs a vat_id", {"name": "R", "vat_id": "59552100554"}),
        (InvoiceSettings, {"e_invoice": "none"}, "factur-x needs seller.vat_id, seller.city, seller.postcode", {"e_invoice": "factur-x"}),
        (InvoiceSettings, {"e_invoice": "factur-x", "seller": {"country": "DE", "tax_number": "1"}}, "needs seller.vat_id", {"e_invoice": "factur-x", "seller": {"country": "DE"}}),
        (InvoiceSettings, {"e_invoice": "factur-x", "seller": {"siren": "123456782", "city": "c", "postcode": "1"}}, "needs seller.postcode", {"e_invoice": "factur-x", "seller": {"company_id": "1", "city": "c"}}),
        (InvoiceSettings, {"e_invoice": "factur-x", "seller": {"company_id": "1", "country": "CH"}}, "needs seller.city", {"e_invoice": "factur-x", "seller": {"country": "RE", "siren": "123456782", "postcode": "1"}}),
        (InvoiceSettings, {"template_filename": "a/b..html"}, "must be a file name inside", {"template_filename": "a/../b"}),
        (InvoiceSettings, {"detail_template_filename": "d.html"}, "must be a file name inside", {"detail_template_filename": "/d.html"}),
        (InvoiceSettings, {"timezone": ""}, "must be the name of a time zone", {"timezone": "Paris"}),
        (ContactSettings, {"properties": {"x" * 50: "customer.city"}}, "is no name for a property", {"properties": {"x" * 51: "customer.city"}}),
        (ContactSettings, {"properties": {"A": "customer.city"}}, "differ in capitals", {"properties": {"A": "customer.city", "a": "customer.city"}}),
        (ContactSettings, {"type_list": "{type}"}, "must say where the type goes", {"type_list": "x"}),
        (ContactSettings, {"lists": {"a": "A", "b": "B"}}, "have the same name", {"lists": {"a": "A", "b": "A"}}),
        (ContactSettings, {"list": "L", "lists": {"a": "A"}}, "have the same name", {"list": "L", "lists": {"a": "L"}}),
        (PropertyBlock, {"from": "customer.custom_fields.x y"}, "nothing that the CRM tells", {"from": "customer.custom_fields."}),
        (CampaignDefaults, {"from_email": ""}, "is not an e-mail address", {"from_email": "a"}),
        (KindBlock, BLOCK, "is not an e-mail address", BLOCK | {"reply_to": "a"}),
        (KindBlock, BLOCK | {"languages": {"EN_gb": {"template_id": 2, "subject": "S"}}}, "stands there twice", BLOCK | {"languages": {key: {"template_id": 2, "subject": "S"} for key in ("en", "EN")}}),
        (KindBlock, BLOCK | {"languages": {False: {"template_id": 2, "subject": "S"}}}, "is no language", BLOCK | {"languages": {"english": {"template_id": 2, "subject": "S"}}}),
        (MailjetSettings, {"api_key": "a", "api_secret": "b", "proxy": "http://u:p@proxy.example:3128/"}, "URL of an HTTP proxy", {"api_key": "a", "api_secret": "b", "proxy": "http://proxy.example/path"}),
        (MailjetSettings, {"api_key": "a", "api_secret": "b", "proxy": "https://proxy.example"}, "URL of an HTTP proxy", {"api_key": "a", "api_secret": "b", "proxy": "socks5://proxy.example"}),
        (MailjetSettings, {"api_key": "a", "api_secret": "b"}, "URL of an HTTP proxy", {"api_key": "a", "api_secret": "b", "proxy": "http://"}),
    ],
)  # fmt: skip
def test_which_side_of_a_bound_is_taken(section, taken, sentence, wrong):
    assert section(**taken)
    assert sentence in refused(section, **wrong)


@pytest.mark.parametrize(
    ("colour", "contrast"),
    [("#000000", 21.0), ("#ffffff", 1.0), ("#ff0000", 3.998), ("#00ff00", 1.372), ("#0000ff", 8.592),
     ("#0a0a0a", 19.798), ("#0b0b0b", 19.683), ("#123456", 12.717)],
)  # fmt: skip
def test_the_contrast_of_white_is_wcags(colour, contrast):
    assert contrast_with_white(colour) == pytest.approx(contrast, abs=0.001)


@pytest.mark.parametrize(
    ("level", "text"),
    [(Level(value=Decimal(20), percent=True), "20%"), (Level(value=Decimal("2.50")), "2.50")],
)
def test_a_level_is_written_as_it_is_read(level, text):
    assert str(level) == text
    assert ThresholdBlock(below=text).below == level
    assert ThresholdBlock(below=level).below is level


def callback_secret(text):
    return CallbackSettings(url="https://x.example", secret=text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("whsec_" + "A" * 32, None),
        ("A" * 32, None),
        ("A" * 31, "callbacks.secret is shorter than 24 bytes; make a new one."),
        ("whsec_" + "A" * 34, None),
        (
            "whsec_" + "!" * 40,
            "callbacks.secret is no base64: write the output of `openssl rand -base64 32`.",
        ),
        ("A" * 33, "callbacks.secret is no base64: write the output of `openssl rand -base64 32`."),
    ],
)
def test_what_signs_has_24_bytes_at_least(text, fault):
    assert callback_secret(text).fault_of_secret() == fault


def test_the_key_that_signs():
    assert callback_secret("whsec_AQID").key == callback_secret("AQID").key == b"\1\2\3"
    assert callback_secret("AQI").key == b"\1\2"
    assert CallbackSettings().key == b""
    assert [one.enabled for one in (CallbackSettings(), CallbackSettings(task="t"), callback_secret("x"))] == [
        False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0", 0), ("1.5m", 90), (" 2 h ", 7200), ("3d", 259_200), (90, 90), ("36500d", 36_500 * 86_400)],
)
def test_durations(written, seconds):
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["36501d", "36500.1d", True, False, "1w", "-1s", "", "1h30m"])
def test_no_durations(written):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "limit"),
    [("5/h", RecipientLimit(5, timedelta(hours=1))), (" 20 / 12 h ", RecipientLimit(20, timedelta(hours=12))),
     ("1/s", RecipientLimit(1, timedelta(seconds=1))), ("none", "none"), (RecipientLimit(2, timedelta(1)), RecipientLimit(2, timedelta(1)))],
)  # fmt: skip
def test_limits_of_a_recipient(written, limit):
    assert parse_recipient_limit(written) == limit


@pytest.mark.parametrize("written", ["0/h", "5/0h", "5", "h/5", "-1/h", None, "5/hour"])
def test_no_limits_of_a_recipient(written):
    with pytest.raises(ValueError, match="is no number of mails in a time"):
        parse_recipient_limit(written)


def test_a_schedule_is_a_line_or_an_interval_of_a_minute_at_least():
    assert read_timetable("0 6 * * *") == Crontab("0 6 * * *")
    assert read_timetable("60s") == Every("60s", timedelta(minutes=1))
    assert read_timetable(90) == Every("90", timedelta(seconds=90))
    made = read_timetable("15m")
    assert read_timetable(made) is made
    for wrong, why in (
        ("59s", "must be a minute at least"),
        ("often", "is not a schedule"),
        (None, "is not a schedule"),
    ):
        with pytest.raises(ValueError, match=why):
            read_timetable(wrong)


@pytest.mark.parametrize(
    ("written", "read"),
    [("00:00", time(0)), ("23:59", time(23, 59)), ("7h05", time(7, 5)), (time(1, 2), time(1, 2))],
)
def test_times(written, read):
    assert read_time(written) == read


@pytest.mark.parametrize("written", ["24:00", "12:60", "1200", "12", " 12:00x", None])
def test_no_times(written):
    with pytest.raises(ValueError, match="is not a time of day"):
        read_time(written)


@pytest.mark.parametrize(
    ("written", "read"),
    [("12-25", "12-25"), ("02-29", "02-29"), ("2026-12-25", date(2026, 12, 25)), ("FR", "FR"), ("FR-57", "FR-57"),
     (date(2026, 1, 2), date(2026, 1, 2))],
)  # fmt: skip
def test_holidays(written, read):
    assert read_holiday(written) == read
    assert read_holidays(written) == [written]
    assert read_holidays((written,)) == (written,)


@pytest.mark.parametrize("written", ["13-01", "02-30", "2026-02-29", "France", "", 7])
def test_no_holidays(written):
    with pytest.raises(ValueError, match="is not a day"):
        read_holiday(written)


@pytest.mark.parametrize(
    ("given", "siren"),
    [
        ({"vat_id": "FR 40 123 456 824"}, "123456824"),
        ({"vat_id": "FR40123456824", "siren": "732829320"}, "732829320"),
        ({"vat_id": "DE123456789"}, ""),
        ({"siren": 732829320}, "732829320"),
        ({}, ""),
    ],
)
def test_a_french_vat_number_has_the_siren_in_it(given, siren):
    assert SellerSettings(**given).siren == siren


def test_identifiers_and_addresses_are_written_as_people_do():
    seller = SellerSettings(address="1 rue A\nBât. B", iban="fr76 3000 6000", creditor_id="fr12 zzz")
    assert (seller.address, seller.iban, seller.creditor_id) == (
        ("1 rue A", "Bât. B"),
        "FR7630006000",
        "FR12ZZZ",
    )


def test_invoices_read_dates_in_the_workers_zone_or_their_own():
    worker = "worker: {timezone: America/Lima}\n"
    assert parse_settings(ACCESS + worker, environ={}).invoice.zone.key == "America/Lima"
    own = "invoice: {timezone: Asia/Tokyo}\n"
    assert parse_settings(ACCESS + worker + own, environ={}).invoice.zone.key == "Asia/Tokyo"
    assert InvoiceSettings().zone.key == "Europe/Paris"


def test_names_of_lists_and_logins():
    contacts = ContactSettings(list="All", type_list="T {type}/{type}", lists={"billing": "B"})
    assert [contacts.list_name(one) for one in ("", "billing", "tech")] == ["All", "B", "T tech/tech"]
    mailjet = {"webhook_user": "m", "webhook_password": "p"}
    assert WebSettings(**mailjet).ocs_login == ("m", Secret("p"))
    assert WebSettings(**mailjet, ocs_user="o", ocs_password="q").ocs_login == ("o", Secret("q"))
    assert ReminderSettings(steps=[1, 7]).step(7).days == 7
    assert ReminderSettings(steps=[1, 7]).step(2) is None


def test_omnicrms_numbers_are_text_and_other_keys_are_its_own():
    found = SharedDatabase(username=7, password=1234, charset="utf8")
    assert (found.username, found.password.reveal(), found.server) == ("7", "1234", "localhost")
    assert OmnicrmSettings(url="mysql://u:p@h/omnicrm").url.reveal() == "mysql://u:p@h/omnicrm"


TRANSLATED = KindBlock(
    **BLOCK | {"subjects": {"a": "State"}},
    languages={
        "EN": {"template_id": 2, "subject": "E", "subjects": {"a": "English"}, "from_name": "Anglo"},
        "pt_BR": {"template_id": 3, "subject": "P"},
    },
)


@pytest.mark.parametrize(
    ("reader", "fallbacks", "found"),
    [("en", (), "en"), ("en-GB", (), "en"), ("pt-BR", (), "pt-br"), ("pt", (), ""), ("de", (), ""),
     ("de", ("pt-br", "en"), "pt-br"), ("de", ("it", "en-us"), "en"), ("en", ("pt-br",), "en"), ("???", (), "")],
)  # fmt: skip
def test_which_language_of_a_block_a_reader_gets(reader, fallbacks, found):
    assert TRANSLATED.language_for(reader, fallbacks) == found


def test_what_a_reader_of_a_language_gets():
    assert [TRANSLATED.template(one) for one in ("en", "pt-br", "fr")] == [(2, "E"), (3, "P"), (1, "S")]
    assert TRANSLATED.template_ids() == (1, 2, 3)
    assert [TRANSLATED.state_subject(one, "a") for one in ("en", "pt-br", "")] == ["English", "", "State"]
    assert TRANSLATED.state_subject("en", "b") == ""
    assert [TRANSLATED.sender_name(one) for one in ("en", "pt-br", "")] == ["Anglo", "A", "A"]
    assert canonical_keys([1]) == [1]


def test_a_block_changes_of_a_kind_what_it_says_and_nothing_else():
    known = Kind(
        "k", (Variable("a"),), lane=Lane.BULK, lifetime=timedelta(1), about_invoice=True, invoice_pdf=True,
        business_key=("a",), service=True, optional=True, at_most=RecipientLimit(2, timedelta(1)),
        resend_unknown_after=timedelta(minutes=5),
    )  # fmt: skip
    assert KindBlock(**BLOCK).kind("k", known) == known
    says = {
        "variables": ["a", "b_url", {"name": "c", "type": "integer", "required": False, "secret": True}],
        "lane": "urgent", "lifetime": "1h", "service": False, "at_most": "3/h", "resend_unknown_after": "2h",
    }  # fmt: skip
    found = KindBlock(**BLOCK, **says).kind("k", known)
    assert found == Kind(
        "k",
        (Variable("a"), Variable("b_url", VariableType.URL), Variable("c", VariableType.INTEGER, False, True)),
        lane=Lane.URGENT, lifetime=timedelta(hours=1), about_invoice=True, invoice_pdf=True, business_key=("a",),
        service=False, optional=True, at_most=RecipientLimit(3, timedelta(hours=1)),
        resend_unknown_after=timedelta(hours=2), resend_needs_proof=False,
    )  # fmt: skip
    assert KindBlock(**BLOCK, at_most="none", lifetime="1m").kind("k", known).at_most is None
    assert KindBlock(**BLOCK, at_most="none", lifetime="1m").kind("k", known).lifetime == timedelta(minutes=1)
    assert KindBlock(**BLOCK, variables=[]).kind("k", known).variables == ()


def test_blocks_and_their_templates():
    name = "api_crmCommunicationCustomerWelcome"
    mailjet = MailjetSettings(api_key="a", api_secret="b", **{name: BLOCK})
    assert mailjet.block(name).template_id == 1
    assert (mailjet.template_ids(name), mailjet.template_ids("x")) == ((1,), ())
    assert len(mailjet.kinds()) == 10
    with pytest.raises(Misconfigured, match=r"mailjet\.x is not in the configuration"):
        mailjet.block("x")


def test_the_environment_is_filled_in():
    environ = {"A": "1", "E": ""}
    assert fill_in("${A}-${B:-2}-${E:-3}-${A:-4}", environ) == "1-2-3-1"
    assert fill_in("[${B:-}${E:-}${E}]", environ) == "[]"
    assert [unset_variable(text, environ) for text in ("${A}", "${B}${C}", "${B:-}", "${E}", "$A {B}")] == [
        None, "B", None, "E", None,
    ]  # fmt: skip


def test_which_file_and_which_reading_of_it(tmp_path):
    assert config_path({}) == config_path({"CRM_CONFIG": ""}) == Path("crm_config.yaml")
    assert config_path({"CRM_CONFIG": "/x/y.yaml"}) == Path("/x/y.yaml")
    path = tmp_path / "own.yaml"
    assert fingerprint(path) == ""
    path.write_text(ACCESS, "utf-8")
    assert fingerprint(path) == hashlib.sha256(ACCESS.encode()).hexdigest()[:16]
    environ = {"CRM_CONFIG": str(path), "MAILJET_PROXY": "http://p.example:1", "MAILJET_CA_BUNDLE": "/ca.pem"}
    found = load_settings(environ=environ).mailjet
    assert (found.proxy.reveal(), found.ca_bundle) == ("http://p.example:1", Path("/ca.pem"))
    path.write_text("mailjet: {}\n", "utf-8")
    with pytest.raises(ConfigError, match=r"^own\.yaml:1: mailjet\.api_key is missing"):
        load_settings(path, {})


def test_the_environments_servers_win_over_an_empty_section_too():
    environ = {"REDIS_URL": "redis://r:1/2", "DATABASE_URL": "sqlite:///x.db"}
    for section in ("", "worker:\n", "worker: {redis_url: redis://other:1/1}\n"):
        worker = parse_settings(ACCESS + section, environ=environ).worker
        assert (worker.redis_url, worker.database_url) == ("redis://r:1/2", "sqlite:///x.db")


OMNI = {"crm": {"source": "omnicrm"}, "database": {"username": "u"}}
CONSENT = {"consent": "customer.custom_fields.marketing"}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"database": 1, "x": 2}, {"x": 2}),
        ({"crm": {"source": "sql"}, "database": {}}, {"crm": {"source": "sql"}}),
        ({"crm": 7, "database": {}}, {"crm": 7}),
        (OMNI, {"crm": {"source": "omnicrm", "omnicrm": {"database": {"username": "u"}}}, "contacts": CONSENT}),
        (OMNI | {"database": 7}, {"crm": {"source": "omnicrm", "omnicrm": {}}, "contacts": CONSENT}),
        (
            {"crm": {"source": "omnicrm", "omnicrm": {"currency": "AUD", "database": {"username": "own"}}}, "database": {"username": "u"}, "invoice": {"currency": "EUR"}, "contacts": {"list": "L"}},
            {"crm": {"source": "omnicrm", "omnicrm": {"currency": "AUD", "database": {"username": "own"}}}, "invoice": {"currency": "EUR"}, "contacts": {"list": "L"} | CONSENT},
        ),
        (
            {"crm": {"source": "omnicrm"}, "invoice": {"currency": "CHF"}, "contacts": {"consent": None}},
            {"crm": {"source": "omnicrm", "omnicrm": {"currency": "CHF"}}, "invoice": {"currency": "CHF"}, "contacts": {"consent": None}},
        ),
        (
            {"crm": {"source": "omnicrm", "omnicrm": {"attributes": {"marketing": "ads"}}}},
            {"crm": {"source": "omnicrm", "omnicrm": {"attributes": {"marketing": "ads"}}}, "contacts": {"consent": "customer.custom_fields.ads"}},
        ),
        (
            {"crm": {"source": "omnicrm", "omnicrm": {"attributes": {"marketing": ""}}}},
            {"crm": {"source": "omnicrm", "omnicrm": {"attributes": {"marketing": ""}}}},
        ),
        (
            {"crm": {"source": "omnicrm", "omnicrm": {"attributes": 7}}, "invoice": 7, "contacts": 7},
            {"crm": {"source": "omnicrm", "omnicrm": {"attributes": 7}}, "invoice": 7, "contacts": 7},
        ),
        ({"crm": {"source": "omnicrm", "omnicrm": 7}}, {"crm": {"source": "omnicrm", "omnicrm": 7}}),
    ],
)  # fmt: skip
def test_what_a_crm_source_takes_from_omnicrms_own_sections(data, found):
    before = repr(data)
    assert with_omnicrms_facts(data) == found
    assert repr(data) == before


def test_omnicrms_template_folder_is_where_a_template_is_named_and_no_folder(tmp_path):
    named = {"invoice": {"template_filename": "a.html"}}
    assert with_template_folder(named, tmp_path) == named, "it is not there"
    folder = tmp_path / "invoice_templates"
    folder.mkdir()
    assert with_template_folder(named, tmp_path) == {
        "invoice": {"template_filename": "a.html", "template_dir": folder}
    }
    own = {"invoice": {"template_filename": "a.html", "template_dir": "/x"}}
    for data in (own, {"invoice": {}}, {"invoice": None}, {}):
        assert with_template_folder(data, tmp_path) == data
    assert with_template_folder(named, None) == named


def document(text):
    return read_document(text, "f.yaml", {"V": "5"}, {"mailjet", "reminders", "balances"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("reminders:\n  kind: Nobody\n", ["f.yaml:2: reminders.kind: there is no kind 'Nobody'; add it under mailjet."]),
        ("balances:\n  low_kind: api_crmCommunicationCustomerInvoice\n", ["f.yaml:2: balances.low_kind: api_crmCommunicationCustomerInvoice needs due_date, invoice_date, invoice_number, invoice_url, pay_url, total_amount, which a scan cannot know."]),
        ("balances:\n  expired_kind: Nobody\n", ["f.yaml:2: balances.expired_kind: there is no kind 'Nobody'; add it under mailjet."]),
        ("balances:\n  expired_kind: api_crmCommunicationsBalanceExpired\n  low_kind: api_crmCommunicationsBalanceLow\n", []),
        ("mailjet:\n  api_crmCommunicationMine:\n    variables: [due_date, {name: x, required: false}, {name: y}]\nreminders:\n  steps:\n    - 1\n    - {days: 2, kind: api_crmCommunicationMine}\n", ["f.yaml:7: reminders.steps.1.kind: api_crmCommunicationMine needs y, which a scan cannot know."]),
        ("mailjet:\n  api_crmCommunicationMine: 7\nreminders: {kind: api_crmCommunicationMine, steps: 7}\n", []),
        ("mailjet: 7\nreminders: 7\nbalances: [7]\n", []),
        ("reminders: {kind: '', steps: [{days: 1, kind: 7}]}\n", []),
    ],
)  # fmt: skip
def test_kinds_that_scans_name_exist_and_can_be_filled_in(text, told):
    assert dangling(document(text)) == told


def test_a_document_knows_its_lines_and_what_is_unset():
    found = document("other: ${NOWHERE}\nmailjet:\n  a: ${V}\n  b: ['${W}', \"${V}\"]\n  a: 1\n")
    assert found.foreign == {"other": 1}
    assert found.data == {"mailjet": {"a": 1, "b": [found.unset[0], "5"]}}
    assert [found.place(path) for path in ((), ("mailjet",), ("mailjet", "b", 1), ("mailjet", "b", 9, "x"), ("z",))] == [
        "f.yaml", "f.yaml:2", "f.yaml:4", "f.yaml:4", "f.yaml",
    ]  # fmt: skip
    assert found.faults == ("f.yaml:5: mailjet.a stands twice, first on line 3; remove one.",)
    assert found.unset_faults == [
        "f.yaml:4: mailjet.b.0 needs the environment variable W, which is not set; set it, or write ${W:-default}."
    ]
    found.unset[0].may_wait = True
    assert found.unset_faults == []
    assert "lines" not in repr(found)


def test_an_alias_that_is_not_inside_of_itself_may_stand_twice():
    found = document("mailjet:\n  a: &x {b: 1}\n  c: *x\n  d: *x\n")
    assert found.data == {"mailjet": {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1}}}
    assert found.faults == ()


@pytest.mark.parametrize(
    ("value", "hint"),
    [("0123", ": write 123, without zeros before it"), (" 007 ", ": write 7, without zeros before it"), ("0x10", ": write 16"),
     ("0o17", ": write 15"), ("0B11", ": write 3"), ("1_000", ""), ("ten", ""), ("10", ""), (None, "")],
)  # fmt: skip
def test_what_was_meant_by_a_number_that_is_read_differently(value, hint):
    assert _right_spelling(value) == hint


@pytest.mark.parametrize(
    ("text", "lowered"), [("Must be", "must be"), ("URL of", "URL of"), ("A b", "A b"), ("I", "I"), ("", "")]
)
def test_a_sentence_after_a_colon_begins_small(text, lowered):
    assert _lower_first(text) == lowered


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        (("mailjet", "blocks", "k", "subject"), ("mailjet", "k", "subject")),
        (("a", "b", "function-after[x]"), ("a", "b")),
        (("a", "b", "c", "tuple[x]", "list[y]"), ("a", "b", "c")),
        (("a", "in[file]"), ("a", "in[file]")),
        (("a[x]",), ("a[x]",)),
        (("a", "b", 3), ("a", "b", 3)),
    ],
)
def test_a_path_is_as_the_file_has_it(loc, path):
    found = Document("f", {}, {("a",): 1, ("a", "b"): 2, ("a", "in[file]"): 3}, (), {}, ())
    assert _as_written(loc, found) == path
