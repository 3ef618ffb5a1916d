"""Each rule of the configuration over several keys: what breaks it by the least, what its sentence is, and what just keeps it."""

import pytest

from mailworker.config.settings import parse_settings
from mailworker.errors import ConfigError
from tests.doubles import CONFIG

PAIR = "user and password belong together: give both, or neither"
HIGHER = "rearm_at must be higher than below, else a balance that hovers nags"
SAME = "list, lists: two of them have the same name; give each its own"
SINCE = "queries.changed_customers must ask since when, as `updated_at >= :updated_since`"
INVOICE = "queries.invoice_document and queries.invoice_lines belong together; give both"
WITHOUT_PATH = "base_url must be like https://crm.example.com, without a path"
INSIDE = "must be a file name inside template_dir: no leading /, and no .. in it"
SCHEDULE = 'is not a schedule: write "0 6 * * *" (minute hour day month weekday), or 15m'
LEVEL = 'is not a level: write "20%" or 5.00'
SELECT = "must be one SELECT (or WITH ... SELECT): this source only reads"
HASH = "is no hash of a password: make one with `mailworker operator-password`"
SQL = "crm: {source: sql, sql: {url: 'sqlite:///x', queries: {invoices: select 1, %s}}}"


@pytest.mark.parametrize(
    ("wrong", "sentence", "right"),
    [
        ("balances: {cgrates: {user: a}}", f"balances.cgrates: {PAIR}", "balances: {cgrates: {user: a, password: b}}"),
        ("balances: {cgrates: {password: a}}", f"balances.cgrates: {PAIR}", "balances: {cgrates: {}}"),
        ("balances: {low: [{below: 100.1%}]}", "balances.low.0: below is more than 100%, so that every balance is low; write less", "balances: {low: [{below: 100%}]}"),
        ("balances: {low: [{below: 20%, rearm_at: 30}]}", "balances.low.0: below and rearm_at must both be percentages or both be amounts", "balances: {low: [{below: 20, rearm_at: 30}]}"),
        ("balances: {low: [{below: 20%, rearm_at: 20%}]}", f"balances.low.0: {HIGHER}", "balances: {low: [{below: 20%, rearm_at: 20.1%}]}"),
        ("balances: {low: [{below: -1}]}", f"balances.low.0.below: {LEVEL}", "balances: {low: [{below: 0}]}"),
        ("balances: {low: [{below: true}]}", f"balances.low.0.below: {LEVEL}", "balances: {low: [{below: 1}]}"),
        ("balances: {low: [{below: .inf}]}", f"balances.low.0.below: {LEVEL}", "balances: {low: [{below: 1e+9}]}"),
        ("balances: {low: [{below: 20%, type: a}, {below: 20%, type: A}]}", "balances: low has the same threshold twice for a type and plan; keep one of them",
            "balances: {low: [{below: 20%, type: a}, {below: 20%, plan: a}, {below: 20%}, {below: 20}, {below: 20%, type: a, plan: a}]}"),
        ("brand: {colour: '#777777'}", "brand: colour #777777 is too light for white text: its contrast is 4.48, and 4.5 is needed; choose a darker one", "brand: {colour: '#767676'}"),
        ("callbacks: {url: 'https://a.example', task: x, secret: s}", "callbacks: has a url and a task; keep one of them", "callbacks: {task: x}"),
        ("callbacks: {url: 'https://a.example'}", "callbacks: url needs a secret, so that the CRM knows who calls: openssl rand -base64 32", "callbacks: {url: 'https://a.example', secret: s}"),
        ("contacts: {type_list: OmniCRM}", "contacts: type_list must say where the type goes, as `OmniCRM {type}`", "contacts: {type_list: '{type}'}"),
        ("contacts: {lists: {a: X, b: X}}", f"contacts: {SAME}", "contacts: {lists: {a: X, b: Y}}"),
        ("contacts: {list: X, lists: {b: X}}", f"contacts: {SAME}", "contacts: {list: X, lists: {b: x}}"),
        ("contacts: {properties: {a-b: customer.city}}", "contacts: properties: 'a-b' is no name for a property; use letters, digits and _", "contacts: {properties: {a_b: customer.city}}"),
        ("contacts: {properties: {A: customer.city, a: customer.name}}", "contacts.properties: two names differ in capitals only, and Mailjet keeps names in lower case", "contacts: {properties: {A: customer.city, b: customer.name}}"),
        ("crm: {source: omnicrm}", "crm: source is omnicrm, but the file has no `database:` section of OmniCRM's; set omnicrm.url", "crm: {source: omnicrm, omnicrm: {url: 'mysql://a/b'}}"),
        ("crm: {source: omnicrm, omnicrm: {url: 'postgresql://a/b'}}", "crm.omnicrm: url must be of MariaDB or MySQL, as mysql+pymysql://user:password@host/omnicrm", "crm: {source: omnicrm, omnicrm: {url: 'mariadb+pymysql://a/b'}}"),
        ("crm: {source: sql, sql: {queries: {invoices: select 1}}}", "crm: source is sql, but sql.url is empty; give the database's URL", "crm: {sql: {queries: {invoices: select 1}}}"),
        ("crm: {source: sql, sql: {url: 'sqlite:///x'}}", "crm: source is sql, but sql.queries is empty; give at least `invoices`", "crm: {sql: {url: 'sqlite:///x'}}"),
        (SQL % "changed_customers: select 1", f"crm.sql: {SINCE}", SQL % "changed_customers: 'select 1 where a >= :updated_since'"),
        (SQL % "changed_customers: 'select a::updated_since'", f"crm.sql: {SINCE}", SQL % "changed_customers: 'select :updated_since'"),
        (SQL % "changed_customers: 'select :updated_since_then'", f"crm.sql: {SINCE}", SQL % "customers: select 1"),
        (SQL % "invoice_lines: select 1", f"crm.sql: {INVOICE}", SQL % "invoice_lines: select 1, invoice_document: select 1"),
        (SQL % "invoice_document: select 1", f"crm.sql: {INVOICE}", SQL % "customers: select 1"),
        (SQL % "customers: delete from x", f"crm.sql.queries.customers: {SELECT}", SQL % "customers: with x as (select 1) select 1"),
        (SQL % "customers: selection", f"crm.sql.queries.customers: {SELECT}", SQL % "customers: '/* all; of them */ SELECT 1 ;'"),
        (SQL % "customers: select 1; select 2", "crm.sql.queries.customers: must be one statement; remove the semicolon inside it", SQL % "customers: 'select 1 -- one; two'"),
        ("crm: {source: http, http: {api_key: k}}", "crm: source is http, but http.base_url is empty; give OmniCRM's address", "crm: {http: {api_key: k}}"),
        ("crm: {source: http, http: {base_url: 'https://a.example'}}", "crm: source is http, but there is no api_key, nor email and password", "crm: {source: http, http: {base_url: 'https://a.example', email: a, password: b}}"),
        ("crm: {http: {api_key: a, email: b, password: c}}", "crm.http: has an api_key and an email; keep one way to log in", "crm: {http: {api_key: a}}"),
        ("crm: {http: {email: b}}", "crm.http: needs email and password together", "crm: {http: {email: b, password: c}}"),
        ("crm: {http: {base_url: 'https://a.example/x'}}", f"crm.http: {WITHOUT_PATH}", "crm: {http: {base_url: 'https://a.example/'}}"),
        ("crm: {http: {base_url: 'ftp://a.example'}}", f"crm.http: {WITHOUT_PATH}", "crm: {http: {base_url: 'http://a.example:8080'}}"),
        ("crm: {http: {items: {invoices: /x}}}", "crm.http: items.invoices must say where the id goes, as /crm/invoice/{id}", "crm: {http: {items: {invoices: '/x/{id}'}}}"),
        ("crm: {http: {lists: {changed_customers: /x}}}", "crm.http: lists.changed_customers must ask since when, as ?updated_after={updated_since}", "crm: {http: {lists: {changed_customers: '/x?a={updated_since}'}}}"),
        ("invoice: {template_filename: /x.html}", f"invoice.template_filename: {INSIDE}", "invoice: {template_filename: x.html}"),
        ("invoice: {detail_template_filename: a/../x.html}", f"invoice.detail_template_filename: {INSIDE}", "invoice: {detail_template_filename: a/..x.html}"),
        ("invoice: {timezone: Mars}", "invoice.timezone: must be the name of a time zone, such as Europe/Paris", "invoice: {timezone: ''}"),
        ("invoice: {e_invoice: factur-x}", "invoice: factur-x needs seller.vat_id, seller.city, seller.postcode", "invoice: {e_invoice: factur-x, seller: {siren: 552100554, city: A, postcode: '1'}}"),
        ("invoice: {e_invoice: factur-x, seller: {country: BE}}", "invoice: factur-x needs seller.vat_id", "invoice: {e_invoice: factur-x, seller: {country: BE, company_id: '7'}}"),
        ("invoice: {seller: {tax_representative: {name: A}}}", "invoice.seller.tax_representative: tax_representative needs a vat_id such as FR59552100554", "invoice: {seller: {tax_representative: {vat_id: A}}}"),
        ("reminders: {start_date: 2026-13-01}", "reminders.start_date: must be a day, as 2026-12-25", "reminders: {start_date: 2026-12-25}"),
        ("reminders: {start_date: 1.12.2026}", "reminders.start_date: must be a day, as 2026-12-25", "reminders: {start_date: '2026-12-25'}"),
        ("reminders: {start_date: 2026-12-25 10:00:00}", "reminders.start_date: must be a day, as 2026-12-25", "reminders: {start_date: null}"),
        ("reminders: {start_date: [2026]}", "reminders.start_date: must be a day, as 2026-12-25", "brand: {name: 2026-12-25}"),
        ("reminders: {holidays: 2026-02-30}", "reminders.holidays.0: is not a day: write 2026-12-25, 12-25 for every year, or FR for a country's public holidays", "reminders: {holidays: 2026-02-28}"),
        ("reminders: {minimum_amounts: {EUR: 5, eur: 5}}", "reminders.minimum_amounts: has a currency in two spellings; keep one of them", "reminders: {minimum_amounts: {EUR: 5, usd: 5}}"),
        ("callbacks: {kinds: {api_crmCommunicationUserWelcom: []}}", "callbacks.kinds.api_crmCommunicationUserWelcom: there is no kind 'api_crmCommunicationUserWelcom'; did you mean 'api_crmCommunicationUserWelcome'?",
            "callbacks: {kinds: {api_crmCommunicationUserWelcome: []}}"),
        ("reminders: {steps: [1, 1]}", "reminders: steps must rise, each day once: write them as [-3, 1, 7, 14, 30]", "reminders: {steps: [1, 2]}"),
        ("reminders: {steps: [1, 61]}", "reminders: the step at day 61 comes after the ladder's end; raise end_after_days to at least 61, or drop the step", "reminders: {steps: [1, 60]}"),
        ("reminders: {quiet_hours: {start: '8:00', end: 08h00}}", "reminders.quiet_hours: start and end are the same time; leave quiet_hours empty to have none", "reminders: {quiet_hours: }"),
        ("reminders: {schedule: 59s}", "reminders.schedule: must be a minute at least: beat looks once a minute whether a scan is due", "reminders: {schedule: 60s}"),
        ("reminders: {schedule: daily}", f"reminders.schedule: {SCHEDULE}", "reminders: {schedule: 0 6 * * *}"),
        ("reminders: {schedule: 0 6 * *}", f"reminders.schedule: {SCHEDULE}", "reminders: {schedule: 1d}"),
        ("web: {webhook_user: a}", "web: webhook_user and webhook_password belong together: give both, or neither", "web: {webhook_user: a, webhook_password: b}"),
        ("web: {ocs_password: a}", "web: ocs_user and ocs_password belong together: give both, or neither", "web: {ocs_user: a, ocs_password: b}"),
        ("web: {actions: true}", "web: actions need operator_user and operator_password, or a login that may_act", "web: {actions: true, operator_user: a, operator_password: b}"),
        ("web: {logins: {a: {password_hash: x}}}", f"web.logins.a.password_hash: {HASH}", "web: {logins: {}}"),
    ],
)  # fmt: skip
def test_a_rule_refuses_what_breaks_it_and_nothing_more(wrong, sentence, right):
    with pytest.raises(ConfigError) as refused:
        parse_settings(f"{CONFIG}{wrong}\n", environ={})
    assert str(refused.value).partition(": ")[2] == f"{sentence}.".replace("?.", "?")
    parse_settings(f"{CONFIG}{right}\n", environ={})


