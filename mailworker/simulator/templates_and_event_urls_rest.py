"""Templates and event URLs."""

from collections.abc import Mapping
from typing import Any

from mailworker.simulator.api_answers import ApiAnswer, ApiRefusal, modern, modern_error
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.case_insensitive import AnyCase
from mailworker.simulator.event_urls import check_callback
from mailworker.simulator.rest_tables import matching, page
from mailworker.simulator.state import SimulatorState
from mailworker.simulator.template_store import Content

NO_CONTENT = "The resource with the specified ID you are trying to reach does not exist."
PARTS = {"Html-part": "html", "Text-part": "text", "MJMLContent": "mjml", "Headers": "headers"}


def templates(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /template`, by Name and OwnerType, exactly."""
    found = matching(list(world.templates.table.rows.values()), call, "Name", "OwnerType", "EditMode")
    return page(found, call)


def create_template(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /template`: the name is required and unique."""
    return world.templates.table.create(call.fields)


def change_template(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /template/{id}`."""
    return world.templates.table.update(call.number, call.fields)


def delete_template(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`DELETE /template/{id}`."""
    world.templates.table.row(call.number)
    world.templates.remove(call.number)
    return ApiAnswer(204)


def template_content(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /template/{id}/detailcontent`."""
    if call.number not in world.templates.table.rows:
        return modern_error(404, NO_CONTENT)
    return content_answer(world.templates.content(call.number) or Content())


def change_content(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST` resets what is not named, `PUT` keeps it; live at once."""
    if call.number not in world.templates.table.rows:
        return modern_error(404, NO_CONTENT)
    before = world.templates.content(call.number) if call.method == "PUT" else None
    content = read_content(call.fields, before or Content())
    world.templates.keep(call.number, content)
    return content_answer(content, 201 if call.method == "POST" else 200)


def read_content(given: Mapping[str, Any], kept: Content) -> Content:
    """The content as given, what is not named from `kept`. ApiRefusal where a part has another type."""
    values: dict[str, Any] = {name: given.get(key, getattr(kept, name)) for key, name in PARTS.items()}
    values["headers"] = values["headers"] or {}
    texts = (values["html"], values["text"], values["mjml"])
    if not (isinstance(values["headers"], dict) and all(isinstance(one, str | None) for one in texts)):
        raise ApiRefusal(modern_error(400, "A part is text, and Headers is an object."))
    return Content(**values)


def content_answer(content: Content, status: int = 200) -> ApiAnswer:
    """A template's or draft's content."""
    return modern(status, {"Count": 1, "Data": [content.document()], "Total": 1})


def create_callback(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /eventcallbackurl`."""
    check_callback(call.fields)
    return world.callbacks.create(call.fields)


def change_callback(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`PUT /eventcallbackurl/{id}`; a new URL, and nothing else, brings a dead one back to life."""
    before, values = world.callbacks.rows.get(call.number, {}), AnyCase(call.fields)
    if values.get("Url", before.get("Url")) != before.get("Url"):
        values = AnyCase({**call.fields, "Status": "alive"})
    elif before.get("Status") == "dead":
        values = AnyCase({**call.fields, "Status": "dead"})
    check_callback(values)
    return world.callbacks.update(call.number, values)
