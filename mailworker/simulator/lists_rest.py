"""`contactslist`, `listrecipient`, who joins and leaves lists, and the imports of many contacts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from mailworker.simulator.api_answers import ApiAnswer, ApiRefusal, legacy, legacy_error, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.contact_imports import SimulatedImport
from mailworker.simulator.contact_store import ACTIONS, Membership
from mailworker.simulator.contacts_rest import find_contact, refuse_address
from mailworker.simulator.rest_tables import Row, matching, page, whole
from mailworker.simulator.rfc3339 import rfc3339
from mailworker.simulator.state import SimulatorState


def lists(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contactslist`, by Name."""
    world.jobs.finish_due(call.arrived_at)
    found = matching(list(world.contacts.lists.rows.values()), call, "Name", "Address", "IsDeleted")
    return page(found, call, lambda row: _list_row(row, world))


def one_list(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contactslist/{id}`."""
    world.jobs.finish_due(call.arrived_at)
    return rows([_list_row(world.contacts.lists.row(call.number), world)])


def create_list(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contactslist`: the name is unique."""
    values = {
        **call.fields,
        "CreatedAt": rfc3339(call.arrived_at),
        "Address": f"l{len(world.contacts.lists.rows)}",
    }
    return world.contacts.lists.create(values)


def change_list(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /contactslist/{id}`."""
    return world.contacts.lists.update(call.number, call.fields)


def delete_list(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`DELETE /contactslist/{id}`: 204; it stays to be seen by its id, as deleted (recorded)."""
    world.contacts.lists.row(call.number)["IsDeleted"] = True
    return ApiAnswer(204)


def manage_contact(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contactslist/{id}/managecontact`: contact, properties and membership, at once."""
    given = call.fields
    world.contacts.lists.row(call.number)
    if given.get("Action") not in ACTIONS:
        return legacy_error(400, f'Invalid value for Action: "{given.get("Action")}"')
    refuse_address(given.get("Email"))
    properties: Any = given.get("Properties") or {}
    faults: Any = "not an object"
    if isinstance(properties, dict):
        faults = world.contacts.property_faults(properties)
    if faults:
        return legacy_error(400, "Object properties invalid", {"Properties": faults})
    found = world.contacts.ensure(given["Email"], str(given.get("Name") or ""), call.arrived_at)
    world.contacts.set_properties(found, properties, call.arrived_at)
    world.contacts.act(found, call.number, given["Action"], call.arrived_at)
    row = {"ContactID": found.number, "Email": found.email, "Name": found.name, "Action": given["Action"]}
    return rows([{**row, "Properties": properties}], status=201)


def manage_lists(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contact/{id}/managecontactslists`: all of its lists at once."""
    found = find_contact(call, world)
    actions = _list_actions(call.fields.get("ContactsLists"), world)
    for list_id, action in actions:
        world.contacts.act(found, list_id, action, call.arrived_at)
    return rows([{"ContactsLists": _actions_document(actions)}], status=201)


def lists_of_contact(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contact/{id}/getcontactslists` (recorded)."""
    return rows(
        [
            {
                "IsActive": True,
                "IsUnsub": one.unsubscribed,
                "ListID": one.list_id,
                "SubscribedAt": rfc3339(one.since),
            }
            for one in world.contacts.memberships_of(find_contact(call, world))
        ]
    )


def start_import(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contact/managemanycontacts`, and the same below a list."""
    below = call.ids.get("id")
    wanted = (
        [{"ListID": int(below), "Action": call.fields.get("Action")}]
        if below
        else call.fields.get("ContactsLists") or []
    )
    given = call.fields.get("Contacts")
    if not isinstance(given, list) or not given or not all(isinstance(one, Mapping) for one in given):
        return legacy_error(400, "MJ03 Property Contacts is required and holds at least one contact.")
    job = world.jobs.start(given, _list_actions(wanted, world), call.arrived_at)
    return rows([{"JobID": job.number}], status=201)


def import_status(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET .../managemanycontacts/{job}`."""
    world.jobs.finish_due(call.arrived_at)
    job = world.jobs.all.get(int(call.ids["job"]))
    return rows([_job_row(job, call.arrived_at)]) if job else not_found()


def import_errors(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /v3/DATA/batchjob/{job}/JSONError/application:json/LAST`."""
    world.jobs.finish_due(call.arrived_at)
    job = world.jobs.all.get(int(call.ids["job"]))
    return legacy(200, job.errors) if job and job.errors else not_found()


def memberships(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /listrecipient`, by Contact, ContactEmail, ContactsList and Unsub."""
    world.jobs.finish_due(call.arrived_at)
    keys: dict[str, Callable[[Membership], object]] = {
        "Contact": lambda one: one.contact.number,
        "ContactEmail": lambda one: one.contact.email,
        "ContactsList": lambda one: one.list_id,
        "Unsub": lambda one: one.unsubscribed,
    }
    asked = [(read, call.filters[key].lower()) for key, read in keys.items() if key in call.filters]
    found = [
        one
        for one in world.contacts.memberships.values()
        if all(str(read(one)).lower() == wanted for read, wanted in asked)
    ]
    return page([_membership_row(one, world) for one in found], call)


def create_membership(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /listrecipient`."""
    key = call.fields.get("ContactID") or call.fields.get("ContactAlt") or ""
    found = world.contacts.find(str(key))
    list_id = whole(call.fields.get("ListID"))
    if found is None or list_id not in world.contacts.lists.rows:
        return legacy_error(400, "MJ08 Property ContactID or ListID is invalid.")
    if world.contacts.membership(found, list_id):
        return legacy_error(400, "MJ18 A ListRecipient resource for this contact and list already exists.")
    action = "unsub" if call.fields.get("IsUnsubscribed") else "addnoforce"
    world.contacts.act(found, list_id, action, call.arrived_at)
    made = world.contacts.membership(found, list_id)
    return rows([_membership_row(made, world)] if made else [], status=201)


def membership(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET`, `PUT {IsUnsubscribed}` and `DELETE /listrecipient/{id}`."""
    world.jobs.finish_due(call.arrived_at)
    found = world.contacts.memberships.get(call.number)
    if found is None:
        return not_found()
    if call.method == "DELETE":
        world.contacts.act(found.contact, found.list_id, "remove", call.arrived_at)
        return ApiAnswer(204)
    if call.method == "PUT":
        wanted = call.fields.get("IsUnsubscribed")
        if not isinstance(wanted, bool) or wanted == found.unsubscribed:
            return ApiAnswer(304)
        world.contacts.act(found.contact, found.list_id, "unsub" if wanted else "addforce", call.arrived_at)
    return rows([_membership_row(found, world)])


def _list_actions(wanted: Any, world: SimulatorState) -> list[tuple[int, str]]:
    """`ContactsLists` as pairs of list and action. Raises ApiRefusal."""
    if not isinstance(wanted, list) or not all(isinstance(one, Mapping) for one in wanted):
        text = "MJ08 Property ContactsLists is invalid: it is a list of ListID and Action."
        raise ApiRefusal(legacy_error(400, text))
    for one in wanted:
        if one.get("Action") not in ACTIONS or whole(one.get("ListID")) not in world.contacts.lists.rows:
            text = "MJ08 Property ContactsLists is invalid: unknown ListID or Action."
            raise ApiRefusal(legacy_error(400, text))
    return [(whole(one["ListID"]), one["Action"]) for one in wanted]


def _actions_document(actions: Sequence[tuple[int, str]]) -> list[Row]:
    return [{"ListID": number, "Action": action} for number, action in actions]


def _list_row(row: Row, world: SimulatorState) -> Row:
    active = sum(not one.unsubscribed for one in world.contacts.members(row["ID"]))
    return {**row, "SubscriberCount": active}


def _membership_row(one: Membership, world: SimulatorState) -> Row:
    return {
        "ContactID": one.contact.number,
        "ID": one.number,
        "IsActive": True,
        "IsUnsubscribed": one.unsubscribed,
        "ListID": one.list_id,
        "ListName": world.contacts.lists.rows[one.list_id]["Name"],
        "SubscribedAt": rfc3339(one.since),
        "UnsubscribedAt": rfc3339(one.unsubscribed_at),
    }


def _job_row(job: SimulatedImport, now: datetime) -> Row:
    href = f"https://api.mailjet.com/v3/DATA/batchjob/{job.number}/JSONError/application:json/LAST"
    return {
        "ContactsLists": _actions_document(job.actions),
        "Count": job.count - len(job.errors) if job.done else 0,
        "Error": f"{len(job.errors)} contacts were not imported" if job.errors else "",
        "ErrorFile": href if job.errors else "",
        "JobEnd": rfc3339(job.ends_at) if job.done else "",
        "JobStart": rfc3339(job.starts_at),
        "Status": job.status(now),
    }
