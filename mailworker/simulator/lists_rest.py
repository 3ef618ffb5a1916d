"""`contactslist`, `listrecipient`, `managecontact` and the imports of many contacts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mailworker.simulator.api_answers import ApiAnswer, legacy, legacy_error, not_found, rows
from mailworker.simulator.api_call import ApiCall
from mailworker.simulator.contact_imports import SimulatedImport
from mailworker.simulator.contact_store import ACTIONS, Membership, address_fault
from mailworker.simulator.rest_tables import Row, changed, created, matching, page, whole
from mailworker.simulator.rfc3339 import rfc3339
from mailworker.simulator.state import SimulatorState


def lists(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /contactslist`, by Name."""
    world.jobs.finish_due(call.arrived_at)
    found = matching(list(world.contacts.lists.rows.values()), call, "Name", "Address", "IsDeleted")
    return page(found, call, lambda row: _list_row(row, world))


def one_list(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /contactslist/{id}`."""
    world.jobs.finish_due(call.arrived_at)
    row = world.contacts.lists.rows.get(int(call.ids["id"]))
    return rows([_list_row(row, world)]) if row else not_found()


def create_list(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /contactslist`: the name is unique."""
    values = {
        **call.fields,
        "CreatedAt": rfc3339(call.arrived_at),
        "Address": f"l{len(world.contacts.lists.rows)}",
    }
    return created(world.contacts.lists.create(values))


def change_list(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`PUT /contactslist/{id}`."""
    return changed(world.contacts.lists.update(int(call.ids["id"]), call.fields))


def delete_list(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`DELETE /contactslist/{id}`: 204; it stays to be seen by its id, as deleted (recorded)."""
    row = world.contacts.lists.rows.get(whole(call.ids["id"]))
    if row is None:
        return not_found()
    row["IsDeleted"] = True
    return ApiAnswer(204)


def manage_contact(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /contactslist/{id}/managecontact`: contact, properties and membership, at once."""
    list_id = int(call.ids["id"])
    fault = _manage_fault(call, world, list_id)
    if fault:
        return fault
    given = call.fields
    found = world.contacts.ensure(given["Email"], str(given.get("Name") or ""), call.arrived_at)
    world.contacts.set_properties(found, given.get("Properties") or {}, call.arrived_at)
    world.contacts.act(found, list_id, given["Action"], call.arrived_at)
    row = {"ContactID": found.number, "Email": found.email, "Name": found.name, "Action": given["Action"]}
    return rows([{**row, "Properties": given.get("Properties") or {}}], status=201)


def start_import(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /contact/managemanycontacts`, and the same below a list."""
    below = call.ids.get("id")
    wanted = (
        [{"ListID": int(below), "Action": call.fields.get("Action")}]
        if below
        else call.fields.get("ContactsLists") or []
    )
    if not isinstance(wanted, list) or not all(isinstance(one, Mapping) for one in wanted):
        return legacy_error(400, "MJ08 Property ContactsLists is invalid: it is a list of ListID and Action.")
    given = call.fields.get("Contacts")
    if not isinstance(given, list) or not given or not all(isinstance(one, Mapping) for one in given):
        return legacy_error(400, "MJ03 Property Contacts is required and holds at least one contact.")
    for one in wanted:
        if one.get("Action") not in ACTIONS or whole(one.get("ListID")) not in world.contacts.lists.rows:
            return legacy_error(400, "MJ08 Property ContactsLists is invalid: unknown ListID or Action.")
    actions = [(whole(one["ListID"]), str(one["Action"])) for one in wanted]
    job = world.jobs.start(given, actions, call.arrived_at)
    return rows([{"JobID": job.number}], status=201)


def import_status(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET .../managemanycontacts/{job}`."""
    world.jobs.finish_due(call.arrived_at)
    job = world.jobs.all.get(int(call.ids["job"]))
    return rows([_job_row(job, call.arrived_at)]) if job else not_found()


def import_errors(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /v3/DATA/batchjob/{job}/JSONError/application:json/LAST`."""
    world.jobs.finish_due(call.arrived_at)
    job = world.jobs.all.get(int(call.ids["job"]))
    return legacy(200, job.errors) if job and job.errors else not_found()


def memberships(call: ApiCall, world: SimulatorState) -> ApiAnswer:
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
    return page([membership_row(one.number, world) for one in found], call)


def create_membership(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /listrecipient`."""
    key = call.fields.get("ContactID") or call.fields.get("ContactAlt") or ""
    found = world.contacts.find(str(key))
    list_id = whole(call.fields.get("ListID"))
    if found is None or list_id not in world.contacts.lists.rows:
        return legacy_error(400, "MJ08 Property ContactID or ListID is invalid.")
    if world.contacts.place(found, list_id):
        return legacy_error(400, "MJ18 A ListRecipient resource for this contact and list already exists.")
    action = "unsub" if call.fields.get("IsUnsubscribed") else "addnoforce"
    world.contacts.act(found, list_id, action, call.arrived_at)
    place = world.contacts.place(found, list_id)
    return rows([membership_row(place.number, world)] if place else [], status=201)


def _manage_fault(call: ApiCall, world: SimulatorState, list_id: int) -> ApiAnswer | None:
    if list_id not in world.contacts.lists.rows:
        return not_found()
    if call.fields.get("Action") not in ACTIONS:
        return legacy_error(400, f'Invalid value for Action: "{call.fields.get("Action")}"')
    fault = address_fault(call.fields.get("Email"))
    if fault:
        return legacy_error(400, fault)
    properties: Any = call.fields.get("Properties") or {}
    if not isinstance(properties, dict):
        return legacy_error(400, "Object properties invalid", {"Properties": "not an object"})
    faults = world.contacts.property_faults(properties)
    return legacy_error(400, "Object properties invalid", {"Properties": faults}) if faults else None


def _list_row(row: Row, world: SimulatorState) -> Row:
    active = sum(not one.unsubscribed for one in world.contacts.members(row["ID"]))
    return {**row, "SubscriberCount": active}


def membership_row(number: int, world: SimulatorState) -> Row:
    """A place on a list as Mailjet shows it."""
    one = world.contacts.memberships[number]
    return {
        "ContactID": one.contact.number,
        "ID": one.number,
        "IsActive": True,
        "IsUnsubscribed": one.unsubscribed,
        "ListID": one.list_id,
        "ListName": world.contacts.lists.rows[one.list_id]["Name"],
        "SubscribedAt": rfc3339(one.since),
        "UnsubscribedAt": _moment(one.unsubscribed_at),
    }


def _job_row(job: SimulatedImport, now: datetime) -> Row:
    href = f"https://api.mailjet.com/v3/DATA/batchjob/{job.number}/JSONError/application:json/LAST"
    return {
        "ContactsLists": [{"ListID": number, "Action": action} for number, action in job.actions],
        "Count": job.count - len(job.errors) if job.done else 0,
        "Error": f"{len(job.errors)} contacts were not imported" if job.errors else "",
        "ErrorFile": href if job.errors else "",
        "JobEnd": rfc3339(job.ends_at) if job.done else "",
        "JobStart": rfc3339(job.starts_at),
        "Status": job.status(now),
    }


def _moment(when: datetime | None) -> str:
    return rfc3339(when) if when else ""