TIMES = {
    "callbacks": ("timeout", "give_up_after"),
    "balances.cgrates": ("timeout",),
    "crm.sql": ("timeout",),
    "crm.http": ("connect_timeout", "read_timeout"),
    "worker": ("lease", "connect_timeout", "read_timeout"),
}


@pytest.mark.parametrize(
    ("section", "name"), [(section, name) for section, names in TIMES.items() for name in names]
)
def test_what_would_take_no_time_is_refused(section, name):
    """The HTTP library refuses a time of 0 at each call, and a lease of 0 makes every worker a dead one."""
    outer, _, inner = section.partition(".")
    for value, sentence in (("0s", "must be longer than nothing: write 90s, 15m, 1h or 3d"), ("1s", None)):
        block = f"{{{inner}: {{{name}: {value}}}}}" if inner else f"{{{name}: {value}}}"
        text = (
            CONFIG.replace("worker:\n", f"worker:\n  {name}: {value}\n", 1)
            if outer == "worker"
            else f"{CONFIG}{outer}: {block}\n"
        )
        if sentence is None:
            parse_settings(text, environ={})
            continue
        with pytest.raises(ConfigError) as refused:
            parse_settings(text, environ={})
        assert str(refused.value).partition(": ")[2] == f"{section}.{name}: {sentence}."


