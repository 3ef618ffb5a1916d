"""The rows of the operators' lists: messages, failures, holds, acts, rejected jobs, scans."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger.delivery_events import DeliveryNews
from mailworker.ledger.failure_reasons import FailureGroup
from mailworker.ledger.operator_audit_log import Act, OperatorAction
from mailworker.ledger.scan_runs import Run
from mailworker.rules.claimable_while_held import Hold, hold_on
from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.rules.message_explain import became
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import Scan
from mailworker.web.operators_page.page_format import PageFormat, tone

Row = Mapping[str, Any]


def row_view(
    row: Row,
    words: PageFormat,
    holds: Sequence[Hold] = (),
    news: Mapping[str, DeliveryNews] = MappingProxyType({}),
    now: datetime | None = None,
) -> dict[str, Any]:
    """A line of a list: what happened last, or what a message waits for.

    `news` has Mailjet's words for it, and when they came; where the fault is ours, the reason has them.
    """
    reason = became(row)
    last = news.get(row["id"]) if reason != row["reason"] else None
    return {
        "id": row["id"],
        "kind": words.kind(row["kind"]),
        "lane": Lane(row["lane"]).word,
        "to": row["to_email"] or "(from the CRM)",
        "state": row["state"],
        "state_tone": tone(row["state"]),
        "delivery": row["delivery"],
        "delivery_tone": tone(row["delivery"]),
        "reason": reason or _waits_for(row, words, holds, now),
        "told": last.why if last else "",
        "told_at": words.moment(last.at) if last else "",
        "attempts": row["attempts"],
        "accepted": words.moment(row["accepted_at"]),
        "changed": words.moment(row["changed_at"]),
    }


def _waits_for(row: Row, words: PageFormat, holds: Sequence[Hold], now: datetime | None) -> str:
    if row["state"] not in {State.READY, State.ACCEPTED}:
        return ""
    if hold := hold_on(holds, row["kind"], Lane(row["lane"]).word):
        return f"It waits, for mail is held: {hold.reason}"
    if now is not None and row["not_before"] > now:
        return f"It leaves at {words.moment(row['not_before'])}, not before"
    return "its invoice is to be prepared" if row["state"] == State.ACCEPTED else ""


def failure_view(group: FailureGroup, words: PageFormat) -> dict[str, Any]:
    """A group of failures, with the list of its messages: of those that Mailjet took and blocked, too."""
    blocked = OUR_FAULT in group.reason
    which = {"state": "sent", "delivery": "blocked"} if blocked else {"state": "failed"}
    return {
        "reason": group.reason,
        "kind": words.kind(group.kind),
        "messages": group.messages,
        "last": words.moment(group.last),
        "link": "/messages?" + urlencode(which | {"kind": group.kind}),
    }


def hold_view(hold: Hold, words: PageFormat) -> dict[str, str]:
    """A hold's line."""
    return {
        "scope": words.scope(hold.scope),
        "reason": hold.reason,
        "since": words.moment(hold.since),
        "probe": words.moment(hold.probe_at) or "when an operator releases it",
    }


def action_view(action: OperatorAction, words: PageFormat) -> dict[str, Any]:
    """An act's line."""
    target = action.target
    return {
        "at": words.moment(action.at),
        "who": action.who,
        "source": action.source,
        "what": action.what.value,
        "target": words.scope(target) if action.what in {Act.HOLD, Act.RELEASE} else words.kind(target),
        "why": action.why,
        "affected": action.affected,
    }


def rejection_view(row: Row, words: PageFormat) -> dict[str, Any]:
    """A rejected job's line."""
    return {
        "at": words.moment(row["at"]),
        "source": row["source"],
        "kind": words.kind(row["kind"] or ""),
        "faults": row["faults"],
    }


def scan_view(
    scan: Scan, runs: Sequence[Run], why_off: str | None, coming: datetime | None, words: PageFormat
) -> dict[str, Any]:
    """A scan with its last runs."""
    return {
        "name": scan.name.replace("_", " ").capitalize(),
        "timetable": scan.timetable.text,
        "off": why_off or "",
        "next": "" if why_off else words.moment(coming),
        "runs": [
            {
                "at": words.moment(run.started_at),
                "state": _run_state(run),
                "seen": run.seen,
                "found": run.found,
                "written": run.written,
                "trouble": run.trouble or "",
            }
            for run in runs
        ],
    }


def _run_state(run: Run) -> str:
    if run.mode != ScanMode.REAL:
        return "rehearsal, nobody was written to"
    return "finished" if run.finished_at else "under way"
