"""What there is at Mailjet, so that what is not modelled here is answered so instead of "wrong path".

Names of Mailjet's own description of its REST API (v3, 2026), and of its guides; facts only.
"""

from collections.abc import Collection

_RESOURCES = """
activitycounters aggregategraphstatistics apikey apikeyaccess apikeyaccessgrantor apikeytotals
apitoken apppreferences axtesting batchjob bouncestatistics campaign campaignaggregate campaigndraft
campaigngraphstatistics campaignoverview campaignstatistics clickstatistics contact contactactivity
contactdata contactfilter contacthistorydata contactmetadata contactslist contactslistsignup
contactstatistics csvimport dns domainstatistics eventcallbackurl geostatistics graphstatistics
listrecipient listrecipientstatistics liststatistics message messagehistory messageinformation
messagesentstatistics messagestate messagestatistics metadata metasender myprofile newsletter
newslettertemplate newslettertemplatecategory openinformation openstatistics parseroute preferences
preset returnpath sender senderstatistics statcounters statistics template toplinkclicked user
useractivity useragent useragentstatistics widget widgetcustomvalue workflow workflowstatistics
"""
_ACTIONS = """
check csverror detailcontent getcontactslists importlist link-click managecontact managecontactslists
managemanycontacts recipient-esp schedule send status subscribers test validate detailpreviews csvdata
"""

RESOURCES: frozenset[str] = frozenset(_RESOURCES.split())
ACTIONS: frozenset[str] = frozenset(_ACTIONS.split())
#: Of resources that are modelled, what is not.
METHODS = frozenset(
    {"POST apikey", "PUT apikey", "POST contactdata", "PUT campaign", "PUT myprofile", "PUT user"}
)


def unmodelled(path: str) -> str | None:
    """What of Mailjet's this path names and this server does not have; None for what Mailjet has neither."""
    parts = [part.lower() for part in path.split("/") if part]
    match parts:
        case ["v3", "send"]:
            return "Send API v3"
        case ["v3", "data", *_]:
            return f"DATA/{parts[2]}" if len(parts) > 2 else "DATA"
        case ["v3", "rest", resource, *rest] if resource in RESOURCES:
            action = next((one for one in rest if one in ACTIONS), "")
            odd = [one for one in rest if one not in ACTIONS and not _is_id(one)]
            return None if odd else f"{resource}/{action}" if action else resource
        case ["v1", ("rest" | "data") as kind, resource, *_]:
            return f"v1 {resource}" if kind == "rest" else f"v1 data/{resource}"
        case ["v4", resource, *_] if resource != "rest":
            return f"v4 {resource}"
    return None


def is_object(path: str, resources: Collection[str]) -> bool:
    """Whether this path names something of one of these resources, whatever stands for its id."""
    match path.lower().split("/"):
        case ["", "v3", "rest", resource, _]:
            return resource in resources
    return False


def _is_id(part: str) -> bool:
    return part.isdigit() or any(sign in part for sign in "@=|.%")
