"""Rows of a REST resource, as Mailjet's older servers keep and page them."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from mailworker.simulator.answers import ApiAnswer, legacy_error, not_found, rows
from mailworker.simulator.call import ApiCall

Row = dict[str, Any]
T = TypeVar("T")
MOST_ROWS = 1000
DEFAULT_ROWS = 10


class Table:
    """Rows by numeric id, unique in the fields of `key`; unknown fields are refused."""

    def __init__(self, name: str, key: Sequence[str], defaults: Mapping[str, Any], first_id: int) -> None:
        self.name = name
        self.rows: dict[int, Row] = {}
        self._key = key
        self._defaults = defaults
        self._next = first_id

    def put(self, number: int, values: Row) -> Row:
        """Add a row under an id of the caller's."""
        self.rows[number] = {**deepcopy(dict(self._defaults)), **values, "ID": number}
        return self.rows[number]

    def create(self, values: Row) -> Row | ApiAnswer:
        """A new row, or the answer that refuses it."""
        refusal = self._unknown_field(values) or self._duplicate(values)
        if refusal:
            return refusal
        self._next += 1
        return self.put(self._next - 1, values)

    def update(self, number: int, values: Row) -> Row | ApiAnswer:
        """The changed row; 304 where nothing changes, 404 where there is none."""
        row = self.rows.get(number)
        if row is None:
            return not_found()
        refusal = self._unknown_field(values)
        if refusal:
            return refusal
        if all(row.get(name) == value for name, value in values.items()):
            return ApiAnswer(304)
        row.update(values)
        return row

    def get(self, number: str) -> ApiAnswer:
        """One row, or 404."""
        row = self.rows.get(int(number)) if number.isdigit() else None
        return rows([row]) if row else not_found()

    def _unknown_field(self, values: Row) -> ApiAnswer | None:
        for name in values:
            if name not in self._defaults and name != "ID":
                text = f'Invalid json input: object ""->"T{self.name}" has no property "{name}"'
                return legacy_error(400, text)
        return None

    def _duplicate(self, values: Row) -> ApiAnswer | None:
        wanted = [values.get(name, self._defaults.get(name)) for name in self._key]
        if not any([row.get(name) for name in self._key] == wanted for row in self.rows.values()):
            return None
        shown = "|".join(str(value).lower() if isinstance(value, bool) else str(value) for value in wanted)
        return legacy_error(
            400, f'MJ18 A {self.name} resource with value "{shown}" for {"|".join(self._key)} already exists.'
        )


def created(result: Row | ApiAnswer) -> ApiAnswer:
    """The answer to a POST."""
    return result if isinstance(result, ApiAnswer) else rows([result], status=201)


def changed(result: Row | ApiAnswer) -> ApiAnswer:
    """The answer to a PUT."""
    return result if isinstance(result, ApiAnswer) else rows([result])


def page(found: Sequence[Row], call: ApiCall, show: Callable[[Row], Row] | None = None) -> ApiAnswer:
    """A page by Limit (default 10, at most 1000, 0 means 1000), Offset, Sort; `countOnly` counts them all."""
    sort = call.query.get("Sort") or call.query.get("sort")
    ordered = _sorted(found, sort) if sort and "countOnly" not in call.query else found
    if isinstance(ordered, ApiAnswer):
        return ordered
    return page_of(ordered, call, show or (lambda row: row))


def page_of(found: Sequence[T], call: ApiCall, show: Callable[[T], Row]) -> ApiAnswer:
    """The same of things in their order, shown as rows."""
    if call.query.get("countOnly") in ("1", "true"):
        return rows([], count=len(found))
    limit = _number(call.query.get("Limit"), DEFAULT_ROWS) or MOST_ROWS
    offset = _number(call.query.get("Offset"), 0)
    return rows([show(one) for one in found[offset : offset + min(limit, MOST_ROWS)]])


def _sorted(found: Sequence[Row], sort: str) -> Sequence[Row] | ApiAnswer:
    field, _, direction = sort.partition(" ")
    name = next((key for row in found[:1] for key in row if key.lower() == field.lower()), None)
    if found and name is None:
        text = f"Unexpected error during GET: Invalid sort specification: Cannot sort on field {sort}"
        return legacy_error(400, text)
    return sorted(found, key=lambda row: row.get(name or "", 0), reverse=direction.upper() == "DESC")


def whole(value: Any) -> int:
    """A JSON or query value as an id; 0, which no row has, where it is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and not isinstance(value, bool) else 0


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
