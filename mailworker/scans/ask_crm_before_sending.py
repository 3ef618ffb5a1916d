"""Before a call: asks the CRM for a few records at a time, and puts a message off when it cannot answer."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from mailworker.config.worker import WorkerSettings
from mailworker.crm.crm_interface import Found
from mailworker.errors import TransientError
from mailworker.rules.pre_send.verdicts import Row, Verdicts, Wait
from mailworker.rules.retry import backoff

T = TypeVar("T")

#: Records in one question to the CRM. A REST API asks for each of them, so the time is looked at in between.
AT_ONCE = 25
#: How long one call's messages may be asked about, in seconds; those that are left wait a little.
PATIENCE = 15.0


def fetch(ids: Sequence[str], question: Callable[[Sequence[str]], Found[T]]) -> Found[T]:
    """The CRM's records of these, fetched a few at a time.

    Raises TransientError where it takes too long.
    """
    found: dict[str, Any] = {}
    deadline = time.monotonic() + PATIENCE
    for part in _parts(ids):
        if time.monotonic() > deadline:
            raise TransientError("The CRM answers too slowly for a last look.")
        found.update(question(part))
    return found


def put_off(rows: Sequence[Row], fault: TransientError, worker: WorkerSettings, now: datetime) -> Verdicts:
    """Leave these until the CRM answers again, longer each time. Only these: others in the call may leave."""
    return {
        row["id"]: Wait(
            now
            + backoff(
                row["attempts"],
                base=worker.retry_base,
                cap=worker.retry_cap,
                chance=random.random(),  # noqa: S311 - jitter
            ),
            f"not asked again: {fault}",
        )
        for row in rows
    }


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
