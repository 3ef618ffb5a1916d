"""crm_config.yaml: the manual's own snippets load; whatever is wrong is told at once, with its place."""

import copy
import json
import pickle
import re
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.config.settings import config_path, load_settings, parse_settings
from mailworker.core.kind import VariableType
from mailworker.core.lane import Lane
from mailworker.errors import ConfigError, Misconfigured

#: The manual's ten blocks: kind, sender, sender's name, template, subject.
MANUAL = [
    ("CustomerWelcome", "support@yourcompany.com", "Support de Votre Entreprise", 5977509, "Bienvenue chez Votre Entreprise"),
    ("CustomerInvoice", "billing@yourcompany.com", "Facturation de Votre Entreprise", 6759851, "Votre Facture - "),
    ("CustomerInvoiceReminder", "billing@yourcompany.com", "Facturation de Votre Entreprise", 6759852, "Rappel de paiement - Facture en retard"),
    ("UserWelcome", "admin@yourcompany.com", "Admin de Votre Entreprise", 5977510, "Bienvenue dans l'Équipe"),
    ("UserPasswordReset", "noreply@yourcompany.com", "Sécurité de Votre Entreprise", 5977511, "Demande de réinitialisation de mot de passe"),
    ("UserPasswordResetSuccess", "noreply@yourcompany.com", "Sécurité de Votre Entreprise", 5977512, "Mot de passe changé avec succès"),
    ("UserPasswordChange", "noreply@yourcompany.com", "Sécurité de Votre Entreprise", 5977513, "Notification de changement de mot de passe"),
    ("EmailVerification", "noreply@yourcompany.com", "Votre Entreprise", 5977514, "Vérifiez votre adresse e-mail"),
    ("sBalanceExpired", "support@yourcompany.com", "Support de Votre Entreprise", 5977515, "Votre solde de service a expiré"),
    ("sBalanceLow", "support@yourcompany.com", "Support de Votre Entreprise", 5977516, "Alerte de solde bas"),
]  # fmt: skip
NAMES = [f"api_crmCommunication{row[0]}" for row in MANUAL]

ACCESS = "mailjet:\n  api_key: your_mailjet_api_key\n  api_secret: your_mailjet_api_secret\n"
BLOCK = '    from_email: "a@example.com"\n    from_name: A\n    template_id: 1\n    subject: S\n'


def snippet(row, indent="    "):
    name, email, sender, template, subject = row
    lines = [
        f"api_crmCommunication{name}:",
        f'  from_email: "{email}"',
        f'  from_name: "{sender}"',
        f"  template_id: {template}",
        f'  subject: "{subject}"',
    ]
    return "".join(f"{indent[2:]}{line}\n" for line in lines)


def load(text, **environ):
    return parse_settings(text, "crm_config.yaml", environ)


def faults_of(text, **environ):
    with pytest.raises(ConfigError) as caught:
        load(text, **environ)
    return list(caught.value.faults)


def test_the_manuals_access_alone_is_a_working_file():
    settings = load(ACCESS)
    assert settings.mailjet.calls_per_minute == 200
    assert settings.mailjet.api_url == "https://api.mailjet.com/"
    assert settings.mailjet.api_key.reveal() == "your_mailjet_api_key"
    assert settings.worker.timezone == ZoneInfo("Europe/Paris")
    assert settings.worker.retention_days == 365


@pytest.mark.parametrize("row", MANUAL, ids=NAMES)
def test_each_snippet_of_the_manual_loads_as_it_stands(row):
    name, email, sender, template, subject = row
    block = load(ACCESS + snippet(row)).mailjet.block(f"api_crmCommunication{name}")
    assert (block.from_email, block.from_name, block.template_id, block.subject) == (
        email,
        sender,
        template,
        subject,
    )


def test_all_ten_blocks_make_the_ten_kinds():
    settings = load(ACCESS + "".join(map(snippet, MANUAL)))
    assert set(settings.kinds) == set(KINDS) == set(NAMES)
    assert settings.kinds == KINDS, "blocks that say nothing else leave the catalogue as it is"


def test_the_flattened_copy_gets_a_sentence_about_indentation():
    text = "".join(line.lstrip() + "\n" for line in (ACCESS + snippet(MANUAL[4])).splitlines())
    told = faults_of(text)
    assert (
        "crm_config.yaml:1: mailjet has nothing under it; indent the keys that belong to it by two spaces."
        in told
    )


