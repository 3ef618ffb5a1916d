"""Faults of the account at Mailjet: the local Mailjet's own, and scripted answers where it has none."""

from typing import Any

import requests

from mailworker.mailjet.account_checks import WEBHOOK_EVENTS
from tests.integration.doctor_faults.installation import Installation
from tests.integration.doctor_faults.registry import fault
from tests.integration.mailjet_wire import Behaviour, Wire, answer

MAILJET = ("mailjet",)
WELCOME = 5977509
HOOK = "http://mailjet:mailjet@127.0.0.1:8070/mailjet/events"


def rest(site: Installation, method: str, path: str, body: Any = None) -> Any:
    """One call of the account's owner."""
    key = site.simulator.settings
    url = f"{site.simulator.url}/v3/REST/{path}"
    told = requests.request(method, url, json=body, auth=(key.api_key, key.api_secret.reveal()), timeout=10)
    assert told.ok, told.text
    return told.json() if told.content else None


def scripted(site: Installation, *behaviours: Behaviour) -> None:
    """Mailjet's answers one after the other, the last for ever."""
    wire = site.closing.enter_context(Wire([*behaviours]))
    site.configure(mailjet={"api_url": wire.url})


def data(*rows: Any) -> Behaviour:
    return answer(200, {"Count": len(rows), "Data": list(rows), "Total": len(rows)})


def key(**changes: Any) -> Behaviour:
    return data({"IsActive": True, "Runlevel": "Normal", "QuarantineValue": 0} | changes)


@fault(
    1,
    "Mailjet answers 401",
    subjects=MAILJET,
    says="Mailjet answered HTTP 401",
    cure="Set MAILJET_API_KEY and MAILJET_API_SECRET anew",
)
def _(site: Installation) -> None:
    site.configure(mailjet={"api_secret": "another"})


@fault(
    2,
    "Mailjet answers 403",
    subjects=MAILJET,
    says="Your account has been blocked",
    cure="Open the account at app.mailjet.com",
)
def _(site: Installation) -> None:
    scripted(site, answer(403, {"ErrorMessage": "Your account has been blocked", "StatusCode": 403}))


@fault(
    3,
    "Mailjet answers 429",
    subjects=MAILJET,
    says="Mailjet answered HTTP 429: too many calls",
    cure="give both a share in mailjet.calls_per_minute",
)
def _(site: Installation) -> None:
    site.simulator.misbehave("throttle_429")


@fault(
    4,
    "Mailjet answers 500",
    subjects=MAILJET,
    says="Mailjet answered HTTP 500",
    cure="mail waits and leaves by itself afterwards",
)
def _(site: Installation) -> None:
    site.simulator.misbehave("error_500_before")


@fault(5, "the key is not active", subjects=MAILJET, says="The API key is not active", cure="activate it")
def _(site: Installation) -> None:
    scripted(site, key(IsActive=False))


@fault(
    6,
    "the key is unknown",
    subjects=MAILJET,
    says="Mailjet does not show this API key",
    cure="correct mailjet.api_key",
)
def _(site: Installation) -> None:
    scripted(site, data())


@fault(
    7,
    "the key is locked",
    subjects=MAILJET,
    says="The API key is under a Softlock",
    cure="ask Mailjet's support",
)
def _(site: Installation) -> None:
    scripted(site, key(Runlevel="Softlock"))


@fault(
    8,
    "the key is in quarantine",
    subjects=MAILJET,
    says="The API key is in quarantine",
    cure="raise its daily limit",
)
def _(site: Installation) -> None:
    scripted(site, key(QuarantineValue=1))


OTHER = "autre@horizon-telecom.example"


def another_sender(site: Installation) -> None:
    welcome = site.sections["mailjet"]["api_crmCommunicationCustomerWelcome"] | {"from_email": OTHER}
    site.configure(mailjet={"api_crmCommunicationCustomerWelcome": welcome})


@fault(
    9,
    "a sender is not active",
    subjects=MAILJET,
    says=f"{OTHER} is not an active sender",
    cure="validate it, or its domain",
)
def _(site: Installation) -> None:
    rest(site, "POST", "sender", {"Email": OTHER})
    another_sender(site)


@fault(
    10,
    "a sender is absent",
    subjects=MAILJET,
    says=f"{OTHER} is not an active sender",
    cure="validate it, or its domain",
)
def _(site: Installation) -> None:
    another_sender(site)


@fault(
    11,
    "a template is missing",
    subjects=MAILJET,
    says=f"The template {WELCOME} does not exist",
    cure="correct template_id, or push it",
)
def _(site: Installation) -> None:
    rest(site, "DELETE", f"template/{WELCOME}")


@fault(
    12,
    "a template is empty",
    subjects=MAILJET,
    says=f"The template {WELCOME} has no content",
    cure="publish it",
)
def _(site: Installation) -> None:
    rest(site, "POST", f"template/{WELCOME}/detailcontent", {"Headers": {"Subject": "x"}})


@fault(
    48,
    "a variable in another case",
    subjects=MAILJET,
    says="has no variable Customer_Name",
    cure="did you mean 'customer_name'?",
)
def _(site: Installation) -> None:
    rest(
        site,
        "PUT",
        f"template/{WELCOME}/detailcontent",
        {"Html-part": "Bonjour {{Escape(var:Customer_Name)}}"},
    )


@fault(
    49,
    "a variable that is not closed",
    subjects=MAILJET,
    says=f"Mailjet's template {WELCOME}: ",
    cure="correct and publish it in Mailjet's editor",
)
def _(site: Installation) -> None:
    rest(site, "PUT", f"template/{WELCOME}/detailcontent", {"Html-part": "Bonjour {{var:customer_name"})


@fault(
    13, "no webhook is registered", subjects=MAILJET, says="No webhook is registered at Mailjet for the events sent, open, click",
    cure="run `mailworker webhook register`",
)  # fmt: skip
def _(site: Installation) -> None:
    for one in rest(site, "GET", "eventcallbackurl?Limit=100")["Data"]:
        rest(site, "DELETE", f"eventcallbackurl/{one['ID']}")


@fault(
    14,
    "the webhook is dead",
    subjects=MAILJET,
    says="Mailjet gave up posting the events sent, open, click",
    cure="run `mailworker webhook register`",
)
def _(site: Installation) -> None:
    for one in site.simulator.world.callbacks.rows.values():
        one["Status"] = "dead"


@fault(
    15, "the webhook has another password", subjects=MAILJET,
    says="Mailjet posts the events sent, open, click, bounce, blocked, spam, unsub with another user or password",
    cure="run `mailworker webhook register`",
)  # fmt: skip
def _(site: Installation) -> None:
    site.configure(web={"webhook_password": "changed since"})


@fault(
    63,
    "a login page answers",
    subjects=MAILJET,
    says="Something between us and Mailjet answers in its place, a proxy or a login page",
    cure="let it through",
)
def _(site: Installation) -> None:
    scripted(site, answer(200, "<html>Please log in</html>", "text/html"))


def register(site: Installation) -> None:
    """What `mailworker webhook register` does."""
    for event in WEBHOOK_EVENTS:
        rest(site, "POST", "eventcallbackurl", {"EventType": event, "Url": HOOK, "Version": 2})
