"""Do calls and answers fit Mailjet's own description of its REST API?

`rest_facts.json` holds names and types of the description that Mailjet published in 2026 (v3, REST only): for
each resource its methods, its filters, the fields of its rows and which of them are always there. Where
recordings or guides say otherwise, `declared_differences.py` has it, with its source.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.declared_differences import (
    ACTIONS,
    BESIDES,
    BEYOND,
    NOT_ALWAYS_THERE,
    OTHER_TYPES,
    UNDESCRIBED_STATUSES,
    ActionFacts,
)
from tests.contract.send_reference import send_misfits

FACTS = json.loads(Path(__file__).with_name("rest_facts.json").read_text(encoding="utf-8"))
_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "str": (str,),
    "list": (list,),
}
_DESCRIBED_STATUSES = frozenset({200, 201, 204, 400, 401, 403, 404, 429, 500})
_ENVELOPE = {"Count", "Data", "Total"}


@dataclass(frozen=True)
class Exchange:
    """A call and its answer, both parsed: a line of the local Mailjet's record."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    content_type: str
    answer: Any


def read_record(path: Path) -> list[Exchange]:
    """What a local Mailjet wrote into this file."""
    return [Exchange(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def misfits(one: Exchange) -> list[str]:
    """What in a call, and in its answer, neither the description nor a declared difference has."""
    parts = [part for part in one.path.split("/") if part]
    match [part.lower() for part in parts]:
        case ["v3.1", "send"]:
            return list(send_misfits(one.body, one.status, one.answer))
        case ["v3", "rest", resource, *rest] if resource in FACTS:
            action = next((name for name in rest if name in ACTIONS), "")
            return [
                f"{one.method} {'/'.join(filter(None, (resource, action)))} {text}"
                for text in _rest(one, resource, action)
            ]
    known = any(pattern.fullmatch(f"{one.method} {one.path}") for pattern in BEYOND)
    return [] if known else [f"{one.method} {one.path}: the description has no such path"]


def _rest(one: Exchange, resource: str, action: str) -> Iterator[str]:
    if one.method not in (ACTIONS[action].methods if action else FACTS[resource]["methods"]):
        yield "is no method of it"
    if one.status not in _DESCRIBED_STATUSES | UNDESCRIBED_STATUSES.keys():
        yield f"answers {one.status}"
    yield from _filters(one, resource)
    yield from (f"body: {text}" for text in _fields(resource, action, one.body, answered=False))
    yield from (
        f"answers: {text}" for text in (_answer(one, resource, action) if one.status < 300 else _error(one))
    )


def _filters(one: Exchange, resource: str) -> Iterator[str]:
    for name, value in one.query.items():
        if not _has(resource, "filters", name):
            yield f"filter {name}"
        elif FACTS[resource]["filters"].get(name) == "int" and not value.lstrip("-").isdigit():
            yield f"filter {name}={value} is no number"
        elif FACTS[resource]["filters"].get(name) == "bool" and value not in ("true", "false"):
            yield f"filter {name}={value} is neither true nor false"


def _answer(one: Exchange, resource: str, action: str) -> Iterator[str]:
    if one.status == 204:
        if one.answer is not None:
            yield "204 with a body"
        return
    if not isinstance(one.answer, dict) or one.answer.keys() != _ENVELOPE:
        yield "no Count, Data, Total"
        return
    rows = one.answer["Data"]
    if "countOnly" not in one.query and not one.answer["Count"] == one.answer["Total"] == len(rows):
        yield "counts that are not the page's"
    for row in rows:
        yield from _fields(resource, action, row, answered=True)
        if not action:
            yield from (
                f"lacks {name}" for name in FACTS[resource]["required"] if not _is_there(resource, name, row)
            )


def _error(one: Exchange) -> Iterator[str]:
    if one.status in (304, 401):
        if one.answer is not None:
            yield f"{one.status} with a body"
    elif one.status in (413, 429):
        if one.content_type != "text/html":
            yield f"{one.status} without a page"
    elif not isinstance(one.answer, dict) or not {"ErrorMessage", "StatusCode"} <= one.answer.keys():
        yield f"{one.status} without a message"
    elif one.answer["StatusCode"] != one.status:
        yield f"{one.status} that calls itself {one.answer['StatusCode']}"


def _fields(resource: str, action: str, values: Any, *, answered: bool) -> Iterator[str]:
    if values is None:
        return
    if not isinstance(values, dict):
        yield f"is {type(values).__name__}"
        return
    if action:
        facts = ACTIONS[action]
        yield from _undeclared(facts, values, answered=answered)
        return
    for name, value in values.items():
        if not _has(resource, "row", name):
            yield name
        elif answered and not _fits(resource, name, value):
            yield f"{name} is {type(value).__name__}"


def _undeclared(facts: ActionFacts, values: Mapping[str, Any], *, answered: bool) -> Iterator[str]:
    yield from sorted(values.keys() - (facts.answer if answered else facts.body))


def _fits(resource: str, name: str, value: Any) -> bool:
    kind = OTHER_TYPES.get(f"{resource}.{name}", (FACTS[resource]["row"].get(name, ""), ""))[0]
    wanted = _TYPES.get(kind)
    if wanted is None:
        return True
    return isinstance(value, wanted) and not (isinstance(value, bool) and bool not in wanted)


def _is_there(resource: str, name: str, row: Mapping[str, Any]) -> bool:
    return not {name, f"{name}ID"}.isdisjoint(row) or f"{resource}.{name}" in NOT_ALWAYS_THERE


def _has(resource: str, kind: str, name: str) -> bool:
    known = {one.lower() for one in (*FACTS[resource][kind], *BESIDES.get(resource, {}), "ID")}
    reference = name.lower().removesuffix("id").removesuffix("alt")
    return name.lower() in known or (name.lower().endswith(("id", "alt")) and reference in known)
