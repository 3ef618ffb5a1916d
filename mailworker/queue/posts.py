"""Streams that the web process fills with what others post, one entry a call, its body untouched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

VERSION = "1"
#: While a stream's flag stands, a wake-up is on its way and no second one is needed.
AWAKE_MS = 2_000


@dataclass(frozen=True, slots=True)
class PostChannel:
    """A stream of posts, its flag, and the Celery task and queue that empty it."""

    stream: str
    awake_flag: str
    task: str
    queue: str


OCS = PostChannel("mailworker:ocs", "mailworker:awake:ocs", "mailworker.drain_ocs", "mail.normal")


def seal_post(body: bytes, at: datetime) -> Mapping[Any, Any]:
    """The stream entry for a body. What is not UTF-8 in it is replaced."""
    return {"v": VERSION, "at": at.isoformat(), "body": body.decode("utf-8", "replace")}
