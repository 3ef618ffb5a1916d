"""Where recordings and guides say otherwise than Mailjet's description, each with its source. Nothing else is allowed for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Fields and filters that the description lacks, by resource.
BESIDES: Mapping[str, Mapping[str, str]] = {
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
#: Answers that the description does not list.
UNDESCRIBED_STATUSES: Mapping[int, str] = {
    304: "recorded: a PUT that changes nothing",
    405: "guide: list of statuses",
    413: "issue: node#269",
    501: "ours: Mailjet has it, the local one not",
}
#: Fields whose type the description has wrong: their type, and where it was seen.
OTHER_TYPES: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("apikey.QuarantineValue", "apikey.RegionID", "apikey.UserID"), ("int", "recorded")),
    **dict.fromkeys(
        ("campaign.CampaignType", "campaign.SpamassScore", "campaign.Status"), ("int", "recorded")
    ),
    "campaigndraft.Status": ("int", "recorded: newsletter"),
    "contactdata.Data": ("list", "recorded"),
    "contactslist.SubscriberCount": ("int", "recorded"),
    "eventcallbackurl.Version": ("int", "recorded"),
    **dict.fromkeys(
        tuple(
            f"message.{name}"
            for name in ("AttachmentCount", "AttemptCount", "Delay", "FilterTime", "SpamassassinScore")
        ),
        ("int", "recorded"),
    ),
    **dict.fromkeys(("myprofile.EstimatedVolume", "myprofile.VAT"), ("int", "recorded")),
    "template.Categories": ("list", "guide: Template API"),
    "template.EditMode": ("int", "guide: Template API"),
    "template.Previews": ("list", "stand-in"),
    "template.Purposes": ("list", "guide: Template API"),
    "user.MaxAllowedAPIKeys": ("int", "recorded"),
}
#: Fields that the description calls mandatory and answers go without.
NOT_ALWAYS_THERE: Mapping[str, str] = {"message.From": "recorded: rows name the sender by SenderID"}


@dataclass(frozen=True)
class ActionFacts:
    """What a call below a resource may be (Mailjet's guides; the description has none of them)."""

    methods: frozenset[str]
    body: frozenset[str] = frozenset()
    answer: frozenset[str] = frozenset()


def _action(methods: str, body: str = "", answer: str = "") -> ActionFacts:
    return ActionFacts(frozenset(methods.split()), frozenset(body.split()), frozenset(answer.split()))


_CONTENT = "Html-part Text-part MJMLContent Headers"
_MANY = "Action Contacts ContactsLists"
ACTIONS: Mapping[str, ActionFacts] = {
    "detailcontent": _action("GET POST PUT", _CONTENT, _CONTENT),
    "managecontact": _action(
        "POST", "Email Name Action Properties", "Email Name Action Properties ContactID"
    ),
    "managemanycontacts": _action(
        "POST GET", _MANY, f"{_MANY} JobID Count Error ErrorFile JobEnd JobStart Status"
    ),
    "managecontactslists": _action("POST", "ContactsLists", "ContactsLists"),
    "getcontactslists": _action("GET", "", "IsActive IsUnsub ListID SubscribedAt"),
    "schedule": _action("GET POST PUT DELETE", "Date", "Date Status"),
    "send": _action("POST", "", "Status"),
    "status": _action("GET", "", "Status"),
    "test": _action("POST", "Recipients", "Status"),
    "validate": _action("POST", "", "Errors GlobalError ValidationMethod"),
    "check": _action("POST", "", "DKIMErrors DKIMStatus SPFErrors SPFStatus"),
}
#: Paths outside the description: the guides' (contacts, bulk; contacts, delete).
BEYOND = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"DELETE /v4/contacts/\d+",
        r"GET /v3/DATA/batchjob/\d+/JSONError/application:json/LAST",
    )
)
