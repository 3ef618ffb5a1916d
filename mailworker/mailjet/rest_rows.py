"""The rows of Mailjet's REST answers, and how its lists are paged."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mailworker.errors import Refused, TransientError, UnknownOutcome
from mailworker.mailjet.rest_api import RestApi, RestCall

Row = Mapping[str, Any]
_Answer = TypeVar("_Answer")

#: Mailjet's greatest page; its own default is 10.
PAGE = 1000
#: What databases keep of numbers and names: any other would break the transaction of all rows beside it.
_DIGITS = 19
_MOST = 2**63 - 1
_UUID = re.compile(r"[0-9A-Za-z-]{1,36}")


def none_if_missing(ask: Callable[[], _Answer]) -> _Answer | None:
    """The answer to a question; None where Mailjet has no such thing (404)."""
    try:
        return ask()
    except Refused as error:
        if error.code == "404":
            return None
        raise


def rows_of(body: Any) -> list[Row]:
    """The `Data` of `{"Count", "Data", "Total"}`; empty for an answer without a body."""
    data = body.get("Data") if isinstance(body, dict) else None
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def listed(body: Any, *, limit: int, offset: int = 0) -> list[Row]:
    """The same of an answer that has to be a list, and whole: only an empty one means that nothing is there.

    `limit` rows were asked for, from `offset` on. Raises TransientError for any other answer: a gateway's own
    words, rows that got lost on the way, or a server whose pages are shorter than it was asked for.
    """
    data = body.get("Data") if isinstance(body, dict) else None
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise TransientError("Mailjet's answer is no list.")
    if number_of(body, "Count") != len(data):
        raise TransientError("Mailjet's list is not whole: its Count is another than that of its rows.")
    # `Total` is the page's own, or that of all pages: never more than there is up to a page that is not full.
    if len(data) < limit and (number_of(body, "Total") or 0) > offset + len(data):
        raise TransientError("Mailjet's list is not whole: its Total is more than the rows that came.")
    return data


def first_row(body: Any) -> Row:
    """The only row of an answer about one thing; an empty one where there is none."""
    rows = rows_of(body)
    return rows[0] if rows else {}


def number_of(row: Row, name: str = "ID") -> int | None:
    """A number of Mailjet's, which some of its answers write as text; None where there is none."""
    text = str(row.get(name))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    return int(text) if int(text) <= _MOST else None


def truth_of(row: Row, name: str) -> bool | None:
    """A yes or no of Mailjet's; None where it says neither.

    Recordings of the real API have true and false, the answers in Mailjet's guides "true" and "false".
    """
    return {"true": True, "1": True, "false": False, "0": False}.get(str(row.get(name)).lower())


def uuid_of(row: Row, name: str = "UUID") -> str:
    """A name of Mailjet's own; empty where there is none."""
    text = str(row.get(name))
    return text if text != "None" and _UUID.fullmatch(text) else ""


def id_of(row: Row, name: str = "ID") -> int:
    """The number of what a call made or found. UnknownOutcome where the answer holds none."""
    number = number_of(row, name)
    if number is None:
        raise UnknownOutcome("Mailjet's answer holds no number of what it made.")
    return number


def pages(api: RestApi, call: RestCall, *, offset: int = 0) -> Iterator[list[Row]]:
    """All pages of a list, one call each, until one is not full (Mailjet's `Total` is the page's own).

    Raises TransientError for a page that is not whole, and for one that comes again.
    """
    before: list[Row] = []
    while True:
        filters = {**(call.filters or {}), "Limit": PAGE, "Offset": offset}
        page = listed(api.rest(replace(call, filters=filters)), limit=PAGE, offset=offset)
        if page and page == before:
            raise TransientError("Mailjet shows the same page of its list again.")
        before = page
        if page:
            yield page
        if len(page) < PAGE:
            return
        offset += PAGE
