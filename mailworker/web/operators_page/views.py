"""What the operators' pages show, as plain words."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.core.message import Lane
from mailworker.core.states import State
from mailworker.ledger.delivery_news import DeliveryNews
from mailworker.ledger.failure_reasons import FailureGroup
from mailworker.ledger.holds import Hold
from mailworker.ledger.message_search import Story
from mailworker.ledger.operator_audit_log import Act, OperatorAction
from mailworker.ledger.scan_runs import Run
from mailworker.rules.claimable_while_held import EVERYTHING, LANE_PREFIX, hold_on
from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.rules.message_explain import became
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import Scan

Row = Mapping[str, Any]

_PREFIXES = ("api_crmCommunications", "api_crmCommunication")
_GOOD = {"sent", "delivered", "opened", "clicked"}
_BAD = {"failed", "bounced", "blocked", "spam", "unknown"}
MASKED = "••••••"
#: A wait that needs no word.
_SOON = timedelta(minutes=1)
_COMMAND = re.compile(r"`([^`]+)`")


class PageFormat:
    """How the pages write times and kinds."""

    def __init__(self, settings: Settings) -> None:
        self.zone = settings.worker.timezone
        self.environment = "local Mailjet" if settings.mailjet.is_local else settings.worker.environment
        self._kinds = settings.kinds

    def moment(self, at: datetime | None) -> str:
        """`2026-03-01 13:00:07` in the operator's zone; UTC at the calendar's ends."""
        if at is None:
            return ""
        with suppress(OverflowError):
            at = at.astimezone(self.zone)
        return f"{at:%Y-%m-%d %H:%M:%S}"

    def kind(self, name: str) -> str:
        """The kind without the beginning that all of them share."""
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                return name.removeprefix(prefix)
        return name

    def scope(self, name: str) -> str:
        """What a hold is on."""
        if name == EVERYTHING:
            return "all mail"
        return name.replace(LANE_PREFIX, "lane ") if name.startswith(LANE_PREFIX) else self.kind(name)

    def secrets(self, kind: str, variables: Row) -> frozenset[str]:
        """Which variables nobody may see; all of them where the kind is not configured any more."""
        known: Kind | None = self._kinds.get(kind)
        return known.secrets if known else frozenset(variables)


def tone(word: str | None) -> str:
    """The colour of a state or a delivery status: good, bad, or neither."""
    return "good" if word in _GOOD else "bad" if word in _BAD else ""


def row_view(
    row: Row,
    words: PageFormat,
    holds: Sequence[Hold] = (),
    news: Mapping[str, DeliveryNews] = MappingProxyType({}),
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
        "reason": reason or _waits_for(row, words, holds),
        "told": last.why if last else "",
        "told_at": words.moment(last.at) if last else "",
        "attempts": row["attempts"],
        "accepted": words.moment(row["accepted_at"]),
        "changed": words.moment(row["changed_at"]),
    }


def _waits_for(row: Row, words: PageFormat, holds: Sequence[Hold]) -> str:
    if row["state"] != State.READY:
        return ""
    if hold := hold_on(holds, row["kind"], Lane(row["lane"]).word):
        return f"It waits, for mail is held: {hold.reason}"
    if row["not_before"] - row["changed_at"] > _SOON:
        return f"It leaves at {words.moment(row['not_before'])}, not before"
    return ""


def message_view(found: Story, words: PageFormat) -> dict[str, Any]:
    """A message's own page."""
    row = found.message
    variables = row["variables"] or {}
    secret = words.secrets(row["kind"], variables)
    return {
        **row_view(row, words),
        "name": row["to_name"] or "",
        "suppressed": found.suppressed,
        "facts": [(label, value) for label, value in _facts(row, words) if value],
        "copies": _addresses(row["cc"]) + _addresses(row["bcc"]),
        "files": files_of(row),
        "variables": [
            (name, MASKED if name in secret else _shown(value)) for name, value in variables.items()
        ],
        "timeline": [
            {
                "at": words.moment(one["at"]),
                "what": one["what"],
                "tone": tone(one["what"]),
                "why": one["why"] or "",
            }
            for one in found.timeline
        ],
        "attempts_made": [
            {
                "at": words.moment(one["started_at"]),
                "took": f"{(one['finished_at'] - one['started_at']).total_seconds():.2f} s",
                "outcome": one["outcome"],
                "tone": tone(one["outcome"]),
                "code": one["code"] or "",
                "why": one["why"] or "",
                "call": one["call_id"],
            }
            for one in found.attempts
        ],
    }


def files_of(row: Row) -> list[tuple[str, str]]:
    """The names of its attachments, and how large they are."""
    return [(file["filename"], f"{file['size'] / 1000:.0f} kB") for file in row["attachments"] or ()]


def _facts(row: Row, words: PageFormat) -> list[tuple[str, str]]:
    return [
        ("Kind", row["kind"]),
        ("Lane", Lane(row["lane"]).word),
        ("Language", row["language"]),
        ("Customer", row["customer_id"] or ""),
        ("Invoice", row["invoice_id"] or ""),
        ("Idempotency key", row["idempotency_key"]),
        ("Accepted", words.moment(row["accepted_at"])),
        ("Not before", words.moment(row["not_before"])),
        ("Expires", words.moment(row["expires_at"])),
        ("Attempts", str(row["attempts"])),
        ("Look-ups", str(row["lookups"] or "")),
        ("Mailjet MessageID", str(row["mailjet_id"] or "")),
        ("Mailjet MessageUUID", row["mailjet_uuid"] or ""),
    ]


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


def _addresses(kept: list[dict[str, str]] | None) -> list[str]:
    return [one["email"] for one in kept or ()]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def with_code(text: str) -> Markup:
    """The text, what stands in it between backticks as a command that can be copied."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just now
