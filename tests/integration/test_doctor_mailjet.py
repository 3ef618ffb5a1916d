"""The doctor's table, Mailjet: each fault is named once, with what a person does about it."""

import pytest

from mailworker.cli.doctor_checks import mailjet
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.limits import Permit
from tests.integration.mailjet_wire import Wire, answer

pytestmark = pytest.mark.integration

WELCOME = "api_crmCommunicationCustomerWelcome"
CONFIG = f"""
mailjet:
  api_key: k
  api_secret: s
  api_url: {{url}}
  {WELCOME}: {{{{from_email: a@crm.example, from_name: A, template_id: 1, subject: Bienvenue}}}}
web: {{{{webhook_user: mailjet, webhook_password: "p:w"}}}}
"""
KEY = {"IsActive": True, "Runlevel": "Normal", "QuarantineValue": 0}
SENDER = {"Email": "a@crm.example", "Status": "Active"}
RECORDS = {"Domain": "crm.example", "DKIMStatus": "OK", "SPFStatus": "OK"}
CONTENT = {"Html-part": "Bonjour {{Escape(var:customer_name)}}", "Text-part": "", "Headers": {"Subject": "x"}}
HOOK = {"Url": "https://mailjet:p%3Aw@crm.example/mailjet/events", "Version": 2, "Status": "alive"}
HOOKS = [HOOK | {"EventType": event} for event in mailjet.account_checks.WEBHOOK_EVENTS]


def data(*rows):
    return answer(200, {"Count": len(rows), "Data": list(rows), "Total": len(rows)})


class FreeBucket:
    def take(self, *_, **__):
        return Permit("c")

    def paused(self):
        return 0.0


def said(**answers):
    return [fault for one in examined(**answers) for fault in one.faults]


def examined(*, key=None, sender=None, records=None, content=None, hooks=None, url=None, webhook_url=None):
    content = content or data(CONTENT)
    key, sender = key or data(KEY), sender or (data(SENDER),)
    hooks = hooks or data(*HOOKS)
    records = records or data(RECORDS)
    with Wire([key, *sender, records, content, content, hooks]) as wire:
        container = Container(parse_settings(CONFIG.format(url=url or wire.url.rstrip("/")), environ={}))
        container.__dict__["bucket"] = FreeBucket()
        found = list(mailjet.examine(container, webhook_url))
        container.gateway.close()
    return found


def test_a_domain_without_records_is_a_note():
    found = examined(records=data(RECORDS | {"DKIMStatus": "Error"}))
    assert [fault for one in found for fault in one.faults] == []
    (note,) = [note for one in found if one.name == "Mailjet: sender domains" for note in one.notes]
    assert note.startswith("crm.example has no DKIM that Mailjet could check")


def test_an_account_that_is_well():
    assert said() == []


@pytest.mark.parametrize(("place", "is_well"), [("crm.example", True), ("other.example", False)])
def test_exactly_the_webhook_that_was_named_is_asked_about(place, is_well):
    found = said(webhook_url=HOOK["Url"].replace("crm.example", place))
    assert (found == []) is is_well, found


HTML = answer(200, "<html>Please log in</html>", "text/html")
BLOCKED = answer(403, {"ErrorMessage": "Your account has been blocked", "StatusCode": 403})
#: What the account's own question meets: told once, and nothing else is asked.
WHOLE = [
    (answer(401, "", "text/html"), "Set MAILJET_API_KEY and MAILJET_API_SECRET anew"),
    (BLOCKED, "Open the account at app.mailjet.com"),
    (answer(429, ""), "Somebody else calls with the same key"),
    (answer(500, {"StatusCode": 500, "ErrorMessage": "x"}), "mail waits and leaves by itself afterwards"),
    (HTML, "a proxy or a login page: let it through"),
    (data(), "Mailjet does not show this API key: correct mailjet.api_key"),
    (data(KEY | {"IsActive": False}), "The API key is not active: activate it"),
    (data(KEY | {"Runlevel": "Softlock"}), "The API key is under a Softlock: ask Mailjet's support"),
    (data(KEY | {"QuarantineValue": 1}), "The API key is in quarantine: raise its daily limit"),
]


@pytest.mark.parametrize(("key", "words"), WHOLE)
def test_the_account(key, words):
    (fault,) = said(key=key)
    assert words in fault


def test_nobody_there():
    (fault,) = said(url="http://127.0.0.1:1")
    assert "Look at this host's DNS, firewall and proxy" in fault


GONE = answer(404, {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404})
INACTIVE = SENDER | {"Status": "Inactive"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sender": (data(INACTIVE), data())}, "a@crm.example is not an active sender: validate it"),
        ({"sender": (data(), data())}, "a@crm.example is not an active sender"),
        ({"content": GONE}, "The template 1 does not exist for this API key"),
        ({"content": data(CONTENT | {"Html-part": ""})}, "The template 1 has no content: publish it"),
        (
            {"content": data(CONTENT | {"Html-part": "{{var:Customer_Name}}"})},
            "did you mean 'customer_name'?",
        ),
        ({"content": data(CONTENT | {"Html-part": "{{var:customer_name"})}, "Mailjet's template 1: "),
        (
            {"hooks": data(*HOOKS[1:])},
            "No webhook is registered at Mailjet for the event sent: run `mailworker webhook register`",
        ),
        (
            {"hooks": data(HOOKS[0] | {"Status": "dead"}, *HOOKS[1:])},
            "Mailjet gave up posting the event sent",
        ),
        (
            {"hooks": data(HOOKS[0] | {"Version": 1}, *HOOKS[1:])},
            "one by one: run `mailworker webhook register`",
        ),
        (
            {"hooks": data(HOOKS[0] | {"Url": "https://mailjet:old@crm.example/"}, *HOOKS[1:])},
            "with another user or password than web.webhook_user",
        ),
    ],
)
def test_what_the_account_holds(changes, words):
    (fault,) = said(**changes)
    assert words in fault
    assert "p:w" not in fault
    assert "old" not in fault
