"""Rows of a REST resource, as Mailjet's older servers keep and page them."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from mailworker.simulator.api_answers import ApiAnswer, ApiRefusal, legacy_error, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.case_insensitive import spell

Row = dict[str, Any]
T = TypeVar("T")
MOST_ROWS = 1000
DEFAULT_ROWS = 10
_BOOLEANS: Mapping[Any, bool] = {"true": True, "false": False, 1: True, 0: False}
_MISFIT = object()
_LONGEST_NUMBER = 20


class Table:
    """Rows by numeric id, unique in the fields of `key`.

    A field has the type of its default (None takes any). Unknown fields and values of another type are
    refused; whole numbers and truths may be written as text, as Mailjet's PHP and Ruby samples do.
    """

    def __init__(
        self,
        name: str,
        key: Sequence[str],
        defaults: Mapping[str, Any],
        first_id: int,
        required: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.rows: dict[int, Row] = {}
        self._key = key
        self._defaults = defaults
        self._next = first_id
        self._required = required

    def put(self, number: int, values: Row) -> Row:
        """Add a row under an id of the caller's."""
        self.rows[number] = {**deepcopy(dict(self._defaults)), **values, "ID": number}
        return self.rows[number]

    def create(self, values: Mapping[str, Any]) -> ApiAnswer:
        """201 with the new row. Raises ApiRefusal, as `update` does."""
        given = self._read(values)
        missing = [name for name in self._required if given.get(name) in (None, "", 0)]
        if missing:
            raise ApiRefusal(legacy_error(400, f"MJ03 Property {missing[0]} is required."))
        self._refuse_duplicate(given)
        self._next += 1
        return rows([self.put(self._next - 1, given)], status=201)

    def update(self, number: int, values: Mapping[str, Any]) -> ApiAnswer:
        """The changed row; 304 where nothing changes, 404 where there is none."""
        row = self.row(number)
        given = self._read(values)
        given.pop("ID", None)
        if all(row.get(name) == value for name, value in given.items()):
            return ApiAnswer(304)
        row.update(given)
        return rows([row])

    def row(self, number: int) -> Row:
        """The row of this id. Raises ApiRefusal (404) where there is none."""
        if number not in self.rows:
            raise ApiRefusal(not_found())
        return self.rows[number]

    def delete(self, number: int) -> ApiAnswer:
        """204, or 404 where there is none."""
        return ApiAnswer(204) if self.rows.pop(number, None) else not_found()

    def page(self, call: ApiRequest) -> ApiAnswer:
        """A page of all rows."""
        return page(list(self.rows.values()), call)

    def _read(self, values: Mapping[str, Any]) -> Row:
        """The values under this table's names and in its types."""
        given = spell(values, [*self._defaults, "ID"])
        for name, value in given.items():
            if name not in self._defaults and name != "ID":
                text = f'Invalid json input: object ""->"T{self.name}" has no property "{name}"'
                raise ApiRefusal(legacy_error(400, text))
            given[name] = _fitted(value, self._defaults.get(name, 0))
            if given[name] is _MISFIT:
                text = f"MJ08 Property {name} is invalid: its value has the wrong type."
                raise ApiRefusal(legacy_error(400, text))
        return given

    def _refuse_duplicate(self, values: Row) -> None:
        wanted = [values.get(name, self._defaults.get(name)) for name in self._key]
        if any([row.get(name) for name in self._key] == wanted for row in self.rows.values()):
            shown = "|".join(str(one).lower() if isinstance(one, bool) else str(one) for one in wanted)
            names = "|".join(self._key)
            text = f'MJ18 A {self.name} resource with value "{shown}" for {names} already exists.'
            raise ApiRefusal(legacy_error(400, text))


def _fitted(value: Any, default: Any) -> Any:
    """The value in its default's type; _MISFIT where it has another. Null stands for the default."""
    if value is None:
        return deepcopy(default)
    if default is None or (type(value) is type(default)):
        return value
    if isinstance(default, bool):
        known = value.lower() if isinstance(value, str) else value
        return _BOOLEANS.get(known, _MISFIT) if isinstance(known, str | int) else _MISFIT
    if isinstance(default, int):
        return whole(value) if isinstance(value, str) and value.isdigit() else _MISFIT
    return _MISFIT


def page(found: Sequence[Row], call: ApiRequest, show: Callable[[Row], Row] | None = None) -> ApiAnswer:
    """A page by Limit (default 10, at most 1000, 0 means 1000), Offset, Sort; `countOnly` counts them all."""
    sort = call.filters.get("Sort")
    ordered = _sorted(found, sort) if sort and "countOnly" not in call.filters else found
    return page_of(ordered, call, show or (lambda row: row))


def page_of(found: Sequence[T], call: ApiRequest, show: Callable[[T], Row]) -> ApiAnswer:
    """The same of things in their order, shown as rows."""
    if call.filters.get("countOnly") in ("1", "true"):
        return rows([], count=len(found))
    limit = whole_or(call.filters.get("Limit"), DEFAULT_ROWS) or MOST_ROWS
    offset = whole_or(call.filters.get("Offset"), 0)
    return rows([show(one) for one in found[offset : offset + min(limit, MOST_ROWS)]])


def matching(found: Sequence[Row], call: ApiRequest, *names: str) -> list[Row]:
    """The rows that have exactly the values asked for in these fields."""
    asked = {name: call.filters[name] for name in names if name in call.filters}
    return [row for row in found if all(_is(row[name], value) for name, value in asked.items())]


def _is(value: Any, asked: str) -> bool:
    if isinstance(value, bool):
        return _BOOLEANS.get(asked.lower(), asked == "1") == value
    return str(value) == asked


def _sorted(found: Sequence[Row], sort: str) -> list[Row]:
    field, _, direction = sort.partition(" ")
    name = next((key for row in found[:1] for key in row if key.lower() == field.lower()), None)
    if found and name is None:
        text = f"Unexpected error during GET: Invalid sort specification: Cannot sort on field {sort}"
        raise ApiRefusal(legacy_error(400, text))
    return sorted(found, key=lambda row: row.get(name or "", 0), reverse=direction.upper() == "DESC")


def whole(value: Any) -> int:
    """A JSON or query value as an id; 0, which no row has, where it is none."""
    text = str(value)
    short = len(text) < _LONGEST_NUMBER and text.isascii() and text.isdigit()
    return int(text) if short and not isinstance(value, bool) else 0


def whole_or(text: str | None, default: int) -> int:
    """A number of a query; the default where there is none, or something else."""
    return whole(text) if text and text.isdigit() else default
