"""What an operator changes by hand: shown first, done only when confirmed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailworker.cli.audit import audited
from mailworker.cli.console import console, table, write_json
from mailworker.cli.message_commands.export import document
from mailworker.cli.message_commands.output import messages_table
from mailworker.core.clock import utc_now
from mailworker.core.kind import Kind
from mailworker.core.plural import counted
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.operator_audit_log import Act
from mailworker.ledger.replay_cancel import CANCELLABLE, blocked_candidates, cancel, candidates, replay
from mailworker.rules.may_replay import replay_hindrance
from mailworker.rules.secret_variables import wiped

if TYPE_CHECKING:
    from mailworker.container import Container

Row = Mapping[str, Any]


def replay_messages(
    container: "Container", wanted: MessageFilter, *, limit: int, act: bool, as_json: bool = False
) -> None:
    """Send again what can be; give for the rest why it cannot."""
    now, kinds = utc_now(), container.settings.kinds
    rows = _replayable(container, wanted, limit)
    hindered = {row["id"]: why for row in rows if (why := replay_hindrance(row, kinds.get(row["kind"]), now))}
    able = [row for row in rows if row["id"] not in hindered]
    if as_json:
        moved = _replayed(container, able, now) if act else 0
        shown = {"messages": [document(row) for row in able], "hindered": hindered}
        write_json(shown | {"done": act, "moved": moved})
        return
    out = console()
    if able:
        out.print(messages_table(able))
    if hindered:
        out.print(table(("id", "cannot be sent again, because"), hindered.items()))
    if not act:
        out.print(f"{len(able)} would be sent again. Do it with --yes.")
        return
    moved = _replayed(container, able, now)
    how_many = counted(moved, "is on its way again.", "are on their way again.")
    out.print(how_many + _others(len(able) - moved))


def cancel_messages(
    container: "Container", wanted: MessageFilter, *, limit: int, act: bool, why: str, as_json: bool = False
) -> None:
    """End what has not left."""
    if wanted == MessageFilter():
        raise BadInput("Say which messages: give ids, or --kind, --reason, --older, --newer.")
    rows = _choose(container, replace(wanted, states=CANCELLABLE), limit)
    if as_json:
        moved = _cancelled(container, rows, why) if act else 0
        write_json({"messages": [document(row) for row in rows], "done": act, "moved": moved})
        return
    out = console()
    out.print(messages_table(rows))
    if not act:
        out.print(f"{len(rows)} would be cancelled. Do it with --yes.")
        return
    moved = _cancelled(container, rows, why)
    how_many = counted(moved, "is cancelled.", "are cancelled.")
    out.print(how_many + _others(len(rows) - moved))


def _replayed(container: "Container", rows: Sequence[Row], now: datetime) -> int:
    with container.ledger.write() as connection:
        moved = replay(connection, rows, now=now, why="replayed by hand")
        audited(connection, Act.REPLAY, _named(rows), why="", affected=moved)
    return moved


def _cancelled(container: "Container", rows: Sequence[Row], why: str) -> int:
    kinds = container.settings.kinds

    def kept(row: Row) -> dict[str, Any] | None:
        return wiped(kinds.get(row["kind"]) or Kind(row["kind"], ()), row["variables"])

    with container.ledger.write() as connection:
        moved = cancel(connection, rows, now=utc_now(), why=why, wipe=kept)
        audited(connection, Act.CANCEL, _named(rows), why=why, affected=moved)
    return moved


def _named(rows: Sequence[Row]) -> str:
    """One message by its id, several by their kinds."""
    return rows[0]["id"] if len(rows) == 1 else ", ".join(sorted({row["kind"] for row in rows}))


def _replayable(container: "Container", wanted: MessageFilter, limit: int) -> Sequence[Row]:
    """What failed, and what Mailjet blocked for a fault of ours."""
    with container.ledger.read() as connection:
        rows = candidates(connection, wanted, limit=limit)
        if State.FAILED in wanted.states:
            rows += blocked_candidates(connection, wanted, limit=limit - len(rows))
    if not rows:
        raise BadInput(
            "No message matches (replay takes what failed, and what Mailjet blocked for a fault of ours; "
            "--unknown those of unknown outcome). `mailworker messages list` shows all."
        )
    return rows


def _choose(container: "Container", wanted: MessageFilter, limit: int) -> Sequence[Row]:
    with container.ledger.read() as connection:
        rows = candidates(connection, wanted, limit=limit)
    if not rows:
        raise BadInput("No message matches. `mailworker messages list` shows all.")
    return rows


def _others(count: int) -> str:
    left = counted(count, "had moved on meanwhile and was", "had moved on meanwhile and were")
    return f" {left} left alone." if count else ""
