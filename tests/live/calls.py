"""The calls to compare, least first: reads, checks without effect, and what writes only where that was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

PROPERTY = "MailworkerCheck"
BROKEN = "passenger@example..com"


@dataclass(frozen=True)
class LiveCall:
    """One call. `follow` names the path of the answer's first row's field that later paths know as {name}."""

    name: str
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    keep: str = ""


def reads() -> Iterator[LiveCall]:
    """What changes nothing."""
    for resource in (
        "apikey", "myprofile", "user", "sender", "template", "contact", "contactdata", "contactmetadata", "contactslist",
        "contactfilter", "listrecipient", "campaigndraft", "campaign", "message", "eventcallbackurl",
    ):  # fmt: skip
        yield LiveCall(f"list {resource}", "GET", f"v3/REST/{resource}", {"Limit": "1"})
    yield LiveCall("count", "GET", "v3/REST/contact", {"countOnly": "1"})
    yield LiveCall("wrong sort", "GET", "v3/REST/contact", {"Sort": "Nothing DESC"})
    yield LiveCall("no such contact", "GET", "v3/REST/contact/1")
    yield LiveCall("no such history", "GET", "v3/REST/messagehistory/1")
    yield LiveCall("no such resource", "GET", "v3/REST/nonsense")
    yield LiveCall("no such content", "GET", "v3/REST/template/1/detailcontent")
    figures = {"CounterSource": "APIKey", "CounterTiming": "Message", "CounterResolution": "Lifetime"}
    yield LiveCall("figures", "GET", "v3/REST/statcounters", figures)
    yield LiveCall("figures of nothing said", "GET", "v3/REST/statcounters", {"CounterSource": "APIKey"})


def sandboxed(sender: str) -> Iterator[LiveCall]:
    """Send calls that Mailjet checks and does not carry out."""
    good = {"From": {"Email": sender}, "To": [{"Email": sender}], "Subject": "S", "TextPart": "T"}
    wrapped = {"ContentType": "text/plain", "Filename": "a.txt", "Base64Content": "aGVs\nbG8=\n"}
    cases: dict[str, Any] = {
        "good": good,
        "bad address": good | {"To": [{"Email": BROKEN}]},
        "empty subject": good | {"Subject": ""},
        "wrapped base64": good | {"Attachments": [wrapped]},
        "bad base64": good | {"Attachments": [wrapped | {"Base64Content": "€"}]},
        "no recipients": good | {"To": []},
        "no content": {name: value for name, value in good.items() if name != "TextPart"},
        "unknown property": good | {"Sujet": "S"},
        "null": good | {"Variables": {"a": None}},
        "other capitals": {
            "from": {"email": sender},
            "to": [{"email": sender}],
            "subject": "S",
            "textpart": "T",
        },
        "no such template": {**good, "TextPart": None, "TemplateID": 1, "TemplateLanguage": True},
        "foreign sender": good | {"From": {"Email": "nobody@nowhere-of-ours.example"}},
    }
    cases["no such template"].pop("TextPart")
    for name, message in cases.items():
        body = {"SandboxMode": True, "AdvanceErrorHandling": True, "Messages": [message]}
        yield LiveCall(f"send: {name}", "POST", "v3.1/send", body=body)
    two = [good, good | {"To": [{"Email": BROKEN}]}]
    yield LiveCall(
        "send: one good, one bad", "POST", "v3.1/send", body={"SandboxMode": True, "Messages": two}
    )
    many = {"SandboxMode": True, "Messages": [good] * 51}
    yield LiveCall("send: 51 recipients", "POST", "v3.1/send", body=many)


def writes() -> Iterator[LiveCall]:
    """What leaves traces in the account, and takes them away again."""
    name = {"Name": PROPERTY, "Datatype": "str", "NameSpace": "static"}
    yield LiveCall("make a property", "POST", "v3/REST/contactmetadata", body=name, keep="property")
    yield LiveCall("how it is spelled", "GET", "v3/REST/contactmetadata/{property}")
    yield LiveCall(
        "make it in lower case", "POST", "v3/REST/contactmetadata", body=name | {"Name": PROPERTY.lower()}
    )
    negated = {"Name": PROPERTY, "Expression": f"((not IsProvided({PROPERTY.lower()})))"}
    yield LiveCall("segment with not", "POST", "v3/REST/contactfilter", body=negated, keep="segment")
    bare = {"Name": f"{PROPERTY} 2", "Expression": f"(not IsProvided({PROPERTY.lower()}))"}
    yield LiveCall("segment with a bare not", "POST", "v3/REST/contactfilter", body=bare, keep="bare segment")
    odd = {"Name": f"{PROPERTY} 3", "Expression": "(nobody_has_this=1)"}
    yield LiveCall("segment over nothing", "POST", "v3/REST/contactfilter", body=odd, keep="odd segment")
    plain = {"Name": f"{PROPERTY} 4", "Expression": f'{PROPERTY.lower()}="x"'}
    yield LiveCall(
        "segment without parentheses", "POST", "v3/REST/contactfilter", body=plain, keep="plain segment"
    )
    for kept in ("segment", "bare segment", "odd segment", "plain segment"):
        yield LiveCall(f"delete the {kept}", "DELETE", f"v3/REST/contactfilter/{{{kept}}}")
    yield LiveCall("delete the property", "DELETE", "v3/REST/contactmetadata/{property}")


def real_send(sender: str, to: str) -> Iterator[LiveCall]:
    """One mail to an address of one's own, to see how values are printed: escaped or not."""
    message = {
        "From": {"Email": sender},
        "To": [{"Email": to}],
        "Subject": "mailworker: is <b> bold?",
        "HTMLPart": "<p>Unescaped if this is bold: {{var:x}}. Never bold: {{Escape(var:x)}}.</p>",
        "TemplateLanguage": True,
        "Variables": {"x": "<b>bold</b>"},
    }
    yield LiveCall("one real mail", "POST", "v3.1/send", body={"Messages": [message]})
