"""Writes every call and its answer into a file, a JSON document a line, for who checks them afterwards."""

import json
from pathlib import Path
from typing import Any

from mailworker.simulator.api_answers import ApiAnswer
from mailworker.simulator.api_request import NOT_JSON, ApiRequest

#: Characters that are kept of one text: files and pages are long, and what fits them is checked elsewhere.
MOST_CHARACTERS = 500


class RecordedCalls:
    """One line for each call, written before its answer leaves. Several processes may write into one file.

    A fault that was asked for (`/_simulator/faults`) is no answer of Mailjet's: what would have been answered
    is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def note(self, call: ApiRequest, answer: ApiAnswer) -> None:
        """Write one call; nothing without a file."""
        if self._path is None:
            return
        line = json.dumps(_document(call, answer), ensure_ascii=False, separators=(",", ":"))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def _document(call: ApiRequest, answer: ApiAnswer) -> dict[str, Any]:
    asked = None if not call.body or call.document is NOT_JSON else call.document
    return {
        "method": call.method,
        "path": call.path,
        "query": dict(call.query),
        "body": _shortened(asked),
        "status": answer.status,
        "content_type": answer.content_type,
        "answer": _shortened(_parsed(answer)),
    }


def _parsed(answer: ApiAnswer) -> Any:
    if not answer.body:
        return None
    text = answer.body.decode()
    return json.loads(text) if answer.content_type.startswith("application/json") else text


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MOST_CHARACTERS]
    if isinstance(value, list):
        return [_shortened(one) for one in value]
    if isinstance(value, dict):
        return {name: _shortened(one) for name, one in value.items()}
    return value