def test_a_block_that_lost_its_own_indentation():
    text = f"{ACCESS}  {NAMES[0]}:\n  from_email: a@example.com\n"
    assert f"crm_config.yaml:4: mailjet.{NAMES[0]} has nothing under it; indent the keys that belong to it by two spaces." in faults_of(text)  # fmt: skip


TEN_FAULTS = """mailjet:
  api_secret: s
  api_kay: k
  calls_per_minute: 0
  api_crmCommunicationCustomerWelcome:
    from_email: nobody
    from_name: A
    subject: S
  api_crmCommunicationCustomerInvoise:
    from_email: a@example.com
    from_name: A
    template_id: 1
    subject: S
  api_crmCommunicationOurNews:
    from_email: a@example.com
    from_name: A
    template_id: 0
    subject: S
  api_url: ${NOWHERE}
worker:
  timezone: Europe/Pariss
  timezone: Europe/Parris
  lease: soon
  colour: blue
"""


def test_many_faults_are_told_at_once_each_with_its_line():
    told = faults_of(TEN_FAULTS)
    expected = [
        r":1: mailjet\.api_key is missing; add it\.",
        r":3: mailjet\.api_kay is not a known key; did you mean 'api_key'\?",
        r":4: mailjet\.calls_per_minute: must be greater than or equal to 1\.",
        r":5: mailjet\.api_crmCommunicationCustomerWelcome\.template_id is missing; add it\.",
        r":6: mailjet\.api_crmCommunicationCustomerWelcome\.from_email: is not an e-mail address",
        r":9: mailjet\.api_crmCommunicationCustomerInvoise\.variables: .*did you mean 'api_crmCommunicationCustomerInvoice'\?",
        r":14: mailjet\.api_crmCommunicationOurNews\.variables: .*needs `variables: \[\.\.\.\]`\.",
        r":17: mailjet\.api_crmCommunicationOurNews\.template_id: must be greater than 0\.",
        r":19: mailjet\.api_url needs the environment variable NOWHERE, which is not set",
        r":22: worker\.timezone: no time zone is called 'Europe/Parris': write one like Europe/Paris\.",
        r":22: worker\.timezone stands twice, first on line 21; remove one\.",
        r":23: worker\.lease: is not a duration: write 90s, 15m, 1h or 3d\.",
        r":24: worker\.colour is not a known key; remove it\.",
    ]
    for pattern in expected:
        assert any(re.match(f"crm_config.yaml{pattern}", fault) for fault in told), (
            f"{pattern}\n" + "\n".join(told)
        )
    assert all(re.match(r"crm_config\.yaml:\d+: .*[.?]$", fault) for fault in told), told
    assert len(told) == len(expected) + 1, "the address made of nothing is wrong as an address, too"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "crm_config.yaml: the file is empty; it needs at least a `mailjet:` section."),
        ("- a\n- b\n", "crm_config.yaml:1: the file must be made of `key: value` lines."),
        ("mailjet:\n\tapi_key: k\n", "crm_config.yaml:2: this is not YAML: "),
        ("mailjet:\n  api_key: 'k\n", "crm_config.yaml:3: this is not YAML: "),
        ("mailjet: {\n", "crm_config.yaml:2: this is not YAML: "),
        ("mailjet: !!python/object:os.system {}\n", "crm_config.yaml:1: this is not YAML: "),
        ("mailjet:\n  ? [a]\n  : b\n", "this is not YAML: "),
        ("mailjet: *nobody\n", "crm_config.yaml:1: this is not YAML: "),
        ("mailjet: &m\n  api_key: *m\n", "crm_config.yaml:1: an alias stands inside of what it repeats"),
        ("mailjet:\n  api_key: \x07\n", "this is not YAML: "),
        ("worker:\n  since: !!timestamp 2026-13-45\n", "this is not YAML: "),
        ("mailjet:\n  1: x\n", "crm_config.yaml"),
        ("true: x\n", "crm_config.yaml"),
        ("mailjet: 7\n", "crm_config.yaml:1: mailjet"),
        ("mailjet: [1]\n", "crm_config.yaml:1: mailjet"),
    ],
)  # fmt: skip
def test_broken_files(text, told):
    assert told in "\n".join(faults_of(text))


