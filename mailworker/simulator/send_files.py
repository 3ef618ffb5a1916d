"""The attachments of a message: checked and decoded in one pass, since they are most of a call's bytes."""

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any

from mailworker.core.mailjet_limits import FILE_BYTES
from mailworker.simulator import send_errors as wrong
from mailworker.simulator.received_mail import ReceivedAttachment
from mailworker.simulator.send_errors import SendError

#: Mailjet's Send API guide: all attachments of a mail. Whether it means decoded bytes is not confirmed.
_PROPERTIES = ("Attachments", "InlinedAttachments")
_BREAKS = re.compile(r"[\r\n]+")


def read_attachments(message: dict[str, Any]) -> tuple[list[ReceivedAttachment], list[SendError]]:
    """The files of a message whose types are right, and everything wrong with them."""
    files: list[ReceivedAttachment] = []
    errors: list[SendError] = []
    for path, entry in _entries(message):
        empty = [wrong.empty_text(f"{path}.{key}") for key in _mandatory(path) if not entry.get(key)]
        errors += empty
        if not empty:
            content = _decoded(entry["Base64Content"])
            errors += [wrong.bad_base64(f"{path}.Base64Content")] if content is None else []
            files += [] if content is None else [_file(entry, content)]
    if sum(file.size for file in files) > FILE_BYTES:
        errors.append(wrong.TOO_LARGE)
    return files, errors


def without_contents(message: dict[str, Any]) -> dict[str, Any]:
    """The message's properties, the files' contents left out: what is worth keeping as it came."""
    return {
        name: [_described(entry) for entry in value] if name in _PROPERTIES else value
        for name, value in message.items()
    }


def _entries(message: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in _PROPERTIES:
        for position, entry in enumerate(message.get(name) or ()):
            yield f"{name}[{position}]", entry


def _mandatory(path: str) -> tuple[str, ...]:
    common = ("ContentType", "Filename", "Base64Content")
    return (*common, "ContentID") if path.startswith("Inlined") else common


def _decoded(text: str) -> bytes | None:
    """Line breaks are taken wherever they stand: recordings and Symfony's bridge wrap their base64."""
    try:
        return a2b_base64(_BREAKS.sub("", text), strict_mode=True)
    except (BinasciiError, ValueError):
        return None


def _file(entry: dict[str, Any], content: bytes) -> ReceivedAttachment:
    return ReceivedAttachment(
        entry["Filename"], entry["ContentType"], len(content), content, entry.get("ContentID") or ""
    )


def _described(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "Base64Content"}
