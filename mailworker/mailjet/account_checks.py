"""Is Mailjet ready for us? Each check gives one sentence for each fault, with its cure.

Mailjet's own answers to these questions hold the SecretKey; only the fields named here are read.
"""

from collections.abc import Collection, Iterable, Mapping
from urllib.parse import unquote, urlsplit

from mailworker.core.canonical_address import canonical_address, with_ascii_domain
from mailworker.core.masked_secret import Secret
from mailworker.mailjet.contact_queries import NO_TEMPLATE
from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import first_row, none_if_missing, number_of, rows_of, truth_of
from mailworker.mailjet.webhook_registration import GROUPED, WEBHOOK_EVENTS, Callback, callbacks


def key_faults(api: RestApi) -> list[str]:
    """What is wrong with our API key: inactive, locked or in quarantine. One call."""
    row = first_row(api.rest(RestCall("apikey", filters={"APIKey": api.api_key})))
    if not row:
        return ["Mailjet does not show this API key: correct mailjet.api_key."]
    level = str(row.get("Runlevel") or "Normal")
    checks = {
        "The API key is not active: activate it in Mailjet's account.": truth_of(row, "IsActive") is False,
        f"The API key is under a {level}: ask Mailjet's support.": level.lower() != "normal",
        "The API key is in quarantine: raise its daily limit in Mailjet's account.": number_of(
            row, "QuarantineValue"
        ),
    }
    return [sentence for sentence, wrong in checks.items() if wrong]


def sender_faults(api: RestApi, emails: Iterable[str]) -> list[str]:
    """Which of our From addresses may not send: neither they nor `*@domain` are active. 1-2 calls each."""
    return [
        f"{email} is not an active sender: validate it, or its domain, in Mailjet's account."
        for email in sorted(set(emails))
        if not _is_active_sender(api, email)
    ]


def domain_faults(api: RestApi, emails: Iterable[str]) -> list[str]:
    """Which of our From domains lack DKIM or SPF in Mailjet's eyes. One call each."""
    domains = {with_ascii_domain(email).rpartition("@")[2].lower() for email in emails}
    return [
        f"{domain} has no {' and no '.join(missing)} that Mailjet could check, so that its mail may be taken "
        "for spam: publish the records, which Mailjet shows among the sender domains."
        for domain in sorted(domains)
        if (missing := _unchecked(api, domain))
    ]


def template_faults(api: RestApi, template_ids: Iterable[int]) -> list[str]:
    """Which templates cannot be sent: not there, empty, or with a header that is no text. One call each."""
    faults = []
    for number in sorted(set(template_ids)):
        faults += _template_faults(api, number)
    return faults


def webhook_faults(api: RestApi, url: str) -> list[str]:
    """Which events would not reach our webhook at `url`. One call."""
    ours = _main_callbacks(api)
    return _sentences({event: _webhook_fault(ours.get(event), url) for event in WEBHOOK_EVENTS})


def webhook_login_faults(
    api: RestApi,
    login: tuple[str, Secret],
    *,
    wanted: Collection[str] = WEBHOOK_EVENTS,
) -> list[str]:
    """Which `wanted` events Mailjet does not post with this user and password, wherever to. One call."""
    ours = _main_callbacks(api)
    faults = {}
    for event in wanted:
        found = ours.get(event)
        url = found.url if found else ""
        refused = _login_of(url) != (login[0], login[1].reveal())
        faults[event] = _webhook_fault(found, url) or (_ANOTHER_LOGIN if refused else "")
    return _sentences(faults)


def opt_out_faults(api: RestApi, login: tuple[str, Secret] | None) -> list[str]:
    """Why an unsubscription at Mailjet would not come back to us. One call; none without a `login`."""
    if login is None:
        return [f"{_NO_LOGIN} {_CURE}"]
    return webhook_login_faults(api, login, wanted=("unsub",))


def _main_callbacks(api: RestApi) -> dict[str, Callback]:
    """Where Mailjet posts each event, its backups left out. One call."""
    return {one.event: one for one in callbacks(api) if not one.backup}


def _sentences(faults: Mapping[str, str]) -> list[str]:
    """One sentence for each fault, with the events that have it; there is none where its text is empty."""
    events: dict[str, list[str]] = {}
    for event, fault in faults.items():
        if fault:
            events.setdefault(fault, []).append(event)
    return [
        fault.format(f"event{'s' if len(names) > 1 else ''} {', '.join(names)}")
        for fault, names in events.items()
    ]


def _login_of(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return unquote(parts.username or ""), unquote(parts.password or "")


def _is_active_sender(api: RestApi, email: str) -> bool:
    ascii_form = with_ascii_domain(email)
    domain = ascii_form.rpartition("@")[2].lower()
    senders = {canonical_address(email), canonical_address(f"*@{domain}")}
    for filters in ({"Email": ascii_form}, {"Domain": domain, "Limit": 1000}):
        for row in rows_of(api.rest(RestCall("sender", filters=filters))):
            known = canonical_address(str(row.get("Email"))) in senders
            if known and str(row.get("Status")).lower() == "active":
                return True
    return False


def _unchecked(api: RestApi, domain: str) -> list[str]:
    """Empty, too, where Mailjet knows no such domain: then the sender is reported."""
    row = none_if_missing(lambda: first_row(api.rest(RestCall("dns", id=domain)))) or {}
    return [name for name in ("DKIM", "SPF") if str(row.get(f"{name}Status") or "OK").upper() != "OK"]


def _template_faults(api: RestApi, number: int) -> list[str]:
    call = RestCall("template_detailcontent", id=number)
    content = none_if_missing(lambda: first_row(api.rest(call)))
    if content is None:
        return [NO_TEMPLATE.format(number)]
    faults = []
    if not (content.get("Html-part") or content.get("Text-part")):
        faults.append(f"The template {number} has no content: publish it in Mailjet's editor.")
    headers = content.get("Headers")
    named = headers.items() if isinstance(headers, dict) else ()
    if odd := [name for name, value in named if not isinstance(value, str)]:
        faults.append(
            f"The template {number} keeps {', '.join(sorted(odd))} as something else than text, "
            "which Mailjet refuses as send-0019: save it again."
        )
    return faults


_CURE = "run `mailworker webhook register`."
_NO_LOGIN = "Mailjet cannot tell us who unsubscribes: set web.webhook_user and web.webhook_password, and then"
_ANOTHER_LOGIN = (
    "Mailjet posts the {} with another user or password than web.webhook_user and web.webhook_password, so "
    f"it is refused: {_CURE}"
)


def _webhook_fault(known: Callback | None, url: str) -> str:
    """The first thing wrong with a registration, `{}` for its event. URLs stay untold, for their password."""
    if known is None:
        return f"No webhook is registered at Mailjet for the {{}}: {_CURE}"
    if known.url != url:
        where = known.where.replace("{", "{{").replace("}", "}}")
        return f"Mailjet posts the {{}} to another URL ({where}): {_CURE}"
    if not known.alive:
        return f"Mailjet gave up posting the {{}} after a day of failures: {_CURE}"
    if known.version != GROUPED:
        return f"Mailjet posts the {{}} one by one: {_CURE}"
    return ""