@given(st.text(max_size=80))
def test_no_text_at_all_brings_anything_but_sentences(text):
    try:
        load(text)
    except ConfigError as fault:
        assert all(sentence.startswith("crm_config.yaml") for sentence in fault.faults)  # noqa: PT017


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mailjet", "worker", "api_key", "timezone", "safelist", "lookups_after", "crm",
                             "reminders", "invoice", "balances", NAMES[0], "variables", "languages", "fr"]),
            inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
def test_no_shape_of_data_brings_anything_but_sentences(data):
    try:
        load(json.dumps(data))
    except ConfigError as fault:
        assert fault.faults  # noqa: PT017


@pytest.mark.parametrize(
    ("written", "environ", "value"),
    [
        ("${PACE}", {"PACE": "120"}, 120),
        ("${PACE:-90}", {}, 90),
        ("${PACE:-90}", {"PACE": "60"}, 60),
        ("${PACE:-90}", {"PACE": ""}, 90),
        ("1${PACE}", {"PACE": "0"}, 10),
    ],
)
def test_numbers_from_the_environment(written, environ, value):
    assert load(f"{ACCESS}  calls_per_minute: {written}\n", **environ).mailjet.calls_per_minute == value


def test_text_from_the_environment():
    text = 'mailjet:\n  api_key: "${KEY}"\n  api_secret: pre-${SECRET:-none}\n'
    settings = load(text, KEY="00012", SECRET="s")
    assert settings.mailjet.api_key.reveal() == "00012"
    assert settings.mailjet.api_secret.reveal() == "pre-s"


def test_a_secret_that_is_unset_is_told_where_it_is_used():
    web = "web:\n  webhook_user: mailjet\n  webhook_password: prefix-${C}\n"
    settings = load(f"mailjet:\n  api_key: ${{A}}\n  api_secret: ${{B}}\n{web}", A="key")
    assert settings.mailjet.api_key.reveal() == "key"
    assert settings.web.webhook_password, "it is configured"
    for secret, fault in (
        (settings.mailjet.api_secret, ":3: mailjet.api_secret needs the environment variable B"),
        (settings.web.webhook_password, ":6: web.webhook_password needs the environment variable C"),
    ):
        with pytest.raises(ConfigError, match=fault):
            secret.reveal()


def test_what_is_no_secret_and_unset_is_told_at_once_for_each_key():
    told = faults_of(f"{ACCESS}  api_url: ${{A}}\nworker:\n  timezone: ${{B}}\n")
    assert any("mailjet.api_url needs the environment variable A" in fault for fault in told)
    assert any("worker.timezone needs the environment variable B" in fault for fault in told)


def test_the_environment_wins_over_the_files_servers():
    text = f"{ACCESS}worker:\n  redis_url: redis://file\n  database_url: sqlite:///file.db\n"
    worker = load(text, REDIS_URL="redis://env/1", DATABASE_URL="postgresql://env/db").worker
    assert (worker.redis_url, worker.database_url) == ("redis://env/1", "postgresql://env/db")
    assert load(ACCESS, REDIS_URL="redis://env/2").worker.redis_url == "redis://env/2"
    assert load(f"{ACCESS}worker:\n", REDIS_URL="redis://env/2").worker.redis_url == "redis://env/2"


def test_a_fault_of_the_environments_value_names_the_environment():
    with pytest.raises(ConfigError, match=r"^REDIS_URL in the environment: is no URL of Redis"):
        load(f"{ACCESS}worker: {{redis_url: 'redis://file/0'}}\n", REDIS_URL="http://x")
    with pytest.raises(ConfigError, match=r"^crm_config.yaml:[0-9]+: worker.redis_url: is no URL of Redis"):
        load(f"{ACCESS}worker: {{redis_url: 'http://x'}}\n")


def test_a_kind_of_ones_own():
    text = (
        f"{ACCESS}  api_crmCommunicationOurNews:\n{BLOCK}"
        "    lane: bulk\n    lifetime: 2d\n    service: false\n"
        "    variables: [title, {name: link, type: url, required: false, secret: true}]\n"
    )
    kind = load(text).kinds["api_crmCommunicationOurNews"]
    assert kind.lane is Lane.BULK
    assert kind.lifetime == timedelta(days=2)
    assert not kind.service
    assert kind.required == {"title"}
    assert kind.secrets == {"link"}
    assert kind.variable("link").type is VariableType.URL


def test_a_kind_of_ones_own_may_have_no_variables_if_it_says_so():
    text = f"{ACCESS}  api_crmCommunicationPing:\n{BLOCK}    variables: []\n"
    assert load(text).kinds["api_crmCommunicationPing"].variables == ()


