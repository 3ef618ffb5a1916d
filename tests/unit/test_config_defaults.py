"""What an installation does that says nothing but who it is: every default, one line each.

A changed line changes what installations do that never wrote the key. The sections are those of
mailworker.config.balances, mailworker.config.callbacks, mailworker.config.cgrates, mailworker.config.contacts,
mailworker.config.crm, mailworker.config.invoice, mailworker.config.mailjet, mailworker.config.omnicrm,
mailworker.config.reminders, mailworker.config.sending_hours, mailworker.config.web and mailworker.config.worker.
"""

from decimal import Decimal

import pytest

from mailworker.config.cgrates import UNITS, CgratesSettings
from mailworker.config.settings import parse_settings
from mailworker.config.worker import LEASE

DEFAULTS = """
mailjet.api_key = ***
mailjet.api_secret = ***
mailjet.api_url = https://api.mailjet.com/
mailjet.calls_per_minute = 200
mailjet.unanswered_messages = 50
mailjet.max_body_bytes = 15000000
worker.redis_url = redis://127.0.0.1:6379/0
worker.database_url = sqlite:///var/mailworker.db
worker.timezone = Europe/Paris
worker.language = fr
worker.environment = production
worker.max_attempts = 12
worker.retry_base = 0:00:15
worker.retry_cap = 1:00:00
worker.lease = 0:02:30
worker.connect_timeout = 0:00:05
worker.read_timeout = 0:00:30
worker.lookups_after = 0:00:30, 0:02:00, 0:10:00, 1:00:00
worker.keep_jobs = 0:30:00
worker.keep_jobs_bytes = 16000000
worker.rewrite_redis_log = 1 day, 0:00:00
worker.retention_days = 365
invoice.template_filename = invoice.html
invoice.language = fr
invoice.currency = EUR
invoice.timezone = Europe/Paris
invoice.operation = services
invoice.call_numbers = auto
invoice.total_amount_includes_tax = True
invoice.e_invoice = none
invoice.profile = en16931
invoice.accessible = False
invoice.oversize = link
invoice.message_bytes = 15000000
invoice.store = var/invoices
invoice.retention_days = 30
invoice.seller.name = Votre Entreprise
invoice.seller.country = FR
invoice.seller.vat_on_debits = False
invoice.seller.tax_representative.country = FR
invoice.seller.colour = #0b4f6c
invoice.limits.seconds = 60
invoice.limits.memory_bytes = 1610612736
invoice.limits.rows = 60000
invoice.limits.detail_rows = 20000
invoice.limits.html_bytes = 67108864
invoice.limits.asset_bytes = 5242880
invoice.limits.asset_pixels = 8000000
invoice.limits.renders = 5000
invoice.late_fee = 40
crm.source = none
crm.timezone = Europe/Paris
crm.page_size = 1000
crm.omnicrm.currency = EUR
crm.omnicrm.billing_contact = billing
crm.omnicrm.attributes.language = language
crm.omnicrm.attributes.timezone = timezone
crm.omnicrm.attributes.reminders = reminders
crm.omnicrm.attributes.marketing = marketing
crm.sql.timeout = 0:00:30
crm.http.api_key_header = X-API-KEY
crm.http.login_path = /crm/auth/login
crm.http.token_field = token
crm.http.refresh_field = refresh_token
crm.http.lists.invoices = /crm/invoice/
crm.http.lists.customers = /crm/customer/
crm.http.items.invoices = /crm/invoice/{id}
crm.http.items.customers = /crm/customer/{id}
crm.http.items.invoice_document = /crm/invoice/{id}
crm.http.records_field = data
crm.http.page_parameter = page
crm.http.size_parameter = per_page
crm.http.connect_timeout = 0:00:05
crm.http.read_timeout = 0:00:30
crm.demo.path = var/demo-crm.sqlite
crm.demo.customers = 60
crm.demo.seed = 2026
reminders.quiet_hours.start = 20:00:00
reminders.quiet_hours.end = 08:00:00
reminders.weekdays = mon, tue, wed, thu, fri, sat, sun
reminders.enabled = True
reminders.schedule.text = 0 6 * * *
reminders.steps.0.days = -3
reminders.steps.1.days = 1
reminders.steps.2.days = 7
reminders.steps.3.days = 14
reminders.steps.4.days = 30
reminders.kind = api_crmCommunicationCustomerInvoiceReminder
reminders.end_after_days = 60
reminders.days_between = 1
reminders.partial_payment_grace_days = 7
reminders.confirm_above = 200
reminders.exclude.disputed = True
reminders.exclude.direct_debit = True
reminders.group_by_customer = False
balances.quiet_hours.start = 20:00:00
balances.quiet_hours.end = 08:00:00
balances.weekdays = mon, tue, wed, thu, fri, sat, sun
balances.enabled = True
balances.schedule.text = 1h
balances.schedule.interval = 1:00:00
balances.low.0.below.value = 20
balances.low.0.below.percent = True
balances.low_kind = api_crmCommunicationsBalanceLow
balances.expired = True
balances.expired_kind = api_crmCommunicationsBalanceExpired
balances.expired_within_days = 7
balances.confirm_above = 200
balances.cgrates.tenant = cgrates.org
balances.cgrates.ignore_ids = *default
balances.cgrates.actions = Action_{product}
balances.cgrates.service_ends = True
balances.cgrates.batch = 200
balances.cgrates.timeout = 0:00:10
contacts.properties.customer_name.source = customer.name
contacts.properties.customer_name.type = str
contacts.properties.contact_type.source = contact.contact_type
contacts.properties.contact_type.type = str
contacts.properties.city.source = customer.city
contacts.properties.city.type = str
contacts.properties.postal_code.source = customer.postal_code
contacts.properties.postal_code.type = str
contacts.properties.country.source = customer.country
contacts.properties.country.type = str
contacts.properties.language.source = contact.language
contacts.properties.language.type = str
contacts.custom_fields = True
contacts.list = OmniCRM
contacts.type_list = OmniCRM {type}
contacts.settle = 0:00:02
contacts.largest_removal = 10
contacts.campaigns.locale = fr_FR
callbacks.queue = celery
callbacks.states = sent, delivered, bounced, blocked, spam, failed, suppressed, expired
callbacks.timeout = 0:00:10
callbacks.give_up_after = 3 days, 0:00:00
web.host = 127.0.0.1
web.port = 8070
web.actions = False
""".strip()  # fmt: skip


