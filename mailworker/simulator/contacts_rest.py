"""`contact`, `contactdata`, `contactmetadata`, and v4's erasure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailworker.simulator.api_answers import ApiAnswer, ApiRefusal, legacy_error, modern, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.contact_store import StoredContact, address_fault
from mailworker.simulator.rest_tables import Row, page, page_of, whole
from mailworker.simulator.rfc3339 import rfc3339
from mailworker.simulator.state import SimulatorState

_PROPERTY = re.compile(r"[\w-]{1,100}", re.ASCII)
_DATATYPES = ("str", "int", "float", "bool", "datetime")


def contacts(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contact`, by IsExcludedFromCampaigns and ContactsList."""
    world.jobs.finish_due(call.arrived_at)
    store = world.contacts
    # Numbers, in their order: of a million contacts only a page is shown.
    found: Sequence[int] = list(store.contacts)
    if "ContactsList" in call.filters:
        found = store.numbers_on(whole(call.filters["ContactsList"]))
    if "IsExcludedFromCampaigns" in call.filters:
        wanted = call.filters["IsExcludedFromCampaigns"].lower() in ("true", "1")
        found = [number for number in found if store.contacts[number].excluded == wanted]
    if call.filters.get("Sort", "ID") == "ID":
        return page_of(found, call, lambda number: contact_row(store.contacts[number]))
    return page([contact_row(store.contacts[number]) for number in found], call)


def contact(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contact/{id or address}`; an address with %40 in the path is refused (reported in 2026)."""
    return rows([contact_row(find_contact(call, world))])


def create_contact(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contact`."""
    _check_fields(call.fields)
    refuse_address(call.fields.get("Email"))
    email = call.fields["Email"].lower()
    if world.contacts.find(email):
        return legacy_error(400, f'MJ18 A Contact resource with value "{email}" for Email already exists.')
    made = world.contacts.ensure(email, str(call.fields.get("Name") or ""), call.arrived_at)
    made.excluded = bool(call.fields.get("IsExcludedFromCampaigns"))
    return rows([contact_row(made)], status=201)


def change_contact(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /contact/{id}`: name and exclusion; never the address."""
    if not call.ids["id"].isdigit():  # seen by a live test of the Java SDK
        refuse_address(call.ids["id"])
    found = find_contact(call, world)
    _check_fields(call.fields)
    if str(call.fields.get("Email", found.email)).lower() != found.email:
        return legacy_error(400, "Not allowed to change email address in PUT")
    name = str(call.fields.get("Name", found.name))
    excluded = bool(call.fields.get("IsExcludedFromCampaigns", found.excluded))
    if (name, excluded) == (found.name, found.excluded):
        return ApiAnswer(304)
    if excluded != found.excluded:
        found.excluded_at = call.arrived_at
    found.name, found.excluded, found.updated_at = name, excluded, call.arrived_at
    return rows([contact_row(found)])


def delete_contact(_call: ApiRequest, _world: SimulatorState) -> ApiAnswer:
    """`DELETE /contact/{id}` is not for anyone; v4's is."""
    return legacy_error(401, "Operation not allowed")


def erase_contact(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`DELETE /v4/contacts/{id}`: 200 and empty, also for an unknown number (recorded)."""
    world.contacts.anonymise(call.number, call.arrived_at)
    return modern(200, None)


def contact_data(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contactdata/{id}`: every value as text (recorded)."""
    return rows([_data_row(find_contact(call, world))])


def all_data(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /contactdata`: everybody's, by ContactEmail."""
    world.jobs.finish_due(call.arrived_at)
    wanted = call.filters.get("ContactEmail", "").lower()
    found = [one for one in world.contacts.contacts.values() if not wanted or one.email == wanted]
    return page_of(found, call, _data_row)


def delete_data(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`DELETE /contactdata/{id}`: all of a contact's properties."""
    find_contact(call, world).properties.clear()
    return ApiAnswer(204)


def change_data(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /contactdata/{id}`: those named are written, the others stay."""
    found = find_contact(call, world)
    given = call.fields.get("Data")
    if not isinstance(given, list) or not all(isinstance(one, Mapping) and "Name" in one for one in given):
        return legacy_error(400, 'Invalid key name: "Data"')
    properties = {str(one["Name"]): one.get("Value") for one in given}
    faults = world.contacts.property_faults(properties)
    unknown = [next(iter(one)) for one in faults if "not defined" in str(one)]
    if unknown:
        return legacy_error(400, f'Invalid key name: "{unknown[0]}"')
    world.contacts.set_properties(found, properties, call.arrived_at)
    return rows([_data_row(found)])


def create_definition(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /contactmetadata`."""
    if call.fields.get("Datatype", "str") not in _DATATYPES:
        return legacy_error(400, f'Invalid value for Datatype: "{call.fields["Datatype"]}"')
    name = call.fields.get("Name")
    if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
        return legacy_error(400, "MJ08 Property Name is invalid: letters, digits, - and _ only.")
    name = world.contacts.property_name(name)
    return world.contacts.definitions.create({**call.fields, "Name": name})


def change_definition(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /contactmetadata/{id}`."""
    given = {**call.fields}
    if isinstance(given.get("Name"), str):
        given["Name"] = world.contacts.property_name(given["Name"])
    return world.contacts.definitions.update(call.number, given)


def contact_row(one: StoredContact) -> Row:
    """A contact as Mailjet shows it."""
    return {
        "CreatedAt": rfc3339(one.created_at),
        "DeliveredCount": 0,
        "Email": one.email,
        "ExclusionFromCampaignsUpdatedAt": rfc3339(one.excluded_at),
        "ID": one.number,
        "IsExcludedFromCampaigns": one.excluded,
        "IsOptInPending": False,
        "IsSpamComplaining": False,
        "LastActivityAt": rfc3339(one.updated_at or one.created_at),
        "LastUpdateAt": rfc3339(one.updated_at),
        "Name": one.name,
        "UnsubscribedAt": "",
        "UnsubscribedBy": "",
    }


def find_contact(call: ApiRequest, world: SimulatorState) -> StoredContact:
    """The contact that the path names, by id or address. Raises ApiRefusal where there is none."""
    world.jobs.finish_due(call.arrived_at)
    key = call.ids["id"]
    if "%40" in call.raw_path:
        raise ApiRefusal(legacy_error(400, f'Invalid action for resource "ContactData" : "{key}"'))
    found = world.contacts.find(key)
    if found is None:
        raise ApiRefusal(not_found())
    return found


def refuse_address(email: Any) -> None:
    """Raise ApiRefusal for an address that Mailjet does not take."""
    if fault := address_fault(email):
        raise ApiRefusal(legacy_error(400, fault))


def _check_fields(given: Mapping[str, Any]) -> None:
    """A whole row may come back in a change, as SDKs send it; only three of its fields are read."""
    unknown = next((name for name in given if name.lower() not in _ROW_FIELDS), None)
    if unknown:
        text = f'Invalid json input: object ""->"TContact" has no property "{unknown}"'
        raise ApiRefusal(legacy_error(400, text))
    if not isinstance(given.get("Name") or "", str):
        raise ApiRefusal(legacy_error(400, "MJ08 Property Name is invalid: its value has the wrong type."))


def _data_row(one: StoredContact) -> Row:
    data = [{"Name": name, "Value": _as_text(value)} for name, value in one.properties.items()]
    return {"ContactID": one.number, "Data": data, "ID": one.number, "MethodCollection": ""}


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_ROW_FIELDS = frozenset(
    name.lower() for name in contact_row(StoredContact(0, "", datetime(2026, 1, 1, tzinfo=UTC)))
)