def test_a_block_says_otherwise_than_the_catalogue():
    text = f"{ACCESS}  {INVOICE}:\n{BLOCK}    lane: bulk\n    languages:\n      en: {{template_id: 9, subject: Bill}}\n"
    settings = load(text)
    kind = settings.kinds[INVOICE]
    assert (kind.lane, kind.invoice_pdf, kind.variables) == (Lane.BULK, True, KINDS[INVOICE].variables)
    assert settings.mailjet.block(INVOICE).template("en") == (9, "Bill")
    assert settings.mailjet.block(INVOICE).template("fr") == (1, "S")


def test_a_kind_without_a_block_says_what_to_add():
    with pytest.raises(
        Misconfigured, match=f"mailjet.{INVOICE} is not in the configuration: add it with from_email"
    ):
        load(ACCESS).mailjet.block(INVOICE)


SECRET_TEXT = (
    'mailjet:\n  api_key: "hush-key"\n  api_secret: "hush-secret"\n'
    "worker:\n  redis_url: redis://:hush-redis@h/0\n  database_url: postgresql://u:hush-db@h/d\n"
)


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{0!s:>900}".format], ids=["repr", "str", "format", "wide"]
)
def test_no_secret_is_shown(show):
    settings = load(SECRET_TEXT)
    assert "hush" not in show(settings)
    assert "hush" not in show(settings.mailjet)
    assert "***" in show(settings.mailjet)


def test_no_secret_in_json_or_pickle():
    settings = load(SECRET_TEXT)
    assert settings.mailjet.model_dump_json().count("***") == 2
    assert "hush" not in json.dumps(settings.mailjet.model_dump(), default=str)
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not serialised"):
            way(settings.mailjet.api_secret)


def test_no_secret_in_a_fault():
    text = (
        SECRET_TEXT
        + "  colour: hush-blue\n  lease: hush-lease\n  retention_days: hush-days\n  environment: hush\n"
    )
    text = text.replace('"hush-key"', "{a: hush-key}").replace("redis://", "hush://")
    told = faults_of(text)
    assert len(told) == 6
    assert "hush" not in "\n".join(told)


def test_a_valid_configuration_is_the_same_after_a_round_trip():
    settings = load(
        ACCESS + "".join(map(snippet, MANUAL)) + "worker:\n  lease: 3m\n  safelist: ['@example.com']\n"
    )
    again = type(settings.worker).model_validate(settings.worker.model_dump())
    assert again == settings.worker
    for name, block in settings.mailjet.blocks.items():
        assert type(block).model_validate(block.model_dump()) == block, name


def test_reading_the_file_that_the_environment_names(tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text(ACCESS, encoding="utf-8")
    assert config_path({"CRM_CONFIG": str(path)}) == path
    assert config_path({}) == Path("crm_config.yaml")
    assert load_settings(environ={"CRM_CONFIG": str(path)}).mailjet.api_key.reveal() == "your_mailjet_api_key"


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(
        ConfigError, match=r"cannot be read .*; create it, or name another file in CRM_CONFIG"
    ):
        load_settings(tmp_path / "none.yaml", {})
    (tmp_path / "latin.yaml").write_bytes(b"mailjet: \xe9")
    with pytest.raises(ConfigError, match="is not UTF-8 text; save it as UTF-8"):
        load_settings(tmp_path / "latin.yaml", {})


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("90s", 90), (" 15 m", 900), ("1h", 3600), ("1.5d", 129600), ("0", 0)],
)
def test_durations(written, seconds):
    assert load(f"{ACCESS}worker:\n  retry_base: '{written}'\n").worker.retry_base == timedelta(
        seconds=seconds
    )


@pytest.mark.parametrize("written", ["yes", "-5s", "1w", "1h30m", "", "9" * 400, "99999999d", "true"])
def test_no_durations(written):
    assert "is not a duration" in "".join(faults_of(f"{ACCESS}worker:\n  lease: '{written}'\n"))


