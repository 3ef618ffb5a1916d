"""A contact's places on lists: `managecontactslists`, `getcontactslists`, and one `listrecipient`."""

from collections.abc import Mapping

from mailworker.simulator.api_answers import ApiAnswer, legacy_error, not_found, rows
from mailworker.simulator.api_call import ApiCall
from mailworker.simulator.contact_store import ACTIONS
from mailworker.simulator.contacts_rest import find_contact
from mailworker.simulator.lists_rest import membership_row
from mailworker.simulator.rest_tables import whole
from mailworker.simulator.rfc3339 import rfc3339
from mailworker.simulator.state import SimulatorState


def manage_lists(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /contact/{id}/managecontactslists`: all of its lists at once."""
    found = find_contact(call, world)
    if isinstance(found, ApiAnswer):
        return found
    wanted = call.fields.get("ContactsLists")
    if not isinstance(wanted, list) or not all(isinstance(one, Mapping) for one in wanted):
        return legacy_error(400, "MJ08 Property ContactsLists is invalid: it is a list of ListID and Action.")
    for one in wanted:
        if one.get("Action") not in ACTIONS or whole(one.get("ListID")) not in world.contacts.lists.rows:
            return legacy_error(400, "MJ08 Property ContactsLists is invalid: unknown ListID or Action.")
    for one in wanted:
        world.contacts.act(found, whole(one["ListID"]), one["Action"], call.arrived_at)
    done = [{"ListID": whole(one["ListID"]), "Action": one["Action"]} for one in wanted]
    return rows([{"ContactsLists": done}], status=201)


def lists_of_contact(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /contact/{id}/getcontactslists` (recorded)."""
    found = find_contact(call, world)
    if isinstance(found, ApiAnswer):
        return found
    return rows(
        [
            {
                "IsActive": True,
                "IsUnsub": place.unsubscribed,
                "ListID": place.list_id,
                "SubscribedAt": rfc3339(place.since),
            }
            for place in world.contacts.places(found)
        ]
    )


def membership(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET`, `PUT {IsUnsubscribed}` and `DELETE /listrecipient/{id}`."""
    world.jobs.finish_due(call.arrived_at)
    place = world.contacts.memberships.get(whole(call.ids["id"]))
    if place is None:
        return not_found()
    if call.method == "DELETE":
        world.contacts.act(place.contact, place.list_id, "remove", call.arrived_at)
        return ApiAnswer(204)
    if call.method == "PUT":
        wanted = call.fields.get("IsUnsubscribed")
        if not isinstance(wanted, bool) or wanted == place.unsubscribed:
            return ApiAnswer(304)
        world.contacts.act(place.contact, place.list_id, "unsub" if wanted else "addforce", call.arrived_at)
    return rows([membership_row(place.number, world)])
