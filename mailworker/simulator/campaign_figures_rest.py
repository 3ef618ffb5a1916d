"""`campaign`, what a sent draft became, and `statcounters`, its figures."""

from collections.abc import Mapping

from mailworker.simulator.api_answers import ApiAnswer, legacy_error, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.campaign_drafts import SENT
from mailworker.simulator.campaigns_rest import send_due
from mailworker.simulator.event_documents import status_of
from mailworker.simulator.message_queries import within
from mailworker.simulator.received_mail import ReceivedMail
from mailworker.simulator.rest_tables import Row, page, whole
from mailworker.simulator.rfc3339 import moment
from mailworker.simulator.state import SimulatorState

#: CounterResolution -> the beginning of a slice; empty for one slice of everything.
_SLICES: Mapping[str, str] = {
    "lifetime": "",
    "highest": "",
    "hour": "%Y-%m-%dT%H:00:00Z",
    "day": "%Y-%m-%dT00:00:00Z",
}
_SOURCES = ("campaign", "apikey", "list", "sender")
#: The states that each figure counts, the later ones among them.
_COUNTED: Mapping[str, tuple[str, ...]] = {
    "Sent": ("sent", "opened", "clicked", "unsub", "spam"),
    "Opened": ("opened", "clicked"),
    "Clicked": ("clicked",),
    "Blocked": ("blocked",),
    "HardBounced": ("hardbounced",),
    "SoftBounced": ("softbounced",),
    "Spam": ("spam",),
    "Unsubscribed": ("unsub",),
    "Queued": (),
    "Deferred": (),
}
#: Figures of a recorded row that nothing here happens to.
_ZEROS = (
    "EventClickDelay", "EventClickedCount", "EventOpenDelay", "EventOpenedCount", "EventSpamCount",
    "EventUnsubscribedCount", "EventWorkflowExitedCount", "MessageWorkFlowExitedCount",
)  # fmt: skip


def campaigns(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaign`: every sent draft."""
    send_due(world, call.arrived_at)
    sent = [row for row in world.campaigns.drafts.rows.values() if row["Status"] == SENT]
    return page([_row(row, world) for row in sent], call)


def campaign(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaign/mj.nl={draft}`: there only once the draft was sent."""
    return _sent(call.number, call, world)


def campaign_by_id(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaign/{id}`."""
    drafts = world.campaigns.drafts.rows
    found = (one for one in drafts if world.campaigns.campaign_of(one) == call.number)
    return _sent(next(found, 0), call, world)


def counters(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /statcounters`, by messages; a row of zeros where nothing was counted (recorded)."""
    asked = call.filters
    missing = [name for name in ("CounterSource", "CounterTiming", "CounterResolution") if name not in asked]
    if missing:  # stand-in: what Mailjet says then is not known
        return legacy_error(400, f"MJ03 Property {missing[0]} is required.")
    source, resolution = asked["CounterSource"].lower(), asked["CounterResolution"].lower()
    if source not in _SOURCES or resolution not in _SLICES:
        return legacy_error(400, "Invalid value for CounterSource or CounterResolution.")
    since, until = moment(asked.get("FromTS")), moment(asked.get("ToTS"))
    if resolution == "lifetime" and (since or until):
        return legacy_error(400, "FromTS and ToTS are not for the CounterResolution Lifetime.")
    number = asked.get("SourceID", "")
    slices: dict[str, list[ReceivedMail]] = {} if _SLICES[resolution] else {"": []}
    for mail in world.store.mails():
        if _belongs(mail, source, number) and within(mail.arrived_at, since, until):
            slices.setdefault(mail.arrived_at.strftime(_SLICES[resolution]), []).append(mail)
    found = [
        _figures(mails, world) | {"SourceID": whole(number), "Timeslice": at} for at, mails in slices.items()
    ]
    return page(found, call)


def _figures(mails: list[ReceivedMail], world: SimulatorState) -> Row:
    states = [status_of(world, mail, one) for mail in mails for one in mail.recipients]
    counts = {
        f"Message{name}Count": sum(state in words for state in states) for name, words in _COUNTED.items()
    }
    return {"APIKeyID": 1, **dict.fromkeys(_ZEROS, 0), **counts, "Total": len(states)}


def _sent(draft: int, call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    send_due(world, call.arrived_at)
    row = world.campaigns.drafts.rows.get(draft)
    return rows([_row(row, world)]) if row and row["Status"] == SENT else not_found()


def _belongs(mail: ReceivedMail, source: str, number: str) -> bool:
    if source == "campaign":
        return str(mail.properties.get("_Campaign")) == number
    return source == "apikey"


def _row(row: Row, world: SimulatorState) -> Row:
    """A campaign as recorded."""
    return {
        "CampaignType": 2,
        "ClickTracked": 1,
        "CreatedAt": row["CreatedAt"],
        "CustomValue": f"mj.nl={row['ID']}",
        "FirstMessageID": 0,
        "FromEmail": row["SenderEmail"],
        "FromID": 1,
        "FromName": row["SenderName"],
        "HasHtmlCount": 1,
        "HasTxtCount": 1,
        "ID": world.campaigns.campaign_of(row["ID"]),
        "IsDeleted": False,
        "IsStarred": False,
        "ListID": row["ContactsListID"],
        "NewsLetterID": row["ID"],
        "OpenTracked": 1,
        "SendEndAt": "",
        "SendStartAt": "",
        "SpamassScore": 0,
        "Status": 2,
        "Subject": row["Subject"],
        "UnsubscribeTrackedCount": 0,
    }
