"""Files that are named on the command line: text, or JSON. One that cannot be read is named in a sentence."""

import json
from pathlib import Path
from typing import Any

from mailworker.errors import BadInput


def read_text(path: Path, option: str = "") -> str:
    """The file's text. `option` is what named it, for the sentence. Raises BadInput."""
    try:
        return path.read_text("utf-8")
    except OSError as fault:
        raise BadInput(f"{option}{path} cannot be read ({fault.strerror}).") from None
    except UnicodeDecodeError:
        raise BadInput(f"{option}{path} is not UTF-8 text; save it as UTF-8.") from None


def read_json(path: Path, option: str = "") -> Any:
    """The JSON in this file. Raises BadInput."""
    try:
        return json.loads(read_text(path, option))
    except ValueError as fault:
        raise BadInput(f"{option}{path} is not JSON: {fault}.") from None
    except RecursionError:
        raise BadInput(f"{option}{path} is JSON of more levels than anybody writes.") from None


def read_object(path: Path, option: str) -> dict[str, Any]:
    """The JSON object in this file. Raises BadInput."""
    found = read_json(path, option)
    if not isinstance(found, dict):
        raise BadInput(f'{option}{path} must hold one object, as {{"name": "value"}}.')
    return found
