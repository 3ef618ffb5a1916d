"""Reading an operator's own sample values."""

import json
from pathlib import Path
from typing import Any

from mailworker.errors import BadInput


def read_values(path: Path) -> dict[str, Any]:
    """The JSON object in this file. Raises BadInput where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise BadInput(f"--data: {path} cannot be read ({fault.strerror}).") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"--data: {path} is no JSON object of variables.")
    return found
