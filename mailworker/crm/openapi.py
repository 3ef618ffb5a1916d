"""An installation's own description of its API (Swagger 2 or OpenAPI 3), read for what `crm.http` needs.

OmniCRM's manual names one, with Swagger UI at /crm/docs/, and which families of paths there are.
All else (the API key's header, lists, how they count pages, the fields' names) is the installation's own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

#: Our questions, and the family of paths that may answer them.
_FAMILIES = {"invoices": "invoice", "customers": "customer", "services": "service", "contacts": "contact"}
_PAGES = ("page", "page_number", "pagenumber", "p")
_SIZES = ("per_page", "page_size", "pagesize", "limit", "size")
#: For each of our columns the names that a field may have, the manual's first.
_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "invoices": {
        "invoice_id": ("invoice_id", "id"),
        "customer_id": ("customer_id", "customer.customer_id", "client.customer_id"),
        "number": ("invoice_number", "number"),
        "due_date": ("due_date", "invoice_due_date"),
        "issue_date": ("date", "created", "invoice_date"),
        "status": ("status", "invoice_status"),
        "email": ("email", "client.email", "customer.email"),
        "customer_name": ("customer_name", "client.name", "customer.customer_name"),
        "currency": ("currency",),
    },
    "customers": {
        "customer_id": ("customer_id", "id"),
        "name": ("customer_name", "name"),
        "updated_at": ("last_modified", "updated_at"),
    },
    "contacts": {
        "contact_id": ("contact_id", "id"),
        "customer_id": ("customer_id",),
        "name": ("contact_name", "name"),
        "email": ("contact_email", "email"),
        "contact_type": ("contact_type", "contact_types", "type"),
    },
    "services": {
        "service_uuid": ("service_uuid", "uuid"),
        "service_id": ("service_id", "id"),
        "customer_id": ("customer_id",),
        "service_name": ("service_name", "name"),
        "status": ("service_status", "status"),
        "ends_at": ("service_end_date", "end_date"),
    },
}
_SUM = ("total_amount", "total_tax")


@dataclass(slots=True)
class Described:
    """The content of a description. `missing` names what it lacks, for a person to look up."""

    api_key_header: str = ""
    login_path: str = ""
    refresh_path: str = ""
    page_parameter: str = ""
    size_parameter: str = ""
    lists: dict[str, str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    records_field: str | None = None
    missing: list[str] = field(default_factory=list)


def described(document: Json) -> Described:
    """An OmniCRM as this description has it."""
    found, base = Described(), _base(document)
    found.api_key_header = _key_header(document)
    gets = {base + path: one["get"] for path, one in _paths(document) if isinstance(one.get("get"), Mapping)}
    posts = [base + path for path, one in _paths(document) if "post" in one]
    found.login_path = next((path for path in posts if re.search(r"/auth/login/?$", path)), "")
    found.refresh_path = next((path for path in posts if re.search(r"/refresh(_token)?/?$", path)), "")
    for question, family in _FAMILIES.items():
        _read_family(document, found, question, family, gets)
    if not found.api_key_header:
        found.missing.append("api_key_header: the description names no API key; ask OmniCRM's administrator")
    return found


def _read_family(
    document: Json, found: Described, question: str, family: str, gets: Mapping[str, Json]
) -> None:
    one = _item_path(family, question, gets)
    if one:
        found.items[question] = re.sub(r"\{[^}]+\}", "{id}", one)
    path = next((path for path in sorted(gets, key=len) if _lists(path, family)), "")
    if not path:
        if question in {"invoices", "customers"}:
            found.missing.append(f"lists.{question}: no GET path lists them")
        record = _schema_of(document, gets[one]) if one else {}
    else:
        found.lists[question] = path
        envelope, record = _records(document, _schema_of(document, gets[path]))
        found.records_field = envelope if found.records_field is None else found.records_field
        _read_paging(document, found, gets[path])
    _read_fields(document, found, question, record)


def _read_paging(document: Json, found: Described, operation: Json) -> None:
    names = [
        str(one.get("name"))
        for raw in operation.get("parameters") or ()
        if (one := _resolved(document, raw)).get("in") == "query"
    ]
    found.page_parameter = found.page_parameter or next((n for n in names if n.lower() in _PAGES), "")
    found.size_parameter = found.size_parameter or next((n for n in names if n.lower() in _SIZES), "")


def _read_fields(document: Json, found: Described, question: str, record: Json) -> None:
    known = set(_names(document, record))
    if not known:
        return
    fields = {}
    for ours, candidates in _FIELDS[question].items():
        name = next((one for one in candidates if one in known), None)
        if name is None:
            found.missing.append(f"fields.{question}.{ours}: none of {', '.join(candidates)} is in a record")
        elif name != ours:
            fields[ours] = name
    if question == "invoices" and known.issuperset(_SUM):
        fields |= {"total": " + ".join(_SUM), "owed": " + ".join(_SUM)}
        found.missing.append(
            "fields.invoices.owed: right for unpaid invoices; is there a field of what is left?"
        )
    found.fields[question] = fields


def _paths(document: Json) -> Iterator[tuple[str, Json]]:
    paths = document.get("paths")
    for path, one in paths.items() if isinstance(paths, Mapping) else ():
        if isinstance(one, Mapping):
            yield str(path), one


def _base(document: Json) -> str:
    """What stands before all paths: `basePath` in Swagger 2, the first server's path in OpenAPI 3."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], Mapping) else {}
    raw = str(document.get("basePath") or first.get("url") or "")
    return re.sub(r"^https?://[^/]+", "", raw).rstrip("/")


