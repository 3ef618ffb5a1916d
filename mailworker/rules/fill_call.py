"""Which of these messages travel together in one call?"""

from collections.abc import Iterable, Mapping
from typing import Any

from mailworker.core.mailjet_limits import MESSAGES_PER_CALL, RECIPIENTS_PER_CALL

#: What the JSON around the messages weighs, generously.
ENVELOPE_BYTES = 200
#: A larger body is one call's alone among a worker's processes: each is in memory several times over.
LARGE_BODY = 8_000_000


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
