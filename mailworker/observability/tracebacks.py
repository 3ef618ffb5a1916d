"""Exceptions in logs: where, and of what type. Their words may quote a customer's data, and stay out."""

import sys
import traceback
from collections.abc import Iterator
from typing import Any

from mailworker.errors import MailworkerError
from mailworker.observability.redaction import one_line, redact

_DEEPEST_CHAIN = 5


def place_exception(_logger: Any, _method: str, event: Any) -> Any:
    """A step of structlog: turns `exc_info` into `exception`, a traceback of locations and types."""
    given = event.pop("exc_info", None)
    error = _error_in(given, event)
    if error is not None:
        event["exception"] = "\n".join(_lines(error))
    return event


def _error_in(given: Any, event: Any) -> BaseException | None:
    record = event.get("_record")
    if not given and record is not None:
        given = record.exc_info
    if given is True:
        given = sys.exc_info()
    if isinstance(given, tuple):
        given = given[1]
    return given if isinstance(given, BaseException) else None


def _lines(error: BaseException) -> Iterator[str]:
    chain = [error]
    while len(chain) < _DEEPEST_CHAIN and (before := _cause(chain[-1])) is not None:
        chain.append(before)
    for one in reversed(chain):
        yield "Traceback (most recent call last):"
        for frame in traceback.extract_tb(one.__traceback__):
            yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}'
        words = f": {one_line(redact(str(one)))}" if isinstance(one, MailworkerError) else ""
        yield f"{type(one).__name__}{words}"


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None:
        return error.__cause__
    return None if error.__suppress_context__ else error.__context__
