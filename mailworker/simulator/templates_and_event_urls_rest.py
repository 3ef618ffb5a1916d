"""Templates and event URLs."""

from collections.abc import Mapping
from typing import Any

from mailworker.simulator.api_answers import ApiAnswer, modern, modern_error, not_found
from mailworker.simulator.api_call import ApiCall
from mailworker.simulator.case_insensitive import AnyCase
from mailworker.simulator.event_urls import callback_fault, remove_callback
from mailworker.simulator.rest_tables import changed, created, matching, page
from mailworker.simulator.state import SimulatorState
from mailworker.simulator.template_store import Content

_NO_CONTENT = "The resource with the specified ID you are trying to reach does not exist."
PARTS = {"Html-part": "html", "Text-part": "text", "MJMLContent": "mjml", "Headers": "headers"}


def templates(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /template`, by Name and OwnerType, exactly."""
    found = matching(list(world.templates.table.rows.values()), call, "Name", "OwnerType", "EditMode")
    return page(found, call)


def template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /template/{id}`."""
    return world.templates.table.get(call.ids["id"])


def create_template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /template`: the name is required and unique."""
    return created(world.templates.table.create(call.fields))


def change_template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`PUT /template/{id}`."""
    return changed(world.templates.table.update(int(call.ids["id"]), call.fields))


def delete_template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`DELETE /template/{id}`."""
    number = int(call.ids["id"])
    if number not in world.templates.table.rows:
        return not_found()
    world.templates.remove(number)
    return ApiAnswer(204)


def template_content(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /template/{id}/detailcontent`."""
    number = int(call.ids["id"])
    if number not in world.templates.table.rows:
        return modern_error(404, _NO_CONTENT)
    return _content_answer(world.templates.content(number) or Content())


def change_content(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST` resets what is not named, `PUT` keeps it; live at once."""
    number = int(call.ids["id"])
    if number not in world.templates.table.rows:
        return modern_error(404, _NO_CONTENT)
    before = world.templates.content(number) if call.method == "PUT" else None
    content = read_content(call.fields, before or Content())
    if content is None:
        return modern_error(400, "A part is text, and Headers is an object.")
    world.templates.keep(number, content)
    return _content_answer(content, 201 if call.method == "POST" else 200)


def read_content(given: Mapping[str, Any], kept: Content) -> Content | None:
    """The content as given, what is not named from `kept`; None where a part has another type."""
    values: dict[str, Any] = {name: given.get(key, getattr(kept, name)) for key, name in PARTS.items()}
    values["headers"] = values["headers"] or {}
    texts = (values["html"], values["text"], values["mjml"])
    right = isinstance(values["headers"], dict) and all(isinstance(one, str | None) for one in texts)
    return Content(**values) if right else None


def _content_answer(content: Content, status: int = 200) -> ApiAnswer:
    return modern(status, {"Count": 1, "Data": [content.document()], "Total": 1})


def callbacks(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /eventcallbackurl`."""
    return page(list(world.callbacks.rows.values()), call)


def callback(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /eventcallbackurl/{id}`."""
    return world.callbacks.get(call.ids["id"])


def create_callback(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /eventcallbackurl`."""
    return callback_fault(call.fields) or created(world.callbacks.create(call.fields))


def change_callback(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`PUT /eventcallbackurl/{id}`; a new URL, and nothing else, brings a dead one back to life."""
    number = int(call.ids["id"])
    before, values = world.callbacks.rows.get(number, {}), AnyCase(call.fields)
    if values.get("Url", before.get("Url")) != before.get("Url"):
        values = AnyCase({**call.fields, "Status": "alive"})
    elif before.get("Status") == "dead":
        values = AnyCase({**call.fields, "Status": "dead"})
    return callback_fault(values) or changed(world.callbacks.update(number, values))


def delete_callback(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`DELETE /eventcallbackurl/{id}`."""
    return remove_callback(world.callbacks, call.ids["id"])
