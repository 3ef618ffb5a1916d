"""What an object shows of itself in a traceback or a log line: nothing that is a person's or a secret."""

import dataclasses
import importlib
import pkgutil

import pytest

import mailworker

#: A field of such a name holds what is nobody else's business, wherever it stands.
PERSONAL = {
    "email",
    "custom_fields",
    "postal_code",
    "city",
    "base64",
    "broker",
    "broker_options",
    "login",
    "pdf",
}
#: Fields of other names that do so in these classes.
HIDDEN = {
    ("Address", "name"),
    ("Job", "variables"), ("Job", "attachments"), ("Job", "invoice"),
    ("Mail", "variables"), ("Mail", "attachments"), ("Mail", "reply_to"),
    ("Mail", "unsubscribe"), ("CampaignExample", "html"), ("CampaignExample", "text"),
    ("RedisUrl", "url"), ("PasswordHash", "salt"), ("PasswordHash", "key"),
    ("EngineCall", "parameters"),
    ("_KeptFile", "content"),
    ("Story", "message"), ("Story", "events"),
    ("MailjetContact", "name"), ("MailjetContact", "properties"),
    ("WebhookEvent", "url"), ("WebhookEvent", "extras"),
    ("RestCall", "filters"), ("RestCall", "data"),
    ("HttpAnswer", "body"),
    ("Envelope", "job"),
    ("Company", "name"), ("ContactPerson", "name"),
    ("TargetContact", "name"), ("TargetContact", "properties"),
    ("Reword", "fresh"), ("Replace", "fresh"),
    ("Draft", "name"), ("Draft", "variables"),
    ("ScanClaim", "row"),
    ("Audience", "sample"), ("MailjetList", "active"),
    ("CrmInvoice", "customer_name"), ("CrmInvoice", "pay_url"), ("CrmInvoice", "invoice_url"),
    ("Balance", "customer_name"), ("Balance", "topup_url"), ("Balance", "renewal_url"),
    ("CrmContact", "name"), ("Customer", "name"), ("Service", "customer_name"),
    ("Party", "name"), ("PostalAddress", "lines"), ("PostalAddress", "postcode"), ("DeliveryPlace", "name"),
    ("Party", "trading_name"), ("Party", "contact"), ("Party", "phone"), ("Party", "contact_email"),
    ("Payee", "iban"), ("PaymentMeans", "card_holder"), ("PaymentMeans", "debited_iban"),
    ("TemplateContact", "name"), ("TemplateContact", "properties"),
}  # fmt: skip
#: Not what its name says: the names of OmniCRM's columns, and whether custom fields are synchronised.
OTHERS = {("ModelNames", "email"), ("ContactRules", "custom_fields")}


def dataclass_fields():
    for module in pkgutil.walk_packages(mailworker.__path__, "mailworker."):
        if module.name.split(".")[1] == "simulator" or module.name.endswith(("__main__", "migrations.env")):
            continue
        if ".migrations." in module.name:
            continue
        for name, one in vars(importlib.import_module(module.name)).items():
            if isinstance(one, type) and dataclasses.is_dataclass(one) and one.__module__ == module.name:
                for field in dataclasses.fields(one):
                    yield (name, field.name), field.repr


@pytest.fixture(scope="module")
def fields():
    """Loads the whole package, which is one process's business and not all of theirs that collect this file."""
    return dict(dataclass_fields())


def test_no_repr_shows_it(fields):
    secret = {place for place in fields if place[1] in PERSONAL} - OTHERS | HIDDEN
    assert {place for place in secret if fields[place] is not False} == set()


def test_what_is_hidden_stands_in_the_table(fields):
    """So that whoever shows one of them changes the table too."""
    hidden = {place for place, shown in fields.items() if not shown and place[1] not in PERSONAL}
    assert hidden - {("Document", "lines")} == HIDDEN