def flat(path, value):
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flat(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list | tuple) and value and not any(isinstance(one, dict) for one in value):
        yield f"{path} = {', '.join(map(str, value))}"
    elif isinstance(value, list | tuple) and value:
        for number, inner in enumerate(value):
            yield from flat(f"{path}.{number}", inner)
    elif value not in (None, "", (), [], {}):
        yield f"{path} = {value}"


def test_every_default_is_as_the_table_has_it():
    settings = parse_settings("mailjet: {api_key: a, api_secret: b}\n", environ={})
    assert list(flat("", settings.model_dump())) == DEFAULTS.splitlines()


def test_a_living_workers_messages_are_not_taken_from_it():
    assert LEASE.total_seconds() == 150


@pytest.mark.parametrize(
    ("type_", "one", "unit", "name"),
    [
        ("*data", 1_073_741_824, "Go", "Données"),
        ("*voice", 60_000_000_000, "min", "Voix"),
        ("*sms", 1, "SMS", "SMS"),
        ("*mms", 1, "MMS", "MMS"),
        ("*monetary", 1, "EUR", "Crédit"),
        ("*service", 1, "", "Service"),
        ("*other", 1, "", ""),
    ],
)
def test_how_a_type_of_balance_is_told(type_, one, unit, name):
    found = CgratesSettings().unit_of(type_)
    assert (found.divide, found.unit, found.type) == (Decimal(one), unit, name)
    assert len(UNITS) == 6
    own = CgratesSettings(units={type_: {"divide": 1000, "unit": "x"}})
    assert (own.unit_of(type_).divide, own.unit_of("*sms2").divide) == (1000, 1)
