"""How much one message weighs in the body of a call; client, intake, preparation and dispatch count alike."""

import json
from collections.abc import Iterable
from typing import Any

from mailworker.core.inert_markup import without_markup

#: One message's JSON beside the parts below: the longest sender, subject, headers and links, and short
#: variables that are written right before the call. Generous.
_FRAME_BYTES = 6_000
#: Days and amounts are written out right before the call, and some values then stand in two variables.
_WRITTEN_OUT = 2
#: The longest address (254) and name (200 characters of up to 4 bytes), with their keys.
_RECIPIENT_BYTES = 1_200
#: The longest file name (200 characters) and type (100), with their keys.
_FILE_FRAME_BYTES = 1_000


def content_bytes(variables: Any, base64_bytes: Iterable[int], *, recipients: int = 1) -> int:
    """The most that the message takes; never less than what is sent.

    `base64_bytes` are the lengths of its files in base64, `recipients` those of To, Cc and Bcc together.
    """
    attached = sum(size + _FILE_FRAME_BYTES for size in base64_bytes)
    texts = len(without_markup(json.dumps(variables, default=str)).encode())
    return _FRAME_BYTES + _RECIPIENT_BYTES * recipients + _WRITTEN_OUT * texts + attached