PROXY = (
    "mailjet.proxy: is the URL of an HTTP proxy: write http://proxy.example:3128, or "
    "http://user:password@proxy.example:3128 with %23 for #, %2F for /, %3F for ?, %40 for @."
)
IN_THE_CLEAR = "mailjet.api_url: the key and customers' data would travel in the clear; write https://."
OWN = "{from_email: a@b.example, from_name: A, template_id: 9, subject: S%s}"


@pytest.mark.parametrize(
    ("wrong", "sentence", "right"),
    [
        ("proxy: proxy.example:3128", PROXY, "proxy: http://proxy.example:3128"),
        ("proxy: socks5://proxy.example", PROXY, "proxy: https://proxy.example/"),
        ("proxy: http://proxy.example:65536", PROXY, "proxy: http://proxy.example:65535"),
        ("proxy: 'http://u:p#w@proxy.example'", PROXY, "proxy: http://u:p%23w@proxy.example"),
        ("proxy: 'http://a b@proxy.example'", PROXY, "proxy: http://a%20b@proxy.example"),
        ("api_url: http://api.mailjet.com/", IN_THE_CLEAR, "api_url: https://api.mailjet.com/"),
        ("api_url: HTTP://API.MAILJET.COM", "mailjet.api_url: must be an address that begins with http:// or https://, with nothing behind the host.", "api_url: http://notmailjet.com"),
        ("api_url: http://mailjet.com:80", IN_THE_CLEAR, "api_url: http://mailjet.com.example"),
        (f"api_crmCommunicationOwn: {OWN % ''}", "mailjet.api_crmCommunicationOwn.variables: api_crmCommunicationOwn is none of OmniCRM's kinds; a kind of your own needs `variables: [...]`.", f"api_crmCommunicationOwn: {OWN % ', variables: []'}"),
        (f"api_crmCommunicationUserWelcom: {OWN % ''}", "mailjet.api_crmCommunicationUserWelcom.variables: api_crmCommunicationUserWelcom is none of OmniCRM's kinds; did you mean 'api_crmCommunicationUserWelcome'? a kind of your own needs `variables: [...]`.", f"api_crmCommunicationUserWelcome: {OWN % ''}"),
    ],
)  # fmt: skip
def test_a_rule_of_mailjets_section(wrong, sentence, right):
    with pytest.raises(ConfigError) as refused:
        parse_settings(CONFIG.replace("mailjet:\n", f"mailjet:\n  {wrong}\n", 1), environ={})
    assert str(refused.value).partition(": ")[2] == sentence
    parse_settings(CONFIG.replace("mailjet:\n", f"mailjet:\n  {right}\n", 1), environ={})


@pytest.mark.parametrize(
    ("own", "zone"), [("", "Pacific/Noumea"), ("invoice: {timezone: Europe/Rome}", "Europe/Rome")]
)
def test_invoices_read_their_dates_where_the_workers_are_unless_they_have_a_zone(own, zone):
    text = CONFIG.replace("worker:\n", "worker:\n  timezone: Pacific/Noumea\n", 1)
    assert parse_settings(f"{text}{own}\n", environ={}).invoice.zone.key == zone
