"""The account's small resources: templates, senders, keys, DNS, event URLs."""

from hashlib import sha256
from typing import Any

from mailworker.simulator.answers import ApiAnswer, legacy_error, modern, modern_error, not_found, rows
from mailworker.simulator.call import ApiCall
from mailworker.simulator.callbacks import callback_fault, remove_callback
from mailworker.simulator.state import SimulatorState
from mailworker.simulator.tables import Row, changed, created, page
from mailworker.simulator.template_store import Content

_NO_CONTENT = "The resource with the specified ID you are trying to reach does not exist."
PARTS = {"Html-part": "html", "Text-part": "text", "MJMLContent": "mjml", "Headers": "headers"}


def templates(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /template`, by Name and OwnerType, exactly."""
    found = [
        row
        for row in world.shelf.table.rows.values()
        if all(
            str(row[key]) == call.query[key] for key in ("Name", "OwnerType", "EditMode") if key in call.query
        )
    ]
    return page(found, call)


def template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /template/{id}`."""
    return world.shelf.table.get(call.ids["id"])


def create_template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST /template`: the name is required and unique."""
    if not call.fields.get("Name"):
        return legacy_error(400, "MJ03 Property Name is required.")
    return created(world.shelf.table.create(call.fields))


def change_template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`PUT /template/{id}`."""
    return changed(world.shelf.table.update(int(call.ids["id"]), call.fields))


def delete_template(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`DELETE /template/{id}`."""
    number = int(call.ids["id"])
    if number not in world.shelf.table.rows:
        return not_found()
    world.shelf.remove(number)
    return ApiAnswer(204)


def template_content(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /template/{id}/detailcontent`."""
    number = int(call.ids["id"])
    if number not in world.shelf.table.rows:
        return modern_error(404, _NO_CONTENT)
    return _content_answer(world.shelf.content(number) or Content())


def change_content(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`POST` resets what is not named, `PUT` keeps it; live at once."""
    number = int(call.ids["id"])
    if number not in world.shelf.table.rows:
        return modern_error(404, _NO_CONTENT)
    before = world.shelf.content(number) if call.method == "PUT" else None
    content = read_content(call.fields, before or Content())
    if content is None:
        return modern_error(400, "A part is text, and Headers is an object.")
    world.shelf.keep(number, content)
    return _content_answer(content, 201 if call.method == "POST" else 200)


def read_content(given: Row, kept: Content) -> Content | None:
    """The content as given, what is not named from `kept`; None where a part has another type."""
    values: dict[str, Any] = {name: given.get(key, getattr(kept, name)) for key, name in PARTS.items()}
    values["headers"] = values["headers"] or {}
    texts = (values["html"], values["text"], values["mjml"])
    right = isinstance(values["headers"], dict) and all(isinstance(one, str | None) for one in texts)
    return Content(**values) if right else None


def _content_answer(content: Content, status: int = 200) -> ApiAnswer:
    return modern(status, {"Count": 1, "Data": [content.document()], "Total": 1})


def senders(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /sender`, by Email or Domain. Where any sender is active, every address asked for is."""
    wanted = call.query.get("Email", "").lower()
    domain = call.query.get("Domain", "").lower()
    known = world.settings.senders or tuple(one for one in (wanted, f"*@{domain}" if domain else "") if one)
    found = [
        _sender(address)
        for address in (one.lower() for one in known)
        if (not wanted or address == wanted) and (not domain or address.endswith(f"@{domain}"))
    ]
    return page(found, call)


def _sender(address: str) -> Row:
    return {
        "CreatedAt": "2026-01-01T00:00:00Z",
        "DNSID": _number(address.rpartition("@")[2]),
        "Email": address,
        "EmailType": "transactional",
        "Filename": "",
        "ID": _number(address),
        "IsDefaultSender": False,
        "Name": "",
        "Status": "Active",
    }


def validate_sender(_call: ApiCall, _world: SimulatorState) -> ApiAnswer:
    """`POST /sender/{id}/validate`: every sender here is valid."""
    return rows([{"Errors": {}, "GlobalError": "", "ValidationMethod": "ActivationEmail"}])


def keys(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`GET /apikey`. As with Mailjet, the secret is in the answer: never log it."""
    settings = world.settings
    row = {
        "ACL": "",
        "APIKey": settings.api_key,
        "CreatedAt": "2026-01-01T00:00:00Z",
        "ID": 1,
        "IsActive": True,
        "IsMaster": True,
        "Name": "local Mailjet",
        "QuarantineValue": 0,
        "Runlevel": "Normal",
        "SecretKey": settings.api_secret.reveal(),
        "TrackHost": "track.local",
        "UserID": 1,
    }
    return page([row] if call.query.get("APIKey", settings.api_key) == settings.api_key else [], call)


def dns(call: ApiCall, _world: SimulatorState) -> ApiAnswer:
    """`GET /dns/{domain}`: everything is in order."""
    domain = call.ids["id"]
    return rows(
        [
            {
                "DKIMRecordName": f"mailjet._domainkey.{domain}.",
                "DKIMRecordValue": "k=rsa; p=local",
                "DKIMStatus": "OK",
                "Domain": domain,
                "ID": _number(domain),
                "IsCheckInProgress": False,
                "LastCheckAt": "2026-01-01T00:00:00Z",
                "OwnerShipToken": "local",
                "OwnerShipTokenRecordName": f"mailjet._local.{domain}.",
                "SPFRecordValue": "v=spf1 include:spf.mailjet.com ?all",
                "SPFStatus": "OK",
            }
        ]
    )


def check_dns(_call: ApiCall, _world: SimulatorState) -> ApiAnswer:
    """`POST /dns/{id}/check`."""
    ok = {"DKIMErrors": [], "DKIMStatus": "OK", "SPFErrors": [], "SPFStatus": "OK"}
    return rows([ok])


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
    """`PUT /eventcallbackurl/{id}`; a new URL brings a dead one back to life."""
    values = {**call.fields, **({"Status": "alive"} if "Url" in call.fields else {})}
    return callback_fault(values) or changed(world.callbacks.update(int(call.ids["id"]), values))


def delete_callback(call: ApiCall, world: SimulatorState) -> ApiAnswer:
    """`DELETE /eventcallbackurl/{id}`."""
    return remove_callback(world.callbacks, call.ids["id"])


def _number(text: str) -> int:
    """A stable id for something that has only a name."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")
