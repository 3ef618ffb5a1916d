"""Before a call: asks the CRM for a few records at a time, and puts a message off when it cannot answer."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from mailworker.config.crm import CrmSettings
from mailworker.config.settings import Settings
from mailworker.config.worker import WorkerSettings
from mailworker.crm import CrmSource
from mailworker.crm.crm_interface import Found
from mailworker.errors import BadInput, Misconfigured, TransientError
from mailworker.ledger import Ledger
from mailworker.rules.pre_send.verdicts import Row, Verdict, Verdicts, Wait
from mailworker.rules.retry_backoff import backoff
from mailworker.scans.message_drafts import MessageDrafts

T = TypeVar("T")
Known = TypeVar("Known")

#: Records in one question to the CRM. A REST API asks for each of them, so the time is looked at in between.
AT_ONCE = 25
#: How long one call's messages may be asked about, in seconds; those that are left wait a little.
PATIENCE = 15.0


#: What no longer holds of these messages, by message id.
CrmQuestion: TypeAlias = Callable[[Sequence[Row]], Verdicts]


def ask_crm(questions: Iterable[CrmQuestion], rows: Sequence[Row], settings: CrmSettings) -> Verdicts:
    """What the CRM's answers mean for these messages; without a CRM they leave unasked."""
    if settings.source == "none":
        return {}
    return {id_: verdict for ask in questions for id_, verdict in ask(rows).items()}


class CrmPreSendCheck:
    """What the pre-send checks of reminders and of alerts share: they ask the ledger, then the CRM."""

    def __init__(
        self,
        settings: Settings,
        crm: Callable[[], CrmSource],
        ledger: Ledger,
        drafts: MessageDrafts,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._crm = crm
        self._ledger = ledger
        self._drafts = drafts
        self._clock = clock

    def _verdicts(
        self,
        rows: Sequence[Row],
        ask: Callable[[], Known],
        decide: Callable[[Row, Known, datetime], Verdict | None],
    ) -> Verdicts:
        """Ask the CRM once, then decide about each message; all are put off where it cannot answer."""
        try:
            known = ask()
        except TransientError as fault:
            return put_off(rows, fault, self._settings.worker, self._clock())
        now = self._clock()
        return {row["id"]: verdict for row in rows if (verdict := decide(row, known, now)) is not None}


def fetch(ids: Sequence[str], question: Callable[[Sequence[str]], Found[T]]) -> Found[T]:
    """The CRM's records of these, fetched a few at a time.

    Raises TransientError where it takes too long.
    """
    found: dict[str, Any] = {}
    deadline = time.monotonic() + PATIENCE
    for start in range(0, len(ids), AT_ONCE):
        if time.monotonic() > deadline:
            raise TransientError("The CRM answers too slowly for a last look.")
        found.update(question(ids[start : start + AT_ONCE]))
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


def row_or_fault(write: Callable[[], Row]) -> Row | BadInput | Misconfigured:
    """The message as it would be written now, or what keeps it from being written."""
    try:
        return write()
    except (BadInput, Misconfigured) as fault:
        return fault
