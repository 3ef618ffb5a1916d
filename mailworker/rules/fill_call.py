"""Which messages travel together in one call, and what each weighs there, wherever it is counted."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mailworker.core.inert_markup import without_markup
from mailworker.core.mailjet_limits import MESSAGES_PER_CALL, RECIPIENTS_PER_CALL

#: What the JSON around the messages weighs, generously.
ENVELOPE_BYTES = 200
#: A larger body is one call's alone among a worker's processes: each is in memory several times over.
LARGE_BODY = 8_000_000
#: One message's JSON beside the parts below: the longest sender, subject, headers and links, and short
#: variables that are written right before the call. Generous.
_FRAME_BYTES = 6_000
#: Days and amounts are written out right before the call, and some values then stand in two variables.
_WRITTEN_OUT = 2
#: The longest address (254) and name (200 characters of up to 4 bytes), with their keys.
_RECIPIENT_BYTES = 1_200
#: The longest file name (200 characters) and type (100), with their keys.
_FILE_FRAME_BYTES = 1_000


def fill(candidates: Iterable[Mapping[str, Any]], body_bytes: int) -> list[str]:
    """Fill one call with the candidates in their order, and give the ids of those that fit.

    Its whole JSON body weighs at most `body_bytes`, base64 included.
    A candidate that does not fit any more is passed over, and leads the next call. The first always goes,
    even if it is too large on its own: only so is it found out. `batch_limit` of a candidate is how
    many may travel with it, for calls that were refused as a whole are halved until the guilty message
    stands alone.
    """
    chosen: list[str] = []
    most = MESSAGES_PER_CALL
    recipients, body = 0, ENVELOPE_BYTES
    for candidate in candidates:
        tighter = min(most, candidate["batch_limit"])
        fits = (
            len(chosen) < tighter
            and recipients + candidate["recipients"] <= RECIPIENTS_PER_CALL
            and body + candidate["content_bytes"] <= body_bytes
        )
        if fits or not chosen:
            chosen.append(candidate["id"])
            most = tighter
            recipients += candidate["recipients"]
            body += candidate["content_bytes"]
    return chosen


def content_bytes(variables: Any, base64_bytes: Iterable[int], *, recipients: int = 1) -> int:
    """The most that the message takes; never less than what is sent.

    `base64_bytes` are the lengths of its files in base64, `recipients` those of To, Cc and Bcc together.
    """
    attached = sum(size + _FILE_FRAME_BYTES for size in base64_bytes)
    texts = len(without_markup(json.dumps(variables, default=str)).encode())
    return _FRAME_BYTES + _RECIPIENT_BYTES * recipients + _WRITTEN_OUT * texts + attached
