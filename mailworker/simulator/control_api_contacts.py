"""The control API's look at contacts, and what people do themselves: unsubscribe."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailworker.core.clock import utc_now
from mailworker.simulator.contact_store import StoredContact
from mailworker.simulator.rest_tables import whole
from mailworker.simulator.state import SimulatorState

_MOST_ROWS = 1000


def contact_routes(world: SimulatorState) -> list[Route]:
    """The routes under /_simulator/contacts."""
    control = ContactControl(world)
    return [
        Route("/_simulator/contacts", control.contacts),
        Route("/_simulator/contacts/unsubscribe", control.unsubscribe, methods=["POST"]),
    ]


class ContactControl:
    """The endpoints, over one world."""

    def __init__(self, world: SimulatorState) -> None:
        self._world = world

    async def contacts(self, request: Request) -> Response:
        """Contacts by their numbers, up to a thousand beyond `after`; with `email`, that one."""
        self._world.jobs.finish_due(utc_now())
        store = self._world.contacts
        if email := request.query_params.get("email"):
            found = store.find(email)
            return JSONResponse({"contacts": [self._document(found)] if found else []})
        numbers = store.numbers_after(whole(request.query_params.get("after", "0")), _MOST_ROWS)
        return JSONResponse({"contacts": [self._document(store.contacts[number]) for number in numbers]})

    async def unsubscribe(self, request: Request) -> Response:
        """Let the owner of `?email=` unsubscribe from every list, as the link in a campaign does."""
        found = self._world.contacts.find(request.query_params.get("email", ""))
        if found is None:
            return JSONResponse({"error": "There is no such contact."}, 404)
        for one in self._world.contacts.memberships_of(found):
            self._world.contacts.act(found, one.list_id, "unsub", utc_now())
        return JSONResponse({"contacts": [self._document(found)]})

    def _document(self, one: StoredContact) -> dict[str, Any]:
        """`lists` has by name whether the contact unsubscribed there."""
        store = self._world.contacts
        names = {number: row["Name"] for number, row in store.lists.rows.items()}
        return {
            "id": one.number,
            "email": one.email,
            "name": one.name,
            "excluded": one.excluded,
            "properties": one.properties,
            "lists": {names[it.list_id]: it.unsubscribed for it in store.memberships_of(one)},
        }
