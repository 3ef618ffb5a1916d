"""Can these files travel with a mail?"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from mailworker.core.mailjet_limits import LIST_ELEMENTS
from mailworker.core.message import Attachment
from mailworker.core.safe_text import is_one_line

_FIELDS = {"filename", "content_type", "content"}
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_FOLDERS = re.compile(r"[/\\]")
_LONGEST_NAME = 200
_LONGEST_TYPE = 100
#: Encoders wrap base64 after 60, 64 or 76 characters, with either kind of line break.
_WRAPPED = re.compile(r"[ \t\r\n]+")


def read_attachments(value: Any, faults: list[str]) -> tuple[Attachment, ...]:
    """Attachments from `[{"filename", "content_type", "content"}]`, `content` being bytes or base64 text.

    Base64 may be wrapped into lines. Adds a fault for each file that cannot travel, and one where they
    are too many.
    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        faults.append('attachments: write a list of {"filename", "content_type", "content"}.')
        return ()
    if len(value) > LIST_ELEMENTS:
        faults.append(f"attachments: are more than the {LIST_ELEMENTS} that Mailjet takes.")
        return ()
    return tuple(file for index, item in enumerate(value) if (file := _file(item, index, faults)))


def _file(item: Any, index: int, faults: list[str]) -> Attachment | None:
    where = f"attachments[{index}]"
    if not isinstance(item, Mapping) or set(item) != _FIELDS:
        faults.append(f"{where}: needs exactly filename, content_type and content.")
        return None
    name, kind, content = item["filename"], item["content_type"], item["content"]
    if not isinstance(name, str) or not _is_plain_name(name):
        faults.append(f"{where}.filename: must be a plain file name, without folders.")
    if not isinstance(kind, str) or len(kind) > _LONGEST_TYPE or not _TYPE.fullmatch(kind):
        faults.append(f"{where}.content_type: must look like application/pdf.")
    encoded = _encoded(content)
    if not encoded:
        faults.append(f"{where}.content: must be bytes or base64 text, and not empty.")
        return None
    return Attachment(str(name), str(kind), encoded)


def _is_plain_name(name: str) -> bool:
    return (
        0 < len(name.strip()) <= len(name) <= _LONGEST_NAME
        and is_one_line(name)
        and not _FOLDERS.search(name)
    )


def _encoded(content: Any) -> str | None:
    if isinstance(content, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(content)).decode("ascii")
    if not isinstance(content, str):
        return None
    plain = _WRAPPED.sub("", content)
    try:
        binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:
        return None
    return plain


def as_json(value: Any) -> Any:
    """Checked attachments as JSON carries them: bytes become base64 text."""
    return [dict(item) | {"content": _encoded(item["content"])} for item in value]
