"""Callbacks to the CRM: each change of a mail's state, from the timeline, once, until it is acknowledged."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests

from mailworker.config.callbacks import CallbackSettings
from mailworker.core.http_session import DirectSession
from mailworker.core.kind import Kind
from mailworker.errors import MailworkerError, Misconfigured, Unreachable
from mailworker.ledger import Ledger, callback_rows
from mailworker.rules.callback_signature import Change, body_of, signed
from mailworker.rules.job.idempotency_key import callers_key
from mailworker.rules.retry_backoff import backoff

#: Gives a Celery task its name, arguments and id.
SendTask = Callable[[str, dict[str, Any], str, str], None]

_BASE, _CAP = timedelta(seconds=10), timedelta(hours=1)
#: Longer than any call: who took a change and died gives it back after this.
_LEASE = timedelta(minutes=2)
_AT_ONCE = 50
#: After so many calls in a row that nobody took, the rest waits.
_PATIENCE = 3


@dataclass(frozen=True, slots=True)
class CallbackRun:
    """What one go did. `more`: there is more to do at once."""

    found: int = 0
    sent: int = 0
    put_off: int = 0
    lost: int = 0
    more: bool = False


class Gone(MailworkerError):
    """The CRM answered 410: it takes no further callback of this."""


class Callbacks:
    """Sends changes. Safe to run in several workers at once."""

    def __init__(
        self,
        settings: CallbackSettings,
        kinds: Mapping[str, Kind],
        ledger: Ledger,
        send_task: SendTask,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._kinds = kinds
        self._ledger = ledger
        self._send_task = send_task
        self._clock = clock

    def run(self, *, seconds: float) -> CallbackRun:
        """Collect what has changed, and send it for so long. Raises LedgerUnavailable."""
        settings, now = self._settings, self._clock()
        with self._ledger.write() as connection:
            found = callback_rows.collect(connection, settings.states, settings.kinds, now)
            rows = callback_rows.take_due(connection, now, lease=_LEASE, limit=_AT_ONCE)
        sent = put_off = lost = refused = 0
        deadline = time.monotonic() + seconds
        for row in rows:
            if refused >= _PATIENCE or time.monotonic() > deadline:
                self._back(row, now)
                put_off += 1
                continue
            outcome = self._call_back(row)
            sent, lost = sent + (outcome == "sent"), lost + (outcome == "lost")
            put_off += outcome == "put off"
            refused = refused + 1 if outcome == "put off" else 0
        return CallbackRun(found, sent, put_off, lost, more=len(rows) == _AT_ONCE and not refused)

    def waiting(self) -> int:
        """How many changes wait."""
        with self._ledger.read() as connection:
            return callback_rows.waiting(connection)

    def _call_back(self, row: Mapping[str, Any]) -> str:
        change = self._change(row)
        if change is None:
            return self._end(row, sent=False, error="the message is forgotten")
        try:
            self._send(change)
        except Gone as fault:
            return self._end(row, sent=False, error=str(fault))
        except MailworkerError as fault:
            error = str(fault)
        else:
            return self._end(row, sent=True, error=None)
        now = self._clock()
        if now - change.at > self._settings.give_up_after and row["attempts"] > 0:
            return self._end(row, sent=False, error=error)
        chance = random.random()  # noqa: S311 - jitter
        pause = backoff(row["attempts"] + 1, base=_BASE, cap=_CAP, chance=chance)
        with self._ledger.write() as connection:
            callback_rows.put_off(connection, row["id"], now + pause, error, tried=True)
        return "put off"

    def _send(self, change: Change) -> None:
        settings, body = self._settings, body_of(change)
        if settings.task:
            self._send_task(settings.task, {"event": body}, change.webhook_id, settings.queue)
            return
        if (fault := settings.fault_of_secret()) is not None:
            raise Misconfigured(fault)
        content, headers = signed(body, change.webhook_id, settings.key, self._clock())
        try:
            with DirectSession() as session:
                timeouts = (5, settings.timeout.total_seconds())
                answer = session.post(settings.url, data=content, headers=headers, timeout=timeouts)
        except requests.RequestException as fault:
            raise Unreachable(f"The CRM did not take the call: {type(fault).__name__}.") from None
        if answer.status_code == 410:
            raise Gone
        if not 200 <= answer.status_code < 300:
            raise Unreachable(f"The CRM answered {answer.status_code} to the call.")

    def _change(self, row: Mapping[str, Any]) -> Change | None:
        if row["kind"] is None:
            return None
        kind = self._kinds.get(row["kind"])
        return Change(
            id=row["id"],
            message_id=row["message_id"],
            kind=row["kind"],
            state=row["state"],
            at=row["at"],
            idempotency_key=callers_key(row),
            customer_id=row["customer_id"] or "",
            invoice_id=row["invoice_id"] or "",
            invoice_number=str((row["variables"] or {}).get("invoice_number") or ""),
            why=row["why"] or "",
            is_invoice=kind is not None and kind.invoice_pdf,
        )

    def _end(self, row: Mapping[str, Any], *, sent: bool, error: str | None) -> str:
        with self._ledger.write() as connection:
            callback_rows.end(connection, row["id"], self._clock(), sent=sent, error=error)
        return "sent" if sent else "lost"

    def _back(self, row: Mapping[str, Any], now: datetime) -> None:
        with self._ledger.write() as connection:
            callback_rows.put_off(connection, row["id"], now + _BASE, "others were not taken", tried=False)