# --- what becomes of doubtful messages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more", "after", "needs_proof"),
    [
        ("api_crmCommunicationCustomerInvoice", "", timedelta(hours=2), True),
        ("api_crmCommunicationCustomerInvoice", "when_unknown: ask", None, False),
        ("api_crmCommunicationCustomerInvoice", "when_unknown: resend", timedelta(hours=2), True),
        ("api_crmCommunicationCustomerInvoice", "resend_unknown_after: 30m", timedelta(minutes=30), False),
        ("api_crmCommunicationUserPasswordReset", "", timedelta(minutes=5), False),
        ("api_crmCommunicationUserPasswordReset", "when_unknown: ask", None, False),
        ("api_crmCommunicationNews", "variables: [], service: false", None, False),
        (
            "api_crmCommunicationNews",
            "variables: [], service: false, when_unknown: resend",
            timedelta(hours=2),
            True,
        ),
        ("api_crmCommunicationsBalanceLow", "service: false", None, False),
        ("api_crmCommunicationNotice", "variables: []", timedelta(hours=2), True),
    ],
)
def test_what_becomes_of_a_message_that_mailjet_denies(kind, more, after, needs_proof):
    block = (
        "{from_email: a@b.example, from_name: A, template_id: 1, subject: S"
        + (f", {more}" if more else "")
        + "}"
    )
    text = f"mailjet:\n  api_key: k\n  api_secret: s\n  {kind}: {block}\n"
    made = parse_settings(text, environ={}).kinds[kind]
    assert (made.resend_unknown_after, made.resend_needs_proof) == (after, needs_proof)


# --- how Mailjet is reached ---------------------------------------------------------------------------------

PLAIN = "mailjet:\n  api_key: k\n  api_secret: s\n"


@pytest.mark.parametrize("from_environment", [True, False])
def test_a_proxy_and_an_authority_of_ones_own(from_environment):
    given = {"MAILJET_PROXY": "http://ana:s3cret@proxy.example:3128", "MAILJET_CA_BUNDLE": "/etc/ca.pem"}
    lines = f"  proxy: {given['MAILJET_PROXY']}\n  ca_bundle: {given['MAILJET_CA_BUNDLE']}\n"
    text = PLAIN if from_environment else PLAIN + lines
    mailjet = parse_settings(text, environ=given if from_environment else {}).mailjet
    assert (mailjet.proxy.reveal(), str(mailjet.ca_bundle)) == (given["MAILJET_PROXY"], "/etc/ca.pem")
    assert "s3cret" not in repr(mailjet)


@pytest.mark.parametrize(
    "proxy",
    [
        "proxy.example:3128",
        "socks5://proxy.example",
        "http://proxy.example/path",
        "http://",
        "http://u:s3cret@",
        "http://u:s3cret@h:port",
        "http://u:s3cret@h:99999",
        "http://u:s3cret#1@h:3128",
        "http://u:s3cret?1@h:3128",
        "http://u:s3cret/1@h:3128",
        "http://u:s3cret[1@h:3128",
        "http://u:s3cret 1@h:3128",
        "http://u:s3cret@h:3128?a=b",
        "http://u:s3cret@h:3128#a",
        "http://u:s3cret\\n@h:3128",
    ],
)
def test_what_is_no_proxy_is_refused_without_its_password(proxy):
    with pytest.raises(ConfigError, match=r"mailjet\.proxy.*write http://proxy\.example:3128") as refused:
        parse_settings(PLAIN + f'  proxy: "{proxy}"\n', environ={})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("password", ["p%23%2F%3F%40%5B", "ü", "a:b", "$&+,;=%"])
def test_a_proxys_password_may_have_every_sign(password):
    url = f"http://ana:{password}@proxy.example:3128/"
    assert parse_settings(PLAIN + f"  proxy: '{url}'\n", environ={}).mailjet.proxy.reveal() == url


def test_a_proxy_whose_variable_is_not_set_is_told_when_it_is_used():
    mailjet = parse_settings(PLAIN + "  proxy: ${MAILJET_PROXY}\n", environ={}).mailjet
    assert mailjet.proxy.is_known is False
    with pytest.raises(ConfigError, match="MAILJET_PROXY"):
        mailjet.proxy.reveal()


def test_properties_that_are_no_table_are_refused_as_such():
    with pytest.raises(ConfigError, match=r"contacts\.properties"):
        parse_settings(PLAIN + "contacts: {properties: [city]}\n", environ={})


@pytest.mark.parametrize(
    "host", ["api.mailjet.com", "api.us.mailjet.com", "API.MAILJET.COM", "mailjet.com:80"]
)
def test_mailjet_itself_is_not_called_in_the_clear(host):
    text = f"mailjet:\n  api_key: k\n  api_secret: s\n  api_url: http://{host}/\n"
    with pytest.raises(ConfigError, match="api_url: the key and customers' data would travel in the clear"):
        parse_settings(text, environ={})
