"""What must not stand in a log line: addresses, links' secrets, keys."""

import re
from typing import Any

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_URL_TAIL = re.compile(r"(https?://[^\s/?#\"'<>]+)[/?#][^\s\"'<>]*", re.IGNORECASE)
_CREDENTIALS = re.compile(r"([a-z+]+://)[^\s/@]+@", re.IGNORECASE)


def redact(text: str) -> str:
    """The text without addresses, without what follows the host in links, without credentials in URLs."""
    text = _CREDENTIALS.sub(r"\1***@", text)
    text = _URL_TAIL.sub(r"\1/***", text)
    return _ADDRESS.sub("***@***", text)


def redact_event(_logger: Any, _method: str, event: Any) -> Any:
    """Redact every value of a structured log line."""
    return {name: redact(value) if isinstance(value, str) else value for name, value in event.items()}
