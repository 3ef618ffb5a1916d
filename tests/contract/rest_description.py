"""Do calls and answers fit Mailjet's own description of its REST API?

`rest_facts.json` holds names and types of the description that Mailjet published in 2026 (v3, REST only): for
each resource its filters and the fields of its rows. The description calls a reference `Campaign` where
recorded answers have `CampaignID`, and gives the type `str` to what it does not care about; both are allowed
for. What recordings or guides have besides stands below, each with its source.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FACTS = json.loads(Path(__file__).with_name("rest_facts.json").read_text(encoding="utf-8"))
_TYPES = {"int": int, "bool": bool, "float": (int, float), "list": list}
#: Fields and filters that the description lacks, and where they were seen.
BESIDES = {
    "apikey": {"Skipspamd": "recorded"},
    "campaigndraft": {"Template": "guide"},
    "contactdata": {
        "Data": "recorded",
        "ContactID": "recorded",
        "ID": "recorded",
        "MethodCollection": "recorded",
    },
    "contactfilter": {"Status": "recorded"},
    "eventcallbackurl": {"APIKeyID": "recorded", "Version": "recorded", "IsBackup": "recorded"},
    "listrecipient": {"ListName": "recorded", "SubscribedAt": "recorded", "IsActive": "recorded"},
    "message": {"CustomID": "guide"},
    "messageinformation": {"SpamAssassinRules": "guide"},
    "statcounters": {"SourceID": "recorded", "CounterTiming": "guide", "FromTS": "guide", "ToTS": "guide"},
    "template": {"IsTextPartGenerationEnabled": "guide", "Name": "guide", "OwnerType": "guide"},
    "user": {"FirstIp": "recorded"},
    "sender": {"Email": "recorded", "Domain": "guide"},
}
#: What a call below a resource carries (Mailjet's guides), and its rows where they are not the resource's.
ACTIONS: Mapping[str, set[str]] = {
    "detailcontent": {"Html-part", "Text-part", "MJMLContent", "Headers"},
    "managecontact": {"Email", "Name", "Action", "Properties", "ContactID"},
    "managemanycontacts": {
        "Action", "Contacts", "ContactsLists", "JobID", "Count", "Error", "ErrorFile", "JobEnd", "JobStart", "Status",
    },
    "managecontactslists": {"ContactsLists"},
    "getcontactslists": {"IsActive", "IsUnsub", "ListID", "SubscribedAt"},
    "schedule": {"Date", "Status"},
    "send": {"Status"},
    "status": {"Status"},
    "test": {"Recipients", "Status"},
    "validate": {"Errors", "GlobalError", "ValidationMethod"},
    "check": {"DKIMErrors", "DKIMStatus", "SPFErrors", "SPFStatus"},
}  # fmt: skip
#: The Send API's guide.
SEND = {
    "From",
    "Sender",
    "To",
    "Cc",
    "Bcc",
    "ReplyTo",
    "Subject",
    "TextPart",
    "HTMLPart",
    "TemplateID",
    "TemplateLanguage",
    "TemplateErrorReporting",
    "TemplateErrorDeliver",
    "Variables",
    "Attachments",
    "InlinedAttachments",
    "CustomID",
    "EventPayload",
    "CustomCampaign",
    "DeduplicateCampaign",
    "Priority",
    "TrackOpens",
    "TrackClicks",
    "URLTags",
    "MonitoringCategory",
    "Headers",
}
ROOT = {"Messages", "Globals", "SandboxMode", "AdvanceErrorHandling"}


def misfits(method: str, path: str, query: Mapping[str, str], body: Any, answer: Any) -> list[str]:
    """What in an accepted call, and in its answer, the description does not have."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["v3.1", "send"]:
        return list(_send(body))
    if parts[:2] != ["v3", "REST"]:
        return []
    resource, action = (
        parts[2].lower(),
        next((one.lower() for one in parts[3:] if one.lower() in ACTIONS), ""),
    )
    if resource not in FACTS:
        return [f"{resource} is no resource"]
    rows = answer.get("Data", []) if isinstance(answer, dict) else []
    return [
        *(f"{resource}: filter {name}" for name in query if not _has(resource, "filters", name)),
        *(
            f"{resource}/{action}: {text}"
            for text in _fields(resource, action, body if isinstance(body, dict) else {})
        ),
        *(
            f"{resource}/{action} answers: {text}"
            for row in rows
            for text in _fields(resource, action, row, typed=True)
        ),
    ]


def _send(body: Any) -> Iterator[str]:
    yield from (f"send: {name}" for name in body.keys() - ROOT)
    for message in [*body["Messages"], body.get("Globals") or {}]:
        yield from (f"send: {name}" for name in message.keys() - SEND)


def _fields(resource: str, action: str, values: Mapping[str, Any], *, typed: bool = False) -> Iterator[str]:
    if action:
        yield from values.keys() - ACTIONS[action]
        return
    for name, value in values.items():
        if not _has(resource, "row", name):
            yield name
            continue
        wanted = _TYPES.get(FACTS[resource]["row"].get(name, "str"))
        wrong = wanted and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int))
        if typed and wrong:
            yield f"{name} is {type(value).__name__}"


def _has(resource: str, kind: str, name: str) -> bool:
    known = {one.lower() for one in (*FACTS[resource][kind], *BESIDES.get(resource, {}), "ID")}
    reference = name.lower().removesuffix("id").removesuffix("alt")
    return name.lower() in known or (name.lower().endswith(("id", "alt")) and reference in known)
