"""`contactfilter` and `campaigndraft`."""

from collections.abc import Mapping
from datetime import datetime

from mailworker.simulator.api_answers import (
    ApiAnswer,
    ApiRefusal,
    legacy_error,
    modern_error,
    not_found,
    rows,
)
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.assumptions import Assumption
from mailworker.simulator.campaign_drafts import DRAFT, PROGRAMMED, SENT, WORDS, audience, hindrances
from mailworker.simulator.contacts_rest import refuse_address
from mailworker.simulator.rest_tables import Row
from mailworker.simulator.rfc3339 import moment, rfc3339
from mailworker.simulator.segment_expressions import SegmentError, read_segment
from mailworker.simulator.send_call import take_in
from mailworker.simulator.state import SimulatorState
from mailworker.simulator.template_store import Content
from mailworker.simulator.templates_and_event_urls_rest import NO_CONTENT, content_answer, read_content


def create_segment(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contactfilter`: the expression is read first."""
    _check_expression(call, world)
    return world.campaigns.segments.create(call.fields)


def change_segment(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /contactfilter/{id}`."""
    _check_expression(call, world)
    return world.campaigns.segments.update(call.number, call.fields)


def drafts(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaigndraft`."""
    send_due(world, call.arrived_at)
    return world.campaigns.drafts.page(call)


def draft(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaigndraft/{id}`."""
    send_due(world, call.arrived_at)
    return rows([world.campaigns.drafts.row(call.number)])


def create_draft(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /campaigndraft`."""
    return world.campaigns.drafts.create({**call.fields, "CreatedAt": rfc3339(call.arrived_at)})


def change_draft(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /campaigndraft/{id}`."""
    return world.campaigns.drafts.update(call.number, call.fields)


def draft_content(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaigndraft/{id}/detailcontent`; `POST` resets what is not named, `PUT` keeps it."""
    if call.number not in world.campaigns.drafts.rows:
        return modern_error(404, NO_CONTENT)
    content = world.campaigns.contents.get(call.number, Content())
    if call.method != "GET":
        content = read_content(call.fields, content if call.method == "PUT" else Content())
        world.campaigns.contents[call.number] = content
    return content_answer(content, 201 if call.method == "POST" else 200)


def test(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /campaigndraft/{id}/test`: to these people only."""
    row = _ready(call, world)
    people = call.fields.get("Recipients")
    if not isinstance(people, list) or not people or not all(isinstance(one, Mapping) for one in people):
        return legacy_error(400, "MJ03 Property Recipients is required.")
    for one in people:  # as send refuses them; what Mailjet does with a test to a raw IDN is not known
        refuse_address(one.get("Email"))
    for one in people:
        _deliver(world, row, str(one["Email"]), str(one.get("Name") or ""), call.arrived_at, test=True)
    return rows([{"Status": "Draft"}], status=201)


def send(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /campaigndraft/{id}/send`: to everybody, now."""
    _send_out(world, _ready(call, world), call.arrived_at)
    return rows([{"Status": "Programmed"}], status=201)


def schedule(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET`, `POST` and `DELETE /campaigndraft/{id}/schedule`."""
    if call.method == "POST":
        return _program(call, world)
    send_due(world, call.arrived_at)
    when = world.campaigns.due.get(call.number)
    if when is None:
        return not_found()
    if call.method == "DELETE":
        del world.campaigns.due[call.number]
        world.campaigns.drafts.rows[call.number]["Status"] = DRAFT
        return ApiAnswer(204)
    return rows([{"Date": rfc3339(when), "Status": "Programmed"}])


def status(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /campaigndraft/{id}/status`."""
    send_due(world, call.arrived_at)
    row = world.campaigns.drafts.row(call.number)
    return rows([{"Status": WORDS.get(row["Status"], "Draft")}])


def _check_expression(call: ApiRequest, world: SimulatorState) -> None:
    if "Expression" not in call.fields:
        return
    known = {row["Name"] for row in world.contacts.definitions.rows.values()}
    loose = Assumption.LOOSE_SEGMENTS in world.settings.assume
    try:
        read_segment(str(call.fields["Expression"]), known, loose=loose)
    except SegmentError as error:
        raise ApiRefusal(legacy_error(400, f"Invalid expression: {error}")) from None


def _ready(call: ApiRequest, world: SimulatorState) -> Row:
    """The draft, where it may be sent. Raises ApiRefusal."""
    world.jobs.finish_due(call.arrived_at)
    send_due(world, call.arrived_at)
    row = world.campaigns.drafts.row(call.number)
    if faults := hindrances(row, world.campaigns, world.contacts, world.active_senders):
        raise ApiRefusal(legacy_error(400, " ".join(faults)))
    return row


def _program(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    row = _ready(call, world)
    given = str(call.fields.get("Date") or "")
    when = call.arrived_at if given.upper() == "NOW" else moment(given)
    if when is None or when < call.arrived_at:
        return legacy_error(400, "MJ08 Property Date is invalid: it lies in the past or is no date.")
    row["Status"] = PROGRAMMED
    world.campaigns.due[row["ID"]] = when
    return rows([{"Date": rfc3339(when), "Status": "Programmed"}], status=201)


def send_due(world: SimulatorState, now: datetime) -> None:
    """Send what was scheduled for before now."""
    for number, when in list(world.campaigns.due.items()):
        if when <= now:
            _send_out(world, world.campaigns.drafts.rows[number], when)


def _send_out(world: SimulatorState, row: Row, now: datetime) -> None:
    world.campaigns.due.pop(row["ID"], None)
    row["Status"] = SENT
    for one in audience(row, world.campaigns, world.contacts):
        _deliver(world, row, one.email, one.name, now)


def _deliver(
    world: SimulatorState, row: Row, email: str, name: str, now: datetime, *, test: bool = False
) -> None:
    """A campaign's mail in the inbox, like any other. A test mail belongs to no campaign's figures."""
    parts = world.campaigns.contents[row["ID"]]
    properties = {
        "From": {"Email": row["SenderEmail"], "Name": row["SenderName"]},
        "To": [{"Email": email, "Name": name}],
        "Subject": row["Subject"],
        "HTMLPart": parts.html,
        "TextPart": parts.text,
        "TemplateLanguage": True,
        "_Campaign": 0 if test else world.campaigns.campaign_of(row["ID"]),
    }
    mail = world.store.add(properties, [], now, world.settings.index_delay)
    take_in(mail, world)