def _key_header(document: Json) -> str:
    components = document.get("components")
    schemes = document.get("securityDefinitions") or (
        components.get("securitySchemes") if isinstance(components, Mapping) else None
    )
    headers = [
        str(one.get("name"))
        for one in (schemes.values() if isinstance(schemes, Mapping) else ())
        if isinstance(one, Mapping) and one.get("type") == "apiKey" and one.get("in") == "header"
    ]
    # `Authorization` as an "API key" is how Swagger 2 writes a bearer token.
    return next((name for name in headers if name.lower() != "authorization"), "")


#: What may stand before a family: /crm, and what a gateway puts before that. Another family may not.
_BEFORE = rf"^(/(?!({'|'.join(_FAMILIES.values())})s?/)[^/{{}}]+)*"


def _lists(path: str, family: str) -> bool:
    return re.search(rf"{_BEFORE}/{family}s?(/(list|all))?/?$", path) is not None


def _item_path(family: str, question: str, gets: Mapping[str, Json]) -> str:
    """The path of one record by its id; of contacts, by their customer's."""
    named = r"customer(_id)?/" if question == "contacts" else rf"({family}_id/)?"
    fitting = [path for path in gets if re.search(rf"{_BEFORE}/{family}s?/{named}\{{[^}}]+\}}/?$", path)]
    return min(fitting, key=len, default="")


def _schema_of(document: Json, operation: Json) -> Json:
    responses = operation.get("responses")
    good = responses.get("200") or responses.get(200) if isinstance(responses, Mapping) else None
    answer = _resolved(document, good)
    content = answer.get("content")
    if isinstance(content, Mapping):
        answer = _resolved(document, content.get("application/json"))
    return _resolved(document, answer.get("schema"))


def _records(document: Json, schema: Json) -> tuple[str | None, Json]:
    """Where a list's answer keeps its records, empty where it is one, and what a record looks like."""
    if schema.get("type") == "array":
        return "", _resolved(document, schema.get("items"))
    for name, raw in _properties(schema):
        inner = _resolved(document, raw)
        if inner.get("type") == "array":
            return name, _resolved(document, inner.get("items"))
    return None, {}


def _names(document: Json, schema: Json) -> Iterator[str]:
    for name, raw in _properties(schema):
        yield name
        for inner, _ in _properties(_resolved(document, raw)):
            yield f"{name}.{inner}"


def _properties(schema: Json) -> list[tuple[str, Any]]:
    found = schema.get("properties")
    return [(str(name), raw) for name, raw in found.items()] if isinstance(found, Mapping) else []


def _resolved(document: Json, raw: Any, deep: int = 0) -> Json:
    """What stands behind a `$ref` within the document; an empty one for anything else."""
    if not isinstance(raw, Mapping):
        return {}
    pointer = raw.get("$ref")
    if not isinstance(pointer, str) or deep > 10:
        return raw
    here: Any = document
    for part in pointer.removeprefix("#/").split("/"):
        here = here.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(here, Mapping) else None
    return _resolved(document, here, deep + 1)
